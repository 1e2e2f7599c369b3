"""The PyTorch half of train_mnist_conv.py: a convolutional network of integrate-and-fire neurons.

First an ordinary network whose activations are rounded down to multiples of one step is trained with
batch normalisation; with that folded in, it is the spiking network but for the order of the spikes.
Then the spiking network itself is trained through time with a surrogate gradient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import training
from mnist_files import SIDE, by_count, encode_rate
from torch import Tensor
from torch.nn import functional
from training_files import Distortion, Layer

from qsnn_hw.support.progress import Progress

_BATCH = 128
_WEIGHT_DECAY = 1e-3
_DISTORTION = Distortion(shift_pixels=2.0, rotation_degrees=10.0, scaling=0.1, shear=0.1)
_WARM_UP = 0.15
# Logits per output spike in the loss.
_SPIKE_LOGITS = 2.0
_POTENTIAL_LOGITS = 1.0
_SMOOTHING = 0.02
# Factors of the output weights that each checkpoint is tried with: like another threshold.
_OUTPUT_GAINS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5)


@dataclass(frozen=True)
class Settings:
    """How to train; the defaults were chosen by validation accuracy.

    Parameters
    ----------
    layers
        (channels, kernel, stride) of a convolution, (post neurons, 0, 0) of a dense layer.
    steps
        Of a sample.
    epochs, spiking_epochs
        Passes over the samples: of the rounded network, then of the spiking one.
    seed
        Of everything random.
    rate, spiking_rate
        The largest step size of each.
    activity
        Weight in the loss of the hidden layers' mean spikes per neuron and step.
    distortion
        Of every image, afresh in every epoch.
    """

    layers: tuple[tuple[int, int, int], ...]
    steps: int
    epochs: int
    spiking_epochs: int
    seed: int
    rate: float = 1e-2
    spiking_rate: float = 2e-3
    activity: float = 0.0
    distortion: Distortion = _DISTORTION


@dataclass(frozen=True)
class Trained:
    """The chosen checkpoint.

    Parameters
    ----------
    layers
        Weights and biases are multiples of ``training.GRID``.
    accuracy
        Fraction right of the validation samples, by spike count.
    epoch
        Of the spiking network, from 1; 0 is the converted network.
    gain
        The factor that validation chose for the output weights.
    """

    layers: tuple[Layer, ...]
    accuracy: float
    epoch: int
    gain: float


class _Fire(torch.autograd.Function):
    """Spikes of neurons with threshold 1 from their currents, both (time, sample, ...).

    Per step ``v = v + I; s = v > 1; v = v - s``. A spike's gradient is a triangle of width 1 on either
    side of the threshold; the reset carries none, so a current's gradient is the sum over the spikes
    from its step on.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, current: Tensor) -> Tensor:
        v = torch.zeros_like(current[0])
        spikes, slopes = torch.empty_like(current), torch.empty_like(current)
        for step, spike, slope in zip(current, spikes, slopes, strict=True):
            v += step
            torch.gt(v, 1, out=spike)
            torch.sub(1, (v - 1).abs_(), out=slope)
            v -= spike
        ctx.save_for_backward(slopes.clamp_(min=0))
        return spikes

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (slopes,) = ctx.saved_tensors
        to_potentials = gradient * slopes
        for step in range(len(to_potentials) - 2, -1, -1):
            to_potentials[step] += to_potentials[step + 1]
        return to_potentials


class _RoundDown(torch.autograd.Function):
    """``z`` clamped to 0..1 and rounded down to a multiple of 1/steps; the gradient is the clamp's."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, z: Tensor, steps: int) -> Tensor:
        # The gradient's window is half a step later: there the rounding is right on average.
        low, high = 0.5 / steps, 1 + 0.5 / steps
        ctx.save_for_backward((z > low - 0.5 / steps) & (z < high + 0.5 / steps))
        return (z * steps).floor_().clamp_(0, steps).div_(steps)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradient * inside, None


def _currents(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """What a layer's neurons receive, (sample, ...)."""
    if stride:
        return functional.conv2d(x, weight, bias, stride=stride)
    return functional.linear(x.flatten(1), weight, bias)


def _spiking(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Currents and spikes of a layer, (time, sample, ...) in and out."""
    flat = x.flatten(0, 1)
    if stride and len(weight[0]) == 1:
        # A matrix product: torch's own convolution is slow for a single input channel.
        kernel = weight.shape[-1]
        patches = flat[:, 0].unfold(1, kernel, stride).unfold(2, kernel, stride).flatten(3)
        current = functional.linear(patches, weight.flatten(1), bias).permute(0, 3, 1, 2)
    elif stride:
        flat, weight = (array.contiguous(memory_format=torch.channels_last) for array in (flat, weight))
        current = functional.conv2d(flat, weight, bias, stride=stride)
    else:
        current = functional.linear(flat.flatten(1), weight, bias)
    current = current.unflatten(0, x.shape[:2])
    return current, _Fire.apply(current)


def run(layers: Sequence[Layer], spikes: np.ndarray) -> list[np.ndarray]:
    """PyTorch's own spikes of every layer, uint8 of shape (time, sample, ...).

    Parameters
    ----------
    spikes
        0 or 1, shape (time, sample, channel, 28, 28).
    """
    return training.run_layers(layers, spikes, lambda x, *layer: _spiking(x, *layer)[1])


def train(
    fit: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    settings: Settings,
    progress: Progress,
) -> Trained:
    """Train a network; keep the checkpoint with the best validation accuracy by spike count.

    Parameters
    ----------
    fit, validation
        (pixels, labels): uint8 of shape (sample, 28, 28) and int64 of shape (sample,).
    """
    training.repeatable()
    trainer = Trainer(fit, settings)
    with progress.task("training, rounded") as task:
        for epoch in range(1, settings.epochs + 1):
            trainer.rounded_epoch()
            task.update(epoch, settings.epochs)
    trainer.convert()
    held_out, label = encode_rate(validation[0], settings.steps)[:, :, np.newaxis], validation[1]
    best: Trained | None = None
    with progress.task("training, spiking") as task:
        for epoch in range(settings.spiking_epochs + 1):
            if epoch:
                trainer.spiking_epoch()
                task.update(epoch, settings.spiking_epochs)
            best, old = elect(trainer.layers(), held_out, label, epoch, best), best
            if best is not old:
                progress.say(
                    f"spiking epoch {epoch}, output gain {best.gain}: validation {best.accuracy:.2%}"
                )
    assert best is not None  # the converted network stands for election, too
    return best


def elect(
    layers: tuple[Layer, ...], held_out: np.ndarray, label: np.ndarray, epoch: int, best: Trained | None
) -> Trained:
    """The better one of ``best`` and this checkpoint with its best output gain."""
    hidden = run(layers, held_out)[-2]
    for gain in _OUTPUT_GAINS:
        last = Layer(training.on_grid(layers[-1].weight * gain), training.on_grid(layers[-1].bias * gain))
        accuracy = float(np.mean(by_count(run([last], hidden)[-1]) == label))
        if best is None or accuracy > best.accuracy:
            best = Trained((*layers[:-1], last), accuracy, epoch, gain)
    assert best is not None  # there is a gain
    return best


def _moments(current: Tensor, axes: list[int]) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(current, axes, correction=0)
    return mean, variance


class Trainer:
    """One training run: ``rounded_epoch`` so often, ``convert``, ``spiking_epoch`` so often."""

    def __init__(self, fit: tuple[np.ndarray, np.ndarray], settings: Settings) -> None:
        self._settings = settings
        self._pixels, self._labels = torch.from_numpy(fit[0]), torch.from_numpy(fit[1])
        self._generator = torch.Generator().manual_seed(settings.seed)
        self.parameters = training.random_parameters(
            settings.layers, (1, SIDE, SIDE), self._generator, spread=1.5
        )
        self._norms = [training.Norm(size, axis=1, moments=_moments) for size, _, _ in settings.layers]
        learned = [*self.parameters, *(norm.gain for norm in self._norms)]
        self._optimize(learned, settings.rate, settings.epochs)

    def _optimize(self, learned: list[Tensor], rate: float, epochs: int) -> None:
        self._descent = training.Descent(
            learned,
            rate,
            epochs=epochs,
            samples=len(self._labels),
            batch=_BATCH,
            weight_decay=_WEIGHT_DECAY,
            warm_up=_WARM_UP,
        )

    def rounded_epoch(self) -> None:
        """One pass of the network of rounded activations."""
        self._epoch(self._rounded_loss)

    def convert(self) -> None:
        """Make it the spiking network."""
        pairs = list(zip(self.parameters[::2], self.parameters[1::2], strict=True))
        for norm, (weight, bias) in zip(self._norms, pairs, strict=True):
            weight.data, bias.data = norm.fold(weight.data, bias.data)
        self._optimize(self.parameters, self._settings.spiking_rate, self._settings.spiking_epochs)

    def spiking_epoch(self) -> None:
        """One pass of the spiking network."""
        self._epoch(self._spiking_loss)

    def layers(self) -> tuple[Layer, ...]:
        """The spiking network's parameters as they stand, rounded to ``GRID``."""
        return training.layers_of(self.parameters, [stride for _, _, stride in self._settings.layers])

    def _epoch(self, loss_of: Callable[[Tensor, Tensor], Tensor]) -> None:
        """One pass over the samples, freshly training.distorted."""
        for batch in training.batches(len(self._labels), _BATCH, self._generator):
            pixels = self._distort(self._pixels[batch]).numpy().astype(np.uint8)
            spikes = torch.from_numpy(encode_rate(pixels, self._settings.steps)).unsqueeze(2)
            self._descent.step(loss_of(spikes, self._labels[batch]))

    def _rounded_loss(self, spikes: Tensor, label: Tensor) -> Tensor:
        """The rounded network's loss: an input is a pixel's rate, an activation a neuron's."""
        settings = self._settings
        x = spikes.sum(dim=0, dtype=torch.float32) / settings.steps
        activity = torch.zeros(())
        z = x
        for number, (_, _, stride) in enumerate(settings.layers):
            weight, bias = self.parameters[2 * number : 2 * number + 2]
            z = self._norms[number](_currents(x, weight, None, stride), bias)
            if number < len(settings.layers) - 1:
                x = _RoundDown.apply(z, settings.steps)
                activity = activity + x.mean()
        logits = _SPIKE_LOGITS * settings.steps * z
        return (
            functional.cross_entropy(logits, label, label_smoothing=_SMOOTHING) + settings.activity * activity
        )

    def _spiking_loss(self, spikes: Tensor, label: Tensor) -> Tensor:
        """The spiking network's loss.

        Two cross-entropies, of the output neurons' spike counts and of what they received in all, which
        has a gradient where counts are 0 or at their maximum; and the hidden layers' activity.
        """
        settings = self._settings
        x, activity, current = spikes.float(), torch.zeros(()), torch.zeros(())
        for number, (_, _, stride) in enumerate(settings.layers):
            weight, bias = self.parameters[2 * number : 2 * number + 2]
            current, x = _spiking(x, weight, bias, stride)
            if number < len(settings.layers) - 1:
                activity = activity + x.mean()
        counted = functional.cross_entropy(_SPIKE_LOGITS * x.sum(dim=0), label, label_smoothing=_SMOOTHING)
        received = functional.cross_entropy(
            _POTENTIAL_LOGITS * current.sum(dim=0), label, label_smoothing=_SMOOTHING
        )
        return counted + received + settings.activity * activity

    def _distort(self, pixels: Tensor) -> Tensor:
        """Shift, turn, scale and shear every image a little; shape (sample, 28, 28) in and out."""
        return training.distorted(pixels, self._generator, self._settings.distortion).round().clamp(0, 255)
