"""The PyTorch half of train_digits.py: the network, its surrogate gradient and the training loop.

Apart from train_digits.py so that the script can say in one line that PyTorch is missing.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from qsnn_hw.support.progress import Progress

SIZES = (64, 32, 10)

GRID = 2.0**-14
"""Trained weights and biases are multiples of this.

Every sum of a layer then fits float32's 24-bit significand, so it is exact in whatever order a
processor adds it up, and the output spikes do not depend on the machine's matrix library.
"""

# Chosen by validation accuracy on folds of the training samples; the test samples took no part.
_BATCH = 64
_LEARNING_RATE = 4e-3
_WEIGHT_DECAY = 1e-4
_WARM_UP = 0.1
# Spike counts times this are the logits.
_LOGIT_SCALE = 0.3
_LABEL_SMOOTHING = 0.05
# Weight of the mean hidden firing rate in the loss: fewer spikes are fewer cycles and less energy.
_ACTIVITY_WEIGHT = 1.0
_SURROGATE_SLOPE = 5.0
# Affine augmentation of the 8x8 images, each drawn evenly from plus or minus this.
_SHIFT_PIXELS = 0.5
_ROTATION_DEGREES = 8.0
_SCALING = 0.08
# Checkpoints are compared over the last part of the training, where the rate has come down.
_CANDIDATE_PART = 0.2
_VALIDATION_ENCODINGS = 4


@dataclass(frozen=True)
class Trained:
    """The chosen checkpoint.

    Parameters
    ----------
    weights
        Per layer, (weight, bias): float32 of shape (post, pre) and (post,), multiples of ``GRID``.
    validation_accuracy
        Fraction right, mean over several encodings of the validation samples.
    restart, epoch
        Which training run and which epoch of it (from 1) the checkpoint comes from.
    """

    weights: tuple[tuple[np.ndarray, np.ndarray], ...]
    validation_accuracy: float
    restart: int
    epoch: int


class _Fire(torch.autograd.Function):
    """A spike where the argument is above zero; its gradient is that of a fast sigmoid."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, over: Tensor) -> Tensor:
        ctx.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (over,) = ctx.saved_tensors
        return gradient / (1 + _SURROGATE_SLOPE * over.abs()) ** 2


def leaky(current: Tensor, beta: float) -> Tensor:
    """Leaky integrate-and-fire neurons with threshold 1 and a late reset by subtraction.

    Parameters
    ----------
    current
        Shape (time, sample, neuron).
    beta
        Retention of the membrane potential per step.

    Returns
    -------
    Tensor
        Spikes, 0 or 1, of the same shape. Per step ``v = beta*v + I - r; s = v > 1``, with ``r`` the
        spike of the step before: snnTorch's Leaky with its defaults.
    """
    v = torch.zeros_like(current[0])
    spike = torch.zeros_like(v)
    spikes = []
    for step in current:
        # The reset carries no gradient, as in snnTorch.
        v = beta * v + step - spike.detach()
        spike = _Fire.apply(v - 1)
        spikes.append(spike)
    return torch.stack(spikes)


def forward(parameters: list[Tensor], spikes: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Hidden and output spikes, (time, sample, neuron), for input spikes (time, sample, 64)."""
    w1, b1, w2, b2 = parameters
    hidden = leaky(functional.linear(spikes, w1, b1), beta)
    return hidden, leaky(functional.linear(hidden, w2, b2), beta)


def run(
    weights: tuple[tuple[np.ndarray, np.ndarray], ...], spikes: np.ndarray, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """PyTorch's own hidden and output spikes for given weights.

    Parameters
    ----------
    spikes
        0 or 1, shape (time, sample, 64).

    Returns
    -------
    tuple
        uint8 of shape (time, sample, 32) and (time, sample, 10).
    """
    with torch.no_grad():
        parameters = [torch.from_numpy(array) for layer in weights for array in layer]
        hidden, out = forward(parameters, torch.from_numpy(spikes.astype(np.float32)), beta)
    return hidden.numpy().astype(np.uint8), out.numpy().astype(np.uint8)


def train(
    fit: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    *,
    steps: int,
    beta: float,
    epochs: int,
    seed: int,
    restarts: int,
    progress: Progress,
) -> Trained:
    """Train ``restarts`` networks and keep the checkpoint with the best validation accuracy.

    Parameters
    ----------
    fit, validation
        (pixels, labels): float32 of shape (sample, 64) from 0 to 1, and int64 of shape (sample,).
    steps
        Time steps an image is shown for.
    seed
        Of the first restart; each further one adds 1.
    """
    # One thread: results do not depend on the number of cores, and layers this small gain nothing.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    pixels, labels = (torch.from_numpy(array) for array in validation)
    generator = torch.Generator().manual_seed(seed)
    held_out = [_encode(pixels, steps, generator) for _ in range(_VALIDATION_ENCODINGS)]
    best: Trained | None = None
    with progress.task("training") as task:
        for restart in range(restarts):
            trainer = _Trainer(fit, steps, beta, epochs, seed + restart)
            for epoch in range(1, epochs + 1):
                trainer.epoch()
                task.update(restart * epochs + epoch, restarts * epochs)
                if epoch <= epochs * (1 - _CANDIDATE_PART):
                    continue
                weights = trainer.weights()
                right = [run(weights, s.numpy(), beta)[1].sum(axis=0).argmax(axis=1) for s in held_out]
                accuracy = float(np.mean([r == labels.numpy() for r in right]))
                if best is None or accuracy > best.validation_accuracy:
                    best = Trained(weights, accuracy, restart, epoch)
    assert best is not None  # the last epoch always stands for election
    return best


class _Trainer:
    """One training run."""

    def __init__(
        self, fit: tuple[np.ndarray, np.ndarray], steps: int, beta: float, epochs: int, seed: int
    ) -> None:
        self._pixels, self._labels = (torch.from_numpy(array) for array in fit)
        self._steps = steps
        self._beta = beta
        self._generator = torch.Generator().manual_seed(seed)
        self._parameters = []
        for pre, post in itertools.pairwise(SIZES):
            bound = 1 / math.sqrt(pre)
            weight = (2 * torch.rand(post, pre, generator=self._generator) - 1) * bound
            self._parameters += [weight.requires_grad_(), torch.zeros(post).requires_grad_()]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            _LEARNING_RATE,
            total_steps=epochs * math.ceil(len(self._labels) / _BATCH),
            pct_start=_WARM_UP,
        )

    def epoch(self) -> None:
        """One pass over the samples, freshly distorted and freshly encoded."""
        order = torch.randperm(len(self._labels), generator=self._generator)
        for chosen in order.split(_BATCH):
            pixels = _distort(self._pixels[chosen], self._generator)
            spikes = _encode(pixels, self._steps, self._generator)
            hidden, out = forward(self._parameters, spikes, self._beta)
            loss = functional.cross_entropy(
                out.sum(dim=0) * _LOGIT_SCALE, self._labels[chosen], label_smoothing=_LABEL_SMOOTHING
            )
            self._optimizer.zero_grad()
            (loss + _ACTIVITY_WEIGHT * hidden.mean()).backward()
            self._optimizer.step()
            self._schedule.step()

    def weights(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """The parameters as they stand, rounded to ``GRID``."""
        rounded = [(torch.round(p.detach() / GRID) * GRID).numpy() for p in self._parameters]
        return tuple(zip(rounded[::2], rounded[1::2], strict=True))


def _encode(pixels: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Bernoulli spikes, float 0 or 1, (steps, sample, 64): a pixel is its probability per step."""
    return (torch.rand((steps, *pixels.shape), generator=generator) < pixels).to(pixels.dtype)


def _distort(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, turn and scale every image a little; shape (sample, 64) in and out."""
    samples = len(pixels)

    def spread(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=generator) - 1

    angle = spread(samples) * math.radians(_ROTATION_DEGREES)
    scale = 1 + spread(samples, 2) * _SCALING
    # affine_grid's coordinates run from -1 to 1 over eight pixels.
    shift = spread(samples, 2) * _SHIFT_PIXELS / 4
    rows = [
        torch.stack([angle.cos() * scale[:, 0], -angle.sin() * scale[:, 1], shift[:, 0]], dim=1),
        torch.stack([angle.sin() * scale[:, 0], angle.cos() * scale[:, 1], shift[:, 1]], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), [samples, 1, 8, 8], align_corners=False)
    images = functional.grid_sample(pixels.view(samples, 1, 8, 8), grid, align_corners=False)
    return images.reshape(samples, -1).clamp(0, 1)
