"""The proved interval of a potential: never left, and not absurdly wide."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden.clocked import tick
from qsnn_hw.quantize import bounds
from qsnn_hw.quantize.bounds import state_interval
from qsnn_hw.quantize.interval_step import Interval, leak
from qsnn_hw.quantize.network import QuantizedGroup
from qsnn_hw.support.choices import LEAK_ROUNDINGS, LeakRounding
from tests.support.networks import RESETS, proved, random_group, random_weights
from tests.support.thinned import slow


def run_and_watch(
    group: QuantizedGroup, weights: np.ndarray, trains: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Drive neuron n with ``trains[:, n]``; its extremes over states, partial sums and traces.

    ``trains`` is bool (time, neuron, address).
    """
    state = group.bias.astype(np.int64)
    low, high = state.copy(), state.copy()
    for step in trains:
        sums = np.cumsum((weights.astype(np.int64) << group.fractional_bits) * step, axis=1) + state[:, None]
        v, _, state, _ = tick(group, sums[:, -1])
        seen = np.column_stack([sums, v, state])
        low, high = np.minimum(low, seen.min(axis=1)), np.maximum(high, seen.max(axis=1))
    return low, high


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(RESETS),
    decay=st.sampled_from(
        [(1, 0), (1, 1), (1, 4), (3, 4), (13, 8), (1, 8), (5, 12), (13, 17), (7, 24), None]
    ),
    clamped=st.booleans(),
    fractional_bits=st.integers(0, 3),
    rounding=st.sampled_from(LEAK_ROUNDINGS),
)
def test_no_spike_train_leaves_the_interval(
    seed: int,
    kind: tuple,
    decay: tuple[int, int] | None,
    clamped: bool,
    fractional_bits: int,
    rounding: LeakRounding,
) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, 3, 5, 4)
    group = random_group(
        rng,
        "g",
        [weights],
        reset=kind[0],
        reset_delay=kind[1],
        leak=decay,
        clamped=clamped,
        fractional_bits=fractional_bits,
        leak_rounding=rounding,
    )
    interval = proved(group, [weights])
    assert interval is not None
    # Random trains of every density, and each neuron's own best and worst inputs all the time.
    rates = rng.random((3, 5)) ** rng.integers(1, 4)
    for trains in (
        rng.random((60, 3, 5)) < rates,
        np.tile(weights > 0, (60, 1, 1)),
        np.tile(weights < 0, (60, 1, 1)),
    ):
        low, high = run_and_watch(group, weights, trains)
        assert (interval.low <= low).all()
        assert (high <= interval.high).all()
    bound = 2 ** (group.v_bits - 1)
    assert interval.low.min() >= -bound
    assert interval.high.max() < bound


@pytest.mark.parametrize("decay", [(1, 1), (1, 4), (13, 8), (1, 6)])
@pytest.mark.parametrize("kind", RESETS)
def test_width_is_within_two_bits_of_what_is_reached(kind: tuple, decay: tuple[int, int]) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        weights = random_weights(rng, 4, 12, 6)
        group = random_group(rng, "g", [weights], reset=kind[0], reset_delay=kind[1], leak=decay)
        interval = proved(group, [weights])
        assert interval is not None
        _, high = run_and_watch(group, weights, np.tile(weights > 0, (400, 1, 1)))
        low, _ = run_and_watch(group, weights, np.tile(weights < 0, (400, 1, 1)))
        assert interval.bits() <= Interval(low, high).bits() + 2


@pytest.mark.parametrize("decay", [(1, 9), (3, 10), slow(((5, 12),))])
@pytest.mark.parametrize("kind", RESETS)
def test_a_slow_leak_is_bounded_as_by_patience(
    kind: tuple, decay: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Setting the interval ahead finds what growing it step by step finds, or hardly more."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        weights = random_weights(rng, 4, 12, 6)
        group = random_group(rng, "g", [weights], reset=kind[0], reset_delay=kind[1], leak=decay)
        ahead = proved(group, [weights])
        with monkeypatch.context() as patient:
            patient.setattr(bounds, "SLOW_LEAK", 0)
            exact = proved(group, [weights])
        assert ahead is not None
        assert exact is not None
        assert (ahead.low <= exact.low).all()
        assert (exact.high <= ahead.high).all()
        wider = (ahead.high - ahead.low) / (exact.high - exact.low)
        assert wider.max() < 1.05
        assert ahead.bits() <= exact.bits() + 1


def test_a_slow_leak_takes_no_time() -> None:
    """Step by step, a leak of 7 / 2**24 would take tens of millions of rounds."""
    interval = state_interval(
        Interval(np.array([-3]), np.array([4])),
        leak_numerator=7,
        leak_shift=24,
        bias=np.array([0]),
        threshold=np.array([2**40]),
        reset="none",
        reset_delay=False,
        reset_amount=np.array([0]),
        reset_value=np.array([0]),
        clamp=None,
    )
    assert interval is not None
    # 4 steps leak at 4 * 2**24 / 7 = 9,586,980.57; a loss rounded down asks for up to a step more.
    assert 9_586_981 <= interval.high[0] - 4 <= 9_586_981 * 1.3
    assert -9_586_981 * 1.3 <= interval.low[0] <= -3 * 2**24 / 7 * 0.6


def test_integrator_without_leak_has_no_bound_but_a_clamp_gives_one() -> None:
    rng = np.random.default_rng(0)
    weights = random_weights(rng, 2, 6, 4)
    group = random_group(rng, "g", [weights], leak=None)
    assert (group.v_low, group.v_high) != (None, None)
    assert proved(replace(group, v_low=None, v_high=None), [weights]) is None
    assert proved(group, [weights]) is not None


def test_interval_of_one_neuron_by_hand() -> None:
    """Decay 1/2, inputs from -3 to +4, threshold out of reach: v' = v - (v >> 1)."""
    interval = state_interval(
        Interval(np.array([-3]), np.array([4])),
        leak_numerator=1,
        leak_shift=1,
        bias=np.array([0]),
        threshold=np.array([100]),
        reset="none",
        reset_delay=False,
        reset_amount=np.array([0]),
        reset_value=np.array([0]),
        clamp=None,
    )
    # Highest state s = ceil((s + 4) / 2): 4 stays at 4; lowest s = ceil((s - 3) / 2): -2 stays at -2.
    assert interval is not None
    assert (int(interval.low[0]), int(interval.high[0])) == (-5, 8)
    assert interval.bits() == 5


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-2, 1, 2), (-3, 0, 3), (0, 127, 8), (-128, 0, 8), (-129, 0, 9)],
)
def test_bits_of_an_interval(low: int, high: int, bits: int) -> None:
    assert Interval(np.array([low]), np.array([high])).bits() == bits


@given(st.integers(-(2**30), 2**30), st.integers(0, 12), st.data())
def test_leak_floors_and_moves_toward_zero(v: int, shift: int, data: st.DataObject) -> None:
    numerator = data.draw(st.integers(0, 2**shift))
    left = int(leak(np.array([v]), numerator, shift)[0])
    assert left == v - (v * numerator) // 2**shift
    assert abs(left) <= abs(v)
    kept = int(leak(np.array([v]), numerator, shift, "zero")[0])
    assert kept == int(Fraction(v * (2**shift - numerator), 2**shift))
