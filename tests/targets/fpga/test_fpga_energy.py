"""Energy of a sample and a spike: worked by hand, and what holds for any estimate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.families.boards import load_board
from qsnn_hw.families.power_coefficients import Coefficient
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.energy import Energy, energy
from qsnn_hw.targets.fpga.power import estimate_power
from qsnn_hw.targets.fpga.power_terms import PowerEstimate, Term

ICE = load_board("icebreaker")
ICE_USED = {"ICESTORM_LC": 1000, "ICESTORM_RAM": 10, "ICESTORM_SPRAM": 0, "ICESTORM_DSP": 0}
NOWHERE = Coefficient(1, 1, 1, "mW", "nowhere")


def _estimate(static: Range, clock: Range, work: Range) -> PowerEstimate:
    """At 10 MHz."""
    terms = (
        Term("static", static, NOWHERE, "static"),
        Term("clock", clock, NOWHERE, "clock"),
        Term("logic", work, NOWHERE, "work"),
    )
    total = static.plus(clock).plus(work)
    return PowerEstimate(total.low, total.typical, total.high, 10.0, terms, ())


POWER = _estimate(Range(1.0, 2.0, 4.0), Range.exactly(0.5), Range.exactly(3.0))


def test_a_sample_and_a_spike_by_hand() -> None:
    found = energy(POWER, cycles_per_sample=10_000, clock_mhz=10.0, spikes_per_sample=400)
    # 1 ms at 2 mW static and 3.5 mW dynamic: 2 and 3.5 uJ; over 400 spikes 13.75 nJ.
    assert found.static_uj == Range(1.0, 2.0, 4.0)
    assert found.dynamic_uj == Range.exactly(3.5)
    assert found.per_sample_uj == Range(4.5, 5.5, 7.5)
    assert found.per_spike_nj == Range(11.25, 13.75, 18.75)
    assert found.static_per_spike_nj == Range(2.5, 5.0, 10.0)
    assert found.dynamic_per_spike_nj == Range.exactly(8.75)
    assert found.label == "estimated"


def test_a_sample_that_waits_pays_for_leakage_and_clock_but_works_only_once() -> None:
    found = energy(POWER, 10_000, 10.0, 400, us_per_sample=100_000.0)
    # 100 ms at 2 mW static and 0.5 mW of clock, and still 1 ms of 3 mW of work.
    assert found.static_uj.typical == pytest.approx(200.0)
    assert found.dynamic_uj.typical == pytest.approx(50.0 + 3.0)
    assert found.per_sample_uj.typical == pytest.approx(253.0)


@pytest.mark.parametrize(
    ("low", "typical", "high", "verdict"),
    [
        (0.1, 0.5, 0.999, "kept"),
        (0.1, 0.5, 1.0, "depends"),
        (0.999, 2.0, 3.0, "depends"),
        (1.0, 2.0, 3.0, "not kept"),
    ],
)
def test_the_verdict_is_over_the_whole_range(low: float, typical: float, high: float, verdict: str) -> None:
    nothing = Range.exactly(0.0)
    # So many uJ for one spike.
    assert Energy(Range(low, typical, high), nothing, 1.0).verdict == verdict
    assert Energy(nothing, Range(low, typical, high), 1.0).verdict == verdict


def test_without_spikes_there_is_no_energy_of_one_and_no_verdict() -> None:
    found = energy(estimate_power(ICE, ICE_USED, 12.0), 100, 12.0, 0)
    assert found.per_spike_nj is None
    assert found.static_per_spike_nj is None
    assert found.verdict is None


ranges = st.lists(st.floats(0, 1e4), min_size=3, max_size=3).map(lambda ends: Range(*sorted(ends)))


@given(ranges, ranges, ranges, st.integers(1, 10**7), st.floats(0.5, 1e4), st.floats(1, 1e7) | st.none())
def test_parts_make_the_whole_and_ends_stay_in_order(
    static: Range, clock: Range, work: Range, cycles: int, spikes: float, us: float | None
) -> None:
    found = energy(_estimate(static, clock, work), cycles, 10.0, spikes, us_per_sample=us)
    for end in ("low", "typical", "high"):
        parts = getattr(found.static_uj, end) + getattr(found.dynamic_uj, end)
        assert getattr(found.per_sample_uj, end) == pytest.approx(parts)
        assert found.per_spike_nj is not None
        assert getattr(found.per_spike_nj, end) * spikes == pytest.approx(1e3 * parts)
    assert found.per_sample_uj.low <= found.per_sample_uj.typical <= found.per_sample_uj.high


def test_wrong_figures_are_refused() -> None:
    power = estimate_power(ICE, ICE_USED, 12.0)
    with pytest.raises(UserError, match="cycles per sample must be > 0, not 0"):
        energy(power, 0, 12.0, 5)
    with pytest.raises(UserError, match="spikes per sample must be >= 0, not -1"):
        energy(power, 10, 12.0, -1)
    with pytest.raises(UserError, match="power was estimated at 12 MHz, not 25 MHz"):
        energy(power, 10, 25.0, 5)
    with pytest.raises(UserError, match="us per sample must be > 0, not 0"):
        energy(power, 10, 12.0, 5, us_per_sample=0.0)
