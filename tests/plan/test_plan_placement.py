"""Banks of several memories: every bit once, fewer multiplexers, never more blocks than there are."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.cost.predict import predict
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.pieces import BLOCK_BITS, pieces
from qsnn_hw.plan.placement import (
    MOST_ROM_WORDS,
    GroupMemories,
    bank_shapes,
    block_shape,
    rom_words,
    state_style,
    synapse_blocks,
)
from qsnn_hw.support.errors import UserError
from tests.support.networks import random_network

LIMITS = load_board("ulx3s-25f").limits
# 784 x 128 synapses of 4 bits in two lanes.
DEEP = GroupMemories(50176, 8, 1)


@given(
    shape=st.tuples(st.sampled_from([2, 4, 16, 64]), st.integers(1, 9)),
    depth=st.integers(1, 200),
    width=st.integers(1, 40),
)
def test_pieces_hold_every_bit_once(shape: tuple[int, int], depth: int, width: int) -> None:
    held = np.zeros((depth, width), dtype=int)
    for row, bit, rows, bits in pieces(shape, depth, width):
        assert 1 <= rows <= shape[0]
        assert 1 <= bits <= shape[1]
        assert row % shape[0] == bit % shape[1] == 0
        held[row : row + rows, bit : bit + bits] += 1
    assert (held == 1).all()
    assert pieces((), depth, width) == [(0, 0, depth, width)]


def test_synthesis_packs_parts_side_by_side() -> None:
    """yosys 0.70 on design m4s of scripts/bench_hardware.py, without bank shapes: 22 blocks of 1024 x 18."""
    assert block_shape(LIMITS, DEEP.rows, DEEP.width) == (22, 49)


def test_deep_banks_are_built_of_several_memories() -> None:
    assert bank_shapes({"hidden": DEEP}, LIMITS) == {"hidden": (4096, 4)}
    # Two memories side by side, thirteen deep, where the packed form has 22.
    assert synapse_blocks(LIMITS, DEEP) == 22
    assert len(pieces((4096, 4), DEEP.rows, DEEP.width)) == 26


@pytest.mark.parametrize(
    "need",
    [
        GroupMemories(784, 1024, 1),
        GroupMemories(2048, 8, 1),
        # Nothing is left of the 56 blocks.
        GroupMemories(50176, 8, 1, ((1024, 36),) * 34),
    ],
)
def test_banks_that_stay_one_memory(need: GroupMemories) -> None:
    assert bank_shapes({"hidden": need}, LIMITS) == {}


def test_the_plan_says_so() -> None:
    network = random_network(np.random.default_rng(0), [784, 128, 4], weight_bits=4, full=True)
    options = PlanOptions(lanes=[2, 1], limits=LIMITS)
    plan = make_plan(network, options)
    group = plan.groups[0]
    assert group.synapse_shape
    (note,) = [note for note in plan.notes if "multiplexers" in note]
    assert f"in memories of {group.synapse_shape[0]} x {group.synapse_shape[1]}" in note
    whole = replace(plan, groups=tuple(replace(g, synapse_shape=()) for g in plan.groups))
    built, one = predict(plan, LIMITS, board=False).usage, predict(whole, LIMITS, board=False).usage
    assert (built.logic_cells or 0) < (one.logic_cells or 0)
    assert make_plan(network, replace(options, synapse_store="ram")).groups[0].synapse_shape == ()


@pytest.mark.parametrize(
    ("board", "lanes", "wanted"),
    [
        # One row, 64 rows, 4 rows; iCE40 has no distributed RAM.
        ("ulx3s-25f", 128, "registers"),
        ("ulx3s-25f", 2, "block RAM"),
        ("ulx3s-25f", 32, "distributed RAM"),
        ("icebreaker", 32, "block RAM"),
    ],
)
def test_the_plan_decides_where_potentials_are(board: str, lanes: int, wanted: str) -> None:
    network = random_network(np.random.default_rng(0), [20, 128, 4])
    options = PlanOptions(lanes=[lanes, 1], accumulators=["memory"], limits=load_board(board).limits)
    group = make_plan(network, options).groups[0]
    assert group.potentials_in == wanted
    assert group.neuron_memory == ("block" if "block" in wanted else "distributed")


@settings(deadline=None)
@given(depth=st.integers(2, 600), width=st.integers(1, 80))
def test_potentials_are_where_they_cost_least(depth: int, width: int) -> None:
    style = state_style(LIMITS, depth, width)
    # Short memories are distributed; deep ones of a block's worth are not, as block RAM is seldom short.
    assert style == "distributed" or depth > 16
    assert style == "block" or depth <= 16 or depth * width < BLOCK_BITS
    ice = state_style(load_board("icebreaker").limits, depth, width)
    assert ice == "block"


def plan_words(plan: HardwarePlan) -> int:
    """The assignments of initial values in the Verilog of a plan's synapse memories."""
    return sum(
        rows
        for group in plan.groups
        for bank in range(group.event_lanes)
        for _, _, rows, _ in pieces(group.synapse_shape, group.synapse_rows, group.lanes * group.weight_bits)
    )


@given(
    shape=st.sampled_from([(), (512, 36), (2048, 9), (16_384, 1)]),
    rows=st.integers(1, 60_000),
    width=st.integers(1, 80),
    banks=st.integers(1, 4),
)
def test_words_of_a_rom_are_those_of_all_its_pieces(
    shape: tuple[int, ...], rows: int, width: int, banks: int
) -> None:
    made = banks * sum(rows for _, _, rows, _ in pieces(shape, rows, width))
    assert rom_words(GroupMemories(rows, width, banks), shape) == made


@given(
    st.lists(
        st.builds(GroupMemories, st.integers(1, 120_000), st.integers(1, 64), st.sampled_from([1, 2, 4])),
        min_size=1,
        max_size=3,
    )
)
def test_no_cut_makes_a_design_unreadable(groups: list[GroupMemories]) -> None:
    needs = {f"g{k}": need for k, need in enumerate(groups)}
    shapes = bank_shapes(needs, load_board("ulx3s-85f").limits)
    whole = sum(map(rom_words, groups))
    cut = sum(rom_words(need, shapes.get(name, ())) for name, need in needs.items())
    assert cut <= max(whole, MOST_ROM_WORDS)


def test_one_lane_of_mnist_stays_readable() -> None:
    """The shape that saves most, 8192 x 2, makes 401,408 words: too many for yosys."""
    limits = load_board("ulx3s-85f").limits
    network = random_network(np.random.default_rng(0), [784, 128, 10], weight_bits=8)
    one_lane = make_plan(network, PlanOptions(lanes=[1], limits=limits))
    assert one_lane.groups[0].lanes == 1
    smallest = make_plan(network, PlanOptions(optimize="area", limits=limits))
    cells = [predict(plan, limits).usage.logic_cells or 0 for plan in (smallest, one_lane)]
    assert cells[0] <= cells[1]
    for plan in (one_lane, smallest):
        assert plan_words(plan) <= MOST_ROM_WORDS


def test_a_rom_that_synthesis_cannot_read_is_refused_with_a_way_out() -> None:
    limits = load_board("ulx3s-85f").limits
    network = random_network(np.random.default_rng(0), [784, 640, 10], weight_bits=4, full=True)
    given_lanes = PlanOptions(lanes=[1], limits=limits)
    with pytest.raises(UserError, match=r"508,160 words .* reads at most 250,000: --lanes") as refused:
        make_plan(network, given_lanes)
    found = re.search(r"--lanes ([\d,]+) or --weights ram$", str(refused.value))
    assert found is not None
    lanes = [int(text) for text in found[1].split(",")]
    assert plan_words(make_plan(network, replace(given_lanes, lanes=lanes))) <= MOST_ROM_WORDS
    loaded = make_plan(network, replace(given_lanes, synapse_store="ram"))
    assert loaded.groups[0].synapse_rows == 784 * 640
