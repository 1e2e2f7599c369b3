"""One time step of interval arithmetic: from the bounds of a sum to those of what is kept of it."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.support.choices import LeakRounding

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


Ends = tuple[np.ndarray, np.ndarray]


def union(one: Ends, other: Ends) -> Ends:
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])


@dataclass(frozen=True)
class Reset:
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


Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _floor(v: np.ndarray, extras: Extras) -> np.ndarray:
    return v if extras.v_min is None else np.maximum(v, extras.v_min)


def plain_step(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, fan_in: Interval, reset: Reset, extras: Extras
) -> Step:
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


def retest_step(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, fan_in: Interval, reset: Reset, extras: Extras
) -> Step:
    """Like :func:`plain_step`; spikes and early resets may be one of each, so take both ways."""
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
