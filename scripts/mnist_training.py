"""The PyTorch half of train_mnist_fast.py: networks of integrate-and-fire neurons and their training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from mnist_files import SIDE, Layer, Settings, by_count, by_first_spike, encode
from torch import Tensor
from torch.nn import functional

from qsnn_hw.support.progress import Progress

GRID = 2.0**-14
"""Trained weights and biases are multiples of this.

Every sum of a layer then fits float32's 24-bit significand, so it is exact in whatever order a
processor adds it up, and the spikes do not depend on the machine's matrix library.
"""

_BATCH = 128
_WEIGHT_DECAY = 1e-4
_WARM_UP = 0.15
# Checkpoints are compared over the last part of the training, where the rate has come down.
_CANDIDATE_PART = 0.2
_EVALUATION_BATCH = 500
# A sample without an output spike is lost, one with two may still be right: a missing spike weighs more.
_MISSING = 3.0
# Factors of the output weights that each checkpoint is tried with: like a lower threshold.
_OUTPUT_GAINS = (0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
_RUNNING = 0.05
_VARIANCE_FLOOR = 1e-4


@dataclass(frozen=True)
class Trained:
    """The chosen checkpoint.

    Parameters
    ----------
    layers
        Weights and biases are multiples of ``GRID``.
    by_count, by_first_spike
        Fraction right of the validation samples.
    epoch
        From 1.
    gain
        The factor that validation chose for the output weights.
    """

    layers: tuple[Layer, ...]
    by_count: float
    by_first_spike: float
    epoch: int
    gain: float


class _Fire(torch.autograd.Function):
    """A spike where the argument is above zero; its gradient is that of a fast sigmoid."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, over: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(over)
        ctx.slope = slope
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (over,) = ctx.saved_tensors
        return gradient / (1 + ctx.slope * over.abs()) ** 2, None


def _currents(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """What a layer's neurons receive, (time, sample, ...), from spikes ``x`` (time, sample, ...)."""
    if stride:
        flat = functional.conv2d(x.flatten(0, 1), weight, bias, stride=stride)
    else:
        flat = functional.linear(x.flatten(2).flatten(0, 1), weight, bias)
    return flat.unflatten(0, x.shape[:2])


def _integrate_and_fire(current: Tensor, slope: float) -> Tensor:
    """Spikes of neurons with threshold 1 and an immediate reset to 0: ``v = v + I; s = v > 1``."""
    v = torch.zeros_like(current[0])
    spikes = []
    for step in current:
        v = v + step
        spike = _Fire.apply(v - 1, slope)
        spikes.append(spike)
        # The reset carries no gradient.
        v = v * (1 - spike.detach())
    return torch.stack(spikes)


def run(layers: Sequence[Layer], spikes: np.ndarray) -> list[np.ndarray]:
    """PyTorch's own spikes of every layer, uint8 of shape (time, sample, ...).

    Parameters
    ----------
    spikes
        0 or 1, shape (time, sample, 28, 28).
    """
    found: list[list[np.ndarray]] = [[] for _ in layers]
    with torch.no_grad():
        for start in range(0, spikes.shape[1], _EVALUATION_BATCH):
            x = torch.from_numpy(spikes[:, start : start + _EVALUATION_BATCH].astype(np.float32)).unsqueeze(2)
            for number, layer in enumerate(layers):
                weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
                x = _integrate_and_fire(_currents(x, weight, bias, layer.stride), 1.0)
                found[number].append(x.numpy().astype(np.uint8))
    return [np.concatenate(parts, axis=1) for parts in found]


def train(
    fit: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    settings: Settings,
    start: Sequence[Layer] | None,
    progress: Progress,
) -> Trained:
    """Train a network; keep the checkpoint with the best accuracy of the two readouts' mean.

    Parameters
    ----------
    fit, validation
        (pixels, labels): uint8 of shape (sample, 28, 28) and int64 of shape (sample,).
    start
        An earlier network to go on from, or None for random weights.
    """
    # One thread: results do not depend on the number of cores.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    trainer = _Trainer(fit, settings, start)
    held_out, label = encode(validation[0], settings.steps, settings.floor), validation[1]
    best: Trained | None = None
    with progress.task("training") as task:
        for epoch in range(1, settings.epochs + 1):
            trainer.epoch()
            task.update(epoch, settings.epochs)
            if epoch <= settings.epochs * (1 - _CANDIDATE_PART):
                continue
            layers = trainer.layers()
            hidden = run(layers, held_out)[-2]
            for gain in _OUTPUT_GAINS:
                last = _amplified(layers[-1], gain)
                out = run([last], hidden)[-1]
                counted, first = (float(np.mean(read(out) == label)) for read in (by_count, by_first_spike))
                if best is None or counted + first > best.by_count + best.by_first_spike:
                    best = Trained((*layers[:-1], last), counted, first, epoch, gain)
                    progress.say(
                        f"epoch {epoch}, output gain {gain}: validation {counted:.2%} by count, "
                        f"{first:.2%} by first spike"
                    )
    assert best is not None  # the last epoch always stands for election
    return best


def _amplified(layer: Layer, gain: float) -> Layer:
    """The layer with weights and biases times ``gain``, rounded to ``GRID`` again."""
    weight, bias = (np.round(array * (gain / GRID)) * GRID for array in (layer.weight, layer.bias))
    return replace(layer, weight=weight.astype(np.float32), bias=bias.astype(np.float32))


class _Norm:
    """Batch normalisation of a layer's currents, while an image is a single step long."""

    def __init__(self, size: int) -> None:
        self.gain = torch.full((size,), 0.5).requires_grad_()
        self._mean, self._variance = torch.zeros(size), torch.ones(size)

    def __call__(self, current: Tensor, bias: Tensor) -> Tensor:
        """(time, sample, channel, ...) in and out; ``bias`` comes on top."""
        others = [axis for axis in range(current.dim()) if axis != 2]
        mean, variance = current.mean(others), current.var(others)
        with torch.no_grad():
            self._mean.lerp_(mean, _RUNNING)
            self._variance.lerp_(variance, _RUNNING)
        scale = self.gain / (variance + _VARIANCE_FLOOR).sqrt()
        shape = (-1, *[1] * (current.dim() - 3))
        return current * scale.view(shape) + (bias - mean * scale).view(shape)

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias that do the same, by the running statistics."""
        scale = (self.gain / (self._variance + _VARIANCE_FLOOR).sqrt()).detach()
        return weight * scale.view(-1, *[1] * (weight.dim() - 1)), bias - self._mean * scale


class _Trainer:
    """One training run."""

    def __init__(
        self, fit: tuple[np.ndarray, np.ndarray], settings: Settings, start: Sequence[Layer] | None
    ) -> None:
        self._settings = settings
        self._pixels, self._labels = torch.from_numpy(fit[0]), torch.from_numpy(fit[1])
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._epoch = 0
        self._parameters: list[Tensor] = []
        shape: tuple[int, ...] = (1, SIDE, SIDE)
        for size, kernel, stride in settings.layers:
            extent = (size, shape[0], kernel, kernel) if stride else (size, math.prod(shape))
            bound = 1.5 / math.sqrt(math.prod(extent[1:]))
            weight = (2 * torch.rand(extent, generator=self._generator) - 1) * bound
            self._parameters += [weight.requires_grad_(), torch.zeros(size).requires_grad_()]
            side = (shape[1] - kernel) // stride + 1 if stride else 0
            shape = (size, side, side) if stride else (size,)
        if start is not None:
            arrays = [array for layer in start for array in (layer.weight, layer.bias)]
            self._parameters = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
        rate = settings.learning_rate
        hidden = settings.layers[:-1] if settings.single_step_epochs else ()
        self._norms = [_Norm(size) for size, _, _ in hidden]
        learned = [*self._parameters, *(norm.gain for norm in self._norms)]
        self._optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=_WEIGHT_DECAY)
        steps = settings.epochs * math.ceil(len(self._labels) / _BATCH)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, rate, total_steps=steps, pct_start=_WARM_UP
        )

    def epoch(self) -> None:
        """One pass over the samples, freshly distorted; the first epochs of it in a single step."""
        order = torch.randperm(len(self._labels), generator=self._generator)
        steps = 1 if self._epoch < self._settings.single_step_epochs else self._settings.steps
        if self._epoch == self._settings.single_step_epochs > 0:
            self._unfold_time(steps)
        self._epoch += 1
        for chosen in order.split(_BATCH):
            pixels = self._distort(self._pixels[chosen]) if self._settings.distorts else self._pixels[chosen]
            loss = self._loss(pixels, self._labels[chosen], steps)
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            self._schedule.step()

    def _unfold_time(self, steps: int) -> None:
        """From single-step epochs to ``steps`` steps: weights take the normalisation over."""
        pairs = list(zip(self._parameters[::2], self._parameters[1::2], strict=True))
        for norm, (weight, bias) in zip(self._norms, pairs, strict=False):
            weight.data, bias.data = norm.fold(weight.data, bias.data)
        self._norms = []
        # A bias acts in every step: divided, it comes to the same in the last one.
        for _, bias in pairs:
            bias.data /= steps

    def layers(self) -> tuple[Layer, ...]:
        """The parameters as they stand, rounded to ``GRID``."""
        assert not self._norms  # no checkpoint is taken in the single-step epochs
        rounded = [(torch.round(p.detach() / GRID) * GRID).numpy() for p in self._parameters]
        shapes = self._settings.layers
        pairs = zip(rounded[::2], rounded[1::2], shapes, strict=True)
        return tuple(Layer(weight, bias, stride) for weight, bias, (_, _, stride) in pairs)

    def _loss(self, pixels: Tensor, label: Tensor, steps: int) -> Tensor:
        """The loss of one batch; pixels are whole numbers, (sample, 28, 28).

        Take every output neuron's chance to fire in a step as the sigmoid of its potential's distance
        to the threshold. The first term is minus the logarithm of the chance that the label's neuron
        fires first and alone in its step; "silence" weighs the same for firing alone in all steps.
        "count" weighs the cross-entropy of the spike counts, "activity" the hidden layers' mean rates:
        fewer spikes are fewer cycles.
        """
        settings = self._settings
        spikes = torch.from_numpy(encode(pixels.numpy().astype(np.uint8), steps, settings.floor))
        x = spikes.float().unsqueeze(2)
        activity = torch.zeros(())
        for number, (_, _, stride) in enumerate(settings.layers):
            weight, bias = self._parameters[2 * number : 2 * number + 2]
            if number < len(self._norms):
                current = self._norms[number](_currents(x, weight, None, stride), bias)
            else:
                current = _currents(x, weight, bias, stride)
            x = _integrate_and_fire(current, settings.surrogate_slope)
            if number < len(settings.layers) - 1:
                activity = activity + x.mean()
        over = settings.margin * (current.cumsum(dim=0) - 1)
        silent = functional.logsigmoid(-over).sum(dim=2).cumsum(dim=0)
        right = over.gather(2, label.view(1, -1, 1).expand(len(over), -1, 1))[..., 0]
        # log sigmoid(o) - log sigmoid(-o) = o turns the label's silence in its own step into a spike.
        first = -(silent + right).logsumexp(dim=0).mean()
        target = functional.one_hot(label, over.shape[2]).to(over.dtype)
        alone = functional.binary_cross_entropy_with_logits(
            over.amax(dim=0), target, pos_weight=torch.tensor(_MISSING)
        )
        counted = functional.cross_entropy(2 * x.sum(dim=0), label)
        return (
            first
            + settings.silence * over.shape[2] * alone
            + settings.count * counted
            + settings.activity * activity
        )

    def _distort(self, pixels: Tensor) -> Tensor:
        """Shift, turn, scale and shear every image a little; shape (sample, 28, 28) in and out."""
        settings, samples = self._settings, len(pixels)

        def spread(*shape: int) -> Tensor:
            return 2 * torch.rand(*shape, generator=self._generator) - 1

        angle = spread(samples) * math.radians(settings.rotation_degrees)
        scale = 1 + spread(samples, 2) * settings.scaling
        # affine_grid's coordinates run from -1 to 1 over the side.
        shift = spread(samples, 2) * settings.shift_pixels * 2 / SIDE
        tilt = spread(samples) * settings.shear - angle.sin() * scale[:, 1]
        rows = [
            torch.stack([angle.cos() * scale[:, 0], tilt, shift[:, 0]], dim=1),
            torch.stack([angle.sin() * scale[:, 0], angle.cos() * scale[:, 1], shift[:, 1]], dim=1),
        ]
        size = [samples, 1, SIDE, SIDE]
        grid = functional.affine_grid(torch.stack(rows, dim=1), size, align_corners=False)
        images = functional.grid_sample(pixels.float().unsqueeze(1), grid, align_corners=False)
        return images.squeeze(1).round().clamp(0, 255)
