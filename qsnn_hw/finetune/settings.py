"""What a fine-tuning run is told, and what it leaves behind; torch is not needed for either."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.model.network import Network
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.support.errors import UserError


def need_torch() -> None:
    """Raise UserError when torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise UserError("fine-tuning needs torch: pip install torch")


MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class FinetuneSettings:
    """How to train.

    Parameters
    ----------
    epochs
        Passes over the training samples, from 1.
    learning_rate
        Adam's first step size, as a fraction of the weights' range (0 to the largest integer); it
        falls to a fiftieth along a cosine.
    batch
        Samples per optimizer step.
    seed
        Of the validation split and of the order of samples.
    validation_part
        The share of the samples held out to choose the best epoch, where no validation data is given.
    surrogate_slope
        Steepness of the spike's fast-sigmoid gradient ``1 / (1 + slope * |v - threshold| / threshold)**2``.
    winner_logit
        The size of the loss's logit for the mean output of the winning neuron, whatever the number of
        steps. Larger looks harder at samples that are nearly or just wrong.
    label_smoothing
        Of the cross-entropy, 0 for none.
    candidate_part
        The last share of the epochs from which the best is chosen (epoch 0 always stands, too); with
        few held-out samples a settled epoch beats a lucky one.
    gradient_limit
        Gradients with a larger norm than this are scaled down to it; None leaves them. Long loops need
        it, because their gradients grow from step to step.
    threads
        CPU threads of torch. The result depends on it, because sums of gradients do.
    sigma
        Of the logarithm of a conductance: every batch sees the weights as pairs of cells of a chip of its
        own, programmed with this error; 0 trains the integers themselves. See ``finetune/cells.py``.

    Raises
    ------
    UserError
        A value is out of its range.
    """

    epochs: int = 10
    learning_rate: float = 2e-3
    batch: int = 128
    seed: int = 0
    validation_part: float = 0.1
    surrogate_slope: float = 5.0
    winner_logit: float = 6.0
    label_smoothing: float = 0.05
    candidate_part: float = 1.0
    gradient_limit: float | None = None
    threads: int = 1
    sigma: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("seed", 0), ("threads", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name} must be a whole number from {least}, not {value!r}")
        if self.seed > MAX_SEED:
            raise UserError(f"seed must be from 0 to {MAX_SEED}, not {self.seed}")
        for name, low, high in (
            ("learning_rate", 0.0, 1.0),
            ("validation_part", 0.0, 0.9),
            ("winner_logit", 0.0, 1000.0),
            ("candidate_part", 0.0, 1.0),
            ("surrogate_slope", 0.0, 1000.0),
        ):
            value = getattr(self, name)
            if not math.isfinite(value) or not low < value <= high:
                raise UserError(
                    f"{name.replace('_', ' ')} must be above {low:g} and at most {high:g}, not {value!r}"
                )
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                f"label smoothing must be a number from 0 to below 1, not {self.label_smoothing!r}"
            )
        if not (math.isfinite(self.sigma) and 0 <= self.sigma <= 2):
            raise UserError(f"sigma must be a fraction from 0 to 2, not {self.sigma!r}")
        limit = self.gradient_limit
        if limit is not None and not (math.isfinite(limit) and limit > 0):
            raise UserError(f"gradient limit must be a number above 0 or None, not {limit!r}")


@dataclass(frozen=True)
class Epoch:
    """One pass over the training samples; ``number`` 0 is the network before any.

    ``loss`` is the mean over the epoch's batches (None for epoch 0), ``validation_accuracy`` the
    fraction right of the held-out samples in integers, ``candidate`` whether it may be chosen.
    """

    number: int
    loss: float | None
    validation_accuracy: float
    candidate: bool = True


def best_of(history: Sequence[Epoch]) -> Epoch:
    """The first candidate with the best validation accuracy."""
    return max((epoch for epoch in history if epoch.candidate), key=lambda epoch: epoch.validation_accuracy)


@dataclass(frozen=True)
class Finetuned:
    """The best epoch of a run.

    Parameters
    ----------
    network
        Float network on the integer grid: ``quantize(network, options)`` is ``quantized``.
    options
        The options given, with ``clip`` "max": the trained weights fill their range exactly.
    quantized
        The trained integers.
    history
        One entry per epoch, epoch 0 included.
    best_epoch
        The first candidate with the best validation accuracy.
    float_accuracy
        Fraction right of the held-out samples in the network that fine-tuning started from.
    training_samples, validation_samples
        How many of each.
    seconds_per_epoch
        Mean over the epochs that this call trained; None when a finished checkpoint was read.
    """

    network: Network
    options: QuantizeOptions
    quantized: QuantizedNetwork
    history: tuple[Epoch, ...]
    best_epoch: int
    float_accuracy: float
    training_samples: int
    validation_samples: int
    seconds_per_epoch: float | None

    @property
    def validation_accuracy(self) -> float:
        """Of the chosen epoch."""
        return self.history[self.best_epoch].validation_accuracy


@dataclass(frozen=True)
class Written:
    """The files of a run: the NIR model, the quantized network, the record."""

    nir: Path
    quantized: Path
    record: Path
