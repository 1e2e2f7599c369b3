"""The PyTorch half of train_mnist_fast.py: networks of integrate-and-fire neurons and their training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import training
from mnist_files import SIDE, Settings, by_count, by_first_spike, encode
from torch import Tensor
from torch.nn import functional
from training_files import Layer

from qsnn_hw.support.progress import Progress

_BATCH = 128
_WEIGHT_DECAY = 1e-4
_WARM_UP = 0.15
# A sample without an output spike is lost, one with two may still be right: a missing spike weighs more.
_MISSING = 3.0
# Factors of the output weights that each checkpoint is tried with: like a lower threshold.
_OUTPUT_GAINS = (0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)


@dataclass(frozen=True)
class Trained:
    """The chosen checkpoint.

    Parameters
    ----------
    layers
        Weights and biases are multiples of ``training.GRID``.
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
        spike = training.FastSigmoid.apply(v - 1, slope)
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
    return training.run_layers(
        layers, spikes[:, :, np.newaxis], lambda x, *layer: _integrate_and_fire(_currents(x, *layer), 1.0)
    )


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
    training.repeatable()
    trainer = _Trainer(fit, settings, start)
    held_out, label = encode(validation[0], settings.steps, settings.floor), validation[1]
    best: Trained | None = None
    with progress.task("training") as task:
        for epoch in range(1, settings.epochs + 1):
            trainer.epoch()
            task.update(epoch, settings.epochs)
            if not training.is_candidate(epoch, settings.epochs):
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
    return replace(
        layer, weight=training.on_grid(layer.weight * gain), bias=training.on_grid(layer.bias * gain)
    )


def _moments(current: Tensor, axes: list[int]) -> tuple[Tensor, Tensor]:
    return current.mean(axes), current.var(axes)


class _Trainer:
    """One training run."""

    def __init__(
        self, fit: tuple[np.ndarray, np.ndarray], settings: Settings, start: Sequence[Layer] | None
    ) -> None:
        self._settings = settings
        self._pixels, self._labels = torch.from_numpy(fit[0]), torch.from_numpy(fit[1])
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._epoch = 0
        self._parameters = training.random_parameters(
            settings.layers, (1, SIDE, SIDE), self._generator, spread=1.5
        )
        if start is not None:
            arrays = [array for layer in start for array in (layer.weight, layer.bias)]
            self._parameters = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
        hidden = settings.layers[:-1] if settings.single_step_epochs else ()
        self._norms = [training.Norm(size, axis=2, moments=_moments) for size, _, _ in hidden]
        learned = [*self._parameters, *(norm.gain for norm in self._norms)]
        self._descent = training.Descent(
            learned,
            settings.learning_rate,
            epochs=settings.epochs,
            samples=len(self._labels),
            batch=_BATCH,
            weight_decay=_WEIGHT_DECAY,
            warm_up=_WARM_UP,
        )

    def epoch(self) -> None:
        """One pass over the samples, freshly distorted; the first epochs of it in a single step."""
        steps = 1 if self._epoch < self._settings.single_step_epochs else self._settings.steps
        if self._epoch == self._settings.single_step_epochs > 0:
            self._unfold_time(steps)
        self._epoch += 1
        for batch in training.batches(len(self._labels), _BATCH, self._generator):
            pixels = self._distort(self._pixels[batch])
            self._descent.step(self._loss(pixels, self._labels[batch], steps))

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
        return training.layers_of(self._parameters, [stride for _, _, stride in self._settings.layers])

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
        if not self._settings.distortion.is_any:
            return pixels
        return training.distorted(pixels, self._generator, self._settings.distortion).round().clamp(0, 255)
