"""A build: first the steps that may refuse a choice, then what the command is for, then the report.

    read -> quantize -> golden -> plan -> elaborate -> verilog -> verify | synthesize -> implement -> report

The steps of a target are one list, as in ``targets/fpga/target.py``; a step says what it needs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.report import PAGE, Report, Results, convincing, make_report, summary_lines
from qsnn_hw.report.head import title, verdict
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import check_output_folder
from qsnn_hw.support.progress import CancelledError, Progress
from qsnn_hw.support.run_lock import one_run
from qsnn_hw.support.terminal import plain
from qsnn_hw.targets.registry import target_of
from qsnn_hw.targets.target import Target, TargetSteps, shared
from qsnn_hw.toolchain.tools import check_build_folder
from qsnn_hw.verify.design import Reference

PARTS = ("generate", "simulate", "verify", "synth", "build")
"""How far a run goes: Verilog; verification too; and the reference of it; bitstream instead; everything."""


@dataclass(frozen=True, repr=False)
class Outcome:
    """What a run left; ``str`` is what the terminal says of it.

    Parameters
    ----------
    report
        Every figure.
    folder
        Where its files are; None where it worked in a folder that is gone.
    reference
        Of part "verify": what was compared again under cocotb.
    """

    report: Report
    folder: Path | None
    reference: Reference | None = None

    def __repr__(self) -> str:
        where = "" if self.folder is None else f" in {self.folder}"
        return f"<outcome{where}: {title(self.report)}: {verdict(self.report)[1]}>"

    def __str__(self) -> str:
        return "\n".join(plain(line) for line in self.lines)

    @property
    def lines(self) -> list[str]:
        """The report for a terminal, and where it is."""
        lines = summary_lines(self.report)
        lines += [] if self.reference is None else [self.reference.text()]
        return [*lines, *([] if self.folder is None else [f"report: {self.folder / PAGE}"])]

    @property
    def convincing(self) -> bool:
        """Whether a comparison without a mismatch says anything: something comes out of the network."""
        return convincing(self.report)


def run(
    options: BuildOptions,
    folder: Path,
    *,
    part: str = "build",
    progress: Progress,
    command: str = "a program of this package",
    instead: Mapping[Step[Any], Step[Any]] | None = None,
    results: Mapping[Step[Any], Any] | None = None,
    brought: Sequence[Path] = (),
) -> Outcome:
    """Run a part of the build in ``folder``, reusing what is already there.

    Parameters
    ----------
    command
        What another run in the same folder is told of this one.
    instead
        Another step in place of one, for a bench that changes it, such as integers that no option gives.
    results
        Step -> what it makes, where a run of the same options has made it in memory.
    brought
        Files to copy into the folder first, where ``options`` name them.

    Raises
    ------
    UserError, ToolError, MismatchError
        As the steps raise them; what was finished stays and is used by the next run. UserError too where
        another run works in ``folder``.
    """
    if part not in PARTS:
        raise UserError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    if options.data is None and part in ("simulate", "verify", "build"):
        raise UserError(f"{part} compares hardware and model on real samples: give --data FILE")
    target = target_of(options, part)
    check_output_folder(folder)
    if part == "verify" or (options.simulator != "verilator" and part in ("simulate", "build")):
        check_build_folder(folder)
    with one_run(folder, command):
        for file in brought:
            files.write_bytes(folder / file.name, file.read_bytes())
        return _run(Run(Job(options, folder, progress.of_one_run()), instead, results), target, part)


def _run(run: Run, target: Target, part: str) -> Outcome:
    options, steps = run.job.options, target.steps()
    for step in steps.choices:
        run.get(step)
    # No choice is left to be refused, but by what only the tools find out.
    with _remembered(options, run.job.path(OPTIONS)):
        outcomes = _goals(run, steps, part)
        left = [run.earlier(step) for step in steps.reported]
        report = make_report(target.sections(), Results(run.job.path(), [options.quantize, *left]))
        reference = next((result for result in outcomes if isinstance(result, Reference)), None)
        return Outcome(report, run.job.path(), reference)


def _goals(run: Run, steps: TargetSteps, part: str) -> list[Any]:
    """What the steps of a command leave; what settles is made until it has."""
    goals = steps.goals[part]
    if steps.settling is not None:
        estimated, tells = steps.settling
        early = [tells if tells in goal.reach() else goal for goal in goals]
        while tells in early:
            _together(run, early)
            if not run.renew(estimated):
                break
    return _together(run, goals)


def _together(run: Run, goals: Sequence[Step[Any]]) -> list[Any]:
    for step in shared(goals):
        run.get(step)
    return _side_by_side([partial(run.get, goal) for goal in goals], run.job.progress)


@contextmanager
def _remembered(options: BuildOptions, path: Path) -> Iterator[None]:
    """Save ``options`` for the next run; those of an earlier run come back where these are refused."""
    earlier = path.read_bytes() if path.is_file() else None
    options.save(path)
    try:
        yield
    except UserError:
        if earlier is not None:
            files.write_bytes(path, earlier)
        raise


def _side_by_side(work: Sequence[Callable[[], Any]], progress: Progress) -> list[Any]:
    """What every function returns, each in a thread of its own; the first failure stops the others."""
    if len(work) == 1:
        return [work[0]()]
    with ThreadPoolExecutor(len(work)) as threads:
        futures: list[Future[Any]] = []
        try:
            futures += [threads.submit(function) for function in work]
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            if any(f.exception() is not None for f in finished):
                progress.cancel()
                wait(futures)
        except BaseException:
            # Leaving the block waits for every thread.
            progress.cancel()
            raise
    errors = [e for f in futures if (e := f.exception()) is not None and not isinstance(e, CancelledError)]
    if errors:
        raise errors[0]
    return [future.result() for future in futures]
