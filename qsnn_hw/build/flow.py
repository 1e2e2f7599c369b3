"""The whole chain on one screen: each stage takes the one before it and leaves a numbered file.

read -> quantize -> golden -> plan -> Amaranth -> Verilog -> verify | synthesize, place, pack -> report
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsnn_hw.build import chain
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.support.progress import CancelledError, Progress
from qsnn_hw.report import Report
from qsnn_hw.support.run_lock import one_run
from qsnn_hw.build.stages import Stages
from qsnn_hw.verify.design import Reference

PARTS = ("generate", "simulate", "verify", "synth", "build")
"""How far a run goes: Verilog; verification too; and the reference of it; bitstream instead; everything."""


@dataclass(frozen=True)
class Outcome:
    """What a run left: the report, the folder it is in, and of part "verify" what the reference compared."""

    report: Report
    folder: Path
    reference: Reference | None = None


def run(
    options: BuildOptions,
    folder: Path,
    *,
    part: str = "build",
    progress: Progress,
    command: str = "a program of this package",
    chain_type: type[chain.Chain] = chain.Chain,
) -> Outcome:
    """Run a part of the chain in ``folder``, reusing what is already there.

    Parameters
    ----------
    command
        What another run in the same folder is told of this one.
    chain_type
        Another class for a bench that changes one stage, such as integers that no option gives.

    Raises
    ------
    UserError, ToolError, MismatchError
        As the stages raise them; what was finished stays and is used by the next run. UserError too where
        another run works in ``folder``.
    """
    if part not in PARTS:
        raise UserError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    if options.data is None and part in ("simulate", "verify", "build"):
        raise UserError(f"{part} compares hardware and model on real samples: give --data FILE")
    files.check_output_folder(folder)
    with one_run(folder, command):
        return _run(chain_type(options, Stages(folder, progress), progress), options, folder, part, progress)


def _run(run: chain.Chain, options: BuildOptions, folder: Path, part: str, progress: Progress) -> Outcome:
    network = run.read()
    data = run.load_data(network)
    chosen = run.quantize(network, data)
    quantized = chosen.quantized
    golden = run.golden(network, chosen, data)
    diagnostics = run.diagnose(network, chosen, data)
    plan = run.plan(quantized, data, golden)

    # No choice is left to be refused, but by what only the tools find out.
    with _remembered(options, folder / OPTIONS):
        run.rtlil(plan)
        run.verilog(plan)

        # Verification and implementation share nothing but the Verilog, so they run side by side.
        work: list[Any] = []
        if part in ("simulate", "build"):
            work.append(lambda: run.verify(plan, data, golden))
        if part in ("synth", "build"):
            work.append(lambda: run.implement(plan))
        _side_by_side(work, progress)
        reference = None
        if part == "verify":
            found = run.verify(plan, data, golden)
            reference = run.reference(plan, data, golden, found)
        made = run.report(network, chosen, plan, data, golden, diagnostics)
        return Outcome(made, folder, reference)


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


def _side_by_side(work: list[Any], progress: Progress) -> None:
    """Run every function in a thread of its own; the first failure stops the others."""
    if not work:
        return
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
