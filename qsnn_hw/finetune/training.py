"""The training loop: Adam over surrogate gradients, the best epoch by held-out samples."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from qsnn_hw.finetune.held_out import check_samples, labels_of, split
from qsnn_hw.finetune.settings import Epoch, Finetuned, FinetuneSettings, best_of, need_torch
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import accuracy, simulate
from qsnn_hw.quantize.compensate import measure
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

need_torch()

import torch  # noqa: E402 - the clear message comes first

from qsnn_hw.finetune import checkpoint as standing_file  # noqa: E402
from qsnn_hw.finetune.cells import Cells  # noqa: E402
from qsnn_hw.finetune.checkpoint import Standing  # noqa: E402
from qsnn_hw.finetune.export import deployed_options, exported  # noqa: E402
from qsnn_hw.finetune.forward import IntegerNetwork  # noqa: E402

_LAST_RATE = 0.02

_HELD_OUT_CHIPS = 4
"""Chips on which an epoch is judged where cells are off."""


def finetune(
    network: Network,
    options: QuantizeOptions,
    train: Dataset,
    settings: FinetuneSettings | None = None,
    *,
    validation: Dataset | None = None,
    checkpoint: Path | None = None,
    progress: Progress = SILENT,
) -> Finetuned:
    """Train a network's integers.

    The forward pass is the golden model's; epoch 0, plain ``quantize``, stands for election like
    every other, so on the held-out samples the result is never worse than without training.

    Parameters
    ----------
    network, options
        Where to start, and how floats become integers. Scales come from ``options.clip`` once.
    train
        Samples with labels; the class is that of the default readout: most spikes, or the highest
        potential after the last step of a group that never fires.
    settings
        None for the defaults.
    validation
        Held-out samples; None takes ``settings.validation_part`` out of ``train``.
    checkpoint
        Written after every epoch. Where it exists the run goes on from it, with the same result.
    progress
        Told about every batch.

    Raises
    ------
    UserError
        No labels, labels beyond the output neurons, an unsupported network, a checkpoint of another
        run, or whatever ``quantize`` refuses.
    MismatchError
        The exported network does not come back as the trained integers.
    """
    settings = settings or FinetuneSettings()
    if network.group(network.output).threshold is None:
        options = options.one_scale(network.output)
    if validation is None:
        train, validation = split(train, settings.validation_part, settings.seed)
    for data in (train, validation):
        check_samples(network, data)
    with _threads(settings.threads):
        return _Run(network, options, train, validation, settings, checkpoint, progress).finish()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run:
    """One run from wherever its checkpoint left it."""

    def __init__(
        self,
        network: Network,
        options: QuantizeOptions,
        train: Dataset,
        validation: Dataset,
        settings: FinetuneSettings,
        path: Path | None,
        progress: Progress,
    ) -> None:
        self._network, self._options, self._settings = network, options, settings
        self._train, self._validation = train, validation
        self._path, self._progress = path, progress
        statistics = None
        if options.rounding == "compensate":
            statistics = measure(network, train.input, progress=progress)
        self._model = IntegerNetwork(network, options, slope=settings.surrogate_slope, statistics=statistics)
        self._label = torch.from_numpy(labels_of(train))
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=settings.learning_rate)
        self._batches = math.ceil(train.samples / settings.batch)
        self._before = 0
        self._id = ""
        if path is not None:
            self._id = standing_file.identity(network, options, settings, train, validation)

    def finish(self) -> Finetuned:
        standing = self._start()
        done, total = len(standing.history) - 1, self._settings.epochs
        self._before = done * self._batches
        began, trained = time.monotonic(), 0
        with self._progress.task("fine-tuning") as task:
            for number in range(done + 1, total + 1):
                loss = self._epoch(number, standing.logit_scale, task.update)
                right = self._accuracy()
                candidate = number > total * (1 - self._settings.candidate_part)
                if candidate and right > best_of(standing.history).validation_accuracy:
                    standing.best = standing_file.parameters_of(self._model)
                standing.history.append(Epoch(number, loss, right, candidate))
                trained += 1
                self._save(standing)
                self._progress.say(
                    f"epoch {number}/{total}: loss {loss:.4f}, held-out accuracy {100 * right:.2f} %"
                )
        seconds = (time.monotonic() - began) / trained if trained else None
        return self._result(standing, seconds)

    def _start(self) -> Standing:
        standing = None if self._path is None else standing_file.load(self._path, self._id)
        if standing is not None:
            standing_file.restore(self._model, standing.arrays)
            standing_file.restore_optimizer(self._model, self._optimizer, standing.arrays)
            self._model.wide = set(standing.wide)
            self._progress.say(f"going on from {self._path} after epoch {len(standing.history) - 1}")
            return standing
        begun = Standing(self._id, {}, standing_file.parameters_of(self._model))
        run = simulate(self._network, self._validation.input, progress=self._progress)
        begun.float_accuracy = accuracy(run.out, labels_of(self._validation))
        begun.logit_scale = self._logit_scale()
        begun.history.append(Epoch(0, None, self._accuracy()))
        self._save(begun)
        return begun

    def _save(self, standing: Standing) -> None:
        if self._path is None:
            return
        now = standing_file.parameters_of(self._model)
        standing.arrays = now | standing_file.optimizer_arrays(self._model, self._optimizer)
        standing.wide = sorted(self._model.wide)
        standing.save(self._path)

    def _batch(self, data: Dataset, samples: np.ndarray) -> torch.Tensor:
        rows = data.input[:, samples].reshape(data.steps, samples.size, -1)
        return torch.from_numpy(rows).to(torch.float32)

    def _logit_scale(self) -> float:
        """So that the winner's mean output has the same size in every network."""
        count = min(self._train.samples, 4 * self._settings.batch)
        with torch.no_grad():
            trace = self._model(self._batch(self._train, np.arange(count)))
            winner = float(self._model.output(trace).abs().amax(dim=1).mean())
        return self._settings.winner_logit / max(winner, 1e-6)

    def _epoch(self, number: int, logit_scale: float, update: Callable[[int, int], None]) -> float:
        """One pass; the mean loss."""
        generator = torch.Generator().manual_seed(self._settings.seed * 100_003 + number)
        order = torch.randperm(self._train.samples, generator=generator)
        total, everything = 0.0, self._batches * self._settings.epochs
        for index, samples in enumerate(order.split(self._settings.batch)):
            at = (number - 1) * self._batches + index
            self._set_rate(at / everything)
            self._model.cells = self._cells(at)
            trace = self._model(self._batch(self._train, samples.numpy()))
            self._model.cells = None
            loss = torch.nn.functional.cross_entropy(
                self._model.output(trace) * logit_scale,
                self._label[samples],
                label_smoothing=self._settings.label_smoothing,
            )
            if not bool(torch.isfinite(loss)):
                raise self._diverged(number, float(loss.detach()))
            self._optimizer.zero_grad()
            loss.backward()
            if self._settings.gradient_limit is not None:
                torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.gradient_limit)
            self._optimizer.step()
            for module in self._model.trained:
                module.project()
            total += float(loss.detach())
            # What an earlier call trained took no time of this one's.
            update(at + 1 - self._before, everything - self._before)
        return total / self._batches

    def _cells(self, batch: int) -> Cells | None:
        """The chip that a batch sees; None without any."""
        if not self._settings.sigma:
            return None
        # By the batch, so that a run that was stopped goes on with the same chips.
        return Cells(
            self._settings.sigma, torch.Generator().manual_seed(self._settings.seed * 1_000_003 + batch)
        )

    def _diverged(self, number: int, loss: float) -> UserError:
        rate = self._settings.learning_rate
        limit = "" if self._settings.gradient_limit is not None else ", or with --gradient-limit 1"
        again = "" if self._path is None else "; --restart begins anew"
        return UserError(
            f"the training loss is {loss:g} in epoch {number}: training has diverged; train with a smaller "
            f"--learning-rate than {rate:g}{limit}{again}"
        )

    def _set_rate(self, part: float) -> None:
        rate = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * part)) / 2
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * rate

    def _accuracy(self) -> float:
        """Of the held-out samples: in integers, or on the mean of a few chips where cells are off."""
        if not self._settings.sigma:
            return self._accuracy_once()
        found = []
        for chip in range(_HELD_OUT_CHIPS):
            # Batches count from 0 up.
            self._model.cells = self._cells(-1 - chip)
            found.append(self._accuracy_once())
        self._model.cells = None
        return sum(found) / len(found)

    def _accuracy_once(self) -> float:
        right, label = 0, labels_of(self._validation)
        with torch.no_grad():
            for start in range(0, label.size, 4 * self._settings.batch):
                samples = np.arange(start, min(start + 4 * self._settings.batch, label.size))
                trace = self._model(self._batch(self._validation, samples))
                # NumPy's argmax takes the first of equals, as everywhere in this project.
                answer = np.argmax(self._model.output(trace).numpy(), axis=1)
                right += int(np.count_nonzero(answer == label[samples]))
        return right / label.size

    def _result(self, standing: Standing, seconds: float | None) -> Finetuned:
        standing_file.restore(self._model, standing.best)
        network, quantized = exported(self._model)
        return Finetuned(
            network=network,
            options=deployed_options(self._options),
            quantized=quantized,
            history=tuple(standing.history),
            best_epoch=best_of(standing.history).number,
            float_accuracy=standing.float_accuracy,
            training_samples=self._train.samples,
            validation_samples=self._validation.samples,
            seconds_per_epoch=seconds,
        )
