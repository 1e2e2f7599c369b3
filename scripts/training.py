"""The PyTorch half that the training scripts share: distortion, optimizer, grid, batch normalisation."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from training_files import Distortion, Layer

GRID = 2.0**-14
"""Trained weights and biases are multiples of this.

Every sum of a layer then fits float32's 24-bit significand, so it is exact in whatever order a
processor adds it up, and the spikes do not depend on the machine's matrix library.
"""

CANDIDATE_PART = 0.2
"""Checkpoints are compared over the last part of a training, where the rate has come down."""

_EVALUATION_BATCH = 500
_RUNNING = 0.05
_VARIANCE_FLOOR = 1e-4


def repeatable() -> None:
    """One thread: results do not depend on the number of cores."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def on_grid(array: np.ndarray | Tensor) -> np.ndarray:
    """Rounded to ``GRID``, float32 of the same shape."""
    values = array.detach().numpy() if isinstance(array, Tensor) else array
    return (np.round(values / GRID) * GRID).astype(np.float32)


def is_candidate(epoch: int, epochs: int) -> bool:
    """Whether the checkpoint after ``epoch``, from 1, stands for election; the last one does."""
    return epoch > epochs * (1 - CANDIDATE_PART)


class FastSigmoid(torch.autograd.Function):
    """A spike where the argument is above zero; its gradient is that of a fast sigmoid of this slope."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, over: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(over)
        ctx.slope = slope
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (over,) = ctx.saved_tensors
        return gradient / (1 + ctx.slope * over.abs()) ** 2, None


Moments = Callable[[Tensor, list[int]], tuple[Tensor, Tensor]]


class Norm:
    """Batch normalisation of a layer's currents, in training.

    Parameters
    ----------
    size
        Channels.
    axis
        Of the channels in the currents.
    moments
        Mean and variance of currents over some axes; a script's own, as trained numbers hang on the last bit.
    """

    def __init__(self, size: int, axis: int, moments: Moments) -> None:
        self.gain = torch.full((size,), 0.5).requires_grad_()
        self._axis, self._moments = axis, moments
        self._mean, self._variance = torch.zeros(size), torch.ones(size)

    def __call__(self, current: Tensor, bias: Tensor) -> Tensor:
        """The same shape in and out; ``bias`` comes on top."""
        others = [axis for axis in range(current.dim()) if axis != self._axis]
        mean, variance = self._moments(current, others)
        with torch.no_grad():
            self._mean.lerp_(mean, _RUNNING)
            self._variance.lerp_(variance, _RUNNING)
        scale = self.gain / (variance + _VARIANCE_FLOOR).sqrt()
        shape = (-1, *[1] * (current.dim() - 1 - self._axis))
        return current * scale.view(shape) + (bias - mean * scale).view(shape)

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias that do the same, by the running statistics."""
        scale = (self.gain / (self._variance + _VARIANCE_FLOOR).sqrt()).detach()
        return weight * scale.view(-1, *[1] * (weight.dim() - 1)), bias - self._mean * scale


class Descent:
    """AdamW with a one-cycle rate.

    Parameters
    ----------
    learned
        Tensors.
    rate
        The largest step size.
    epochs, samples, batch
        Passes, and what one is divided into.
    warm_up
        Part of the steps in which the rate rises.
    """

    def __init__(
        self,
        learned: Sequence[Tensor],
        rate: float,
        *,
        epochs: int,
        samples: int,
        batch: int,
        weight_decay: float,
        warm_up: float,
    ) -> None:
        self._optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=weight_decay)
        steps = max(1, epochs) * math.ceil(samples / batch)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, rate, total_steps=steps, pct_start=warm_up
        )

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of ``loss``."""
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._schedule.step()


def batches(samples: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Positions of one pass in random order, ``batch`` at a time."""
    yield from torch.randperm(samples, generator=generator).split(batch)


def random_parameters(
    layers: Sequence[tuple[int, int, int]],
    shape: tuple[int, ...],
    generator: torch.Generator,
    spread: float = 1.0,
) -> list[Tensor]:
    """Weight and bias of every layer: weights even up to ``spread / sqrt(fan-in)``, biases 0.

    Parameters
    ----------
    layers
        (channels, kernel, stride) of a convolution, (post neurons, 0, 0) of a dense layer.
    shape
        Of the input: (channel, height, width), or (neurons,).
    """
    parameters: list[Tensor] = []
    for size, kernel, stride in layers:
        extent = (size, shape[0], kernel, kernel) if stride else (size, math.prod(shape))
        bound = spread / math.sqrt(math.prod(extent[1:]))
        weight = (2 * torch.rand(extent, generator=generator) - 1) * bound
        parameters += [weight.requires_grad_(), torch.zeros(size).requires_grad_()]
        side = (shape[1] - kernel) // stride + 1 if stride else 0
        shape = (size, side, side) if stride else (size,)
    return parameters


def layers_of(parameters: Sequence[Tensor], strides: Sequence[int]) -> tuple[Layer, ...]:
    """The parameters of every layer as they stand, rounded to ``GRID``."""
    rounded = [on_grid(parameter) for parameter in parameters]
    return tuple(Layer(*three) for three in zip(rounded[::2], rounded[1::2], strides, strict=True))


def run_layers(
    layers: Sequence[Layer], spikes: np.ndarray, fire: Callable[[Tensor, Tensor, Tensor, int], Tensor]
) -> list[np.ndarray]:
    """PyTorch's own spikes of every layer, uint8 of shape (time, sample, ...).

    Parameters
    ----------
    spikes
        0 or 1, shape (time, sample, ...).
    fire
        Spikes of a layer from its input spikes, weight, bias and stride.
    """
    records: list[list[np.ndarray]] = [[] for _ in layers]
    with torch.no_grad():
        for start in range(0, spikes.shape[1], _EVALUATION_BATCH):
            x = torch.from_numpy(spikes[:, start : start + _EVALUATION_BATCH].astype(np.float32))
            for number, layer in enumerate(layers):
                weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
                x = fire(x, weight, bias, layer.stride)
                records[number].append(x.numpy().astype(np.uint8))
    return [np.concatenate(parts, axis=1) for parts in records]


def distorted(pixels: Tensor, generator: torch.Generator, most: Distortion) -> Tensor:
    """Every image shifted, turned, scaled and sheared a little; float (sample, side, side) in and out."""
    samples, side = len(pixels), pixels.shape[-1]

    def spread(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=generator) - 1

    angle = spread(samples) * math.radians(most.rotation_degrees)
    scale = 1 + spread(samples, 2) * most.scaling
    # affine_grid's coordinates run from -1 to 1 over the side.
    shift = spread(samples, 2) * most.shift_pixels * 2 / side
    tilt = -angle.sin() * scale[:, 1]
    if most.shear is not None:
        tilt = spread(samples) * most.shear + tilt
    rows = [
        torch.stack([angle.cos() * scale[:, 0], tilt, shift[:, 0]], dim=1),
        torch.stack([angle.sin() * scale[:, 0], angle.cos() * scale[:, 1], shift[:, 1]], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), [samples, 1, side, side], align_corners=False)
    return functional.grid_sample(pixels.float().unsqueeze(1), grid, align_corners=False).squeeze(1)
