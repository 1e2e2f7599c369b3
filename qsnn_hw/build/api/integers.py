"""A network in integers: what it answers, what it costs, and the way to hardware."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from qsnn_hw.build.api.design import Design
from qsnn_hw.build.api.keywords import Option, changed, takes_options
from qsnn_hw.build.api.stage import Stage, progress_of
from qsnn_hw.build.api.words import span, warned
from qsnn_hw.build.comparing import Compared, run_compare
from qsnn_hw.build.integer_batch import run_integers
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import READ, readout_of
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.working import working
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.golden import GoldenRun, output_of
from qsnn_hw.model.readouts import answers
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions
from qsnn_hw.quantize.operators import weight_bits
from qsnn_hw.support.choices import DeviceName
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.targets.registry import target_of


@dataclass(frozen=True, eq=False, repr=False)
class IntegerNetwork:
    """A network in integers, as the hardware computes it; made by :meth:`TrainedNetwork.quantize`."""

    _stage: Stage = field(repr=False)

    def __repr__(self) -> str:
        integers = self.integers
        parts = [
            f"{span(p.weight_bits for p in integers.projections)}-bit weights ({self.weight_bits:,} bits)",
            f"{span(group.v_bits for group in integers.groups)}-bit potentials",
        ]
        if self.drop is not None:
            what = "accuracy" if self.drop.labelled else "agreement with float"
            scores = f"{100 * self.drop.integer_score:.2f} % (float {100 * self.drop.float_score:.2f} %)"
            parts.append(f"{what} {scores} on {self.drop.samples:,} samples")
        return f"<integers of {integers.name}: {', '.join(parts)}{warned(self.warnings)}>"

    @property
    def integers(self) -> QuantizedNetwork:
        """The record that says everything of them."""
        return self._quantization.quantized

    @property
    def options(self) -> QuantizeOptions:
        """How they were rounded; what calibration chose included."""
        return self._quantization.options

    @property
    def _quantization(self) -> Quantization:
        quantization: Quantization = self._stage.results[QUANTIZE]
        return quantization

    @property
    def golden(self) -> GoldenResult | None:
        """Spikes, potentials and answers of the golden model on the samples; None without samples."""
        result: GoldenResult | None = self._stage.results[GOLDEN]
        return result

    @property
    def drop(self) -> Drop | None:
        """What the integers cost on the samples, with its standard error; None without samples."""
        return None if self.golden is None else self.golden.drop

    @property
    def accuracy(self) -> float | None:
        """A fraction from 0 to 1 of the samples; None without labels."""
        return self.drop.integer_score if self.drop is not None and self.drop.labelled else None

    @property
    def weight_bits(self) -> int:
        """Bits of all weights together, those of a kernel once."""
        return weight_bits(self.integers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user must know of model, integers and spikes, one line each."""
        golden = self.golden
        if golden is None:
            return self.integers.warnings
        return (*self.integers.warnings, *golden.warnings, *([golden.dead] if golden.dead else []))

    def run(self, spikes: ArrayLike, *, device: DeviceName | None = None) -> np.ndarray:
        """The network's output in integers, to the bit that of the hardware.

        Parameters
        ----------
        spikes
            Spikes of every input and step, shape (time, sample, *input shape), or the same flattened.
        device
            "cuda", "cpu" or "auto" to run them through PyTorch, sooner for large batches, the first samples
            compared with the golden model; None for the golden model itself.

        Returns
        -------
        numpy.ndarray
            Shape (time, sample, neuron): spikes, uint8, or int32 potentials of an output that never fires.

        Raises
        ------
        UserError
            The shape is not the network's, a value is no number of spikes that it was quantized for, or there
            is no such device.
        """
        with working():
            return output_of(self.integers, self._run(spikes, device))

    def answers(self, spikes: ArrayLike, *, device: DeviceName | None = None) -> np.ndarray:
        """The class of each sample by the network's readout, int64 of shape (sample,); see :meth:`run`."""
        with working():
            kind = readout_of(self._stage.options, self._stage.results[READ])
            run = self._run(spikes, device)
            return answers(kind, output_of(self.integers, run, kind))

    def _run(self, spikes: ArrayLike, device: DeviceName | None) -> GoldenRun:
        return run_integers(self.integers, np.asarray(spikes), [self.integers.output], device, SILENT)

    @takes_options
    def plan(
        self,
        board: str | os.PathLike[str] | None = None,
        *,
        progress: bool | Progress = False,
        **options: Option,
    ) -> Design:
        """The network laid out as hardware.

        Parameters
        ----------
        board
            Name, or a .toml file of your own; None for a target that is for no board.
        progress
            True prints what goes on.
        options
            ``target``, ``optimize``, ``lanes`` and every other option of the design, see ``docs/python.md``.

        Raises
        ------
        UserError
            The design does not fit, a value is out of range, or options contradict each other.
        TypeError
            There is no such option.
        """
        with working():
            wanted = changed(self._stage.options, {"board": board, **options})
            choices = target_of(wanted, "generate").steps().choices
            plan = next(step for step in choices if step.name in ("plan", "crossbar"))
            stage = self._stage.after(plan, options=wanted, sources={}, progress=progress_of(progress))
        return Design(stage)

    def compare(
        self,
        out: str | os.PathLike[str],
        *,
        boards: Sequence[str | os.PathLike[str]] | None = None,
        pdk: str | None = None,
        liberty: str | os.PathLike[str] | None = None,
        predict: bool = False,
        progress: bool | Progress = False,
    ) -> Compared:
        """The network on every target side by side, as ``qsnn-hw compare``.

        Parameters
        ----------
        out
            Folder for the table, its page, and what is built.
        boards
            Of the FPGA rows; None: a small iCE40 and a small ECP5 that hold the network.
        pdk, liberty
            Standard cells of the chip's row, as of ``qsnn-hw compare``.
        predict
            Build nothing.

        Raises
        ------
        UserError
            :meth:`TrainedNetwork.quantize` was given no samples, or as the command says.
        MismatchError, ToolError
            As a build says.
        """
        folder = Path(out)
        with working():
            base, brought = self._stage.brought_to(folder)
            cells = {"pdk": pdk, "liberty": None if liberty is None else os.fspath(liberty)}
            said = {name: value for name, value in cells.items() if value is not None}
            return run_compare(
                changed(base, said),
                folder,
                boards=None if boards is None else tuple(os.fspath(board) for board in boards),
                predict=predict,
                progress=progress_of(progress),
                command="a Python program",
                results=self._stage.results,
                brought=brought,
            )
