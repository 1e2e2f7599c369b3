"""Power against the rate, clock-driven and without spikes: what goes in, and what must come out."""

from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.model.network import INPUT, Conv2d, Network, Projection
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.at_rate import at_rates
from qsnn_hw.targets.fpga.comparison import Comparison, compare
from qsnn_hw.targets.fpga.spending import design_power
from qsnn_hw.targets.fpga.workloads import at_rest, every_synapse
from qsnn_hw.verify.design_cycles import DesignCycles
from tests.support.verification_record import RECORD, did
from tests.support.verify_networks import chain_network, dense, group

ICE, ECP = load_board("icebreaker"), load_board("ulx3s-85f")
USED = {
    "icebreaker": {"ICESTORM_LC": 1000, "ICESTORM_RAM": 6, "ICESTORM_SPRAM": 0, "ICESTORM_DSP": 0},
    "ulx3s-85f": {"TRELLIS_COMB": 1500, "TRELLIS_FF": 2000, "DP16KD": 12, "MULT18X18D": 0},
}
STEPS = 10
CYCLES = DesignCycles(np.array([30, 40]), 25.0)
RESTED = replace(
    RECORD,
    rest_cycles=80,
    rest_groups={"lif1": did(0), "lif2": did(0)},
    rest_toggles={"lif1": 0.0, "lif2": 0.0, "around": 0.5},
)


def _plan(board: Board) -> HardwarePlan:
    return make_plan(chain_network(sizes=(80, 70, 10)), PlanOptions(limits=board.limits))


def _compare(board: Board, **changes: object) -> Comparison:
    plan, used = _plan(board), USED[board.name]
    record = replace(RECORD, **changes)  # type: ignore[arg-type]
    coefficients = board.family.power[board.device]
    power = design_power(board, plan, used, record, CYCLES, 20.0, coefficients)
    found = compare(board, plan, used, record, CYCLES, power, STEPS, coefficients)
    assert found is not None
    return found


@pytest.mark.parametrize("board", [ICE, ECP])
def test_every_synapse_is_read_once_a_step(board: Board) -> None:
    plan = _plan(board)
    work = every_synapse(plan, RECORD, STEPS, STEPS, 25.0)
    words = 0
    for planned, sources in zip(plan.groups, (80, 70), strict=True):
        words += STEPS * sources * planned.folds
        found = work.counts.groups[planned.group]
        # Two samples.
        assert found.synapse_reads == 2 * STEPS * sources * planned.folds
        assert found.busy_cycles >= found.operation_cycles
        assert found.busy_cycles <= work.counts.activity_cycles
    assert work.reads == words
    assert work.cycles >= 25.0
    assert work.words == STEPS * 81


def _grid_plan(board: Board) -> HardwarePlan:
    """A convolution on 1 x 5 x 5: 25 inputs on 37 addresses."""
    rng = np.random.default_rng(1)
    image = Conv2d(rng.normal(0.2, 0.5, (2, 1, 3, 3)), None, (1, 5, 5))
    groups = (group("lif1", 18, rng), group("lif2", 10, rng))
    behind = dense("p_lif2", "lif1", "lif2", (18, 10), rng)
    network = Network(
        "grid", (1, 5, 5), groups, (Projection("p_lif1", INPUT, "lif1", (image,)), behind), "lif2"
    )
    return make_plan(quantize(network, QuantizeOptions(weight_bits=4)), PlanOptions(limits=board.limits))


@pytest.mark.parametrize("board", [ICE, ECP])
def test_an_address_without_an_input_sends_nothing(board: Board) -> None:
    plan, used = _grid_plan(board), USED[board.name]
    assert plan.input_space.neurons == 25 < plan.input_space.size == 37
    work = every_synapse(plan, RECORD, STEPS, STEPS, 25.0)
    assert work.words == STEPS * 26
    coefficients = board.family.power[board.device]
    power = design_power(board, plan, used, RECORD, CYCLES, 20.0, coefficients)
    found = compare(board, plan, used, RECORD, CYCLES, power, STEPS, coefficients)
    assert found is not None
    assert found.ann is not None
    # Each of nine places of a kernel meets nine of the 25 inputs, for two channels.
    assert found.macs == 9 * 9 * 2 + 18 * 10


def test_clock_driven_takes_as_much_again_for_twice_the_steps() -> None:
    plan = _plan(ICE)
    once, twice = (every_synapse(plan, RECORD, steps, steps, 25.0) for steps in (STEPS, 2 * STEPS))
    assert twice.reads == 2 * once.reads
    assert twice.cycles == pytest.approx(2 * once.cycles, rel=0.05)


@pytest.mark.parametrize("board", [ICE, ECP])
def test_ways_share_the_device_and_their_ratio_does_not_count_it_twice(board: Board) -> None:
    found = _compare(board)
    assert found.ann is not None
    static = [way.power.part("static", "clock") for way in (found.design, found.clock_driven, found.ann)]
    assert static[0] == static[1] == static[2]
    ratio = found.clock_driven.over(found.design)
    ends = found.clock_driven.energy_uj, found.design.energy_uj
    assert ratio.typical == pytest.approx(ends[0].typical / ends[1].typical)
    # With nothing shared the range would be as wide as both together.
    assert ratio.high / ratio.low < ends[0].high / ends[0].low * ends[1].high / ends[1].low
    assert found.design.over(found.design) == Range(1.0, 1.0, 1.0)
    # A pass of one step reads a tenth of what ten do.
    assert found.ann.reads == pytest.approx(found.clock_driven.reads / STEPS)
    assert found.macs is not None
    assert found.macs >= 80 * 70 + 70 * 10
    names = {term.name for term in found.ann.power.terms}
    assert "multipliers" in names
    # As many at a time as there are.
    assert found.ann.us >= found.macs / board.limits.dsps / board.clock_mhz


def test_without_multipliers_cells_multiply() -> None:
    board = load_board("tinyfpga-bx")
    plan, used = _plan(board), USED["icebreaker"]
    power = design_power(board, plan, used, RECORD, CYCLES, 20.0)
    coefficients = board.family.power[board.device]
    found = compare(board, plan, used, RECORD, CYCLES, power, STEPS, coefficients)
    assert found is not None
    assert found.ann is not None
    terms = {term.name: term.power.typical for term in found.ann.power.terms}
    assert "multipliers" not in terms
    assert terms["logic"] > 0


def test_what_was_not_counted_is_not_compared() -> None:
    plan = _plan(ICE)
    power = design_power(ICE, plan, USED["icebreaker"], RECORD, CYCLES, 20.0)
    coefficients = ICE.family.power[ICE.device]
    quiet = replace(RECORD, activity_cycles=0)
    for record, cycles in ((quiet, CYCLES), (RECORD, DesignCycles())):
        assert compare(ICE, plan, USED["icebreaker"], record, cycles, power, STEPS, coefficients) is None


def test_power_rises_with_the_rate_from_rest_to_back_to_back() -> None:
    plan, used = _plan(ICE), USED["icebreaker"]
    working = design_power(ICE, plan, used, RESTED, CYCLES, 20.0)
    rest = at_rest(RESTED)
    assert rest is not None
    resting = design_power(ICE, plan, used, rest, DesignCycles(), 0.0)
    points = at_rates(working, resting, 480_000.0, 1000.0, 15.0)
    assert points[0].power.typical == pytest.approx(resting.typical)
    assert points[-1].power.typical == pytest.approx(working.typical)
    assert [p.samples_per_s for p in points] == [0, 1, 10, 100, 1000, 10_000, 100_000, 480_000]
    typical = [p.power.typical for p in points]
    assert typical == sorted(typical)
    assert points[4].what == "all that the link carries"
    assert points[4].events_per_s == 15_000
    # A design that stops its clock keeps it for 4 ms a sample.
    asleep = [p.power.typical for p in at_rates(working, resting, 480_000.0, 1000.0, 15.0, 4e-3)]
    static, clock = (working.part(part).typical for part in ("static", "clock"))
    assert asleep[0] == pytest.approx(static)
    assert asleep[1] == pytest.approx(static + 4e-3 * (clock + resting.part("work").typical), rel=1e-3)
    assert asleep[4:] == typical[4:]
    assert asleep == sorted(asleep)
    # What switches at rest is half a bit of a hundred, of the cells.
    assert resting.part("work").typical == pytest.approx(0.005 * 1000 * 12 * 0.000278)
    assert at_rest(RECORD) is None
