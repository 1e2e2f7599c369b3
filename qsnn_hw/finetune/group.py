"""One neuron group's trainable numbers and the integers they round to.

Everything trained is kept on the integer grid's own ruler: a weight of 1 is the largest integer, so
one learning rate suits every width. Rounding is that of ``quantize``: same scale, same clipping,
ties to even; thresholds and biases in float64 as there.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from qsnn_hw.finetune import functions
from qsnn_hw.model.network import Dense, Network, NeuronGroup
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.operators import drive_of
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.support.errors import UserError


@dataclass(frozen=True)
class Integers:
    """A group's rounded numbers, floating tensors that hold integers, with gradients.

    ``weights`` has one entry per projection, float32 of shape (post, pre); the others are float64 of
    shape (n,), in potential steps. ``drive`` is what a step adds to the current, or to the potential in
    a group without one; ``steady`` what it adds to the potential of a group with a current, else
    None; ``width`` is the threshold before rounding, the ruler of the surrogate.
    """

    weights: tuple[Tensor, ...]
    drive: Tensor
    steady: Tensor | None
    threshold: Tensor
    amount: Tensor
    width: Tensor
    reset_value: Tensor
    v_min: Tensor | None


def gain_of(group: NeuronGroup) -> np.ndarray:
    """What a group multiplies its input by, float64 of shape (n,)."""
    gain = np.asarray(group.input_gain, dtype=np.float64)
    return gain if group.current_gain is None else gain * group.current_gain


class TrainableGroup(nn.Module):
    """The weights and the bias of one group; its scale, thresholds and decays stay as they are.

    Parameters
    ----------
    network, options
        Where the training starts; ``options`` are those of this group.
    quantized
        ``quantize`` of the same: the start equals it integer for integer.
    group
        Which group.

    Raises
    ------
    UserError
        A projection into the group is not one dense operator, or the group has no leak, or too
        slow a one for a proved width, and no ``potential_bits``.
    """

    def __init__(
        self, network: Network, quantized: QuantizedNetwork, group: NeuronGroup, options: QuantizeOptions
    ) -> None:
        super().__init__()
        self.source, self.integer = group, quantized.group(group.name)
        self.projections = network.into(group.name)
        self._check(options)
        self.largest = 2 ** (options.weight_bits - 1) - 1
        self.blocks = group.size if options.scheme.per_neuron else 1
        gain, scale = gain_of(group), self.integer.scale
        trained, rounded = [], []
        for p, q in zip(self.projections, quantized.into(group.name), strict=True):
            operator = p.operators[0]
            assert isinstance(operator, Dense)
            trained.append(operator.weight * gain[:, None] / scale[:, None])
            rounded.append(q.weight)
        self.sizes = [w.shape[1] for w in trained]
        whole = np.concatenate(rounded, axis=1)
        start = np.clip(np.concatenate(trained, axis=1), -self.largest, self.largest)
        self.weight = nn.Parameter(_near(start, whole, self.largest))
        # A row of zeros has no scale of its own to be found again, so it stays as it is.
        self.register_buffer("alive", torch.from_numpy((whole != 0).any(axis=1, keepdims=True)))
        self._add_bias(network)
        step = self.integer.step
        real = np.zeros(group.size)
        if group.threshold is not None:
            real = group.threshold * options.threshold_factor / step
        self.register_buffer("_threshold", torch.from_numpy(real))
        value = group.v_reset / step if group.reset == "v_reset" else np.zeros(group.size)
        self.register_buffer("_v_reset", torch.from_numpy(value))
        low = None if group.v_min is None else torch.from_numpy(group.v_min / step)
        self.register_buffer("_v_min", low)

    def _check(self, options: QuantizeOptions) -> None:
        group = self.source
        for p in self.projections:
            if len(p.operators) != 1 or not isinstance(p.operators[0], Dense):
                kinds = ", ".join(type(o).__name__ for o in p.operators) or "no operator"
                raise UserError(
                    f"fine-tuning takes dense projections only; projection {p.name} has {kinds}; "
                    "quantize this network without fine-tuning"
                )
        if group.reset_amount is not None:
            raise UserError(
                f"group {group.name} starts at a rest other than 0 and resets by subtraction, which "
                "fine-tuning does not take; quantize this network without fine-tuning"
            )
        if self.integer.current_low is not None:
            raise UserError(
                f"group {group.name} has a synaptic current that keeps everything, or nearly so, whose "
                "saturation depends on the weights in training; quantize this network without fine-tuning"
            )
        if group.start is not None:
            raise UserError(
                f"group {group.name} starts at a rest other than 0 and counts from 0, which fine-tuning does "
                "not take; quantize this network without fine-tuning"
            )
        if options.potential_bits is None and self.integer.v_low is not None:
            raise UserError(
                f"group {group.name} has no leak or a very slow one, so its saturation depends on the "
                "weights in training; fix it with --potential-bits"
            )

    def _add_bias(self, network: Network) -> None:
        """The constant drive in units of the largest weight; trained where the network has a bias."""
        group, step = self.source, self.integer.step
        drive = np.zeros(group.size)
        for p in self.projections:
            drive += gain_of(group) * drive_of(p.operators, network.source_size(p.source))
        rounded = self.integer.current_bias
        self.register_buffer("_steady", None if rounded is None else torch.from_numpy(group.leak / step))
        if rounded is None:
            drive, rounded = drive + group.leak, self.integer.bias
        self.unit = float(self.largest * 2**self.integer.fractional_bits)
        start = _near(drive / step, rounded, self.unit, np.float64)
        has_bias = any(getattr(p.operators[0], "bias", None) is not None for p in self.projections)
        self.bias = nn.Parameter(start, requires_grad=has_bias)

    def integers(self) -> Integers:
        """Round everything; gradients of weights and drive pass straight through."""
        real = self.weight * self.largest
        weights = functions.replace(real, self._pinned(real.detach()))
        drive = self.bias * self.unit
        threshold = self._threshold
        if self.integer.readout:
            above = torch.full_like(threshold, float("inf"))
        else:
            above = torch.floor(threshold) + 1 if self.source.comparison == ">" else torch.ceil(threshold)
        return Integers(
            tuple(weights.split(self.sizes, dim=1)),
            functions.replace(drive, torch.round(drive.detach())),
            None if self._steady is None else torch.round(self._steady),
            above,
            torch.round(threshold),
            threshold.clamp(min=1),
            torch.round(self._v_reset),
            None if self._v_min is None else torch.round(self._v_min),
        )

    def _pinned(self, real: Tensor) -> Tensor:
        """Rounded weights in which every block's largest magnitude is the largest integer.

        ``quantize`` finds the scale from the largest weight, so a block that left its range unused
        would be read back on another grid. The weight nearest the end goes there.
        """
        with torch.no_grad():
            whole = real.round().clamp_(-self.largest, self.largest) * self.alive
            rows = whole.view(self.blocks, -1)
            idle = (rows.abs().amax(dim=1) < self.largest) & self.alive.view(self.blocks, -1).any(dim=1)
            if bool(idle.any()):
                flat = (real * self.alive).view(self.blocks, -1)
                at = flat.abs().argmax(dim=1, keepdim=True)
                end = torch.where(flat.gather(1, at) < 0, -self.largest, self.largest).to(rows.dtype)
                rows.scatter_(1, at, torch.where(idle[:, None], end, rows.gather(1, at)))
        return whole

    def project(self) -> None:
        """Bring weights that left the range back to its ends, so that they keep their gradient."""
        with torch.no_grad():
            self.weight.clamp_(-1, 1)


def _near(real: np.ndarray, whole: np.ndarray, unit: float, dtype: type = np.float32) -> Tensor:
    """``real / unit`` in ``dtype``, moved where it would no longer round to ``whole``."""
    scaled: np.ndarray = (real / unit).astype(dtype)
    off = np.rint(scaled * dtype(unit)) != whole
    return torch.from_numpy(np.where(off, (whole / unit).astype(dtype), scaled))
