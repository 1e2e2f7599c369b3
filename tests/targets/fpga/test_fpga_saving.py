"""The range of an energy saving: shared unknowns counted once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsnn_hw.families.boards import load_board
from qsnn_hw.families.power_coefficients import Coefficient
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power import estimate_power
from qsnn_hw.targets.fpga.power_terms import Activity, PowerEstimate, Term
from qsnn_hw.targets.fpga.saving import energy_saving


def estimate(**terms: tuple[float, float, float]) -> PowerEstimate:
    anything = Coefficient(0.0, 1.0, 2.0, "mW", "made up")
    made = tuple(Term(name, Range(*ends), anything) for name, ends in terms.items())
    low, typical, high = (sum(getattr(t.power, end) for t in made) for end in ("low", "typical", "high"))
    return PowerEstimate(low, typical, high, 12.0, made, ())


def test_a_shared_unknown_cancels() -> None:
    # Half of one unknown is half, however wide the unknown.
    whole, half = estimate(clock=(1.0, 4.0, 16.0)), estimate(clock=(0.5, 2.0, 8.0))
    found = energy_saving(whole, 10.0, half, 10.0)
    assert (found.low, found.typical, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_range_is_that_of_the_parts_that_differ() -> None:
    wide = estimate(static=(1.0, 1.0, 4.0), memory=(1.0, 3.0, 9.0))
    narrow = estimate(static=(1.0, 1.0, 4.0), memory=(0.5, 1.5, 4.5))
    found = energy_saving(wide, 1.0, narrow, 1.0)
    # Static high and memory low: 1 of 5 halves; static low and memory high: 9 of 10.
    assert (found.low, found.typical, found.high) == pytest.approx((0.1, 0.375, 0.45))
    alone = energy_saving(wide, 1.0, narrow, 1.0, without=["static"])
    assert (alone.low, alone.high) == pytest.approx((0.5, 0.5))
    slower = energy_saving(wide, 1.0, narrow, 4.0)
    assert slower.high < 0
    with pytest.raises(ValueError, match=r"^reference must take energy, not 0 mW$"):
        energy_saving(wide, 1.0, narrow, 1.0, without=["static", "memory"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0.2, 5))
def test_no_place_of_the_coefficients_is_outside(places: list[float], slower: float) -> None:
    ends = {"static": (1.0, 2.0, 5.0), "clock": (0.3, 1.0, 3.0), "memory": (0.5, 4.0, 12.0)}
    amounts = {"static": (1.0, 1.0), "clock": (2.0, 1.5), "memory": (3.0, 0.7)}
    designs = [
        estimate(**{name: tuple(v * amounts[name][k] for v in ends[name]) for name in ends})  # type: ignore[misc]
        for k in (0, 1)
    ]
    found = energy_saving(designs[0], 1.0, designs[1], slower)
    x = {name: low + p * (high - low) for p, (name, (low, _, high)) in zip(places, ends.items(), strict=True)}
    before, after = (sum(x[name] * amounts[name][k] for name in ends) for k in (0, 1))
    assert found.low - 1e-9 <= 1 - after * slower / before <= found.high + 1e-9
    assert found.low <= found.typical <= found.high


def test_of_real_estimates() -> None:
    board = load_board("icebreaker")
    busy = Activity(busy=0.8)
    used = [{"ICESTORM_LC": 1175, "ICESTORM_RAM": 26}, {"ICESTORM_LC": 789, "ICESTORM_RAM": 9}]
    wide, narrow = (estimate_power(board, u, 12.0, activity=busy) for u in used)
    found = energy_saving(wide, 700.0, narrow, 700.0)
    assert 0 < found.low < found.typical < found.high < 1
    # End against end knows less: it lets one coefficient be cheap in one design and dear in the other.
    worst = 1 - narrow.high / wide.low
    assert worst < found.low
