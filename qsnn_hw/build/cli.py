"""The ``qsnn-hw`` command line: its options, and errors turned into one line.

Nothing heavy is imported before a command needs it, so ``--help`` answers at once.
"""

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from qsnn_hw import __version__
from qsnn_hw.build import commands as commands_of
from qsnn_hw.build.commands import ALL, EXIT_FAILED
from qsnn_hw.support import terminal
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.support.stopping import StoppedError, stoppable
from qsnn_hw.targets.registry import DEFAULT, TARGETS

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
        with warnings.catch_warnings():
            # An overflow is an error before anything is decided by what comes of it.
            warnings.simplefilter("error", RuntimeWarning)
            with stoppable():
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
    except (RuntimeWarning, FloatingPointError) as error:
        return _complain(
            "error",
            f"{error}: the model's or the data's numbers are too large to compute with; look at weights, "
            "time constants and thresholds, and at --set dt",
            EXIT_USER,
        )
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


def _samples(text: str) -> int | str:
    """A number of samples, or all of them."""
    if text == ALL:
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wants a whole number or {ALL}, not {text!r}") from None


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
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parts = {
        "build": "everything: integers, hardware, verification, bitstream, report",
        "generate": "up to the Verilog",
        "simulate": "up to the verification of the Verilog against the golden model",
        "verify": "like simulate, and some of the same vectors again under cocotb: every figure must agree",
        "synth": "up to the bitstream, without the verification",
    }
    for part, text in parts.items():
        command = commands.add_parser(part, help=text, description=f"Run a build: {text}. {_RESUME}")
        _add_build_options(command)
        command.set_defaults(command=commands_of.run_part, part=part)

    report = commands.add_parser("report", help="print a finished run's figures", description=_REPORT)
    report.add_argument("-o", "--out", metavar="DIR", required=True, help="output folder of an earlier run")
    report.set_defaults(command=commands_of.report)

    infer = commands.add_parser(
        "infer",
        help="run a network in floating point or integers, without hardware",
        description="Run a network on samples, write its output spikes, print its accuracy.",
    )
    _add_model_options(infer, model_required=True)
    infer.add_argument(
        "--bits", default="float", metavar="N", help='"float" (default) or the weight width, 2 to 16'
    )
    _add_quantize_options(infer)
    infer.add_argument(
        "--readout",
        choices=["count", "first", "membrane"],
        help="what answers: most spikes, first spike or highest potential after the last step "
        "(default: count; membrane where the output never fires)",
    )
    infer.add_argument(
        "--out",
        metavar="OUT.npz",
        help="file for the output: out, uint8 spikes or a readout layer's potentials, (time, sample, neuron)",
    )
    infer.add_argument(
        "--diagnose",
        action="store_true",
        help="with --bits N: what quantization did to every group, and how sensitive each is to its width",
    )
    infer.set_defaults(command=commands_of.infer)

    check = commands.add_parser(
        "check",
        help="compare a network with its framework's own output spikes",
        description="Say how many output spikes differ from the framework's own (`out` in the data "
        "file), where first, and which convention field would make them agree.",
    )
    _add_model_options(check, model_required=True)
    check.add_argument(
        "--bits",
        default="float",
        metavar="N",
        help='compare the integers of this weight width, 2 to 16, not the float network (default: "float")',
    )
    _add_quantize_options(check)
    check.add_argument("--in-key", default="input", metavar="KEY", help="array with the input spikes")
    check.add_argument("--out-key", default="out", metavar="KEY", help="array with the framework's spikes")
    check.add_argument(
        "--search",
        type=float,
        metavar="SECONDS",
        help="how long to look for a convention that agrees where this one does not (default: 60)",
    )
    check.set_defaults(command=commands_of.check)

    finetune = commands.add_parser(
        "finetune",
        help="train a network further through its own integer arithmetic (needs torch)",
        description="Quantization-aware fine-tuning: gradients pass through the integers of the golden "
        "model. Writes finetuned.nir, finetuned.npz and finetuned.json; an interrupted run goes on.",
    )
    _add_model_options(finetune, model_required=True)
    finetune.add_argument(
        "--bits", type=int, default=8, metavar="N", help="weight width, 2 to 16 (default: 8)"
    )
    _add_quantize_options(finetune)
    finetune.add_argument("--epochs", type=int, metavar="N", help="passes over --data (default: 10)")
    finetune.add_argument("--batch", type=int, metavar="N", help="samples per step (default: 128)")
    finetune.add_argument("--learning-rate", type=float, metavar="R", help="first step size (default: 0.002)")
    finetune.add_argument("--seed", type=int, metavar="N", help="of the split and the order (default: 0)")
    finetune.add_argument("--restart", action="store_true", help="throw an earlier run's progress away")
    finetune.add_argument("-o", "--out", metavar="DIR", required=True, help="output folder")
    finetune.set_defaults(command=commands_of.finetune)

    boards = commands.add_parser("boards", help="list the boards", description="List the boards.")
    boards.set_defaults(command=commands_of.boards)
    doctor = commands.add_parser(
        "doctor", help="say which tools are found and what is missing", description="Look for every tool."
    )
    doctor.set_defaults(command=commands_of.doctor)
    return parser


_RESUME = (
    "Goes on where an earlier run in the same folder stopped; options not given keep their earlier values."
)
_REPORT = "Print the figures of report.json and draw report.html again."


def _add_model_options(parser: argparse.ArgumentParser, *, model_required: bool) -> None:
    parser.add_argument(
        "model",
        nargs=None if model_required else "?",
        metavar="MODEL",
        help="trained network: .nir, a plain .npz/.toml description, or a .npz saved by a live reader",
    )
    parser.add_argument(
        "--convention",
        metavar="NAME",
        help="what the file does not say: snntorch, norse, sinabs, spikingjelly, rockpool or nir; a network "
        "saved by a live reader needs none",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=None,
        metavar="FIELD=VALUE",
        help="change one field of the convention, e.g. reset_delay=false; may be repeated",
    )
    parser.add_argument(
        "--data",
        required=model_required,
        metavar="FILE",
        help=".npz with input_packed/input_shape or input, label",
    )
    parser.add_argument(
        "--layout",
        choices=["auto", "time-sample", "sample-time"],
        default=None,
        help="order of the first two axes of the data (default: auto, by the number of labels)",
    )
    parser.add_argument(
        "--samples",
        type=_samples,
        metavar="N",
        help="only the first N samples; all: every one again",
    )


def _add_quantize_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clip",
        choices=["max", "mse", "percentile"],
        help="where weights saturate (default: by the width; max where another of these is given)",
    )
    parser.add_argument(
        "--per-neuron",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="one weight scale for each neuron instead of one for each group (default: by the width)",
    )
    parser.add_argument(
        "--fractional-bits",
        type=int,
        metavar="N",
        help="extra low bits of the potential, 0 to 8 (default: by the width)",
    )
    parser.add_argument(
        "--power-of-two",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="weight scales that are powers of two (default: free)",
    )
    parser.add_argument(
        "--group-bits",
        action="append",
        metavar="GROUP=N",
        help="another weight width for one neuron group; may be repeated",
    )
    parser.add_argument(
        *("--calibrate", "--calibration-data"),
        dest="calibration_data",
        metavar="FILE",
        help="training samples (like --data) to choose clipping, scales, rounding and fractional bits by",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        metavar="PP",
        help="with --calibrate: the narrowest weights that cost at most so many percentage points",
    )
    parser.add_argument(
        "--leak-bits",
        type=int,
        metavar="N",
        help="fractional bits of the leak, 1 to 24 (default: the fewest from 8 on that keep it)",
    )
    parser.add_argument(
        "--keep-integers",
        choices=["rows", "group", "none"],
        help="weights that lie on a grid already keep its integers and step: also one for each neuron, only "
        "one for the group, or never (default: rows)",
    )
    parser.add_argument(
        "--leak-rounding",
        choices=["floor", "zero"],
        help="round the loss of each step down, or what is kept toward zero as Loihi, Lava and SYNtzulA do "
        "(default: floor)",
    )
    parser.add_argument(
        "--potential-bits",
        type=int,
        metavar="N",
        help="saturate potentials at this width (default: proved width)",
    )


def _add_build_options(parser: argparse.ArgumentParser) -> None:
    _add_model_options(parser, model_required=False)
    parser.add_argument("--bits", type=int, metavar="N", help="weight width, 2 to 16 (default: 8)")
    _add_quantize_options(parser)
    summaries = "; ".join(f"{target.name}: {target.summary}" for target in TARGETS.values())
    parser.add_argument(
        "--target",
        choices=list(TARGETS),
        help=f"where the network goes (default: {DEFAULT}). {summaries}",
    )
    parser.add_argument("--board", metavar="NAME", help="see qsnn-hw boards; or a .toml file of your own")
    parser.add_argument(
        "--lanes",
        metavar="N[,N...]",
        help="accumulators, for all groups or each (default: as --optimize chooses)",
    )
    parser.add_argument(
        "--update-lanes",
        metavar="N[,N...]",
        help="with --lanes: neurons updated a cycle at the end of a step",
    )
    parser.add_argument(
        "--event-lanes",
        metavar="N[,N...]",
        help="with --lanes: events taken a cycle, powers of two (default: 1)",
    )
    parser.add_argument(
        "--optimize",
        choices=["balanced", "latency", "area", "energy"],
        help="what to choose lanes for (default: balanced)",
    )
    parser.add_argument(
        "--lut-budget", type=int, metavar="N", help="LUTs that the design may take by prediction"
    )
    parser.add_argument(
        "--cycle-budget",
        type=int,
        metavar="N",
        help="the smallest design of at most N mean cycles per sample",
    )
    parser.add_argument(
        "--weights",
        choices=["rom", "ram"],
        help="synapse memory: fixed in the bitstream, or loaded by the host at start (default: rom)",
    )
    parser.add_argument(
        "--encoder",
        choices=["rate", "latency", "direct", "none"],
        help="make the input spikes on the chip, from pixels; --data then holds `pixels` (default: none)",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="with --encoder: time steps of a sample")
    parser.add_argument(
        "--encoder-floor",
        type=int,
        metavar="N",
        help="with --encoder latency: darker pixels never spike, 1 to 255 (default: 1)",
    )
    parser.add_argument(
        "--readout",
        choices=["count", "first", "membrane", "none"],
        help="answer with a class on the chip: most spikes, first spike or highest potential after the last "
        "step (default: membrane where the output never fires, else none)",
    )
    parser.add_argument(
        "--buffer-depth", type=int, metavar="N", help="words each router buffer holds (default: chosen)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of placement and of random gaps (default: 1)")
    parser.add_argument(
        "--simulator",
        choices=["verilator", "cocotb", "icarus"],
        help="verilator: as a program of its own (default); cocotb: Verilator under cocotb, the reference; "
        "icarus: Icarus under cocotb",
    )
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="output folder")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, only the result")
