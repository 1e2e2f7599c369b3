"""The ``qsnn-hw`` command line: its options, and errors turned into one line.

Nothing heavy is imported before a command needs it, so ``--help`` answers at once.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from qsnn_hw import __version__
from qsnn_hw.build import board_commands, board_options, board_run
from qsnn_hw.build import commands as commands_of
from qsnn_hw.build import option_table as table
from qsnn_hw.build.commands import EXIT_FAILED
from qsnn_hw.build.network_options import BuildRounding, ModelOptions
from qsnn_hw.build.option import add_options
from qsnn_hw.build.sample_options import CheckOptions, CompareOptions, FinetuneOptions, InferOptions
from qsnn_hw.build.working import working
from qsnn_hw.support import terminal
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.support.stopping import StoppedError
from qsnn_hw.targets.registry import TARGETS

EXIT_USER = 2
EXIT_INTERRUPTED = 130

_DESCRIPTION = (
    "From a trained spiking network to an FPGA bitstream, compared with its integer model in simulation, "
    "with open tools only."
)
_EPILOG = """\
examples:
  qsnn-hw build net.nir --convention snntorch --data test.npz --bits 8 --board ulx3s-85f -o out
  qsnn-hw infer net.nir --convention norse --data test.npz --bits float --out spikes.npz
  qsnn-hw synth -o out --board icebreaker        (go on in a folder, for another board)
  qsnn-hw generate net.nir --convention norse --target verilog -o out        (for a design of your own)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 1 for a failure, 2 for the user's mistake.

    A run that a signal ends tidies up as after Ctrl-C and gives 128 and the signal's number.
    """
    terminal.prepare_streams()
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = make_parser().parse_args(words)
    options.typed = shlex.join(["qsnn-hw", *words])
    try:
        command: Callable[[argparse.Namespace], int] = options.command
        with working():
            return command(options)
    except UserError as error:
        return _complain("error", error, EXIT_USER)
    except MismatchError as error:
        return _complain("mismatch", error, EXIT_FAILED)
    except ToolError as error:
        return _complain("error", error, EXIT_FAILED)
    except KeyboardInterrupt as error:
        status = error.status if isinstance(error, StoppedError) else EXIT_INTERRUPTED
        return _complain("stopped", "what is finished stays; run the same command to go on", status)
    except BrokenPipeError:
        # The reader of our output has left (``qsnn-hw boards | head``): nothing to complain about.
        terminal.silence_stdout()
        return EXIT_FAILED
    except MemoryError:
        return _complain(
            "error", "not enough memory; use fewer --samples, or a machine with more of it", EXIT_FAILED
        )
    except OSError as error:
        # A disk that is full, a name that is too long: the machine's answer, with the file it is about.
        about = f"{error.filename}: " if error.filename is not None else ""
        return _complain(
            "error", f"{about}{error.strerror or error}; mend that, then run it again", EXIT_USER
        )
    except Exception as error:
        from qsnn_hw.build.last_net import bug_line

        # ``infer --out`` names a file, and none of its neighbours is for a log.
        folder = None if options.command is commands_of.infer else getattr(options, "out", None)
        line = bug_line(error, words, None if folder is None else Path(folder))
        return _complain("error", line, EXIT_FAILED)


def _complain(kind: str, what: object, code: int) -> int:
    terminal.complain(f"{kind}: {what}")
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, as every command does."""

    def error(self, message: str) -> NoReturn:
        """Complain and end with ``EXIT_USER``."""
        self.exit(_complain("error", f"{message}; see {self.prog} --help", EXIT_USER))

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help and version, to a standard output that may be full or closed."""
        try:
            terminal.write_out(message)
        except BrokenPipeError:
            terminal.silence_stdout()
            self.exit(EXIT_FAILED)
        except UserError as error:
            self.exit(_complain("error", error, EXIT_USER))


@dataclass(frozen=True)
class Command:
    """A command.

    Parameters
    ----------
    name, help, description
        As argparse takes them.
    run
        Does it, with what was parsed; gives the exit code.
    records
        Its options, see ``build/option_table.py``.
    remembered
        Fields without a default that an output folder may remember.
    """

    name: str
    help: str
    description: str
    run: Callable[[argparse.Namespace], int]
    records: tuple[type, ...] = ()
    remembered: tuple[str, ...] = ()


_PARTS = {
    "build": "everything: integers, hardware, verification, bitstream, report",
    "generate": "up to the Verilog",
    "simulate": "up to the verification of the Verilog against the golden model",
    "verify": "like simulate, and some of the same vectors again under cocotb: every figure must agree",
    "synth": "up to the bitstream, without the verification",
}
_RESUME = (
    "Goes on where an earlier run in the same folder stopped; options not given keep their earlier values."
)
BUILD_RECORDS = (ModelOptions, BuildRounding, table.SavedOptions, table.RunOptions)


def all_commands() -> tuple[Command, ...]:
    """Every command, in the order of ``--help``."""
    return (
        *(
            Command(
                part,
                text,
                f"Run a build: {text}. {_RESUME}",
                commands_of.run_part,
                BUILD_RECORDS,
                remembered=("model",),
            )
            for part, text in _PARTS.items()
        ),
        Command(
            "report",
            "print a finished run's figures",
            "Print the figures of report.json and draw report.html again.",
            commands_of.report,
            (table.ReportOptions,),
        ),
        Command(
            "infer",
            "run a network in floating point or integers, without hardware",
            "Run a network on samples, write its output spikes, print its accuracy.",
            commands_of.infer,
            (InferOptions,),
        ),
        Command(
            "check",
            "compare a network with its framework's own output spikes",
            "Say how many output spikes differ from the framework's own (`out` in the data "
            "file), where first, and which convention field would make them agree.",
            commands_of.check,
            (CheckOptions,),
        ),
        Command(
            "finetune",
            "train a network further through its own integer arithmetic (needs torch)",
            "Quantization-aware fine-tuning: gradients pass through the integers of the golden model. Writes "
            "finetuned.nir, finetuned.npz and finetuned.json; an interrupted run goes on.",
            commands_of.finetune,
            (FinetuneOptions,),
        ),
        Command(
            "compare",
            "the network on every target, side by side",
            "Build, predict or measure the network on every target and print, draw and keep one table: "
            "accuracy, latency, throughput, energy, size, and for each figure how it is known. A run that "
            "was stopped goes on.",
            commands_of.compare,
            (CompareOptions,),
        ),
        Command(
            "program",
            "load a build's bitstream into the board that is plugged in",
            "Load the bitstream of an output folder into its board, by the first of the board file's loaders "
            "that is on this machine.",
            board_commands.program,
            (board_options.ProgramOptions,),
        ),
        Command(
            "virtual-board",
            "simulate a build's board behind a pseudo-terminal, for those without one",
            "Compile the board's design of an output folder with Verilator, print the path of a port that "
            "answers as the board does, and run until Ctrl-C or SIGTERM.",
            board_commands.virtual_board,
            (board_options.VirtualBoardOptions,),
        ),
        Command(
            "calibrate",
            "fit the power estimate to a board's own measurements",
            "Least squares of power coefficients over measured designs, with ranges and leave-one-out "
            "errors; build --power takes the file it writes.",
            commands_of.calibrate,
            (table.CalibrateOptions,),
        ),
        Command(
            "run",
            "send samples through a board and compare every answer with golden",
            "Send samples through a board, or a virtual one, print its predictions, accuracy and throughput, "
            "and compare every answer with the golden model's: exit status 0 only where all are equal.",
            board_run.run,
            (board_options.RunBoardOptions,),
        ),
        Command(
            "monitor",
            "print which design a board holds, and its counters",
            "Say which design a board holds and print its counters until Ctrl-C. It begins a session of its "
            "own: weights that were loaded are forgotten.",
            board_run.monitor,
            (board_options.MonitorOptions,),
        ),
        Command("boards", "list the boards", "List the boards.", commands_of.boards),
        Command(
            "doctor",
            "say which tools are found and what is missing",
            "Look for every tool.",
            commands_of.doctor,
        ),
    )


def listed_choices() -> dict[str, dict[str, str]]:
    """Choices that are a list elsewhere: field -> word -> what it is."""
    return {"target": {name: target.summary for name, target in TARGETS.items()}}


def _targets() -> str:
    """A line for each target."""
    width = max(map(len, TARGETS))
    return "\n".join(f"  {name:<{width}}  {target.summary}" for name, target in TARGETS.items())


def make_parser() -> argparse.ArgumentParser:
    """The command line, all of it."""
    parser = _Parser(
        prog="qsnn-hw",
        description=_DESCRIPTION,
        epilog=f"targets:\n{_targets()}\n\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"qsnn-hw {__version__}")
    tree = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in all_commands():
        subparser = tree.add_parser(command.name, help=command.help, description=command.description)
        add_options(subparser, *command.records, remembered=command.remembered, listed=listed_choices())
        subparser.set_defaults(command=command.run, part=command.name)
    return parser
