"""Predicted resources against what the tools made of the same designs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fit_resources import MEASURED, measure, page_rows, predicted
from hypothesis import given, settings
from hypothesis import strategies as st
from resource_designs import DESIGNS, EXAMPLES, Example, Trained
from resource_models import random_network as float_network
from resource_models import write_model

from qsnn_hw import cost
from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.neuron_group import group_counts
from qsnn_hw.cost.predict import in_words, predict
from qsnn_hw.cost.primitives import add_memory, add_multiplication, add_product, table_luts
from qsnn_hw.cost.stream.address_guard import compared_bits
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.outline import outline
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.families.registry import families
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.shape import fitted
from qsnn_hw.plan.synapses import address_spaces
from qsnn_hw.plan.update_stages import state_fields
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.group.constant_product import signed_digits
from qsnn_hw.rtl.group.lane import StateLayout
from qsnn_hw.support.choices import LINKS, SynapseStore
from qsnn_hw.support.files import read_json
from tests.support.networks import random_network
from tests.support.verify_networks import chain_network
from tests.support.wide_designs import random_case, random_lanes
from tests.support.wide_networks import FEATURES

STORED: dict[str, Any] = read_json(MEASURED)
MOST_OFF = 0.10
BOARDS = [load_board("icebreaker"), load_board("ulx3s-85f")]


def check(design: Example | Trained, counted: dict[str, Any]) -> None:
    usage = predicted(design, counted)
    assert usage.block_rams == counted["block_rams"]
    assert (usage.sprams or 0) == counted["sprams"]
    assert usage.dsps == counted["dsps"]
    assert usage.logic_cells == pytest.approx(counted["logic_cells"], rel=MOST_OFF)
    if "registers" in counted:
        assert usage.registers == pytest.approx(counted["registers"], rel=MOST_OFF)


@pytest.mark.parametrize("design", [d for d in DESIGNS if d.name in STORED], ids=lambda d: d.name)
def test_prediction_holds_against_stored_measurements(design: Example | Trained) -> None:
    if isinstance(design, Trained) and not design.present:
        pytest.skip(f"no {design.model}; set QSNN_DATA to the folder that holds it")
    check(design, STORED[design.name])


def test_some_designs_are_unseen_by_the_fit() -> None:
    unseen = {d.board.family.name for d in DESIGNS if d.unseen and d.name in STORED}
    assert unseen == {"ice40", "ecp5", "gowin"}
    assert all({"yosys", "nextpnr"} <= entry.keys() for entry in STORED.values())
    assert {d.name for d in DESIGNS} >= STORED.keys()


def test_the_page_has_a_row_for_every_measurement() -> None:
    """What the rows say is compared by tests/scripts/test_figures.py."""
    assert page_rows().keys() == STORED.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_the_file_of_a_random_network_holds_the_network(example: Example, tmp_path: Path) -> None:
    network = float_network(example.model)
    words = write_model(network, tmp_path / "model.npz")
    read = read_network(tmp_path / "model.npz", Convention.preset("nir").with_settings(words))
    options = QuantizeOptions(weight_bits=example.bits, fractional_bits=example.fractional_bits)
    one, other = quantize(network, options), quantize(read, options)
    one.save(tmp_path / "one.npz")
    other.save(tmp_path / "other.npz")
    for ours, theirs in zip(one.groups, other.groups, strict=True):
        assert ours.v_bits == theirs.v_bits
        assert ours.leak_numerator == theirs.leak_numerator
        assert (ours.threshold == theirs.threshold).all()
        assert (ours.reset, ours.reset_delay, ours.max_spikes) == (
            *(theirs.reset, theirs.reset_delay, theirs.max_spikes),
        )
        assert (ours.refractory, ours.current_bits) == (theirs.refractory, theirs.current_bits)
        for a, b in zip(one.into(ours.name), other.into(theirs.name), strict=True):
            assert (a.source, a.delay, a.weight_bits) == (b.source, b.delay, b.weight_bits)


QUICK_UNSEEN = ("i_unseen1", "i_unseen3", "e_unseen3")
"""Those whose synthesis takes a minute and not five."""


@pytest.mark.slow
@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.name in QUICK_UNSEEN], ids=lambda e: e.name)
def test_prediction_holds_against_the_tools_of_this_machine(example: Example, tmp_path: Path) -> None:
    check(example, measure(example, tmp_path))


@pytest.mark.parametrize(
    ("words", "luts"),
    [
        ([], 0),
        ([5, 5, 5, 5], 0),
        # A bit of the row's number, or one seen twice, is a wire.
        ([0, 1, 0, 1], 0),
        ([0, 3, 3, 0], 1),
        ([0, 1, 1, 2], 2),
        ([bin(row).count("1") & 1 for row in range(16)], 1),
        ([bin(row).count("1") & 1 for row in range(64)], 4),
        # Only the upper four bits decide.
        ([(row >> 2) % 3 == 0 for row in range(64)], 1),
    ],
)
def test_luts_of_constant_tables(words: list[int], luts: int) -> None:
    table = np.array(words, dtype=np.int64)
    assert table_luts(table, wide=True) == luts
    # Without multiplexers of their own, four LUTs need two more.
    assert table_luts(table, wide=False) == (6 if luts == 4 else luts)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3),
)
def test_state_fields_are_those_of_the_hardware(seed: int, features: list[str]) -> None:
    made = random_case(seed, features, True, True)
    if made is None:
        return
    for group in make_plan(made[0], random_lanes(seed, made[0])).groups:
        fields = StateLayout(group).members
        widths = {name: shape if isinstance(shape, int) else shape.width for name, shape in fields.items()}  # type: ignore[attr-defined]
        assert widths == dict(state_fields(group))
        for board in BOARDS:
            found = group_counts(group, board.limits)
            assert found.computed > 0
            assert found.groups == 1


@pytest.mark.parametrize("name", ["e_reg64e4", "i_mem8", "e_conv", "i_conv", "e_current"])
def test_an_outline_predicts_what_the_whole_plan_does(name: str) -> None:
    example = next(e for e in EXAMPLES if e.name == name)
    plan, board = example.plan(STORED[name]), example.board
    options = QuantizeOptions(weight_bits=example.bits, fractional_bits=example.fractional_bits)
    quantized = quantize(float_network(example.model), options)
    spaces = address_spaces(quantized)
    for real, group in zip(plan.groups, quantized.groups, strict=True):
        shape = fitted(
            *(spaces[group.name], real.lanes, real.update_lanes, real.event_lanes, real.accumulators)
        )
        rough = outline(quantized, group, spaces, shape, neuron_memory=real.neuron_memory)
        assert rough.synapses.shape == real.synapses.shape
        exact, found = group_counts(real, board.limits), group_counts(rough, board.limits)
        assert (found.blocks, found.dsps) == (exact.blocks, exact.dsps)
        assert found.adders == exact.adders


@pytest.mark.parametrize(
    ("number", "adders", "saves"),
    # None, one, two and three copies: 26 is 32 - 8 + 2, so 12 of 15 bits are sums. Of those the first two
    # have two copies yet, the others three, or fewer and the signs of what ended below.
    [(0, 0, 0), (8, 0, 0), (3, 10, 0), (5, 11, 0), (26, 12, 20), (255, 10, 0)],
)
def test_sums_of_a_constant_product(number: int, adders: int, saves: int) -> None:
    counts = Counts()
    add_product(counts, 10, number)
    assert (counts.adders, counts.saves) == (adders, saves)


def test_equal_signs_of_a_product_are_summed_once() -> None:
    """A tenth in 24 bits is eleven copies: with each one's sign by itself, far more would be summed."""
    number, width = round(0.1 * 2**24), 16
    digits = signed_digits(number)
    counts = Counts()
    add_product(counts, width, number)
    every = 2 * sum(
        max(0, sum(place <= column for _, place in digits) - 2)
        for column in range(width + number.bit_length())
    )
    assert 1.3 * counts.saves < every


@pytest.mark.parametrize(
    ("family", "wide", "narrow", "dsps"),
    [
        ("ecp5", 18, 18, 1),
        ("ecp5", 24, 18, 2),
        ("ice40", 16, 16, 1),
        # What is left of the second is one bit, which is no multiplier's, or two.
        ("ice40", 17, 9, 1),
        ("ice40", 24, 17, 2),
        ("ice40", 24, 18, 3),
        # A result of ten bits is made in LUTs.
        ("ice40", 6, 4, 0),
        ("ecp5", 6, 4, 1),
    ],
)
def test_multipliers_of_a_wide_product(family: str, wide: int, narrow: int, dsps: int) -> None:
    counts = Counts()
    add_multiplication(counts, families()[family].fabric, wide, narrow)
    assert counts.dsps == dsps


@pytest.mark.parametrize(
    ("family", "depth", "width", "luts", "registers"),
    [
        # Of one word all is constant; of two words at most the row's number and its inverse are left.
        ("ecp5", 1, 16, 0, 0),
        ("ecp5", 2, 16, 0, 2),
        ("ecp5", 3, 16, 6, 6),
        ("ecp5", 16, 16, 16, 16),
        ("ecp5", 36, 4, 12, 4),
        ("ice40", 16, 8, 8, 8),
        # Four tables and two LUTs that choose among them.
        ("ice40", 36, 4, 24, 4),
    ],
)
def test_a_small_rom_whose_words_are_not_known(
    family: str, depth: int, width: int, luts: int, registers: int
) -> None:
    counts = Counts()
    limits = next(board.limits for board in BOARDS if board.family.name == family)
    add_memory(counts, limits, depth, width, rom=True)
    assert (counts.luts, counts.computed, counts.blocks) == (luts, registers, 0)


@pytest.mark.parametrize(
    ("shape", "width", "bits"),
    [
        ((64,), 6, 0),
        ((1,), 6, 6),
        ((200,), 13, 13),
        # Channels and columns of a grid have fields that they fill or do not; rows have what is left.
        ((2, 8, 8), 13, 9),
        ((3, 5, 8), 13, 13 - 3),
    ],
)
def test_bits_compared_with_the_last_address(shape: tuple[int, ...], width: int, bits: int) -> None:
    assert compared_bits(AddressSpace(shape), width) == bits


def test_words_are_the_names_that_the_tools_give() -> None:
    example = next(e for e in EXAMPLES if e.name == "i_small")
    plan, board = example.plan(STORED["i_small"]), example.board
    usage = predict(plan, board.limits, board=False).usage
    text = in_words(usage, board.limits)
    assert text.startswith(f"{usage.logic_cells} ICESTORM_LC, 10 ICESTORM_RAM, ")


def test_no_rom_is_deeper_than_synthesis_can_read() -> None:
    quantized = random_network(np.random.default_rng(0), [784, 640, 10], weight_bits=4)

    def deepest(store: SynapseStore) -> int:
        options = PlanOptions(limits=BOARDS[1].limits, optimize="area", synapse_store=store)
        return max(group.synapse_rows for group in make_plan(quantized, options).groups)

    # The smallest design has one lane, were it not for that.
    assert deepest("ram") == 784 * 640
    assert deepest("rom") <= 250_000


def test_what_takes_cells_has_the_name_of_what_is_built() -> None:
    package = Path(cost.__file__).resolve().parent
    for folder in ("group", "stream", "io"):
        for path in (package / folder).glob("*.py"):
            assert (package.parent / "rtl" / folder / path.name).exists(), path
    assert (package.parent / "rtl" / "network.py").exists()


@pytest.mark.parametrize(("board", "fewer"), [("icebreaker", 7), ("ulx3s-25f", 13)])
def test_the_link_that_a_plan_has_is_predicted(board: str, fewer: int) -> None:
    # Measured of digits: 20 logic cells fewer on the one, 6 LUTs on the other.
    limits = load_board(board).limits
    plans = [make_plan(chain_network(), PlanOptions(lanes=(2,), limits=limits, link=link)) for link in LINKS]
    uart, spi = (predict(plan, limits).usage for plan in plans)
    assert uart.logic_cells is not None
    assert spi.logic_cells is not None
    assert abs(uart.logic_cells - spi.logic_cells - fewer) <= 1
    if uart.registers is not None and spi.registers is not None:
        assert uart.registers - spi.registers == 2
    assert uart.block_rams == spi.block_rams
