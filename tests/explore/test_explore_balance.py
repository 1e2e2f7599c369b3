"""The choice of shapes and buffers: figures that hold, budgets that are kept, nothing that is beaten."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest

from qsnn_hw.cost.cycles import count_cycles, predict_cycles
from qsnn_hw.cost.predict import predict
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.cost.traffic_cycles import TrafficCycles
from qsnn_hw.explore.designs.balance import balance
from qsnn_hw.explore.designs.design import Balance
from qsnn_hw.explore.designs.layout import Layout
from qsnn_hw.explore.designs.options import Aim, PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.families.limits import Limits
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.shape import fitted
from qsnn_hw.plan.synapses import address_spaces
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.errors import UserError
from tests.support.networks import random_network
from tests.support.places import EXAMPLES
from tests.support.thinned import slow, thinned

ECP5, ICE40 = load_board("ulx3s-85f").limits, load_board("icebreaker").limits
AIMS = get_args(Aim)


@dataclass(frozen=True)
class Case:
    """A network, and events of some samples."""

    network: QuantizedNetwork
    inputs: np.ndarray
    spikes: dict[str, np.ndarray]

    @property
    def traffic(self) -> Traffic:
        return Traffic.counted(self.inputs, self.spikes)

    def options(self, limits: Limits | None = ECP5, **more: object) -> PlanOptions:
        return PlanOptions(limits=limits, traffic=self.traffic, **more)  # type: ignore[arg-type]

    def balance(self, limits: Limits | None = ECP5, **more: object) -> Balance:
        return balance(Layout(self.network, address_spaces(self.network), self.options(limits, **more)))

    def cycles(self, plan: HardwarePlan) -> float:
        return float(predict_cycles(plan, self.inputs, self.spikes).mean())


def drawn(sizes: list[int], shares: list[float], *, steps: int = 10, seed: int = 7) -> Case:
    """A random network whose groups fire as said, whatever its weights: only cycles matter here."""
    network = random_network(np.random.default_rng(seed), sizes)
    rng = np.random.default_rng(seed)
    events = [(rng.random((steps, 3, n)) < p).astype(np.uint8) for n, p in zip(sizes, shares, strict=True)]
    names = [group.name for group in network.groups]
    return Case(network, events[0], dict(zip(names, events[1:], strict=True)))


def example(name: str, convention: str, samples: int) -> Case:
    folder, file = EXAMPLES / name, f"{name}_64-32-10.nir" if name == "digits" else f"{name}.nir"
    network = read_network(folder / file, Convention.preset(convention))
    data = load_dataset(folder / f"{name}_test.npz", network=network, samples=samples)
    quantized = quantize(network, QuantizeOptions(weight_bits=8, input_max=int(data.input.max())))
    return Case(quantized, data.input, run_clocked(quantized, data.input).spikes)


@pytest.fixture(scope="module")
def digits() -> Case:
    return example("digits", "snntorch", 20)


@pytest.fixture(scope="module")
def conv() -> Case:
    return example("mnist_conv", "snntorch", 6)


def chosen_figures(plan: HardwarePlan) -> tuple[int, int]:
    """LUTs and whole cycles of the listed design that was chosen."""
    (design,) = [offer for offer in plan.designs if offer.chosen]
    return design.luts, round(design.cycles)


@pytest.mark.parametrize("aim", thinned(AIMS, 2))
def test_the_notes_figures_are_those_of_the_plan(digits: Case, aim: Aim) -> None:
    for limits in (ECP5, ICE40):
        plan = make_plan(digits.network, digits.options(limits, optimize=aim))
        luts, cycles = chosen_figures(plan)
        assert luts == predict(plan, limits).usage.logic_cells
        assert cycles == round(digits.cycles(plan))
        assert plan.notes[0].startswith(aim)
        assert f"about {luts} LUTs, host link included, and {cycles} cycles a sample" in plan.notes[0]


@pytest.mark.parametrize(
    ("name", "convention", "samples"),
    [("digits", "snntorch", 40), ("mnist_fast", "norse", 40), slow(("mnist_conv", "snntorch", 8))],
)
def test_the_estimate_of_few_samples_is_near_the_mean_of_all(
    name: str, convention: str, samples: int
) -> None:
    case = example(name, convention, samples)
    estimate = TrafficCycles(Traffic.counted(case.inputs, case.spikes, words=2500))
    for aim in ("balanced", "area"):
        plan = make_plan(case.network, case.options(optimize=aim))
        assert estimate.mean(plan) == pytest.approx(case.cycles(plan), rel=0.05)


@pytest.mark.slow
def test_a_stretch_of_a_long_sample_stands_for_it(conv: Case) -> None:
    # All samples one after the other.
    def joined(events: np.ndarray) -> np.ndarray:
        return events.swapaxes(0, 1).reshape(-1, 1, *events.shape[2:])

    inputs, spikes = joined(conv.inputs), {name: joined(found) for name, found in conv.spikes.items()}
    traffic = Traffic.counted(inputs, spikes)
    assert traffic.shape[0] < traffic.steps == len(inputs)
    plan = make_plan(conv.network, conv.options())
    exact = predict_cycles(plan, inputs, spikes).mean()
    assert TrafficCycles(traffic).mean(plan) == pytest.approx(exact, rel=0.05)


def test_designs_tried_before_leave_nothing_behind() -> None:
    # Most rows of the last layer hold no weight: a design with one event lane leaves them out.
    case = drawn([40, 32, 24], [0.2, 0.3, 0.1])
    last = case.network.projections[1]
    weight = np.where(np.arange(32) % 4 == 0, last.weight, 0)
    network = replace(case.network, projections=(case.network.projections[0], replace(last, weight=weight)))
    spaces = address_spaces(network)
    layout = Layout(network, spaces, case.options())
    first = fitted(spaces["g1"], 32, 8, 1, "registers")
    plans = [
        layout.plan({"g1": first, "g2": fitted(spaces["g2"], 6, 6, lanes, "memory")}, 2) for lanes in (1, 4)
    ]
    assert [plan.groups[1].projections[0].kind for plan in plans] == ["sparse", "dense"]
    alone = [TrafficCycles(case.traffic).mean(plan) for plan in plans]
    for order in (plans, plans[::-1]):
        cycles = TrafficCycles(case.traffic)
        found = {plan.groups[1].event_lanes: cycles.mean(plan) for plan in order}
        assert [found[1], found[4]] == alone


def test_a_word_holds_no_more_than_a_row_of_spikes() -> None:
    # As in MNIST's output layer: event lanes promise a fourth of the cycles, and save next to none.
    case = drawn([400, 64, 10], [0.1, 0.2, 0.05])
    found = case.balance(optimize="latency")
    spaces = address_spaces(case.network)
    one_row_at_a_time = {
        "g1": fitted(spaces["g1"], 64, 2, 1, "registers"),
        "g2": fitted(spaces["g2"], 1, 1, 4, "memory"),
    }
    in_registers = {**one_row_at_a_time, "g2": fitted(spaces["g2"], 10, 1, 1, "registers")}
    layout = Layout(case.network, spaces, case.options())
    slow, quick = (case.cycles(layout.plan(shapes, 2)) for shapes in (one_row_at_a_time, in_registers))
    assert slow > 1.5 * quick
    assert found.best.cycles <= quick


@pytest.mark.parametrize("limits", [ECP5, ICE40], ids=["ecp5", "ice40"])
def test_aims_order_the_designs(digits: Case, limits: Limits) -> None:
    found = {aim: digits.balance(limits, optimize=aim).best for aim in AIMS}
    assert found["area"].luts == min(design.luts for design in found.values())
    assert found["latency"].cycles == min(design.cycles for design in found.values())
    assert found["area"].luts < found["latency"].luts
    assert found["latency"].cycles < found["area"].cycles
    products = {name: design.luts * design.cycles for name, design in found.items()}
    # Where the smallest design takes more than the share of "balanced", that grows to a little more than it:
    # than it takes without what only "area" does, neuron parameters in block RAM.
    layout = Layout(digits.network, address_spaces(digits.network), digits.options(limits))
    plain = predict(layout.plan(found["area"].shapes, found["area"].depth), limits).usage.logic_cells or 0
    assert plain >= found["area"].luts
    share = max(0.18 * limits.logic_cells, 1.03 * plain)
    assert products["balanced"] == min(products.values()) or found["balanced"].luts <= share


@pytest.mark.slow
def test_no_listed_design_is_beaten_by_another_and_all_fit(digits: Case, conv: Case) -> None:
    wishes = [(digits, limits, aim) for limits in (ECP5, ICE40) for aim in AIMS]
    for case, limits, aim in (*wishes, (conv, ECP5, "balanced")):
        found = case.balance(limits, optimize=aim)
        assert all(a.cycles < b.cycles and a.luts > b.luts for a, b in pairwise(found.front))
        assert not any(limits.fits(design.usage) for design in found.front)
        assert found.best in found.front
        listed = found.offers
        assert all(a.luts > b.luts and a.cycles < b.cycles for a, b in pairwise(listed))
        assert [offer.chosen for offer in listed].count(True) == 1


@pytest.mark.parametrize("seed", [3, 5])
def test_a_design_chosen_for_part_of_a_cycle_is_listed(seed: int) -> None:
    network = drawn([60, 24 + 8 * seed, 10], [0.1, 0.1, 0.1], seed=seed).network
    plan = make_plan(network, PlanOptions(limits=ECP5, optimize="latency"))
    luts, cycles = chosen_figures(plan)
    assert luts == predict(plan, ECP5).usage.logic_cells
    # That is what this case is about: as many whole cycles with fewer LUTs.
    assert min(offer.luts for offer in plan.designs if round(offer.cycles) == cycles) < luts


@pytest.mark.slow
def test_budgets_hold_or_are_refused(digits: Case) -> None:
    for budget in (700, 1000, 5000):
        plan = make_plan(digits.network, digits.options(cycle_budget=budget))
        assert digits.cycles(plan) <= budget
    luts = []
    for lut_budget in (1160, 1400, 2200):
        plan = make_plan(digits.network, digits.options(lut_budget=lut_budget, optimize="latency"))
        luts.append(predict(plan, ECP5).usage.logic_cells or 0)
        assert luts[-1] <= lut_budget
    assert luts == sorted(luts)
    with pytest.raises(UserError, match=r"^no design keeps 10 LUTs: the smallest takes about (\d+)"):
        make_plan(digits.network, digits.options(lut_budget=10))
    refused = r"^no design keeps 1 cycles a sample within \d+ LUTs: the quickest"
    with pytest.raises(UserError, match=refused) as error:
        make_plan(digits.network, digits.options(cycle_budget=1))
    words = re.search(r"about (\d+) cycles", str(error.value))
    assert words is not None
    quickest = digits.balance(optimize="latency").best.cycles
    assert int(words[1]) == pytest.approx(quickest, rel=0.01)
    # Lanes that are given keep the budgets, too.
    # The refusal is of them: no limit of the search, and no other design.
    slow = r"^the lanes given do not keep 600 cycles a sample: they take about \d+ LUTs"
    with pytest.raises(UserError, match=slow):
        make_plan(digits.network, digits.options(lanes=[1], cycle_budget=600))
    with pytest.raises(UserError, match=r"^the lanes given do not keep 10 LUTs: they take about \d+ LUTs"):
        make_plan(digits.network, digits.options(lanes=[1], lut_budget=10))


def test_the_quickest_design_that_memory_allows() -> None:
    # Four groups, of which some go to the four single-port RAMs: the cheapest shape of each group for a
    # bound on the cycles takes 31 blocks, and another combination fits.
    case = drawn([32, 64, 128, 64, 12], [0.08, 0.11, 0.13, 0.11, 0.0])
    found = {t: case.balance(ICE40, optimize=t, synapse_store="ram") for t in ("latency", "area")}
    designs = {aim: balanced.best for aim, balanced in found.items()}
    # What does not fit is not listed either.
    assert not any(ICE40.fits(design.usage) for balanced in found.values() for design in balanced.front)
    assert designs["latency"].cycles < designs["area"].cycles / 3
    given = make_plan(case.network, case.options(ICE40, synapse_store="ram", lanes=[1, 4, 4, 1]))
    assert not ICE40.fits(predict(given, ICE40).usage)
    assert designs["latency"].cycles <= case.cycles(given)


def test_loaded_weights_are_priced_as_loaded() -> None:
    case = drawn([64, 32, 10], [0.2, 0.1, 0.1])
    for store in ("rom", "ram"):
        plan = make_plan(case.network, case.options(ICE40, synapse_store=store))
        assert chosen_figures(plan)[0] == predict(plan, ICE40).usage.logic_cells


@pytest.mark.slow
def test_buffers_are_as_deep_as_pays(conv: Case) -> None:
    plan = make_plan(conv.network, conv.options())
    assert plan.buffer_depth > 2
    given = make_plan(conv.network, conv.options(buffer_depth=2))
    assert given.buffer_depth == 2
    layout = Layout(conv.network, address_spaces(conv.network), conv.options())
    shapes = conv.balance().best.shapes
    shallow, deep = layout.plan(shapes, 2), layout.plan(shapes, plan.buffer_depth)
    assert conv.cycles(deep) < 0.95 * conv.cycles(shallow)
    usage = [predict(p, ECP5).usage for p in (shallow, deep)]
    # Memory for the words, which the shallow buffers have not.
    assert usage[0] != usage[1]
    # Shapes that are given get buffers of the right depth as well.
    lanes = [shape.lanes for shape in shapes.values()]
    update = [shape.update_lanes for shape in shapes.values()]
    assert make_plan(conv.network, conv.options(lanes=lanes, update_lanes=update)).buffer_depth > 2


def test_buffers_stay_shallow_where_depth_saves_nothing(digits: Case) -> None:
    assert make_plan(digits.network, digits.options(optimize="area")).buffer_depth == 2


def test_without_data_figures_are_of_a_step() -> None:
    network = drawn([40, 40, 10], [0.1, 0.1, 0.1]).network
    for limits in (ECP5, ICE40, None):
        plan = make_plan(network, PlanOptions(limits=limits))
        on = " on an ECP5" if limits is None else ""
        assert re.search(rf"about \d+ LUTs{on}, host link included, and \d+ cycles a step", plan.notes[0])


def test_more_traffic_asks_for_more_lanes() -> None:
    def lanes(share: float) -> int:
        case = drawn([200, 40, 10], [share, 0.02, 0.1])
        return make_plan(case.network, case.options(cycle_budget=3000)).groups[0].lanes

    assert lanes(0.005) < lanes(0.5)


def test_predicted_cycles_are_the_counted_ones(digits: Case) -> None:
    plan = make_plan(digits.network, digits.options(lanes=[32, 10]))
    flat = digits.inputs.reshape(*digits.inputs.shape[:2], -1)[:, :2]
    assert (
        predict_cycles(plan, flat, digits.spikes).tolist() == count_cycles(plan, flat, digits.spikes).tolist()
    )
