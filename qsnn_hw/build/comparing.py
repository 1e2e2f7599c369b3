"""Targets side by side: what ``qsnn-hw compare`` does, and :meth:`IntegerNetwork.compare` from Python."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qsnn_hw.build import flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, READ
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.compare import JSON, PAGE, Comparison, Row, lines, write_page
from qsnn_hw.report import Report
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import check_output_folder
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.run_lock import one_run
from qsnn_hw.support.terminal import plain
from qsnn_hw.targets.registry import defaults, foreign_options, target_named
from qsnn_hw.targets.rows import Asked, Maker, contributions

NETWORK_FOLDER = "00_network"
"""In the output folder: what no target changes."""

SHARED: tuple[Step[Any], ...] = (READ, DATA, QUANTIZE, GOLDEN)


@dataclass(frozen=True)
class Compared:
    """What a comparison left; ``str`` is what the terminal says of it.

    Parameters
    ----------
    table
        The record that is ``compare.json``.
    folder
        With ``compare.html`` and a folder for each row that was built.
    """

    table: Comparison
    folder: Path

    def __repr__(self) -> str:
        names = ", ".join(row.name for row in self.table.rows)
        return f"<comparison in {self.folder}: {self.table.network} on {names}>"

    def __str__(self) -> str:
        return "\n".join(plain(line) for line in self.lines)

    @property
    def lines(self) -> list[str]:
        """The table for a terminal, and where the page is."""
        return [*lines(self.table), f"comparison: {self.folder / PAGE}"]


@dataclass(frozen=True)
class _Work:
    """One run of the command."""

    options: BuildOptions
    folder: Path
    boards: tuple[str, ...] | None
    predict: bool
    progress: Progress
    command: str
    results: Mapping[Step[Any], Any] = field(default_factory=dict)

    def table(self) -> Comparison:
        shared = Run(Job(self.options, self._network_folder(), self.progress), results=self.results)
        if shared.get(DATA) is None or shared.get(GOLDEN) is None:
            raise UserError("compare needs samples, which decide accuracy, work and energy: give --data FILE")

        made: dict[Step[Any], Any] = {step: shared.get(step) for step in SHARED}

        def build(name: str, options: BuildOptions) -> Report:
            # What was said for another target's row stays out of this folder.
            foreign = defaults(tuple(foreign_options(target_named(options.target))))
            options = replace(options, **foreign)
            return flow.run(
                *(options, self.folder / name),
                part="build",
                progress=self.progress,
                command=self.command,
                results=made,
            ).report

        asked = Asked(self.options, shared, self.boards, self.predict, build, self.progress)
        # All of them first: a board that is not known is refused before anything is made.
        makers = [maker for one in contributions() for maker in one.makers(asked)]
        rows, left_out = self._rows(makers)
        if not rows:
            raise UserError("nothing to compare: " + "; ".join(f"{k}: {why}" for k, why in left_out.items()))
        network, integers, data = shared.get(READ), asked.integers, asked.data
        bits = sorted({p.weight_bits for p in integers.projections})
        return Comparison(
            network.name,
            (network.input_size, *(group.size for group in integers.groups)),
            str(bits[0]) if len(bits) == 1 else f"{bits[0]} to {bits[-1]}",
            data.steps,
            data.samples,
            asked.spikes,
            self.predict,
            datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            tuple(rows),
            left_out,
        )

    def _network_folder(self) -> Path:
        folder = self.folder / NETWORK_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _rows(self, makers: list[Maker]) -> tuple[list[Row], dict[str, str]]:
        rows: list[Row] = []
        left_out: dict[str, str] = {}
        for maker in makers:
            try:
                rows += maker.make()
            except UserError as error:
                left_out[maker.name] = str(error)
                self.progress.say(f"{maker.name}: left out: {error}")
        return rows, left_out


def run_compare(
    options: BuildOptions,
    folder: Path,
    *,
    boards: tuple[str, ...] | None = None,
    predict: bool = False,
    progress: Progress,
    command: str = "a program of this package",
    results: Mapping[Step[Any], Any] | None = None,
    brought: tuple[Path, ...] | list[Path] = (),
) -> Compared:
    """Make every row, and leave ``compare.json`` and ``compare.html`` in ``folder``.

    What is built lies in a folder of its own for each row, as ``qsnn-hw build`` leaves it there; a run that
    was stopped goes on, and nothing is built twice.

    Parameters
    ----------
    options
        Model, samples and rounding.
    boards
        Of the FPGA rows; None: a small iCE40 and a small ECP5 that hold the network.
    predict
        Build nothing.
    results, brought
        As :func:`qsnn_hw.build.flow.run` takes them.

    Raises
    ------
    UserError
        There are no samples, a board is not known, or no target has a row.
    ToolError, MismatchError
        As a build raises them; what was finished stays.
    """
    check_output_folder(folder)
    with one_run(folder, command):
        for file in brought:
            files.write_bytes(folder / file.name, file.read_bytes())
        table = _Work(options, folder, boards, predict, progress, command, results or {}).table()
        table.save(folder / JSON)
        write_page(table, folder / PAGE)
    return Compared(table, folder)
