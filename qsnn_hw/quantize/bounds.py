"""How wide a potential must be: interval arithmetic on the integer update, from worst-case fan-in.

No data is involved. The interval holds for every possible spike train, so a register of the
returned width never overflows and the order in which events are added cannot matter.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qsnn_hw.quantize.integers import signed_bits
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
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Interval:
    """Inclusive integer bounds per neuron, int64 arrays of shape (n,)."""

    low: np.ndarray
    high: np.ndarray

    def bits(self) -> int:
        """The signed width that holds every value of the interval."""
        return max(signed_bits(self.low), signed_bits(self.high))


def leak(
    v: np.ndarray, numerator: int | np.ndarray, shift: int, rounding: LeakRounding = "floor"
) -> np.ndarray:
    """The potential after one step's leak, int64 as ``v``; see ``quantize/network.py``."""
    lost = v * numerator
    if rounding == "zero":
        lost = lost + np.where(v > 0, (1 << shift) - 1, 0)
    return v - (lost >> shift)


@dataclass(frozen=True)
class Extras:
    """What a group does beyond leak, fire and reset; see ``quantize/network.py``.

    Parameters
    ----------
    v_min
        Lower limit after reset, shape (n,), or None.
    max_count
        The most spikes of one neuron in one step; above 1 only with several spikes per step.
    refractory, drops_input, retest
        Whether the group has them.
    """

    v_min: np.ndarray | None = None
    max_count: int = 1
    refractory: bool = False
    drops_input: bool = False
    retest: bool = False


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

    def step(low: np.ndarray, high: np.ndarray) -> _Ends:
        return leak(low + fan_in.low, *fraction) + bias, leak(high + fan_in.high, *fraction) + bias

    leap = _Leap(leak_numerator, leak_shift)
    low, high = bias.copy(), bias.copy()
    for number in range(_MAX_ROUNDS if int(leak_numerator.min()) else _ROUNDS_WITHOUT_LEAK):
        grown = _union((low, high), step(low, high))
        if _same(grown, (low, high)):
            low, high = leap.shrunk(step, bias, low, high)
            return Interval(low + fan_in.low, high + fan_in.high)
        low, high = leap.ahead(number, (low, high), grown)
    return None


_Ends = tuple[np.ndarray, np.ndarray]


def _union(one: _Ends, other: _Ends) -> _Ends:
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])


def _same(one: _Ends, other: _Ends) -> bool:
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

    def ahead(self, number: int, old: _Ends, grown: _Ends) -> _Ends:
        """What the round after ``number`` starts from."""
        if not self._slow or number % _ROUNDS_BETWEEN_LEAPS != _ROUNDS_BETWEEN_LEAPS - 1:
            return grown
        self.taken = True
        low, high = (new + (new - before) * self._reach for new, before in zip(grown, old, strict=True))
        return np.maximum(low, np.minimum(grown[0], -_FAR)), np.minimum(high, np.maximum(grown[1], _FAR))

    def shrunk(
        self,
        step: Callable[[np.ndarray, np.ndarray], _Ends],
        bias: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
    ) -> _Ends:
        """A smaller interval around ``bias`` that a step does not leave either; itself without a leap."""
        for _ in range(_SHRINKING_ROUNDS if self.taken else 0):
            least, most = _union(step(low, high), (bias, bias))
            smaller = np.maximum(low, least), np.minimum(high, most)
            if _same(smaller, (low, high)) or not _same(_union(smaller, step(*smaller)), smaller):
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
    reset_group = _Reset(reset, reset_delay, reset_amount, reset_value, *leaks_as, bias)
    first = bias if start is None else reset_group.leak(start) + bias
    state_low, state_high = first.copy(), first.copy()
    begin = (first, first) if start is None else (np.minimum(first, start), np.maximum(first, start))
    trace_low, trace_high = begin
    # Without leak every round adds the same step, so what has not settled soon never will.
    leaks = bool(np.all(np.asarray(leak_numerator) > 0))
    rounds = _MAX_ROUNDS if leaks else _ROUNDS_WITHOUT_LEAK
    low_grows = high_grows = np.zeros(bias.shape, bool)
    leap = _Leap(leak_numerator, leak_shift)
    step = _retest_step if extras.retest else _plain_step

    def ends(state_low: np.ndarray, state_high: np.ndarray) -> _Ends:
        """The least and greatest sum of a step."""
        low, high = state_low + fan_in.low, state_high + fan_in.high
        if extras.drops_input:
            low, high = np.minimum(low, 0), np.maximum(high, 0)
        return (low, high) if clamp is None else (np.clip(low, *clamp), np.clip(high, *clamp))

    def stepped(state_low: np.ndarray, state_high: np.ndarray) -> _Ends:
        return step(*ends(state_low, state_high), threshold, fan_in, reset_group, extras)[:2]

    for number in range(rounds if clamp is None else rounds + _ROUNDS_WITHOUT_LEAK):
        low, high = ends(state_low, state_high)
        if clamp is not None and number >= rounds:
            # What still grows ends at the clamp; from there nothing can grow further.
            low, high = np.where(low_grows, clamp[0], low), np.where(high_grows, clamp[1], high)
        next_low, next_high, seen_low, seen_high = step(low, high, threshold, fan_in, reset_group, extras)
        grown = _union((state_low, state_high), (next_low, next_high))
        trace_low, trace_high = np.minimum(trace_low, seen_low), np.maximum(trace_high, seen_high)
        if _same(grown, (state_low, state_high)):
            if leap.taken:
                state_low, state_high = leap.shrunk(stepped, first, state_low, state_high)
                seen = step(*ends(state_low, state_high), threshold, fan_in, reset_group, extras)[2:]
                trace_low, trace_high = _union(begin, seen)
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


@dataclass(frozen=True)
class _Reset:
    """The parameters that lead from a traced potential to the next state."""

    kind: str
    delay: bool
    amount: np.ndarray
    value: np.ndarray
    leak_numerator: int | np.ndarray
    leak_shift: int
    leak_rounding: LeakRounding
    bias: np.ndarray

    def leak(self, v: np.ndarray) -> np.ndarray:
        return leak(v, self.leak_numerator, self.leak_shift, self.leak_rounding)


_Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _floor(v: np.ndarray, extras: Extras) -> np.ndarray:
    return v if extras.v_min is None else np.maximum(v, extras.v_min)


def _plain_step(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, fan_in: Interval, reset: _Reset, extras: Extras
) -> _Step:
    """(next low, next high) of the state and (low, high) of the traced potential."""
    # Leak is monotone, so interval ends map to interval ends. Neurons that stay silent:
    silent_high = high if extras.refractory else np.minimum(high, threshold - 1)
    silent_high, silent_low = _floor(silent_high, extras), _floor(low, extras)
    next_low = reset.leak(silent_low)
    can_be_silent = (low < threshold) | extras.refractory
    next_high = np.where(can_be_silent, reset.leak(silent_high), _NEVER)
    # Neurons that fire have v in [max(low, threshold), high], where that is not empty.
    can_fire = high >= threshold
    fired_low, fired_high = np.maximum(low, threshold), high
    seen_low, seen_high = np.minimum(silent_low, 0), silent_high
    if extras.max_count > 1:
        # What stays after floor(v / amount) spikes is below one amount, but for the limit's rest.
        fired_high = np.maximum(reset.amount - 1, fired_high - extras.max_count * reset.amount)
        fired_low, fired_high = _floor(np.zeros_like(low), extras), _floor(fired_high, extras)
        seen_high = np.where(can_fire, np.maximum(seen_high, fired_high), seen_high)
        fired_low, fired_high = reset.leak(fired_low), reset.leak(fired_high)
    elif reset.kind == "value":
        value = reset.value if reset.delay else _floor(reset.value, extras)
        fired_low = fired_high = reset.leak(value)
    elif reset.kind == "subtract" and not reset.delay:
        fired_low = _floor(fired_low - reset.amount, extras)
        fired_high = _floor(fired_high - reset.amount, extras)
        # A threshold below the amount, or below 0, leaves less than any neuron that stays silent.
        seen_low = np.where(can_fire, np.minimum(seen_low, fired_low), seen_low)
        seen_high = np.where(can_fire, np.maximum(seen_high, fired_high), seen_high)
        fired_low, fired_high = reset.leak(fired_low), reset.leak(fired_high)
    else:
        kick = reset.amount if reset.kind == "subtract" else 0
        fired_low = reset.leak(_floor(fired_low, extras)) - kick
        fired_high = reset.leak(_floor(fired_high, extras)) - kick
    next_low = np.where(can_fire, np.minimum(next_low, fired_low), next_low) + reset.bias
    next_high = np.where(can_fire, np.maximum(next_high, fired_high), next_high) + reset.bias
    return next_low, next_high, seen_low, seen_high


def _retest_step(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, fan_in: Interval, reset: _Reset, extras: Extras
) -> _Step:
    """Like :func:`_plain_step`; spikes and early resets may be one of each, so take both ways."""
    silent_high = high if extras.refractory else np.minimum(high, threshold - 1)
    if reset.kind == "subtract":
        # Fired: one amount (or several) off; reset early without firing: one amount back on.
        stored_low = np.minimum(low, np.maximum(low, threshold) - extras.max_count * reset.amount)
        stored_high = np.maximum(silent_high + reset.amount, high)
        kick = reset.amount
    else:
        # Reset early without firing doubles what the reset left: bias and this step's input.
        stored_low = np.minimum(low, np.minimum(2 * (reset.bias + fan_in.low), 0))
        stored_high = np.maximum(high, np.maximum(2 * (reset.bias + fan_in.high), 0))
        kick = np.zeros_like(low)
    stored_low, stored_high = _floor(stored_low, extras), _floor(stored_high, extras)
    below_high = stored_high if extras.refractory else np.minimum(stored_high, threshold - 1)
    next_low, next_high = reset.leak(stored_low), reset.leak(below_high)
    can_reset = stored_high >= threshold
    if reset.kind == "subtract":
        start = stored_low if extras.refractory else np.maximum(stored_low, threshold)
        reset_low, reset_high = reset.leak(start) - kick, reset.leak(stored_high) - kick
    else:
        reset_low = reset_high = np.zeros_like(low)
    next_low = np.where(can_reset, np.minimum(next_low, reset_low), next_low) + reset.bias
    next_high = np.where(can_reset, np.maximum(next_high, reset_high), next_high) + reset.bias
    return next_low, next_high, stored_low, stored_high
