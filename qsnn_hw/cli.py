"""The ``qsnn-hw`` command: parses options, calls the flow, and turns errors into one line.

Nothing heavy is imported before a command needs it, so ``--help`` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qsnn_hw import __version__
from qsnn_hw.errors import MismatchError, ToolError, UserError

if TYPE_CHECKING:
    from qsnn_hw.options import BuildOptions
    from qsnn_hw.quantize import QuantizeOptions

EXIT_FAILED = 1
EXIT_USER = 2
EXIT_INTERRUPTED = 130

_DESCRIPTION = "From a trained spiking network to a verified FPGA bitstream, with open tools only."
_EPILOG = """\
examples:
  qsnn-hw build net.nir --convention snntorch --data test.npz --bits 8 --board ulx3s-85f -o out
  qsnn-hw infer net.nir --convention norse --data test.npz --bits float --out spikes.npz
  qsnn-hw synth -o out --board icebreaker        (go on in a folder, for another board)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 1 for a failure, 2 for the user's mistake."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except UserError as error:
        return _complain("error", error, EXIT_USER)
    except MismatchError as error:
        return _complain("mismatch", error, EXIT_FAILED)
    except ToolError as error:
        return _complain("error", error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _complain("stopped", "what is finished stays; run the same command to go on", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left (``qsnn-hw boards | head``): nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _complain(kind: str, what: object, code: int) -> int:
    print(f"{kind}: {what}", file=sys.stderr, flush=True)
    return code


def make_parser() -> argparse.ArgumentParser:
    """The command line, all of it."""
    parser = argparse.ArgumentParser(
        prog="qsnn-hw",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"qsnn-hw {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parts = {
        "build": "everything: integers, hardware, verification, bitstream, report",
        "generate": "up to the Verilog",
        "simulate": "up to the verification of the Verilog against the golden model",
        "synth": "up to the bitstream, without the verification",
    }
    for part, text in parts.items():
        command = commands.add_parser(part, help=text, description=f"Run the chain: {text}. {_RESUME}")
        _add_build_options(command)
        command.set_defaults(command=_run_part, part=part)

    report = commands.add_parser("report", help="print a finished run's figures", description=_REPORT)
    report.add_argument("-o", "--out", metavar="DIR", required=True, help="output folder of an earlier run")
    report.set_defaults(command=_report)

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
        "--out", metavar="OUT.npz", help="file for the output spikes: out, uint8 (time, sample, neuron)"
    )
    infer.add_argument(
        "--diagnose",
        action="store_true",
        help="with --bits N: what quantization did to every group, and how sensitive each is to its width",
    )
    infer.set_defaults(command=_infer)

    check = commands.add_parser(
        "check",
        help="compare a network with its framework's own output spikes",
        description="Say how many output spikes differ from the framework's own (`out` in the data "
        "file), where first, and which convention field would make them agree.",
    )
    _add_model_options(check, model_required=True)
    check.add_argument("--out-key", default="out", metavar="KEY", help="array with the framework's spikes")
    check.set_defaults(command=_check)

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
    finetune.set_defaults(command=_finetune)

    boards = commands.add_parser("boards", help="list the boards", description="List the boards.")
    boards.set_defaults(command=_boards)
    doctor = commands.add_parser(
        "doctor", help="say which tools are found and what is missing", description="Look for every tool."
    )
    doctor.set_defaults(command=_doctor)
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
        help="trained network: .nir, or a plain .npz/.toml description",
    )
    parser.add_argument(
        "--convention",
        required=model_required,
        metavar="NAME",
        help="what the file does not say: snntorch, norse, sinabs, spikingjelly, rockpool or nir",
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
    parser.add_argument("--samples", type=int, metavar="N", help="use only the first N samples")


def _add_quantize_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", choices=["max", "mse", "percentile"], help="where weights saturate")
    parser.add_argument(
        "--per-neuron",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="one weight scale for each neuron instead of one for each group",
    )
    parser.add_argument(
        "--fractional-bits", type=int, metavar="N", help="extra low bits of the potential, 0 to 8"
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
    parser.add_argument("--leak-bits", type=int, metavar="N", help="fractional bits of the leak, 1 to 12")
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
    parser.add_argument("--board", metavar="NAME", help="see qsnn-hw boards; or a .toml file of your own")
    parser.add_argument(
        "--lanes",
        metavar="N[,N...]",
        help="LIF datapaths, for all groups or each (default: by the board's size)",
    )
    parser.add_argument(
        "--buffer-depth", type=int, metavar="N", help="words each router buffer holds (default: 2)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of placement and of random gaps (default: 1)")
    parser.add_argument("--simulator", choices=["verilator", "icarus"], help="default: verilator")
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="output folder")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, only the result")


def _settings(given: Sequence[str] | None) -> dict[str, str]:
    settings = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--set wants FIELD=VALUE, not {text!r}")
        settings[name.strip()] = value
    return settings


def _lanes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"--lanes wants whole numbers separated by commas, not {text!r}") from error


def _quantize_options(
    given: argparse.Namespace, bits: int | None, base: "QuantizeOptions"
) -> "QuantizeOptions":
    changes: dict[str, Any] = {} if bits is None else {"weight_bits": bits}
    chosen = [name for name in ("clip", "per_neuron", "fractional_bits") if getattr(given, name) is not None]
    if chosen and given.calibration_data is not None:
        raise UserError(f"--calibrate chooses --{chosen[0].replace('_', '-')}: give one or the other")
    for name in (*chosen, "leak_bits", "potential_bits"):
        value = getattr(given, name)
        if value is not None:
            changes[name] = value
    options = replace(base, **changes)
    for text in given.group_bits or ():
        group, equals, width = text.rpartition("=")
        if not equals or not width.strip().isdecimal():
            raise UserError(f"--group-bits wants GROUP=N with N from 2 to 16, not {text!r}")
        options = options.with_group(group.strip(), weight_bits=int(width))
    return options


def _build_options(given: argparse.Namespace, folder: Path) -> "BuildOptions":
    """The earlier run's options, if there are any, overridden by the ones given now."""
    from qsnn_hw.options import BuildOptions
    from qsnn_hw.quantize import QuantizeOptions

    saved = folder / "options.json"
    # A model on the command line starts over; without one the folder's own options go on.
    if given.model is None:
        if not saved.exists():
            raise UserError(
                f"give MODEL, --convention and --board: {folder} holds no earlier run to go on with"
            )
        base = BuildOptions.load(saved)
    else:
        for name in ("convention", "board"):
            if getattr(given, name) is None:
                raise UserError(f"--{name} is required with a model")
        base = BuildOptions(model=given.model, convention=given.convention, board=given.board)
    changes: dict[str, Any] = {}
    for name in (
        "convention",
        "board",
        "data",
        "calibration_data",
        "max_drop",
        "layout",
        "samples",
        "buffer_depth",
        "seed",
        "simulator",
    ):
        value = getattr(given, name)
        if value is not None:
            changes[name] = value
    if given.set is not None:
        changes["settings"] = _settings(given.set)
    if given.lanes is not None:
        changes["lanes"] = _lanes(given.lanes)
    changes["quantize"] = _quantize_options(given, given.bits, base.quantize or QuantizeOptions())
    return replace(base, **changes)


def _run_part(given: argparse.Namespace) -> int:
    folder = Path(given.out)
    options = _build_options(given, folder)
    from qsnn_hw import flow
    from qsnn_hw.progress import Progress
    from qsnn_hw.report import summary_lines

    outcome = flow.run(options, folder, part=given.part, progress=Progress(quiet=given.quiet))
    print("\n".join(summary_lines(outcome.report)))
    print(f"report: {folder / 'report.html'}")
    return 0


def _report(given: argparse.Namespace) -> int:
    from qsnn_hw.report import Report, Traces, summary_lines, write_page
    from qsnn_hw.report_maker import PAGE, REPORT, TRACES

    folder = Path(given.out)
    report = Report.load(folder / REPORT)
    traces = folder / TRACES
    write_page(report, Traces.load(traces) if traces.exists() else None, folder / PAGE)
    print("\n".join(summary_lines(report)))
    print(f"report: {folder / PAGE}")
    return 0


def _model_and_data(given: argparse.Namespace, **data_options: Any) -> tuple[Any, Any, Any]:
    from qsnn_hw.model.convention import Convention
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.reader import read_network

    convention = Convention.preset(given.convention).with_settings(_settings(given.set))
    network = read_network(given.model, convention)
    for warning in network.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    data = load_dataset(
        given.data, network=network, layout=given.layout or "auto", samples=given.samples, **data_options
    )
    return convention, network, data


def _infer(given: argparse.Namespace) -> int:
    from qsnn_hw import files
    from qsnn_hw.explore.choose import choose
    from qsnn_hw.explore.measured import measure_diagnostics
    from qsnn_hw.golden import output_of, run_clocked
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.simulate import accuracy, simulate
    from qsnn_hw.progress import Progress
    from qsnn_hw.quantize import QuantizeOptions

    bits = None
    if given.bits != "float":
        if not given.bits.isdecimal():
            raise UserError(f'--bits wants "float" or a whole number from 2 to 16, not {given.bits!r}')
        bits = int(given.bits)
    # Checked before the model is read: a wrong width should not wait for a large file.
    options = _quantize_options(given, bits, QuantizeOptions())
    asked = options != QuantizeOptions() or given.calibration_data or given.diagnose
    asked = asked or given.max_drop is not None
    if bits is None and asked:
        raise UserError(
            "--clip, --per-neuron, --calibrate, --diagnose and the bit options need --bits 2 to 16; "
            "--bits float rounds nothing"
        )
    _, network, data = _model_and_data(given)
    progress = Progress()
    if bits is None:
        out = simulate(network, data.input, progress=progress).out
    else:
        options = replace(options, input_max=max(1, int(data.input.max())))
        calibration = None
        if given.calibration_data is not None:
            calibration = load_dataset(given.calibration_data, network=network, layout=given.layout or "auto")
        chosen = choose(network, options, calibration, given.max_drop, progress)
        quantized = chosen.quantized
        for warning in quantized.warnings[len(network.warnings) :]:
            print(f"warning: {warning}", file=sys.stderr)
        readouts = [g.name for g in quantized.groups if g.readout and g.name == network.output]
        with progress.task("golden model") as task:
            run = run_clocked(quantized, data.input, record=readouts, on_progress=task.update)
        out = output_of(quantized, run)
    if given.out is not None:
        files.write_npz(Path(given.out), {"out": out})
    if bits is not None and given.diagnose:
        from qsnn_hw.report import diagnostics_table
        from qsnn_hw.report_maker import report_diagnostics

        found = measure_diagnostics(network, chosen, data, calibration or data, progress)
        clamped = network.convention.get("v_min") is not None
        print("\n".join(diagnostics_table(report_diagnostics(found), own_clamp=clamped)))
    widths = sorted({p.weight_bits for p in quantized.projections}) if bits is not None else []
    kind = f"{'/'.join(str(width) for width in widths)} bits" if widths else "float"
    if data.label is None:
        print(f"{kind}: {data.samples} samples, no labels, accuracy not measured")
    else:
        print(f"{kind}: accuracy {100 * accuracy(out, data.label):.2f} % on {data.samples} samples")
    return 0


def _check(given: argparse.Namespace) -> int:
    from qsnn_hw.model.check import check_convention
    from qsnn_hw.model.reader import read_network
    from qsnn_hw.progress import Progress

    convention, _, data = _model_and_data(given, out_key=given.out_key)
    found = check_convention(lambda c: read_network(given.model, c), convention, data, progress=Progress())
    if not found.mismatches:
        print(f"equal: {found.compared} output values of {data.samples} samples, 0 differ")
        return 0
    where = f"in {found.samples} of {data.samples} samples"
    print(f"different: {found.mismatches} of {found.compared} output values, {where}")
    if found.first is not None:
        step, sample, neuron = found.first
        print(
            f"first: time step {step}, sample {sample}, neuron {neuron}: "
            f"the framework has {found.expected}, this convention gives {found.got}"
        )
    if found.near_ties:
        print(f"near-ties: {found.near_ties} vanish in double precision (rounding, not convention)")
    for alternative in found.alternatives:
        print(f"try {alternative.settings()}: {alternative.mismatches} differ in the tried samples")
    if not found.alternatives:
        print("no change of one or two convention fields comes much closer")
    if not found.exhausted:
        print("not every alternative was tried in the time allowed")
    return EXIT_FAILED


def _finetune(given: argparse.Namespace) -> int:
    from qsnn_hw.finetune.command import finetune_command, summary
    from qsnn_hw.finetune.settings import FinetuneSettings
    from qsnn_hw.progress import Progress
    from qsnn_hw.quantize import QuantizeOptions

    if given.calibration_data is not None or given.max_drop is not None:
        raise UserError(
            "finetune trains on --data and keeps the widths: --calibrate and --max-drop are infer's"
        )
    names = ("epochs", "batch", "learning_rate", "seed")
    training = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    options = _quantize_options(given, given.bits, QuantizeOptions())
    result, _ = finetune_command(
        given.model,
        given.convention,
        _settings(given.set),
        options,
        given.data,
        Path(given.out),
        FinetuneSettings(**training),
        layout=given.layout or "auto",
        samples=given.samples,
        resume=not given.restart,
        progress=Progress(),
    )
    print(summary(result))
    return 0


def _boards(given: argparse.Namespace) -> int:
    from qsnn_hw.boards import list_boards

    boards = list_boards()
    width = max(len(board.name) for board in boards)
    for board in boards:
        memory = board.limits.block_ram
        blocks = (
            "no block RAM" if memory is None else f"{memory.count} x {memory.bits // 1024} kbit block RAM"
        )
        print(
            f"{board.name:<{width}}  {board.description}: {board.limits.logic_cells} logic cells, {blocks}, "
            f"{board.clock_mhz:g} MHz"
        )
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from qsnn_hw.tools import doctor, doctor_table

    statuses = doctor()
    print(doctor_table(statuses))
    return EXIT_FAILED if any(status.faulty for status in statuses) else 0
