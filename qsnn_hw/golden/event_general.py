"""Event-driven neuron groups with any dynamics of ``quantize/network.py``.

A neuron is visited while something happens to it: an event, a spike, or a state that still moves
(a decaying current, a leaking potential, a refractory count). Once a visit without an event leaves
its state as it was, nothing can change before its next event, and it is left alone until then.
"""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.golden.columns import Columns
from qsnn_hw.quantize.network import QuantizedGroup


class GeneralEventGroup:
    """One neuron group that takes events one at a time.

    Parameters
    ----------
    group
        Integer parameters.
    columns
        What an event adds, for each projection into the group.

    Attributes
    ----------
    trace
        The potential each neuron's trace shows, int64, (n,).
    saturations
        How many potentials and currents met a clamp since :meth:`reset`.
    """

    def __init__(self, group: QuantizedGroup, columns: Sequence[Columns]) -> None:
        self._group = group
        self._columns = tuple(columns)
        self.saturations = 0
        self.reset()

    def reset(self) -> None:
        """Return to the state before the first step of a sample."""
        group, size = self._group, self._group.size
        self._state = group.bias.astype(np.int64).copy()
        if group.start is not None:
            begin = group.start.astype(np.int64)
            self._state += begin - _lost(group, begin, group.numerator, group.leak_shift)
        start = np.zeros(size, np.int64) if group.current_bias is None else group.current_bias
        self._current = start.astype(np.int64).copy()
        self._silent = np.zeros(size, np.int64)
        self._over = np.zeros(size, np.int64)
        self._input = np.zeros(size, np.int64)
        self._touched = np.zeros(size, bool)
        # Biases act from the first step on, so every neuron is looked at once.
        self._restless = np.ones(size, bool)
        self.trace = np.zeros(size, np.int64)

    def event(self, projection: int, address: int, count: int) -> None:
        """Add ``count`` spikes of one address of the group's ``projection``-th projection."""
        targets, values = self._columns[projection][address]
        self._input[targets] += values * count
        self._touched[targets] = True

    def tick(self) -> tuple[np.ndarray, np.ndarray]:
        """End the time step; return the addresses that fired, ascending, and how often each did."""
        at = np.flatnonzero(self._restless | self._touched)
        before = (self._state[at], self._current[at], self._silent[at], self._over[at])
        count = self._advance(at)
        after = (self._state[at], self._current[at], self._silent[at], self._over[at])
        moved = np.zeros(at.size, bool)
        for old, new in zip(before, after, strict=True):
            moved |= old != new
        self._restless[at] = moved | self._touched[at] | (count > 0)
        self._touched[at] = False
        self._input[at] = 0
        fired = count > 0
        return at[fired], count[fired]

    def _advance(self, at: np.ndarray) -> np.ndarray:
        """One step of the neurons ``at``; how many spikes each emits, int64."""
        group = self._group
        x = self._input[at]
        if group.current_leak_numerator is not None and group.current_bias is not None:
            u = self._current[at] + x
            if group.current_low is not None and group.current_high is not None:
                u = self._clamped(u, group.current_low, group.current_high)
            lost = _lost(group, u, group.current_leak_numerator[at], group.current_leak_shift)
            self._current[at] = u - lost + group.current_bias[at]
            x = u
        v = self._state[at] + x
        over = self._over[at]
        if group.reset_drops_input:
            v = np.where(over, 0, v)
        if group.v_low is not None and group.v_high is not None:
            v = self._clamped(v, group.v_low, group.v_high)
        count = self._fire(at, v)
        v, left, subtracted = self._reset(at, v, count, over)
        self.trace[at] = v
        numerator = group.numerator if isinstance(group.numerator, int) else group.numerator[at]
        lost = _lost(group, left, numerator, group.leak_shift)
        self._state[at] = left - lost + group.bias[at] - subtracted
        return count

    def _clamped(self, values: np.ndarray, low: int, high: int) -> np.ndarray:
        inside: np.ndarray = np.minimum(np.maximum(values, low), high)
        self.saturations += int(np.count_nonzero(inside != values))
        return inside

    def _fire(self, at: np.ndarray, v: np.ndarray) -> np.ndarray:
        group = self._group
        if group.readout:
            return np.zeros(at.size, np.int64)
        count = ((v >= group.threshold[at]) & (self._silent[at] == 0)).astype(np.int64)
        if group.refractory:
            waiting = np.maximum(self._silent[at] - 1, 0)
            self._silent[at] = np.where(count > 0, group.refractory, waiting)
        if group.multi_spike:
            count *= np.minimum(v // group.reset_amount[at], group.max_spikes)
        return count

    def _reset(
        self, at: np.ndarray, v: np.ndarray, count: np.ndarray, over: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | int]:
        """(traced potential, potential that leaks, what the delayed reset subtracts)."""
        group = self._group
        amount, value = group.reset_amount[at], group.reset_value[at]
        subtracts, fired = group.reset == "subtract", count > 0
        due = count - over if group.reset_retest else count
        if group.reset_retest or not group.reset_delay:
            if subtracts:
                v = v - due * amount
            elif group.reset == "value":
                v = v - due * v if group.reset_retest else np.where(fired, value, v)
        if group.v_min is not None:
            v = np.maximum(v, group.v_min[at])
        late = fired
        if group.reset_retest and not group.refractory:
            late = v >= group.threshold[at]
        if group.reset_retest or group.reset_drops_input:
            self._over[at] = late
        if not (group.reset_retest or group.reset_delay):
            return v, v, 0
        return v, np.where(late, value, v) if group.reset == "value" else v, late * amount if subtracts else 0


def _lost(group: QuantizedGroup, v: np.ndarray, numerator: int | np.ndarray, shift: int) -> np.ndarray:
    """What leaks off ``v`` in one step, int64."""
    if group.leak_rounding == "floor":
        return (v * numerator) >> shift
    # What is kept, by magnitude, loses its fraction.
    remains = (np.abs(v) * ((1 << shift) - numerator)) >> shift
    return v - np.sign(v) * remains
