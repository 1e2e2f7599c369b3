"""The PyTorch half of train_digits.py: the network, its surrogate gradient and the training loop.

Apart from train_digits.py so that the script can say in one line that PyTorch is missing.
"""

from dataclasses import dataclass

import numpy as np
import torch
import training
from torch import Tensor
from torch.nn import functional
from training_files import Distortion

from qsnn_hw.support.progress import Progress

SIZES = (64, 32, 10)

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
_DISTORTION = Distortion(shift_pixels=0.5, rotation_degrees=8.0, scaling=0.08)
_VALIDATION_ENCODINGS = 4


@dataclass(frozen=True)
class Trained:
    """The chosen checkpoint.

    Parameters
    ----------
    weights
        Per layer, (weight, bias): float32 of shape (post, pre) and (post,), multiples of ``training.GRID``.
    validation_accuracy
        Fraction right, mean over several encodings of the validation samples.
    restart, epoch
        Which training run and which epoch of it (from 1) the checkpoint comes from.
    """

    weights: tuple[tuple[np.ndarray, np.ndarray], ...]
    validation_accuracy: float
    restart: int
    epoch: int


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
        spike = training.FastSigmoid.apply(v - 1, _SURROGATE_SLOPE)
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
    sizes: tuple[int, ...] = SIZES,
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
    sizes
        Inputs, hidden neurons, outputs.
    """
    training.repeatable()
    pixels, labels = (torch.from_numpy(array) for array in validation)
    generator = torch.Generator().manual_seed(seed)
    held_out = [_encode(pixels, steps, generator) for _ in range(_VALIDATION_ENCODINGS)]
    best: Trained | None = None
    with progress.task("training") as task:
        for restart in range(restarts):
            trainer = _Trainer(fit, steps, beta, epochs, seed + restart, sizes)
            for epoch in range(1, epochs + 1):
                trainer.epoch()
                task.update(restart * epochs + epoch, restarts * epochs)
                if not training.is_candidate(epoch, epochs):
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
        self,
        fit: tuple[np.ndarray, np.ndarray],
        steps: int,
        beta: float,
        epochs: int,
        seed: int,
        sizes: tuple[int, ...],
    ) -> None:
        self._pixels, self._labels = (torch.from_numpy(array) for array in fit)
        self._steps = steps
        self._beta = beta
        self._generator = torch.Generator().manual_seed(seed)
        layers = [(size, 0, 0) for size in sizes[1:]]
        self._parameters = training.random_parameters(layers, sizes[:1], self._generator)
        self._descent = training.Descent(
            self._parameters,
            _LEARNING_RATE,
            epochs=epochs,
            samples=len(self._labels),
            batch=_BATCH,
            weight_decay=_WEIGHT_DECAY,
            warm_up=_WARM_UP,
        )

    def epoch(self) -> None:
        """One pass over the samples, freshly distorted and freshly encoded."""
        for batch in training.batches(len(self._labels), _BATCH, self._generator):
            images = self._pixels[batch].unflatten(1, (8, 8))
            pixels = training.distorted(images, self._generator, _DISTORTION).flatten(1).clamp(0, 1)
            spikes = _encode(pixels, self._steps, self._generator)
            hidden, out = forward(self._parameters, spikes, self._beta)
            loss = functional.cross_entropy(
                out.sum(dim=0) * _LOGIT_SCALE, self._labels[batch], label_smoothing=_LABEL_SMOOTHING
            )
            self._descent.step(loss + _ACTIVITY_WEIGHT * hidden.mean())

    def weights(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """The parameters as they stand, rounded to ``GRID``."""
        return tuple((layer.weight, layer.bias) for layer in training.layers_of(self._parameters, (0, 0)))


def _encode(pixels: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Bernoulli spikes, float 0 or 1, (steps, sample, 64): a pixel is its probability per step."""
    return (torch.rand((steps, *pixels.shape), generator=generator) < pixels).to(pixels.dtype)
