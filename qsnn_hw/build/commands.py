"""What each ``qsnn-hw`` command does with its parsed options; ``build/cli.py`` parses them.

Nothing heavy is imported before a command needs it.
"""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from qsnn_hw.build.effective import effective_options
from qsnn_hw.build.option import typed_values
from qsnn_hw.build.option_table import CalibrateOptions
from qsnn_hw.build.sample_options import CheckOptions, CompareOptions, FinetuneOptions, InferOptions
from qsnn_hw.build.told import Told
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.terminal import show

if TYPE_CHECKING:
    from qsnn_hw.families.boards import Board

EXIT_FAILED = 1
"""Exit code of a command that found a difference or a missing tool."""


def run_part(arguments: argparse.Namespace) -> int:
    """Build, generate, simulate or synth: run a part of a build and print the figures."""
    from qsnn_hw.support.run_lock import refuse_busy

    folder = Path(arguments.out)
    # Its options are not those to go on with while another run may still change them.
    refuse_busy(folder)
    options = effective_options(arguments, folder)
    from qsnn_hw.build import flow
    from qsnn_hw.build.steps.outputs import WEIGHTS
    from qsnn_hw.support.progress import Progress

    progress = Progress(quiet=arguments.quiet)
    outcome = flow.run(options, folder, part=arguments.part, progress=progress, command=arguments.typed)
    show(*outcome.lines)
    bitstreams = [path for path in folder.glob("*.bi[tn]") if path.name != WEIGHTS]
    if arguments.part in ("build", "synth") and bitstreams:
        from qsnn_hw.build.built import Built

        show(*next_commands(folder, Built.of(folder).board))
    # A verdict was asked for, and equality says nothing about a network that is silent.
    verified = arguments.part in ("simulate", "verify", "build")
    return EXIT_FAILED if verified and not outcome.convincing else 0


def next_commands(folder: Path, board: "Board") -> tuple[str, ...]:
    """What a person types next, of a folder with a bitstream, behind what must be known of the board."""
    out = shlex.quote(str(folder))
    return (
        board.link_place,
        *(f"note: {note}" for note in board.notes),
        f"load it: qsnn-hw program -o {out}",
        f"run it:  qsnn-hw run -o {out} --port PORT (of a board, or what qsnn-hw virtual-board {out} prints)",
    )


def report(arguments: argparse.Namespace) -> int:
    """Print an earlier run's figures and draw its page again."""
    from qsnn_hw.build.options import OPTIONS, BuildOptions
    from qsnn_hw.report import PAGE, REPORT, TRACES, Report, Traces, summary_lines, write_page
    from qsnn_hw.support.output_folder import check_output_folder
    from qsnn_hw.targets.registry import DEFAULT, target_named

    folder = Path(arguments.out)
    check_output_folder(folder)
    # A report that was copied out of its folder has no options beside it.
    options = folder / OPTIONS
    name = BuildOptions.load(options).target if options.exists() else DEFAULT
    report = Report.load(folder / REPORT, target_named(name).sections())
    traces = folder / TRACES
    write_page(report, Traces.load(traces) if traces.exists() else None, folder / PAGE)
    show(*summary_lines(report))
    show(f"report: {folder / PAGE}")
    return 0


def infer(arguments: argparse.Namespace) -> int:
    """Run a network in floating point or integers; print its accuracy."""
    from qsnn_hw.build.infer import run_inference
    from qsnn_hw.support.progress import Progress

    asked = InferOptions(**typed_values(arguments, InferOptions))
    run_inference(asked, Told(printing=True), Progress())
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Compare a network with its framework's own output, spikes or potentials."""
    from qsnn_hw.build.check import run_check
    from qsnn_hw.support.progress import Progress

    asked = CheckOptions(**typed_values(arguments, CheckOptions))
    return 0 if run_check(asked, Told(printing=True), Progress()).agrees else EXIT_FAILED


def finetune(arguments: argparse.Namespace) -> int:
    """Train a network further through its integer arithmetic."""
    from qsnn_hw.build.finetuning import run_finetuning
    from qsnn_hw.support.progress import Progress

    asked = FinetuneOptions(**typed_values(arguments, FinetuneOptions))
    show(*str(run_finetuning(asked, arguments.typed, Progress())).splitlines())
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Put targets side by side for one network; print the table."""
    from qsnn_hw.build.comparing import run_compare
    from qsnn_hw.build.effective import build_options
    from qsnn_hw.support.progress import Progress

    typed = typed_values(arguments, CompareOptions)
    run = run_compare(
        build_options(typed),
        Path(typed["out"]),
        boards=typed.get("boards"),
        predict=typed.get("predict", False),
        progress=Progress(quiet=arguments.quiet),
        command=arguments.typed,
    )
    show(*run.lines)
    return 0


def calibrate(arguments: argparse.Namespace) -> int:
    """Fit power coefficients to measurements, and keep them in a file."""
    from qsnn_hw.support import files
    from qsnn_hw.targets.fpga import measurements

    asked = CalibrateOptions(**typed_values(arguments, CalibrateOptions))
    path = Path(asked.out or "power.json")
    if path.suffix != ".json":
        raise UserError(f"--out is a .json file, not {path}")
    files.check_writable(path)
    found = measurements.calibrate(Path(asked.measurements))
    found.calibration.save(path)
    show(*measurements.lines(found))
    show(f"power coefficients: {path}; qsnn-hw build --power {path} estimates with them")
    return 0


def boards(arguments: argparse.Namespace) -> int:
    """List the boards."""
    from qsnn_hw.families.boards import list_boards

    boards = list_boards()
    width = max(len(board.name) for board in boards)
    for board in boards:
        memory = board.limits.block_ram
        blocks = (
            "no block RAM" if memory is None else f"{memory.count} x {memory.bits // 1024} kbit block RAM"
        )
        show(
            f"{board.name:<{width}}  {board.description}: {board.limits.logic_cells} logic cells, {blocks}, "
            f"{board.clock_mhz:g} MHz, {board.link_place}"
        )
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Say which tools are found and what is missing."""
    from qsnn_hw.toolchain.tools import doctor, doctor_table

    statuses = doctor()
    show(*doctor_table(statuses).splitlines())
    return EXIT_FAILED if any(status.faulty for status in statuses) else 0
