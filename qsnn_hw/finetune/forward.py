"""The golden model's recurrence in torch: equal to the last bit, and differentiable.

Floating point holds every integer here exactly: float32 while a potential stays so small that its
leak's product fits 24 bits, float64 from the first batch on in which one does not.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from qsnn_hw.finetune import functions
from qsnn_hw.finetune.group import Integers, TrainableGroup
from qsnn_hw.model.network import INPUT, Network, Projection
from qsnn_hw.model.simulate import blocks
from qsnn_hw.quantize.network import QuantizedGroup
from qsnn_hw.quantize.options import MAX_SPIKES, QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize

# Half of what float32 holds exactly; the other half is for the terms of one sum.
_EXACT_FLOAT32 = 2**23


@dataclass
class Trace:
    """What one batch did: group -> (time, sample, neuron); potentials only of groups asked for."""

    spikes: dict[str, Tensor] = field(default_factory=dict)
    potentials: dict[str, Tensor] = field(default_factory=dict)


class _TooLargeError(Exception):
    """A group's potentials outgrew float32."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.group = group


class IntegerNetwork(nn.Module):
    """A network whose forward pass is integer arithmetic.

    Parameters
    ----------
    network, options
        What ``quantize`` takes; training starts from its integers.
    slope
        Of the surrogate gradient.
    move_scales
        Whether the weight scales are trained, too.

    Attributes
    ----------
    wide
        Groups that need float64, found in training.

    Raises
    ------
    UserError
        What ``quantize`` raises, or a group that :class:`TrainableGroup` refuses.
    """

    def __init__(
        self, network: Network, options: QuantizeOptions, *, slope: float = 5.0, move_scales: bool = False
    ) -> None:
        super().__init__()
        self.network, self.options, self.slope = network, options, slope
        self.quantized = quantize(network, options)
        self.trained = nn.ModuleList(
            TrainableGroup(network, self.quantized, group, options.of(group.name)) for group in network.groups
        )
        for module in self.trained:
            module.scales_move = move_scales
        self.wide: set[str] = set()
        self._order = {group.name: i for i, group in enumerate(network.groups)}
        self._blocks = blocks(network)

    def forward(self, inputs: Tensor, record: frozenset[str] = frozenset()) -> Trace:
        """Spikes, and potentials of readout groups and of those in ``record``.

        ``inputs`` holds whole spike counts, float32 of shape (time, sample, address).
        """
        while True:
            try:
                return self._run(inputs, record)
            except _TooLargeError as found:
                self.wide.add(found.group)

    def _run(self, inputs: Tensor, record: frozenset[str]) -> Trace:
        trace = Trace()
        known = {INPUT: inputs}
        for names in self._blocks:
            cells = {name: self._cell(name, inputs.shape[1]) for name in names}
            drives = {name: self._drive(name, names, cells[name], known) for name in names}
            # Indexing step by step would make each step's gradient an array of all steps.
            steps = {name: None if x is None else x.unbind(0) for name, x in drives.items()}
            loops = {name: [p for p in self.network.into(name) if p.source in names] for name in names}
            history: dict[str, list[Tensor]] = {name: [] for name in names}
            potentials: dict[str, list[Tensor]] = {name: [] for name in names}
            for step in range(inputs.shape[0]):
                for name in names:
                    cell, x = cells[name], steps[name]
                    total = None if x is None else x[step]
                    for p in loops[name]:
                        late = p.delay + (self._order[p.source] >= self._order[name])
                        if step >= late:
                            part = cell.sum(p.name, history[p.source][step - late])
                            total = part if total is None else total + part
                    spikes, v = cell.step(total)
                    history[name].append(spikes)
                    if name in record or cell.group.readout:
                        potentials[name].append(v)
            for name in names:
                cells[name].check()
                known[name] = trace.spikes[name] = torch.stack(history[name])
                if potentials[name]:
                    trace.potentials[name] = torch.stack(potentials[name])
        return trace

    def _cell(self, name: str, batch: int) -> "_Cell":
        module = self.trained[self._order[name]]
        assert isinstance(module, TrainableGroup)
        most = self.quantized.input_max if any(p.source == INPUT for p in module.projections) else 1
        if any(p.source != INPUT and self.network.group(p.source).multi_spike for p in module.projections):
            most = max(most, MAX_SPIKES)
        return _Cell(module, batch, name in self.wide, most, self.slope)

    def _drive(self, name: str, block: list[str], cell: "_Cell", known: dict[str, Tensor]) -> Tensor | None:
        """The sums of the projections from outside the loop, (time, sample, n); None without any."""
        total = None
        for p in self.network.into(name):
            if p.source not in block:
                part = cell.sum(p.name, _delayed(known[p.source], p))
                total = part if total is None else total + part
        return total

    def output(self, trace: Trace) -> Tensor:
        """What decides the class, (sample, neuron): spike counts, or a readout's summed potentials."""
        group = self.quantized.group(self.network.output)
        if not group.readout:
            return trace.spikes[group.name].sum(dim=0)
        step = torch.from_numpy(group.step)
        module = self.trained[self._order[group.name]]
        assert isinstance(module, TrainableGroup)
        if module.scales_move:
            step = step * module.relative_scale()
        return (trace.potentials[group.name] * step).sum(dim=0).to(torch.float32)


def _delayed(spikes: Tensor, p: Projection) -> Tensor:
    if not p.delay:
        return spikes
    late = torch.zeros_like(spikes)
    late[p.delay :] = spikes[: max(0, len(spikes) - p.delay)]
    return late


class _Cell:
    """One group over a batch of samples: state, step, and the proof that its numbers stayed exact."""

    def __init__(self, module: TrainableGroup, batch: int, wide: bool, most: int, slope: float) -> None:
        self.group: QuantizedGroup = module.integer
        group, made = self.group, module.integers()
        fan_in = sum(module.sizes) * module.largest * most
        self._wide_sums = fan_in >= _EXACT_FLOAT32
        constants = float(torch.maximum(made.amount.abs().max(), _largest(made)).detach())
        if self._wide_sums or (fan_in << group.fractional_bits) + 2 * constants >= _EXACT_FLOAT32:
            wide = True
        self.dtype = torch.float64 if wide else torch.float32
        self._weights = {
            p.name: w.double() if self._wide_sums else w
            for p, w in zip(module.projections, made.weights, strict=True)
        }
        self._unit = 2.0**group.fractional_bits
        self._slope = slope
        self._set_constants(made)
        self._seen: list[Tensor] = []
        shape = (batch, group.size)
        self._state = self._bias.expand(shape)
        self._current = None if self._current_bias is None else self._current_bias.expand(shape)
        self._over: Tensor | None = None
        self._silent = torch.zeros(shape) if group.refractory else None

    def _set_constants(self, made: Integers) -> None:
        group, dtype = self.group, self.dtype
        self._threshold, self._amount = made.threshold.to(dtype), made.amount.to(dtype)
        self._width, self._value = made.width.to(dtype), made.reset_value.to(dtype)
        self._v_min = None if made.v_min is None else made.v_min.to(dtype)
        drive = made.drive.to(dtype)
        self._leak = _fraction(group.numerator, group.leak_shift, dtype)
        self._most_leak = float(self._leak.max()) * 2.0**group.leak_shift
        self._current_bias: Tensor | None = None
        self._bias = drive
        if group.current_leak_numerator is not None and made.steady is not None:
            self._bias, self._current_bias = made.steady.to(dtype), drive
            self._current_leak = _fraction(group.current_leak_numerator, group.current_leak_shift, dtype)
            most = float(group.current_leak_numerator.max())
            self._most_leak = max(self._most_leak, most)

    def sum(self, projection: str, spikes: Tensor) -> Tensor:
        """The weighted sum of one projection, in potential steps."""
        weight = self._weights[projection]
        total = nn.functional.linear(spikes.to(weight.dtype), weight).to(self.dtype)
        return total if self._unit == 1 else total * self._unit

    def step(self, x: Tensor | None) -> tuple[Tensor, Tensor]:
        """Spikes (float32) and traced potential of one time step, (sample, n)."""
        group = self.group
        if self._current is not None:
            u = self._current if x is None else self._current + x
            self._watch(u)
            assert self._current_bias is not None
            self._current = functions.leaked(u, self._current_leak) + self._current_bias
            x = u
        v = self._state if x is None else self._state + x
        self._watch(v)
        if group.reset_drops_input and self._over is not None:
            v = v * (1 - self._over)
        if group.v_low is not None and group.v_high is not None:
            v = v.clamp(group.v_low, group.v_high)
        fired = self._fire(v)
        count = functions.Count.apply(v, fired, self._amount, MAX_SPIKES) if group.multi_spike else fired
        # The reset carries no gradient: through time it would only repeat the surrogate's error.
        off, taken = fired.detach(), count.detach()
        v = self._retest(v, off, taken) if group.reset_retest else self._plain(v, off, taken)
        return count.to(torch.float32), v

    def _fire(self, v: Tensor) -> Tensor:
        if self.group.readout:
            return torch.zeros_like(v)
        fired: Any = functions.Fire.apply(v, self._threshold, self._width, self._slope)
        if self._silent is not None:
            fired = fired * (self._silent == 0)
            left = (self._silent - 1).clamp(min=0)
            self._silent = torch.where(fired > 0, float(self.group.refractory), left)
        return fired

    def _plain(self, v: Tensor, off: Tensor, taken: Tensor) -> Tensor:
        group = self.group
        if not group.reset_delay:
            if group.reset == "subtract":
                v = v - taken * self._amount
            elif group.reset == "value":
                v = torch.where(off > 0, self._value, v)
        if self._v_min is not None:
            v = torch.maximum(v, self._v_min)
        kept = v
        if group.reset == "value" and group.reset_delay:
            kept = torch.where(off > 0, self._value, v)
        self._state = functions.leaked(kept, self._leak) + self._bias
        if group.reset_delay and group.reset == "subtract":
            self._state = self._state - off * self._amount
        self._over = off
        return v

    def _retest(self, v: Tensor, off: Tensor, taken: Tensor) -> Tensor:
        group = self.group
        before = torch.zeros_like(off) if self._over is None else self._over
        due = taken - before
        v = v - due * (self._amount if group.reset == "subtract" else v)
        if self._v_min is not None:
            v = torch.maximum(v, self._v_min)
        over = off if group.refractory else (v >= self._threshold).to(v.dtype)
        kept = torch.where(over > 0, torch.zeros_like(v), v) if group.reset == "value" else v
        self._state = functions.leaked(kept, self._leak) + self._bias
        if group.reset == "subtract":
            self._state = self._state - over * self._amount
        self._over = over
        return v

    def _watch(self, v: Tensor) -> None:
        if self.dtype == torch.float32:
            self._seen.append(v.detach())

    def check(self) -> None:
        """Raise _TooLargeError when a potential was too large for float32 to be exact."""
        limit = _EXACT_FLOAT32 / (2 * max(1.0, self._most_leak))
        if self._seen and not float(torch.stack(self._seen).abs_().max()) < limit:
            raise _TooLargeError(self.group.name)


def _fraction(numerator: Any, shift: int, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(numerator).to(dtype) / 2.0**shift


def _largest(made: Integers) -> Tensor:
    found = torch.maximum(made.reset_value.abs().max(), made.drive.abs().max())
    for other in (made.steady, made.v_min):
        if other is not None:
            found = torch.maximum(found, other.abs().max())
    return found
