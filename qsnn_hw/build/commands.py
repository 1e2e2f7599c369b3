"""What each ``qsnn-hw`` command does with its parsed options; ``build/cli.py`` parses them.

Nothing heavy is imported before a command needs it.
"""

import argparse
import shlex
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qsnn_hw.build.effective import bits_and_options, effective_options, quantize_options
from qsnn_hw.build.infer import model_and_data, warn
from qsnn_hw.build.option import typed_values
from qsnn_hw.build.option_table import CalibrateOptions, CheckOptions, FinetuneOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.terminal import show

if TYPE_CHECKING:
    from qsnn_hw.model.convention import Convention
    from qsnn_hw.quantize import QuantizeOptions

_LONGEST_SEARCH_S = 86400

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
    from qsnn_hw.support.progress import Progress

    progress = Progress(quiet=arguments.quiet)
    outcome = flow.run(options, folder, part=arguments.part, progress=progress, command=arguments.typed)
    show(*outcome.lines)
    if arguments.part in ("build", "synth") and any(folder.glob("*.bi[tn]")):
        show(*next_commands(folder))
    # A verdict was asked for, and equality says nothing about a network that is silent.
    verified = arguments.part in ("simulate", "verify", "build")
    return EXIT_FAILED if verified and not outcome.convincing else 0


def next_commands(folder: Path) -> tuple[str, str]:
    """What a person types next, of a folder with a bitstream."""
    out = shlex.quote(str(folder))
    return (
        f"load it: qsnn-hw program -o {out}",
        f"run it:  qsnn-hw run -o {out} --port PORT (of a board, or what qsnn-hw virtual-board {out} prints)",
    )


def report(arguments: argparse.Namespace) -> int:
    """Print an earlier run's figures and draw its page again."""
    from qsnn_hw.build.options import OPTIONS, BuildOptions
    from qsnn_hw.report import PAGE, REPORT, TRACES, Report, Traces, summary_lines, write_page
    from qsnn_hw.support import files
    from qsnn_hw.targets.registry import DEFAULT, target_named

    folder = Path(arguments.out)
    files.check_output_folder(folder)
    # A report that was copied out of its folder has no options beside it.
    options = folder / OPTIONS
    name = BuildOptions.load(options).target if options.exists() else DEFAULT
    report = Report.load(folder / REPORT, target_named(name).sections())
    traces = folder / TRACES
    write_page(report, Traces.load(traces) if traces.exists() else None, folder / PAGE)
    show(*summary_lines(report))
    show(f"report: {folder / PAGE}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Compare a network with its framework's own output, spikes or potentials."""
    from qsnn_hw.explore.integers.integer_advice import integer_advice, whole_bits
    from qsnn_hw.model.check import SEARCH_S, check_convention, readable
    from qsnn_hw.model.check_lines import check_lines
    from qsnn_hw.model.dataset import load_dataset, other_outs
    from qsnn_hw.model.readers.reader import network_reader
    from qsnn_hw.support.progress import Progress

    asked = CheckOptions(**typed_values(arguments, CheckOptions))
    bits, options = bits_and_options(asked)
    if bits is not None:
        if asked.search is not None:
            raise UserError("--search looks for a convention by floating point: leave --bits or --search out")
        return _check_integers(asked, options)
    seconds = SEARCH_S if asked.search is None else asked.search
    if not 0 <= seconds <= _LONGEST_SEARCH_S:
        raise UserError(f"--search wants seconds from 0 to {_LONGEST_SEARCH_S}, not {seconds:g}")
    convention = _convention_to_check(asked)
    graph, read = network_reader(asked.model, convention)
    network = readable(read, convention, graph)
    data = load_dataset(
        asked.data,
        network=network,
        layout=asked.layout,
        samples=asked.samples,
        in_key=asked.in_key,
        out_key=asked.out_key,
    )
    if data.unpacked is not None:
        show(data.unpacked)
    until = time.monotonic() + seconds
    # It may be integers that gave the output, and then no convention is found in floating point.
    bits = None if convention is None else whole_bits(network)
    result = check_convention(
        *(read, convention, data),
        graph=graph,
        out_key=asked.out_key,
        others=other_outs(asked.data, network, data, asked.out_key, asked.in_key),
        budget_s=seconds if bits is None else seconds / 3,
        progress=Progress(),
    )
    wrong = result.mismatches or result.refused is not None
    if wrong and convention and bits is not None and not any(item.complete for item in result.alternatives):
        whole = integer_advice(
            *(read, convention, graph, result.closest, data),
            bits=bits,
            budget_s=until - time.monotonic(),
            key="" if asked.out_key == "out" else f" --out-key {asked.out_key}",
            progress=Progress(),
        )
        if whole is not None:
            result = replace(result, alternatives=(whole,), hints=(), exhausted=True)
    if result.refused is None:
        warn(network.warnings)
    for line in check_lines(result, data.samples):
        show(line)
    if result.mismatches and convention is None:
        show(f"{asked.model} holds every field, so none is left to set: is out of these weights and input?")
    if result.refused is not None and not result.alternatives:
        # What would have been said without a search, which found nothing.
        raise UserError(result.refused)
    return EXIT_FAILED if result.mismatches or result.refused is not None else 0


def _convention_to_check(asked: CheckOptions) -> "Convention | None":
    """The convention to compare first: of a file that needs one, ``nir`` where none is given."""
    from qsnn_hw.model.network_file import is_saved_network
    from qsnn_hw.model.readers.reader import convention_for

    name = asked.convention
    if name is None and Path(asked.model).is_file() and not is_saved_network(Path(asked.model)):
        name = "nir"
        show("no --convention was given: nir is compared first")
    return convention_for(asked.model, name, asked.settings)


def _check_integers(asked: CheckOptions, options: "QuantizeOptions") -> int:
    """Compare a network's integers with the output that came with the data."""
    from qsnn_hw.explore.integers.integer_check import check_integers, check_lines
    from qsnn_hw.quantize.own_integers import own_integers_notes
    from qsnn_hw.support.progress import Progress

    if asked.calibration_data is not None or asked.max_drop is not None:
        raise UserError("check takes the integers as the options say: --calibrate and --max-drop are infer's")
    network, data = model_and_data(asked, in_key=asked.in_key, out_key=asked.out_key)
    if data.unpacked is not None:
        show(data.unpacked)
    options = replace(options, input_max=max(1, int(data.input.max())))
    result = check_integers(network, options, data, Progress())
    warn(result.quantized.warnings[len(network.warnings) :])
    show(*own_integers_notes(result.quantized), *check_lines(result, data.samples))
    return EXIT_FAILED if result.differ else 0


def finetune(arguments: argparse.Namespace) -> int:
    """Train a network further through its integer arithmetic."""
    from qsnn_hw.finetune.command import finetune_command, summary
    from qsnn_hw.finetune.settings import FinetuneSettings
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.support import files
    from qsnn_hw.support.progress import Progress
    from qsnn_hw.support.run_lock import one_run

    asked = FinetuneOptions(**typed_values(arguments, FinetuneOptions))
    if asked.calibration_data is not None or asked.max_drop is not None:
        raise UserError(
            "finetune trains on --data and keeps the widths: --calibrate and --max-drop are infer's"
        )
    files.check_output_folder(Path(asked.out))
    settings = {item.name for item in fields(FinetuneSettings)}
    training = {name: value for name, value in vars(asked).items() if name in settings and value is not None}
    options = quantize_options(vars(asked), QuantizeOptions())
    with one_run(Path(asked.out), arguments.typed):
        result, _ = finetune_command(
            asked.model,
            asked.convention,
            asked.settings,
            options,
            asked.data,
            Path(asked.out),
            FinetuneSettings(**training),
            layout=asked.layout,
            samples=asked.samples,
            resume=not asked.restart,
            progress=Progress(),
        )
    show(*summary(result).splitlines())
    return 0


def calibrate(arguments: argparse.Namespace) -> int:
    """Fit power coefficients to measurements, and keep them in a file."""
    from qsnn_hw.support import files
    from qsnn_hw.targets.fpga import calibration

    asked = CalibrateOptions(**typed_values(arguments, CalibrateOptions))
    path = Path(asked.out or "power.json")
    if path.suffix != ".json":
        raise UserError(f"--out is a .json file, not {path}")
    files.check_writable(path)
    found = calibration.calibrate(Path(asked.measurements))
    found.calibration.save(path)
    show(*calibration.lines(found))
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
            f"{board.clock_mhz:g} MHz"
        )
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Say which tools are found and what is missing."""
    from qsnn_hw.toolchain.tools import doctor, doctor_table

    statuses = doctor()
    show(*doctor_table(statuses).splitlines())
    return EXIT_FAILED if any(status.faulty for status in statuses) else 0
