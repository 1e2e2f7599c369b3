"""One group's float state and step, in the order of operations of the source framework."""

import numpy as np

from qsnn_hw.model.network import NeuronGroup


class GroupState:
    """The state of a group over a batch; :meth:`step` advances it.

    Attributes
    ----------
    v
        Membrane potential as stored between steps, shape (batch, n).
    spikes
        What the last step emitted, same dtype and shape.
    """

    def __init__(self, group: NeuronGroup, batch: int, dtype: np.dtype) -> None:
        self._group = group
        self.spikes = np.zeros((batch, group.size), dtype)
        self.v = np.zeros_like(self.spikes)
        if group.start is not None:
            self.v = self.v + group.start.astype(dtype)
        self._decay = group.decay.astype(dtype)
        self._gain = group.input_gain.astype(dtype)
        self._unit_gain = bool(np.all(group.input_gain == 1))
        self._leak = group.leak.astype(dtype) if np.any(group.leak) else None
        self._threshold = None if group.threshold is None else group.threshold.astype(dtype)
        self._amount = None if group.amount is None else group.amount.astype(dtype)
        self._v_reset = group.v_reset.astype(dtype)
        self._current: np.ndarray | None = None
        if group.current_decay is not None and group.current_gain is not None:
            self._current = np.zeros_like(self.v)
            self._current_decay = group.current_decay.astype(dtype)
            self._current_gain = group.current_gain.astype(dtype)
            self._unit_current = bool(np.all(group.current_gain == 1))
        self._silent = np.zeros(self.v.shape, np.int32) if group.refractory else None
        self._began = False
        if group.relax:
            # v + a*(r*x + leak' - v): a is what the decay leaves of 1.
            rate = 1 - group.decay
            safe = np.where(rate > 0, rate, 1.0)
            self._rate = rate.astype(dtype)
            self._inner_gain = (group.input_gain / safe).astype(dtype)
            self._inner_unit = bool(np.all(np.abs(group.input_gain / safe - 1) < 1e-9))
            self._inner_leak = (group.leak / safe).astype(dtype)
            # A group that keeps everything has no rate to relax with.
            self._relaxes = bool(np.all(rate > 0))
        else:
            self._relaxes = False

    def step(self, inputs: list[np.ndarray]) -> None:
        """Advance one time step.

        Parameters
        ----------
        inputs
            One summand per projection, each (batch, n), feed-forward ones first.
        """
        group = self._group
        drive = self._synapse(inputs)
        fired = self._fired_before() if group.reset_delay or group.reset_retest else None
        self._began = True
        v = self._integrate(drive, fired)
        threshold, amount = self._threshold, self._amount
        if threshold is None or amount is None:
            self.v = v
            return
        if fired is not None and group.reset == "subtract":
            v = v - fired * amount
        self.spikes = self._fire(v, threshold)
        if not group.reset_delay:
            v = self._reset(v, amount, fired)
        if group.v_min is not None:
            v = np.maximum(v, v.dtype.type(group.v_min))
        self.v = v

    def _synapse(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        if self._current is None:
            return inputs
        current = self._current_decay * self._current
        if self._unit_current:
            for x in inputs:
                current = current + x
        elif inputs:
            current = current + self._current_gain * _total(inputs)
        self._current = current
        return [current]

    def _fired_before(self) -> np.ndarray:
        """The delayed reset: 1 where the stored potential is beyond the threshold.

        With a refractory period the spike that was really emitted counts, not the potential.
        """
        # Nothing has fired before the first step, also where a neuron starts beyond its threshold.
        if self._silent is not None or not self._began:
            return self.spikes
        assert self._threshold is not None  # only firing groups have a delayed reset
        return self._beyond(self.v, self._threshold).astype(self.v.dtype)

    def _integrate(self, drive: list[np.ndarray], fired: np.ndarray | None) -> np.ndarray:
        group = self._group
        stored = self.v
        if self._relaxes:
            x = _total(drive) if drive else np.zeros_like(stored)
            if not self._inner_unit:
                x = self._inner_gain * x
            if self._leak is not None:
                x = x + self._inner_leak
            v = stored + self._rate * (x - stored)
        else:
            # snnTorch Leaky multiplies (1 - fired) into the old potential only.
            if fired is not None and group.reset == "zero" and not group.reset_drops_input:
                stored = (1 - fired) * stored
            v = self._decay * stored
            if self._unit_gain:
                for x in drive:
                    v = v + x
            elif drive:
                v = v + self._gain * _total(drive)
            if self._leak is not None:
                v = v + self._leak
        if fired is not None and group.reset == "zero" and (group.reset_drops_input or self._relaxes):
            v = v * (1 - fired)
        return v

    def _beyond(self, v: np.ndarray, threshold: np.ndarray) -> np.ndarray:
        return v > threshold if self._group.comparison == ">" else v >= threshold

    def _fire(self, v: np.ndarray, threshold: np.ndarray) -> np.ndarray:
        beyond = self._beyond(v, threshold)
        if self._silent is not None:
            beyond &= self._silent == 0
            self._silent = np.where(beyond, self._group.refractory, np.maximum(self._silent - 1, 0))
        if self._group.multi_spike:
            several = np.trunc(v / threshold)
            if self._group.max_spikes is not None:
                several = np.minimum(several, v.dtype.type(self._group.max_spikes))
            return np.where(beyond, several, v.dtype.type(0))
        return beyond.astype(v.dtype)

    def _reset(self, v: np.ndarray, amount: np.ndarray, fired: np.ndarray | None) -> np.ndarray:
        # snnTorch undoes or repeats the early reset so that each spike resets once.
        due = self.spikes if fired is None else self.spikes - fired
        if self._group.reset == "subtract":
            return v - due * amount
        if self._group.reset == "zero":
            return v - due * v
        if self._group.reset == "v_reset":
            return (1 - due) * v + due * self._v_reset
        return v


def _total(inputs: list[np.ndarray]) -> np.ndarray:
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    return total
