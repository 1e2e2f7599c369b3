"""How wide a potential must be: interval arithmetic on the integer update, from worst-case fan-in.

No data is involved. The interval holds for every possible spike train, so a register of the
returned width never overflows and the order in which events are added cannot matter.
"""

from dataclasses import dataclass

import numpy as np

# The interval of a leaky group converges geometrically; the slowest leak, 1/256, needs about
# 256 * ln(2**40) = 7100 rounds. A group that has not settled by then is unbounded for our purpose.
_MAX_ROUNDS = 20_000
_ROUNDS_WITHOUT_LEAK = 16


@dataclass(frozen=True)
class Interval:
    """Inclusive integer bounds per neuron, int64 arrays of shape (n,)."""

    low: np.ndarray
    high: np.ndarray

    def bits(self) -> int:
        """The signed width that holds every value of the interval."""
        low, high = int(self.low.min(initial=0)), int(self.high.max(initial=0))
        return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1


def leak(v: np.ndarray, numerator: int, shift: int) -> np.ndarray:
    """The potential after one step's leak: ``v - ((v * numerator) >> shift)``, floor shift."""
    return v - ((v * numerator) >> shift)


def state_interval(
    fan_in: Interval,
    *,
    leak_numerator: int,
    leak_shift: int,
    bias: np.ndarray,
    threshold: np.ndarray,
    reset: str,
    reset_delay: bool,
    reset_amount: np.ndarray,
    reset_value: np.ndarray,
    clamp: tuple[int, int] | None,
) -> Interval | None:
    """Bound the stored state together with every partial sum of one step.

    Parameters
    ----------
    fan_in
        The least and greatest sum one step's events can add, in potential steps (low <= 0 <= high).
    clamp
        (v_low, v_high) applied once per step, or None.

    Returns
    -------
    Interval or None
        None when the bound does not settle (an integrator without leak and without a clamp).
    """
    state_low, state_high = bias.copy(), bias.copy()
    # Without leak every round adds the same step, so what has not settled soon never will.
    rounds = _MAX_ROUNDS if leak_numerator or clamp is not None else _ROUNDS_WITHOUT_LEAK
    for _ in range(rounds):
        low, high = state_low + fan_in.low, state_high + fan_in.high
        if clamp is not None:
            low, high = np.clip(low, *clamp), np.clip(high, *clamp)
        # Leak is monotone, so interval ends map to interval ends. Neurons that stay silent:
        silent_high = leak(np.minimum(high, threshold - 1), leak_numerator, leak_shift)
        next_low = leak(low, leak_numerator, leak_shift)
        next_high = np.where(low < threshold, silent_high, np.iinfo(np.int64).min)
        # Neurons that fire have v in [max(low, threshold), high], where that is not empty.
        can_fire = high >= threshold
        fired_low, fired_high = np.maximum(low, threshold), high
        if reset == "value":
            fired_low = fired_high = leak(reset_value, leak_numerator, leak_shift)
        elif reset == "subtract" and not reset_delay:
            fired_low = leak(fired_low - reset_amount, leak_numerator, leak_shift)
            fired_high = leak(fired_high - reset_amount, leak_numerator, leak_shift)
        else:
            kick = reset_amount if reset == "subtract" else 0
            fired_low = leak(fired_low, leak_numerator, leak_shift) - kick
            fired_high = leak(fired_high, leak_numerator, leak_shift) - kick
        next_low = np.where(can_fire, np.minimum(next_low, fired_low), next_low) + bias
        next_high = np.where(can_fire, np.maximum(next_high, fired_high), next_high) + bias
        grown_low, grown_high = np.minimum(state_low, next_low), np.maximum(state_high, next_high)
        if (grown_low == state_low).all() and (grown_high == state_high).all():
            # Traced potentials lie between the partial sums and their reset values.
            trace_low = np.minimum(state_low + fan_in.low, reset_value if reset == "value" else 0)
            trace_high = np.maximum(state_high + fan_in.high, reset_value if reset == "value" else 0)
            return Interval(trace_low, trace_high)
        state_low, state_high = grown_low, grown_high
    return None
