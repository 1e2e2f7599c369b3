"""The golden model's network in torch: equal to the last bit, and differentiable.

Floating point holds every integer here exactly: float32 while a potential stays so small that its
leak's product fits 24 bits, float64 from the first batch on in which one does not.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from qsnn_hw.finetune.block import Block, Loop, Run, TooLargeError
from qsnn_hw.finetune.cell import EXACT_FLOAT32, Cell
from qsnn_hw.finetune.cells import Cells
from qsnn_hw.finetune.group import Integers, TrainableGroup
from qsnn_hw.model.network import INPUT, Network, Projection
from qsnn_hw.model.simulate import blocks
from qsnn_hw.quantize.compensate import Statistics
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize


@dataclass
class Trace:
    """What one batch did: group -> (time, sample, neuron).

    Potentials only of readout groups, with gradients, and of groups asked for, without.
    """

    spikes: dict[str, Tensor] = field(default_factory=dict)
    potentials: dict[str, Tensor] = field(default_factory=dict)


class IntegerNetwork(nn.Module):
    """A network whose forward pass is integer arithmetic.

    Parameters
    ----------
    network, options
        What ``quantize`` takes; training starts from its integers.
    slope
        Of the surrogate gradient.
    statistics
        For options with rounding "compensate".

    Attributes
    ----------
    wide
        Groups that need float64, found in training.
    cells
        What disturbs the weights of a batch as an analog chip would; None leaves them integers.

    Raises
    ------
    UserError
        What ``quantize`` raises, or a group that :class:`TrainableGroup` refuses.
    """

    def __init__(
        self,
        network: Network,
        options: QuantizeOptions,
        *,
        slope: float = 5.0,
        statistics: Statistics | None = None,
    ) -> None:
        super().__init__()
        # Trained weights leave any grid that they came from, and no default may choose anew for them.
        options = options.settled().rounding_all()
        self.network, self.options, self.slope = network, options, slope
        self.quantized = quantize(network, options, statistics)
        self.trained = nn.ModuleList(
            TrainableGroup(network, self.quantized, group, options.of(group.name)) for group in network.groups
        )
        self.wide: set[str] = set()
        self.cells: Cells | None = None
        self._order = {group.name: i for i, group in enumerate(network.groups)}
        self._blocks = blocks(network)

    def forward(self, inputs: Tensor, record: frozenset[str] = frozenset()) -> Trace:
        """Spikes, and potentials of readout groups and of those in ``record``.

        ``inputs`` holds whole spike counts, float32 of shape (time, sample, address).
        """
        while True:
            try:
                return self._run(inputs, record)
            except TooLargeError as error:
                self.wide.add(error.group)

    def _run(self, inputs: Tensor, record: frozenset[str]) -> Trace:
        trace = Trace()
        known = {INPUT: inputs}
        for names in self._blocks:
            sums = [
                _Sums(self._module(name), self._most(name), name in self.wide, self.cells) for name in names
            ]
            keep = torch.is_grad_enabled()
            cells = [Cell(s.module.integer, s.integers, inputs.shape[1], s.dtype, keep) for s in sums]
            drives = [self._drive(name, names, s, known) for name, s in zip(names, sums, strict=True)]
            loops, weights = self._loops(names, sums)
            wanted = [name in record or cell.group.readout for name, cell in zip(names, cells, strict=True)]
            block = Block(cells, loops, self.slope, wanted, [None] * len(names))
            outputs = Run.apply(block, len(names), *drives, *weights)
            with_gradient = list(outputs[len(names) :])
            for index, name in enumerate(names):
                known[name] = trace.spikes[name] = outputs[index]
                potentials = block.potentials[index]
                if cells[index].group.readout:
                    potentials = with_gradient.pop(0)
                if potentials is not None:
                    trace.potentials[name] = potentials
        return trace

    def _module(self, name: str) -> TrainableGroup:
        module = self.trained[self._order[name]]
        assert isinstance(module, TrainableGroup)
        return module

    def _most(self, name: str) -> int:
        """The most spikes of one address in one step, over all sources of a group."""
        most = 1
        for p in self._module(name).projections:
            if p.source == INPUT:
                most = max(most, self.quantized.input_max)
            else:
                most = max(most, self.quantized.group(p.source).max_spikes)
        return most

    def _loops(self, names: list[str], sums: list["_Sums"]) -> tuple[list[Loop], list[Tensor]]:
        loops, weights = [], []
        for index, name in enumerate(names):
            for p in self.network.into(name):
                if p.source in names:
                    late = p.delay + (self._order[p.source] >= self._order[name])
                    loops.append(Loop(names.index(p.source), index, late, sums[index].unit))
                    weights.append(sums[index].weights[p.name])
        return loops, weights

    def _drive(self, name: str, block: list[str], sums: "_Sums", known: dict[str, Tensor]) -> Tensor:
        """Bias and sums of the projections from outside the loop, (time, sample, n)."""
        steps, samples = known[INPUT].shape[:2]
        total: Tensor | None = None
        for p in self.network.into(name):
            if p.source not in block:
                part = sums(p.name, _delayed(known[p.source], p))
                total = part if total is None else total + part
        bias = sums.integers.drive.to(sums.dtype)
        return bias.expand(steps, samples, -1) if total is None else total + bias

    def output(self, trace: Trace) -> Tensor:
        """What decides the class, (sample, neuron): spike counts, or a readout group's last potentials.

        The default readouts of ``qsnn_hw.model.readouts``, before their argmax.
        """
        group = self.quantized.group(self.network.output)
        if not group.readout:
            return trace.spikes[group.name].sum(dim=0)
        real = trace.potentials[group.name][-1] * torch.from_numpy(group.step)
        return (real if group.rest is None else real + torch.from_numpy(group.rest)).to(torch.float32)


def _delayed(spikes: Tensor, p: Projection) -> Tensor:
    if not p.delay:
        return spikes
    late = torch.zeros_like(spikes)
    late[p.delay :] = spikes[: max(0, len(spikes) - p.delay)]
    return late


class _Sums:
    """The weighted sums of one group, and the type in which its numbers are exact."""

    def __init__(self, module: TrainableGroup, most: int, wide: bool, cells: Cells | None) -> None:
        self.module, self.integers = module, module.integers()
        weights = self.integers.weights
        if cells is not None:
            weights = tuple(cells(weight, module.largest) for weight in weights)
        group = module.integer
        fan_in = sum(module.sizes) * module.largest * most
        wide_sums = fan_in >= EXACT_FLOAT32
        if wide_sums or (fan_in << group.fractional_bits) + 2 * _largest(self.integers) >= EXACT_FLOAT32:
            wide = True
        self.dtype = torch.float64 if wide else torch.float32
        self.weights = {
            p.name: w.double() if wide_sums else w for p, w in zip(module.projections, weights, strict=True)
        }
        self.unit = 2.0**group.fractional_bits

    def __call__(self, projection: str, spikes: Tensor) -> Tensor:
        """The weighted sum of one projection, in potential steps."""
        weight = self.weights[projection]
        total = nn.functional.linear(spikes.to(weight.dtype), weight).to(self.dtype)
        return total if self.unit == 1 else total * self.unit


def _largest(integers: Integers) -> float:
    parts = (integers.amount, integers.reset_value, integers.drive, integers.steady, integers.v_min)
    return max(float(part.detach().abs().max()) for part in parts if part is not None)
