"""Power and energy in the report: what goes into the estimate, and what is left out when it is not known."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from qsnn_hw.cost.group.neuron_group import group_blocks
from qsnn_hw.cost.predict import predict
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.families.pll import PllSettings
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.targets.fpga.per_sample import Rates
from qsnn_hw.targets.fpga.record import Implementation, Resource
from qsnn_hw.targets.fpga.sections.energy import Energy, energy
from qsnn_hw.targets.fpga.sections.power import PowerMw, power_mw
from qsnn_hw.targets.fpga.sections.speed import Throughput, throughput
from qsnn_hw.targets.fpga.spending import spending
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles
from tests.support.verification_record import RECORD, did
from tests.support.verify_networks import chain_network

ECP, ICE = load_board("ulx3s-85f"), load_board("icebreaker")
USED = {
    "ulx3s-85f": {"TRELLIS_COMB": 1500, "TRELLIS_FF": 2000, "DP16KD": 12, "MULT18X18D": 0},
    "icebreaker": {"ICESTORM_LC": 1000, "ICESTORM_RAM": 6, "ICESTORM_SPRAM": 0, "ICESTORM_DSP": 0},
}


def _implementation(board: Board) -> Implementation:
    resources = {name: Resource(used, 10 * used + 1) for name, used in USED[board.name].items()}
    return Implementation(board.name, "top", resources, {}, {}, 100.0, board.clock_mhz, None, 1, {}, {}, {})


def _plan(board: Board, **options: Any) -> HardwarePlan:
    return make_plan(chain_network(sizes=(80, 70, 10)), PlanOptions(limits=board.limits, **options))


@dataclass(frozen=True)
class Spent:
    """The parts of a report that tell what a design spends."""

    power: PowerMw
    energy: Energy
    throughput: Throughput
    notes: tuple[str, ...]
    unknown: str | None


def _spend(
    board: Board,
    verification: Verification | None = RECORD,
    plan: HardwarePlan | None = None,
    **changes: Any,
) -> Spent:
    plan = _plan(board) if plan is None else plan
    cycles = DesignCycles.of(plan, verification)
    us = None if cycles.alone_mean is None else cycles.alone_mean / board.clock_mhz
    rates = Rates()
    if cycles.stream is not None:
        rates = Rates(board.clock_mhz * 1e6 / cycles.stream, 1000.0, "link")
    given = {"spikes": 20.0, "words_per_sample": 30.0, **changes}
    found = spending(
        *(board, plan, _implementation(board), verification, cycles),
        us_on_board=us,
        link_per_s=rates.link_per_s,
        **given,
    )
    notes = () if found.power is None else found.power.notes
    return Spent(power_mw(found.power), energy(found), throughput(rates, found), notes, found.unknown)


@pytest.mark.parametrize("board", [ECP, ICE])
def test_energy_is_static_power_times_time_and_the_rest(board: Board) -> None:
    found = _spend(board)
    terms = found.power.terms
    for end in ("low", "typical", "high"):
        static, clock = getattr(terms["static"], end), getattr(terms["clock"], end)
        work = sum(getattr(term, end) for term in terms.values() if term.part == "work")
        # 30 cycles of latency, 25 of work back to back.
        us, busy = 30 / board.clock_mhz, 25 / board.clock_mhz
        wanted = (static + clock) * us + work * busy
        assert getattr(found.energy.static_uj, end) == pytest.approx(static * us * 1e-3)
        assert getattr(found.energy.per_sample_uj, end) == pytest.approx(wanted * 1e-3)
        assert getattr(found.energy.per_spike_nj, end) == pytest.approx(wanted / 20)
        assert getattr(found.energy.static_per_spike_nj, end) == pytest.approx(static * us / 20)
        dynamic = getattr(found.energy.dynamic_per_spike_nj, end)
        assert dynamic == pytest.approx((wanted - static * us) / 20)
        # A sample every millisecond through the link.
        assert getattr(found.energy.link_per_sample_uj, end) == pytest.approx(
            static + clock + work * busy * 1e-3
        )
    assert found.energy.static_share == pytest.approx(
        found.energy.static_uj.typical / found.energy.per_sample_uj.typical  # type: ignore[operator]
    )


@pytest.mark.parametrize("board", [ECP, ICE])
def test_ends_are_in_order_and_shares_are_shares(board: Board) -> None:
    for verification in (RECORD, replace(RECORD, toggles=None), replace(RECORD, activity_cycles=0)):
        found = _spend(board, verification)
        spent, rate = found.energy, found.throughput
        for bounds in (spent.per_sample_uj, spent.per_spike_nj, rate.per_watt, rate.link_per_watt):
            assert isinstance(bounds, Bounds)
            assert bounds.low is not None
            assert 0 < bounds.low <= bounds.typical <= bounds.high  # type: ignore[operator]
        assert spent.static_share is not None
        assert 0 < spent.static_share < 1


def test_inferences_a_second_and_watt() -> None:
    found = _spend(ECP)
    rate = ECP.clock_mhz * 1e6 / 25
    assert found.power.typical is not None
    assert found.throughput.per_watt.typical == pytest.approx(rate / (found.power.typical * 1e-3))
    assert found.throughput.per_watt.low == pytest.approx(rate / (found.power.high * 1e-3))  # type: ignore[operator]
    link = found.energy.link_per_sample_uj.typical
    assert found.throughput.link_per_watt.typical == pytest.approx(1e6 / link)  # type: ignore[operator]


def test_measured_activity_makes_the_terms() -> None:
    terms = _spend(ECP).power.terms
    # 5 of 100 bits switch in a mean cycle.
    assert terms["registers"].typical == pytest.approx(25.1e-5 * 25 * 2000 * 0.05)
    assert not terms["registers"].assumed
    assert terms["registers"].activity is None
    # The coefficient of a LUT is an assumption, however well its activity is known.
    assert terms["logic"].assumed
    assert "github.com/targeted/fpga-reg-power" in str(terms["registers"].source)


@pytest.mark.parametrize(("board", "widest", "picojoules"), [(ECP, 36, 15.0), (ICE, 16, 8.0)])
def test_memory_blocks_are_accessed_as_often_as_simulation_counted(
    board: Board, widest: int, picojoules: float
) -> None:
    plan = _plan(board)
    blocks = {g.group: group_blocks(g, board.limits) for g in plan.groups}
    assert blocks["lif1"].synapses > 0
    assert (blocks["lif1"].state > 0) == (board is ICE), "ECP5 has potentials in distributed RAM here"
    predicted = predict(plan, board.limits).usage.block_rams
    assert predicted is not None
    rest = predicted - sum(b.synapses + b.state for b in blocks.values())
    lanes = {g.group: g.event_lanes for g in plan.groups}
    each = blocks["lif1"].synapses * 40 / lanes["lif1"] + blocks["lif2"].synapses * 20 / lanes["lif2"]
    # 16 words of potentials, 720 bits together, are so many accesses of blocks.
    each += 720 / widest if blocks["lif1"].state else 0
    # 30 words a sample pass the receive buffer, in and out.
    each += rest * 2 * 30 * 2
    used = USED[board.name]["DP16KD" if board is ECP else "ICESTORM_RAM"]
    rate = each / 50 * board.clock_mhz * 1e6 * used / predicted
    assert _spend(board).power.terms["block RAM"].typical == pytest.approx(rate * picojoules * 1e-9)


def test_an_encoder_dilutes_the_networks_activity() -> None:
    plan = _plan(ECP, io=IoOptions("rate", "count", 5))
    whole, bare = _spend(ECP, plan=plan), _spend(ECP)
    # 25 cycles of network in the 50 of a sample.
    assert whole.power.terms["registers"].typical == pytest.approx(
        bare.power.terms["registers"].typical / 2  # type: ignore[operator]
    )
    # The same work for each sample, in twice the time.
    static = whole.power.terms["static"].typical
    assert whole.energy.static_uj.typical == pytest.approx(static * 61 / 25 * 1e-3)  # type: ignore[operator]


def test_when_nothing_was_counted_the_notes_stay() -> None:
    quiet = replace(RECORD, activity_cycles=0, activity_samples=0, groups={}, toggles=None)
    found = _spend(ECP, quiet)
    text = "\n".join(found.notes)
    for note in ("share of busy cycles not measured", "switching share of cells not measured"):
        assert note in text
    assert found.power.terms["registers"].assumed
    assert "not measured" in str(found.power.terms["registers"].activity)
    told = "\n".join(_spend(ECP).notes)
    assert "not measured" not in told
    assert "core supply" in told
    # Counted cycles without toggles: only the toggles are assumed.
    half = "\n".join(_spend(ECP, replace(RECORD, toggles=None)).notes)
    assert "busy cycles not measured" not in half
    assert "switching share of cells not measured" in half


def test_a_device_without_coefficients_has_no_power_and_says_so() -> None:
    found = _spend(replace(ECP, device="um5g-45k"))
    assert found.power.typical is None
    assert found.power.terms == {}
    assert found.energy.per_sample_uj == Bounds()
    assert found.throughput.per_watt == Bounds()
    assert found.throughput.on_chip_per_s == 1e6
    assert found.notes == ()
    assert str(found.unknown).startswith("power not estimated: no coefficients for ecp5 um5g-45k; known: ")


def test_what_is_not_known_is_absent() -> None:
    untimed = _spend(ECP, None)
    assert untimed.power.typical is not None
    assert untimed.energy.per_sample_uj == Bounds()
    assert untimed.throughput.per_watt == Bounds()
    assert _spend(ECP, spikes=None).energy.per_spike_nj == Bounds()
    silent = _spend(ECP, spikes=0.0).energy
    assert silent.per_sample_uj.typical is not None
    assert (silent.per_spike_nj, silent.per_spike_target) == (Bounds(), None)
    plan = _plan(ECP)
    cycles = DesignCycles(np.array([30]), 25.0)
    nothing = spending(
        *(ECP, plan, None, RECORD, cycles),
        us_on_board=None,
        link_per_s=None,
        spikes=1.0,
        words_per_sample=1.0,
    )
    assert power_mw(nothing.power).typical is None


def test_no_layer_is_busy_more_than_all_the_time() -> None:
    """A record that says so is refused where the report takes it in, not printed as 128 %."""
    from qsnn_hw.report.sections.activity import activity_of

    wrong = replace(RECORD, groups={"lif1": did(64)})
    with pytest.raises(ValueError, match=r"activity.busy_share must be at most 1, not 1\.28"):
        activity_of(wrong)


def test_a_pll_that_makes_the_boards_clock_is_a_term_of_its_own() -> None:
    settings = PllSettings({}, Fraction(12), Fraction(12), Fraction(768), Fraction(24))
    terms = _spend(ICE.clocked(settings)).power.terms
    coefficients = ICE.family.power[ICE.device]
    assert coefficients.pll is not None
    assert terms["PLL"].typical == pytest.approx(768 * coefficients.pll.typical)
    assert terms["clock"].typical == pytest.approx(24 * coefficients.clock.typical)
    assert "PLL" not in _spend(ICE).power.terms
