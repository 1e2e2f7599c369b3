"""Groups that a loop ties together (or one group alone), over all time steps, with a gradient.

The forward pass is :class:`~qsnn_hw.finetune.cell.Cell`. The backward pass is back-propagation
through time written out: autograd would build some twenty small nodes per group and step, and over
256 steps their bookkeeping costs ten times the arithmetic.

Made-up gradients: a floor passes it (straight through; Bengio, Leonard and Courville,
arXiv:1308.3432); a spike has the derivative of a fast sigmoid (Zenke and Ganguli, Neural Computation
30, 2018) of ``(v - threshold + 1/2) / width``, the half sitting between the last silent and the first
firing integer; a reset carries none.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qsnn_hw.finetune.cell import Cell


class TooLargeError(Exception):
    """A group's potentials outgrew float32."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.group = group


@dataclass(frozen=True)
class Loop:
    """A projection inside the block: positions of its groups, steps it is late, unit of its sums."""

    source: int
    target: int
    late: int
    unit: float


@dataclass
class Block:
    """What the autograd function needs beside tensors.

    ``potentials`` receives the traced potentials of each group in ``record``.
    """

    cells: list[Cell]
    loops: list[Loop]
    slope: float
    record: list[bool]
    potentials: list[Tensor | None]


class Run(torch.autograd.Function):
    """``apply(block, n, *drives, *loop weights)`` -> spikes and, for readouts, potentials of n groups."""

    @staticmethod
    def forward(ctx: Any, block: Block, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        drives, weights = tensors[:count], tensors[count:]
        steps = drives[0].shape[0]
        history: list[list[Tensor]] = [[] for _ in range(count)]
        traced: list[list[Tensor]] = [[] for _ in range(count)]
        for step in range(steps):
            for index, cell in enumerate(block.cells):
                x = drives[index][step]
                for loop, weight in zip(block.loops, weights, strict=True):
                    if loop.target == index and step >= loop.late:
                        late = history[loop.source][step - loop.late]
                        x = x + (late.to(weight.dtype) @ weight.T).to(x.dtype) * loop.unit
                spikes, v = cell.step(x)
                history[index].append(spikes)
                if block.record[index]:
                    traced[index].append(v)
        for cell in block.cells:
            if not cell.is_exact():
                raise TooLargeError(cell.group.name)
        out = [torch.stack(h) for h in history]
        block.potentials[:] = [torch.stack(t) if t else None for t in traced]
        readouts = [p for p, c in zip(block.potentials, block.cells, strict=True) if c.group.readout]
        ctx.block, ctx.count = block, count
        ctx.save_for_backward(*out, *weights)
        return (*out, *(p for p in readouts if p is not None))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        block, count = ctx.block, ctx.count
        spikes, weights = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        of_readouts = list(gradients[count:])
        reverse = []
        for index, cell in enumerate(block.cells):
            potential = of_readouts.pop(0) if cell.group.readout else None
            reverse.append(_Reverse(cell, block.slope, spikes[index], gradients[index], potential))
        for step in reversed(range(spikes[0].shape[0])):
            for index in reversed(range(count)):
                to_drive = reverse[index].step(step)
                for loop, weight in zip(block.loops, weights, strict=True):
                    if loop.target == index and step >= loop.late:
                        back = (to_drive.to(weight.dtype) @ weight) * loop.unit
                        reverse[loop.source].to_spikes[step - loop.late] += back
        to_weights = []
        for loop, weight in zip(block.loops, weights, strict=True):
            moved = max(0, len(spikes[0]) - loop.late)
            to_drive = reverse[loop.target].to_drive[loop.late :].flatten(0, 1).to(weight.dtype)
            source = spikes[loop.source][:moved].flatten(0, 1).to(weight.dtype)
            to_weights.append((to_drive.T @ source) * loop.unit)
        return (None, None, *(r.to_drive for r in reverse), *to_weights)


class _Reverse:
    """One group's part of the backward pass."""

    def __init__(
        self, cell: Cell, slope: float, spikes: Tensor, to_spikes: Tensor | None, to_v: Tensor | None
    ) -> None:
        met = torch.stack(cell.met)
        self._cell = cell
        self.to_spikes = torch.zeros_like(met) if to_spikes is None else to_spikes.to(met.dtype).clone()
        self.to_drive = torch.empty_like(met)
        self._to_v = to_v
        self._slopes = self._surrogate(met, slope, spikes)
        self._passed = cell.passed or None
        self._going_on = cell.going_on or None
        self._retained = 1 - cell.leak
        self._to_state: Tensor | None = None
        self._to_current: Tensor | None = None

    def _surrogate(self, met: Tensor, slope: float, spikes: Tensor) -> Tensor | None:
        cell = self._cell
        if cell.group.readout:
            return None
        slopes = met.sub_(cell.threshold - 0.5).abs_().mul_(slope / cell.width).add_(1)
        slopes = slopes.square_().mul_(cell.width).reciprocal_()
        if cell.ready:
            slopes.mul_(torch.stack(cell.ready))
        if cell.group.multi_spike:
            # Above the threshold, one more amount is one more spike, up to the most there are.
            more = (spikes > 0) & (spikes < cell.group.max_spikes)
            slopes += more.to(slopes.dtype) / cell.amount
        return slopes

    def step(self, step: int) -> Tensor:
        """The gradient to this step's drive."""
        cell = self._cell
        to_v = torch.zeros_like(self.to_drive[0])
        if self._slopes is not None:
            to_v = self.to_spikes[step] * self._slopes[step]
        if self._to_state is not None:
            on = self._to_state * self._retained
            to_v = to_v + (on if self._going_on is None else on * self._going_on[step])
        if self._to_v is not None:
            to_v = to_v + self._to_v[step]
        if self._passed is not None:
            to_v = to_v * self._passed[step]
        self._to_state = to_v
        if cell.current_leak is not None:
            if self._to_current is not None:
                to_v = to_v + self._to_current * (1 - cell.current_leak)
            self._to_current = to_v
        self.to_drive[step] = to_v
        return self.to_drive[step]
