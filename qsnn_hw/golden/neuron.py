"""One neuron group over a batch of samples, in place: the recurrence of ``quantize/network.py``.

State lives in one array per variable and every operation reuses it, because at 10,000 samples the
memory traffic of temporaries costs more than the arithmetic.
"""

import numpy as np

from qsnn_hw.quantize.network import QuantizedGroup


def state_dtype(group: QuantizedGroup) -> type[np.signedinteger]:
    """int32 where the proved width and the leak's product fit it, else int64."""
    widest = max(group.v_bits, group.current_bits) + 1
    loss = int(np.max(group.numerator)).bit_length()
    if group.current_leak_numerator is not None:
        loss = max(loss, int(group.current_leak_numerator.max()).bit_length())
    return np.int32 if widest + loss <= 32 else np.int64


class GroupState:
    """The state of a group over a batch, and its step.

    Parameters
    ----------
    group
        Integer parameters.
    batch
        Samples that run side by side.

    Attributes
    ----------
    dtype
        Of all potentials.
    v
        The traced potential of the last step, (batch, n).
    saturated
        How often each neuron's potential, or its current, met its clamp so far, int64, (n,).
    """

    def __init__(self, group: QuantizedGroup, batch: int) -> None:
        self.dtype = state_dtype(group)
        self._group = group
        shape = (batch, group.size)
        self._bias = group.bias.astype(self.dtype)
        self._threshold = group.threshold.astype(self.dtype)
        self._amount = group.reset_amount.astype(self.dtype)
        self._value = group.reset_value.astype(self.dtype)
        self._numerator = _as_dtype(group.numerator, self.dtype)
        self._v_min = None if group.v_min is None else group.v_min.astype(self.dtype)
        self._scratch = np.empty(shape, self.dtype)
        self._current: np.ndarray | None = None
        if group.current_leak_numerator is not None and group.current_bias is not None:
            self._current_loss = group.current_leak_numerator.astype(self.dtype)
            self._current_bias = group.current_bias.astype(self.dtype)
            self._current = np.broadcast_to(self._current_bias, shape).copy()
        self._silent = np.zeros(shape, np.int32) if group.refractory else None
        self._over: np.ndarray | None = None
        self._has_bias = bool(self._bias.any())
        self._state = np.broadcast_to(self._bias, shape).copy()
        if group.start is not None:
            self._state = self._leaked(group.start.astype(self.dtype), self._state)
        self.v = self._state
        self.saturated = np.zeros(group.size, np.int64)

    def step(self, x: np.ndarray) -> np.ndarray:
        """Advance one time step.

        Parameters
        ----------
        x
            The step's weighted sum in potential steps, (batch, n), any integer or exact floating
            type.

        Returns
        -------
        numpy.ndarray
            Spikes, bool or uint8 (several per step), (batch, n).
        """
        group, v = self._group, self._state
        if self._current is not None:
            self._current += x.astype(self.dtype, copy=False)
            if group.current_low is not None and group.current_high is not None:
                self._clamp(self._current, group.current_low, group.current_high)
            v += self._current
            self._leak_current()
        else:
            v += x.astype(self.dtype, copy=False)
        if group.reset_drops_input and self._over is not None:
            v[self._over] = 0
        if group.v_low is not None and group.v_high is not None:
            self._clamp(v, group.v_low, group.v_high)
        fired = np.zeros(v.shape, bool) if group.readout else v >= self._threshold
        if self._silent is not None:
            fired &= self._silent == 0
            np.maximum(self._silent - 1, 0, out=self._silent)
            self._silent[fired] = group.refractory
        spikes = self._counts(v, fired) if group.multi_spike else fired
        reset = self._retest if group.reset_retest else self._plain
        self._state = reset(v, fired, spikes)
        return spikes

    def _clamp(self, values: np.ndarray, low: int, high: int) -> None:
        """Saturate in place, and count."""
        clamped = np.clip(values, low, high, out=self._scratch)
        self.saturated += np.count_nonzero(clamped != values, axis=0)
        values[...] = clamped

    def _counts(self, v: np.ndarray, fired: np.ndarray) -> np.ndarray:
        counts = np.zeros(v.shape, np.uint8)
        # Few neurons fire, and integer division is the slowest operation here.
        at = np.nonzero(fired)
        counts[at] = np.minimum(v[at] // self._amount[at[-1]], self._group.max_spikes)
        return counts

    def _plain(self, v: np.ndarray, fired: np.ndarray, spikes: np.ndarray) -> np.ndarray:
        """Reset, trace and leave the next state."""
        group, scratch = self._group, self._scratch
        if not group.reset_delay:
            self._apply_reset(v, fired, spikes)
        if self._v_min is not None:
            np.maximum(v, self._v_min, out=v)
        self.v = v
        if group.reset == "value" and group.reset_delay:
            v = np.where(fired, self._value, v)
        # The traced potential must survive, so the state moves to the other buffer.
        state = self._leaked(v, scratch)
        if group.reset_delay and group.reset == "subtract":
            state -= fired * self._amount
        self._over = fired if group.reset_drops_input else None
        self._scratch = self.v
        return state

    def _apply_reset(self, v: np.ndarray, fired: np.ndarray, spikes: np.ndarray) -> None:
        if self._group.reset == "subtract":
            v -= np.multiply(spikes, self._amount, out=self._scratch)
        elif self._group.reset == "value":
            np.copyto(v, self._value, where=fired)

    def _retest(self, v: np.ndarray, fired: np.ndarray, spikes: np.ndarray) -> np.ndarray:
        group = self._group
        before = np.zeros_like(fired) if self._over is None else self._over
        due = spikes.astype(self.dtype) - before
        v -= due * self._amount if group.reset == "subtract" else due * v
        if self._v_min is not None:
            np.maximum(v, self._v_min, out=v)
        over = fired if group.refractory else v >= self._threshold
        self.v = v
        left = np.where(over, self.dtype(0), v) if group.reset == "value" else v
        state = self._leaked(left, self._scratch)
        if group.reset == "subtract":
            state -= over * self._amount
        self._over = over
        self._scratch = self.v
        return state

    def _leaked(self, v: np.ndarray, out: np.ndarray) -> np.ndarray:
        """``v - loss(v) + bias``, written to ``out``."""
        np.multiply(v, self._numerator, out=out)
        self._round(out, v, self._group.leak_shift)
        np.subtract(v, out, out=out)
        if self._has_bias:
            out += self._bias
        return out

    def _round(self, product: np.ndarray, v: np.ndarray, shift: int) -> None:
        """``v`` times a numerator becomes the loss, in place."""
        if self._group.leak_rounding == "zero":
            product += (v > 0) * self.dtype((1 << shift) - 1)
        product >>= shift

    def _leak_current(self) -> None:
        assert self._current is not None
        lost = np.multiply(self._current, self._current_loss, out=self._scratch)
        self._round(lost, self._current, self._group.current_leak_shift)
        self._current -= lost
        self._current += self._current_bias


def _as_dtype(numerator: int | np.ndarray, dtype: type[np.signedinteger]) -> np.ndarray:
    return np.asarray(numerator, dtype=dtype)
