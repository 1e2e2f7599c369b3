"""One neuron group's recurrence in torch, without autograd: exact, and with what its gradient needs.

Biases are part of the drive here. That is the same recurrence: a stored state plus a bias, plus the next
step's input, is the stored state plus an input that has the bias in it.
"""

from typing import Any

import torch
from torch import Tensor

from qsnn_hw.finetune.group import Integers
from qsnn_hw.quantize.network import QuantizedGroup
from qsnn_hw.support.choices import LeakRounding

EXACT_FLOAT32 = 2**23
"""Half of what float32 holds exactly; the other half is for the terms of one sum."""


class Cell:
    """One group over a batch of samples.

    Parameters
    ----------
    group
        Its constants.
    integers
        Its trained integers.
    batch
        Samples side by side.
    dtype
        float32 or float64, of all potentials.
    keep
        Whether a gradient will be wanted.

    Attributes
    ----------
    threshold, amount, width, leak, current_leak
        Its constants in ``dtype``; ``current_leak`` is None without a current.
    met
        Potentials as they met the threshold, one (batch, n) per step.
    passed, going_on, ready
        Per step, or empty where always 1: what the clamps and drops before the comparison let
        through, what the reset left of the potential, and 0 for neurons that were refractory.
    """

    def __init__(
        self, group: QuantizedGroup, integers: Integers, batch: int, dtype: torch.dtype, keep: bool
    ) -> None:
        self.group, self.dtype, self._keep = group, dtype, keep
        self.threshold, self.amount = integers.threshold.to(dtype), integers.amount.to(dtype)
        self.width = integers.width.to(dtype)
        self._value = integers.reset_value.to(dtype)
        self._v_min = None if integers.v_min is None else integers.v_min.to(dtype)
        self._steady = None if integers.steady is None else integers.steady.to(dtype)
        self.leak = _fraction(group.numerator, group.leak_shift, dtype)
        self._most_leak = float(self.leak.max()) * 2.0**group.leak_shift
        shape = (batch, group.size)
        self._state = torch.zeros(shape, dtype=dtype)
        if self._steady is not None:
            self._state = self._state + self._steady
        self.current_leak: Tensor | None = None
        if group.current_leak_numerator is not None:
            self.current_leak = _fraction(group.current_leak_numerator, group.current_leak_shift, dtype)
            self._current = torch.zeros(shape, dtype=dtype)
            self._most_leak = max(self._most_leak, float(group.current_leak_numerator.max()))
        self._over: Tensor | None = None
        self._silent = torch.zeros(shape) if group.refractory else None
        self.met: list[Tensor] = []
        self._currents: list[Tensor] = []
        self.passed: list[Tensor] = []
        self.going_on: list[Tensor] = []
        self.ready: list[Tensor] = []

    def step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes (float32) and traced potential of one time step, (sample, n); ``x`` is the drive."""
        group = self.group
        if self.current_leak is not None:
            x = self._current + x
            self._currents.append(x)
            self._current = leaked(x, self.current_leak, group.leak_rounding)
        v = self._state + x
        passed: Tensor | None = None
        if group.reset_drops_input:
            passed = torch.ones_like(v) if self._over is None else 1 - self._over
            v = v * passed
        if group.v_low is not None and group.v_high is not None:
            free = v
            v = v.clamp(group.v_low, group.v_high)
            passed = _times(passed, (free == v).to(self.dtype))
        self.met.append(v)
        fired = self._fire(v)
        count = fired
        if group.multi_spike:
            count = (v / self.amount).floor_().clamp_(max=group.max_spikes).mul_(fired)
        v, going_on = self._retest(v, fired, count) if group.reset_retest else self._plain(v, fired, count)
        if self._keep:
            if passed is not None:
                self.passed.append(passed)
            if going_on is not None:
                self.going_on.append(going_on)
        return count.to(torch.float32), v

    def _fire(self, v: Tensor) -> Tensor:
        if self.group.readout:
            return torch.zeros_like(v)
        fired = (v >= self.threshold).to(self.dtype)
        if self._silent is not None:
            ready = (self._silent == 0).to(self.dtype)
            if self._keep:
                self.ready.append(ready)
            fired.mul_(ready)
            left = (self._silent - 1).clamp_(min=0)
            self._silent = torch.where(fired > 0, float(self.group.refractory), left)
        return fired

    def _plain(self, v: Tensor, fired: Tensor, count: Tensor) -> tuple[Tensor, Tensor | None]:
        """The traced potential, and what share of the potential goes on to the next step."""
        group = self.group
        going_on: Tensor | None = None
        if group.reset == "value":
            going_on = 1 - fired
        if not group.reset_delay:
            if group.reset == "subtract":
                v = v - count * self.amount
            elif group.reset == "value":
                v = torch.where(fired > 0, self._value, v)
        v, going_on = self._floor(v, going_on)
        after = torch.where(fired > 0, self._value, v) if group.reset == "value" and group.reset_delay else v
        self._set_state(after)
        if group.reset_delay and group.reset == "subtract":
            self._state = self._state - fired * self.amount
        self._over = fired
        return v, going_on

    def _retest(self, v: Tensor, fired: Tensor, count: Tensor) -> tuple[Tensor, Tensor | None]:
        group = self.group
        due = count if self._over is None else count - self._over
        going_on: Tensor | None = None
        if group.reset == "subtract":
            v = v - due * self.amount
        else:
            going_on = 1 - due
            v = v * going_on
        v, going_on = self._floor(v, going_on)
        over = fired if group.refractory else (v >= self.threshold).to(v.dtype)
        if group.reset == "value":
            going_on = _times(going_on, 1 - over)
            self._set_state(v * (1 - over))
        else:
            self._set_state(v)
            self._state = self._state - over * self.amount
        self._over = over
        return v, going_on

    def _floor(self, v: Tensor, going_on: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self._v_min is None:
            return v, going_on
        return torch.maximum(v, self._v_min), _times(going_on, (v > self._v_min).to(v.dtype))

    def _set_state(self, v: Tensor) -> None:
        self._state = leaked(v, self.leak, self.group.leak_rounding)
        if self._steady is not None:
            self._state += self._steady

    def is_exact(self) -> bool:
        """Whether every potential so far was small enough for ``dtype`` to be exact."""
        if self.dtype == torch.float64:
            return True
        limit = EXACT_FLOAT32 / (2 * max(1.0, self._most_leak))
        seen = [torch.stack(x).abs_().max() for x in (self.met, self._currents) if x]
        return all(float(x) < limit for x in seen)


def leaked(v: Tensor, leak: Tensor, rounding: LeakRounding = "floor") -> Tensor:
    """``v`` less its loss for ``leak = numerator / 2**shift``: the quotient is exact."""
    lost = v * leak
    return v - (lost.floor_() if rounding == "floor" else torch.where(v > 0, lost.ceil(), lost.floor()))


def _times(one: Tensor | None, other: Tensor) -> Tensor:
    return other if one is None else one * other


def _fraction(numerator: Any, shift: int, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(numerator).to(dtype) / 2.0**shift
