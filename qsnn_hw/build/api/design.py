"""A network laid out as hardware: what it takes, and what the steps behind it make of it."""

import os
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from qsnn_hw.build import flow
from qsnn_hw.build.api.keywords import Option, changed, takes_options
from qsnn_hw.build.api.sources import Samples, data_source
from qsnn_hw.build.api.stage import Stage, progress_of
from qsnn_hw.build.flow import Outcome
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.working import working
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.cost.predict import in_words, predict
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.boards import Board
from qsnn_hw.families.limits import Usage
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.analog.network import AnalogNetwork

T = TypeVar("T")

_COMMAND = "a Python program"
"""What another run in the same folder is told of this one."""


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """A network laid out as hardware; made by :meth:`IntegerNetwork.plan`.

    Its methods are the commands of the same names, and leave in a folder what those leave: a later run there,
    by either, goes on from it.
    """

    _stage: Stage = field(repr=False)

    def __repr__(self) -> str:
        crossbar = self.crossbar
        if crossbar is not None:
            return f"<crossbar of {crossbar.name} for {crossbar.device}: {crossbar.text()}>"
        hardware, board = self.hardware, self.board
        parts = []
        if board is not None and self.usage is not None:
            parts.append(in_words(self.usage, board.limits))
        parts.append(f"{hardware.synapse_bits:,} bits of weights")
        cycles = self.cycles
        if cycles is None:
            parts.append("cycles not predicted: no samples")
        elif not cycles.design.size:
            parts.append("cycles not predicted: a sample takes too long to follow")
        else:
            parts.append(cycles.text())
        where = "" if board is None else f" for {board.name}"
        return f"<design of {hardware.name}{where}, predicted: {'; '.join(parts)}>"

    @property
    def hardware(self) -> HardwarePlan:
        """The record that says everything of it; a UserError where the target is analog."""
        plan = self._value(HardwarePlan)
        if plan is None:
            raise UserError("an analog chip has no plan of digital hardware: see crossbar")
        return plan

    @property
    def crossbar(self) -> AnalogNetwork | None:
        """The same of an analog chip; None for another target."""
        return self._value(AnalogNetwork)

    @property
    def board(self) -> Board | None:
        """The board that it is for; None where it is for none."""
        return self._value(Board)

    @cached_property
    def usage(self) -> Usage | None:
        """Cells and memories of the device that it takes by prediction; None without a board."""
        return None if self.board is None else predict(self.hardware, self.board.limits).usage

    @cached_property
    def cycles(self) -> PredictedCycles | None:
        """Clock cycles of the first samples by prediction; None without samples."""
        data, golden = self._value(Dataset), self._value(GoldenResult)
        if data is None or golden is None:
            return None
        return PredictedCycles.of(self.hardware, data.input, golden.integer.spikes, data.pixels)

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each choice worth knowing."""
        return self.hardware.notes

    def _value(self, kind: type[T]) -> T | None:
        return next((result for result in self._stage.results.values() if isinstance(result, kind)), None)

    @takes_options
    def generate(
        self, out: str | os.PathLike[str], *, progress: bool | Progress = False, **options: Option
    ) -> Outcome:
        """Write the Verilog to the folder ``out``, as ``qsnn-hw generate``.

        Raises
        ------
        UserError, ToolError
            As the command says.
        """
        return self._run("generate", out, options, progress)

    @takes_options
    def simulate(
        self,
        data: Samples | None = None,
        *,
        out: str | os.PathLike[str] | None = None,
        progress: bool | Progress = False,
        **options: Option,
    ) -> Outcome:
        """Compare the simulated Verilog with the integers, every spike and every potential.

        Parameters
        ----------
        data
            Samples in place of those that the integers were given, in the same form.
        out
            Folder to leave what ``qsnn-hw simulate`` leaves, with the samples that the integers were given;
            None leaves nothing.
        options
            ``seed`` and ``simulator``; ``layout`` and ``samples`` of the samples, where ``out`` is None.

        Raises
        ------
        UserError
            There are no samples, or as the command says.
        MismatchError
            The first difference.
        ToolError
            A tool failed.
        """
        return self._compare("simulate", data, out, options, progress)

    @takes_options
    def verify(
        self,
        data: Samples | None = None,
        *,
        out: str | os.PathLike[str] | None = None,
        progress: bool | Progress = False,
        **options: Option,
    ) -> Outcome:
        """As :meth:`simulate`, and some of the same vectors again under cocotb: every figure must agree."""
        return self._compare("verify", data, out, options, progress)

    @takes_options
    def synth(
        self, out: str | os.PathLike[str], *, progress: bool | Progress = False, **options: Option
    ) -> Outcome:
        """Leave the bitstream in the folder ``out``, without the comparison, as ``qsnn-hw synth``."""
        return self._run("synth", out, options, progress)

    @takes_options
    def build(
        self, out: str | os.PathLike[str], *, progress: bool | Progress = False, **options: Option
    ) -> Outcome:
        """Leave Verilog, comparison, bitstream and report in the folder ``out``, as ``qsnn-hw build``.

        Without samples nothing can be compared: then it is as ``qsnn-hw synth``, and the report says so.

        Parameters
        ----------
        options
            ``seed`` and ``simulator``.

        Raises
        ------
        UserError
            An option is out of range, the folder cannot be written, or another run works there.
        MismatchError
            The first difference between hardware and integers.
        ToolError
            A tool failed.
        """
        part = "build" if "data" in self._stage.sources else "synth"
        return self._run(part, out, options, progress)

    def _run(
        self, part: str, out: str | os.PathLike[str], options: dict[str, Any], progress: bool | Progress
    ) -> Outcome:
        folder = Path(out)
        with working():
            base, brought = self._stage.brought_to(folder)
            return flow.run(
                changed(base, options),
                folder,
                part=part,
                progress=progress_of(progress),
                command=_COMMAND,
                results=self._stage.results,
                brought=brought,
            )

    def _compare(
        self,
        part: str,
        data: Samples | None,
        out: str | os.PathLike[str] | None,
        options: dict[str, Any],
        progress: bool | Progress,
    ) -> Outcome:
        # As None they are not given.
        other = data is not None or any(options.get(name) is not None for name in ("layout", "samples"))
        if other and out is not None:
            raise UserError(
                "out keeps what was planned for the samples of quantize(), and these are others: leave it out"
            )
        design = self._with(data) if other else self
        if out is not None:
            return design._run(part, out, options, progress)
        with tempfile.TemporaryDirectory(prefix="qsnn-hw-") as folder:
            return replace(design._run(part, folder, options, progress), folder=None)

    def _with(self, data: Samples | None) -> "Design":
        """The same design with other samples to compare it on; None: of its own file, read anew."""
        stage = self._stage
        results = {step: result for step, result in stage.results.items() if step not in (DATA, GOLDEN)}
        if data is None:
            return Design(replace(stage, results=results))
        source = data_source(data, outputs.DATA_IN_MEMORY)
        options = replace(stage.options, data=str(source.path), samples=None, layout="auto")
        return Design(Stage(options, {**stage.sources, "data": source}, results))
