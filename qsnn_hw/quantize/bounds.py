"""How wide a potential must be: interval arithmetic on the integer update, from worst-case fan-in.

No data is involved. The interval holds for every possible spike train, so a register of the
returned width never overflows and the order in which events are added cannot matter.
"""

from collections.abc import Callable

import numpy as np

from qsnn_hw.quantize.interval_step import Ends, Extras, Interval, Reset, leak, plain_step, retest_step, union
from qsnn_hw.support.choices import LeakRounding

# The interval of a leaky group converges geometrically; a leak of 1/256 needs about
# 256 * ln(2**40) = 7100 rounds. A group that has not settled by then is unbounded for our purpose.
_MAX_ROUNDS = 20_000
# A slower leak would need millions. There what still grows is set ahead, every few rounds, to where its
# growth would end. Any interval that a step does not leave is a proof, however it was found; one
# that was set too far shrinks again in a few steps.
SLOW_LEAK = 1 / 256
_ROUNDS_BETWEEN_LEAPS = 8
_SHRINKING_ROUNDS = 64
# Further than every width that is allowed, and still safe to multiply by a leak's numerator.
_FAR = np.int64(1) << 38
_ROUNDS_WITHOUT_LEAK = 16


def current_interval(
    fan_in: Interval,
    *,
    leak_numerator: np.ndarray,
    leak_shift: int,
    bias: np.ndarray,
    leak_rounding: LeakRounding = "floor",
) -> Interval | None:
    """Bound a synaptic current after its input, partial sums included; None when it does not settle."""

    fraction = leak_numerator, leak_shift, leak_rounding

    def step(low: np.ndarray, high: np.ndarray) -> Ends:
        return leak(low + fan_in.low, *fraction) + bias, leak(high + fan_in.high, *fraction) + bias

    leap = _Leap(leak_numerator, leak_shift)
    low, high = bias.copy(), bias.copy()
    for number in range(_MAX_ROUNDS if int(leak_numerator.min()) else _ROUNDS_WITHOUT_LEAK):
        grown = union((low, high), step(low, high))
        if _same(grown, (low, high)):
            low, high = leap.shrunk(step, bias, low, high)
            return Interval(low + fan_in.low, high + fan_in.high)
        low, high = leap.ahead(number, (low, high), grown)
    return None


def _same(one: Ends, other: Ends) -> bool:
    return bool((one[0] == other[0]).all() and (one[1] == other[1]).all())


class _Leap:
    """Takes an interval that grows by slow leaks to where it ends.

    Parameters
    ----------
    numerator, shift
        Of the leak. Where it is not slow, nothing is taken anywhere.
    """

    def __init__(self, numerator: int | np.ndarray, shift: int) -> None:
        self._slow = 0 < int(np.min(numerator)) < SLOW_LEAK * 2**shift
        # What grows by one step per round ends this many steps ahead.
        self._reach = -(-(1 << shift) // np.maximum(numerator, 1))
        self.taken = False

    def ahead(self, number: int, old: Ends, grown: Ends) -> Ends:
        """What the round after ``number`` starts from."""
        if not self._slow or number % _ROUNDS_BETWEEN_LEAPS != _ROUNDS_BETWEEN_LEAPS - 1:
            return grown
        self.taken = True
        low, high = (new + (new - before) * self._reach for new, before in zip(grown, old, strict=True))
        return np.maximum(low, np.minimum(grown[0], -_FAR)), np.minimum(high, np.maximum(grown[1], _FAR))

    def shrunk(
        self,
        step: Callable[[np.ndarray, np.ndarray], Ends],
        bias: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
    ) -> Ends:
        """A smaller interval around ``bias`` that a step does not leave either; itself without a leap."""
        for _ in range(_SHRINKING_ROUNDS if self.taken else 0):
            least, most = union(step(low, high), (bias, bias))
            smaller = np.maximum(low, least), np.minimum(high, most)
            if _same(smaller, (low, high)) or not _same(union(smaller, step(*smaller)), smaller):
                break
            low, high = smaller
        return low, high


def state_interval(
    fan_in: Interval,
    *,
    leak_numerator: int | np.ndarray,
    leak_shift: int,
    bias: np.ndarray,
    threshold: np.ndarray,
    reset: str,
    reset_delay: bool,
    reset_amount: np.ndarray,
    reset_value: np.ndarray,
    clamp: tuple[int, int] | None,
    extras: Extras | None = None,
    leak_rounding: LeakRounding = "floor",
    start: np.ndarray | None = None,
) -> Interval | None:
    """Bound the stored state together with every partial sum of one step.

    Parameters
    ----------
    fan_in
        The least and greatest sum one step's events can add, in potential steps; for a group with
        a synaptic current, the least and greatest current.
    clamp
        (v_low, v_high) applied once per step, or None.
    extras
        What else the group does; None for nothing.
    start
        The potential before the first step, shape (n,), or None for 0.

    Returns
    -------
    Interval or None
        None when the bound does not settle (an integrator without leak and without a clamp).
    """
    extras = extras or Extras()
    leaks_as = leak_numerator, leak_shift, leak_rounding
    reset_group = Reset(reset, reset_delay, reset_amount, reset_value, *leaks_as, bias)
    first = bias if start is None else reset_group.leak(start) + bias
    state_low, state_high = first.copy(), first.copy()
    begin = (first, first) if start is None else (np.minimum(first, start), np.maximum(first, start))
    trace_low, trace_high = begin
    # Without leak every round adds the same step, so what has not settled soon never will.
    leaks = bool(np.all(np.asarray(leak_numerator) > 0))
    rounds = _MAX_ROUNDS if leaks else _ROUNDS_WITHOUT_LEAK
    low_grows = high_grows = np.zeros(bias.shape, bool)
    leap = _Leap(leak_numerator, leak_shift)
    step = retest_step if extras.retest else plain_step

    def ends(state_low: np.ndarray, state_high: np.ndarray) -> Ends:
        """The least and greatest sum of a step."""
        low, high = state_low + fan_in.low, state_high + fan_in.high
        if extras.drops_input:
            low, high = np.minimum(low, 0), np.maximum(high, 0)
        return (low, high) if clamp is None else (np.clip(low, *clamp), np.clip(high, *clamp))

    def stepped(state_low: np.ndarray, state_high: np.ndarray) -> Ends:
        return step(*ends(state_low, state_high), threshold, fan_in, reset_group, extras)[:2]

    for number in range(rounds if clamp is None else rounds + _ROUNDS_WITHOUT_LEAK):
        low, high = ends(state_low, state_high)
        if clamp is not None and number >= rounds:
            # What still grows ends at the clamp; from there nothing can grow further.
            low, high = np.where(low_grows, clamp[0], low), np.where(high_grows, clamp[1], high)
        next_low, next_high, seen_low, seen_high = step(low, high, threshold, fan_in, reset_group, extras)
        grown = union((state_low, state_high), (next_low, next_high))
        trace_low, trace_high = np.minimum(trace_low, seen_low), np.maximum(trace_high, seen_high)
        if _same(grown, (state_low, state_high)):
            if leap.taken:
                state_low, state_high = leap.shrunk(stepped, first, state_low, state_high)
                seen = step(*ends(state_low, state_high), threshold, fan_in, reset_group, extras)[2:]
                trace_low, trace_high = union(begin, seen)
            # Traced potentials lie between the partial sums and their reset values.
            at_reset = reset_value if reset == "value" else np.zeros_like(bias)
            low = np.minimum(state_low, state_low + fan_in.low)
            high = np.maximum(state_high, state_high + fan_in.high)
            return Interval(
                np.minimum(np.minimum(low, at_reset), trace_low),
                np.maximum(np.maximum(high, at_reset), trace_high),
            )
        if number >= rounds - 1:
            low_grows, high_grows = low_grows | (grown[0] != state_low), high_grows | (grown[1] != state_high)
        state_low, state_high = leap.ahead(number, (state_low, state_high), grown)
    return None
