"""What each ``qsnn-hw`` command does with its parsed options; ``build/cli.py`` parses them.

Nothing heavy is imported before a command needs it.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.terminal import complain, show

if TYPE_CHECKING:
    from qsnn_hw.build.options import BuildOptions
    from qsnn_hw.model.convention import Convention
    from qsnn_hw.quantize import QuantizeOptions

_LONGEST_SEARCH_S = 86400

ALL = "all"
"""In place of a number of samples."""

EXIT_FAILED = 1
"""Exit code of a command that found a difference or a missing tool."""


def _settings(given: Sequence[str] | None) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--set wants FIELD=VALUE, not {text!r}")
        if settings.setdefault(name.strip(), value) != value:
            raise UserError(f"--set gives {name.strip()!r} two values; leave one of them out")
    return settings


def _samples(given: argparse.Namespace) -> int | None:
    """How many samples to use; None for all."""
    return None if given.samples == ALL else given.samples


def _lanes(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"--{option} wants whole numbers separated by commas, not {text!r}") from error


def _quantize_options(
    given: argparse.Namespace, bits: int | None, base: "QuantizeOptions"
) -> "QuantizeOptions":
    changes: dict[str, Any] = {} if bits is None else {"weight_bits": bits}
    chosen = [name for name in ("clip", "per_neuron", "fractional_bits") if getattr(given, name) is not None]
    if chosen and given.calibration_data is not None:
        raise UserError(f"--calibrate chooses --{chosen[0].replace('_', '-')}: give one or the other")
    for name in (*chosen, "power_of_two", "keep_integers", "leak_bits", "leak_rounding", "potential_bits"):
        value = getattr(given, name)
        if value is not None:
            changes[name] = value
    options = replace(base, **changes)
    widths: dict[str, int] = {}
    for text in given.group_bits or ():
        group, equals, width = text.rpartition("=")
        # Two digits: int() of thousands would fail in its own words.
        if not equals or not (width.strip().isascii() and width.strip().isdecimal() and len(width) < 9):
            raise UserError(f"--group-bits wants GROUP=N with N from 2 to 16, not {text!r}")
        if widths.setdefault(group.strip(), int(width)) != int(width):
            raise UserError(f"--group-bits gives {group.strip()!r} two widths; leave one of them out")
    for group, bits in widths.items():
        options = options.with_group(group, weight_bits=bits)
    return options


def _typed(given: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Those of these options that stand on the command line, as they are typed."""

    def stands(name: str) -> bool:
        # "--no-per-neuron" is typed as well; "--diagnose" is False where it is not.
        value = getattr(given, name)
        return value is not None and (value is not False or name != "diagnose")

    spelled = {"calibration_data": "calibrate"}
    return [f"--{spelled.get(name, name).replace('_', '-')}" for name in names if stands(name)]


def build_options(given: argparse.Namespace, folder: Path) -> "BuildOptions":
    """The earlier run's options, if there are any, overridden by the ones given now."""
    from qsnn_hw.build.options import OPTIONS, BuildOptions
    from qsnn_hw.model.readers.reader import convention_for
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.targets.registry import foreign_options, target_named, target_of

    saved = folder / OPTIONS
    # A model on the command line starts over; without one the folder's own options go on.
    if given.model is None:
        if not saved.exists():
            raise UserError(
                f"give MODEL, --convention and --board or --target: {folder} holds no earlier run to go on "
                "with"
            )
        base = BuildOptions.load(saved)
    else:
        base = BuildOptions(model=given.model, convention=given.convention)
    changes: dict[str, Any] = {}
    for name in (
        "convention",
        "target",
        "board",
        "data",
        "calibration_data",
        "max_drop",
        "layout",
        "optimize",
        "lut_budget",
        "cycle_budget",
        "weights",
        "buffer_depth",
        "steps",
        "encoder_floor",
        "readout",
        "seed",
        "simulator",
    ):
        value = getattr(given, name)
        if value is not None:
            changes[name] = value
    if given.target is not None:
        # What belonged to the target of an earlier run goes with it.
        for name in foreign_options(target_named(given.target)):
            changes.setdefault(name, None)
    if given.samples is not None:
        changes["samples"] = _samples(given)
    if given.encoder is not None:
        changes["encoder"] = None if given.encoder == "none" else given.encoder
    # What belonged to the encoder of an earlier run goes with it.
    if given.encoder is not None and given.encoder != "latency":
        changes.setdefault("encoder_floor", 1)
    if given.encoder == "none":
        changes.setdefault("steps", None)
    if given.set is not None:
        changes["settings"] = _settings(given.set)
    for name in ("lanes", "update_lanes", "event_lanes"):
        if getattr(given, name) is not None:
            changes[name] = _lanes(name.replace("_", "-"), getattr(given, name))
    if given.optimize is not None and given.cycle_budget is None:
        # A budget of an earlier run would decide alone.
        changes["cycle_budget"] = None
    elif given.optimize not in (None, "area"):
        raise UserError(
            f"--optimize {given.optimize} and --cycle-budget do not go together: the budget takes the "
            "smallest design that keeps it; leave one of them out"
        )
    targets = ("optimize", "lut_budget", "cycle_budget")
    if given.lanes is not None:
        if given.optimize is not None:
            raise UserError(
                "--lanes and --optimize do not go together: --optimize chooses lanes; leave one out"
            )
        # A target of an earlier run has nothing left to choose. Its budgets are still held.
        changes["optimize"] = "balanced"
    # A wish for a target is a wish not to go on with the lanes of an earlier run.
    target = next((name for name in targets if getattr(given, name) is not None), None)
    if given.lanes is None and target is not None:
        for name in ("update_lanes", "event_lanes"):
            if getattr(given, name) is not None:
                options = [f"--{word.replace('_', '-')}" for word in (name, target)]
                raise UserError(f"{options[0]} needs --lanes beside it, and {options[1]} chooses all of them")
        changes |= {"lanes": None, "update_lanes": None, "event_lanes": None}
        if given.buffer_depth is None:
            changes["buffer_depth"] = None
    by_hand = _typed(given, ("clip", "per_neuron", "fractional_bits"))
    if by_hand and base.calibration_data is not None:
        # Calibration as in an earlier run would choose them again.
        if given.max_drop is not None:
            raise UserError(
                f"--max-drop belongs to --calibrate, and {by_hand[0]} ends that of the earlier run"
            )
        changes |= {"calibration_data": None, "max_drop": None}
    changes["quantize"] = _quantize_options(given, given.bits, base.quantize or QuantizeOptions())
    if given.encoder not in (None, "none"):
        # The order of axes of spikes that an earlier run read.
        changes.setdefault("layout", "auto")
    made = replace(base, **changes)
    target_of(made, given.part)
    _check_data_options(given, made)
    convention_for(made.model, made.convention, made.settings)
    return made


def _check_data_options(given: argparse.Namespace, options: "BuildOptions") -> None:
    """Refuse options about data that are not there."""
    if given.samples is not None and options.data is None:
        raise UserError("--samples cuts --data short, and there is none: give --data FILE")
    if given.layout is not None and options.encoder is not None:
        raise UserError(
            "--layout is the order of spikes, and with --encoder the data hold pixels: leave it out"
        )
    if given.layout is not None and options.data is None and options.calibration_data is None:
        raise UserError("--layout is the order of the data, and there are none: give --data FILE")
    if given.max_drop is not None and options.calibration_data is None:
        raise UserError("--max-drop measures accuracy on calibration samples: give --calibrate FILE")


def run_part(given: argparse.Namespace) -> int:
    """Build, generate, simulate or synth: run a part of a build and print the figures."""
    from qsnn_hw.support.run_lock import refuse_busy

    folder = Path(given.out)
    # Its options are not those to go on with while another run may still change them.
    refuse_busy(folder)
    options = build_options(given, folder)
    from qsnn_hw.build import flow
    from qsnn_hw.report import convincing, summary_lines
    from qsnn_hw.support.progress import Progress

    progress = Progress(quiet=given.quiet)
    outcome = flow.run(options, folder, part=given.part, progress=progress, command=given.typed)
    show(*summary_lines(outcome.report))
    if outcome.reference is not None:
        show(outcome.reference.text())
    show(f"report: {folder / 'report.html'}")
    # A verdict was asked for, and equality says nothing about a network that is silent.
    verified = given.part in ("simulate", "verify", "build")
    return EXIT_FAILED if verified and not convincing(outcome.report) else 0


def report(given: argparse.Namespace) -> int:
    """Print an earlier run's figures and draw its page again."""
    from qsnn_hw.build.options import OPTIONS, BuildOptions
    from qsnn_hw.report import PAGE, REPORT, TRACES, Report, Traces, summary_lines, write_page
    from qsnn_hw.support import files
    from qsnn_hw.targets.registry import DEFAULT, target_named

    folder = Path(given.out)
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


def _model_and_data(given: argparse.Namespace, **data_options: Any) -> tuple[Any, Any, Any]:
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.readers.reader import convention_for, read_network

    convention = convention_for(given.model, given.convention, _settings(given.set))
    network = read_network(given.model, convention)
    for warning in network.warnings:
        complain(f"warning: {warning}")
    data = load_dataset(
        given.data, network=network, layout=given.layout or "auto", samples=_samples(given), **data_options
    )
    return convention, network, data


def _bits_and_options(given: argparse.Namespace) -> "tuple[int | None, QuantizeOptions]":
    """The weight width, None for the float network, and the choices that only a width can have."""
    from qsnn_hw.quantize import QuantizeOptions

    bits = None
    if given.bits != "float":
        # int() of thousands of digits would fail in its own words.
        if not (given.bits.isascii() and given.bits.isdecimal() and len(given.bits) < 9):
            raise UserError(f'--bits wants "float" or a whole number from 2 to 16, not {given.bits!r}')
        bits = int(given.bits)
    # Checked before the model is read: a wrong width should not wait for a large file.
    options = _quantize_options(given, bits, QuantizeOptions())
    rounding = (
        *("clip", "per_neuron", "fractional_bits", "power_of_two", "group_bits", "calibration_data"),
        *("max_drop", "leak_bits", "leak_rounding", "potential_bits", "keep_integers"),
    )
    if bits is None and _typed(given, rounding):
        raise UserError(
            "--clip, --per-neuron, --calibrate and the bit options need --bits 2 to 16; "
            "--bits float rounds nothing"
        )
    return bits, options


def infer(given: argparse.Namespace) -> int:
    """Run a network in floating point or integers; print its accuracy."""
    from qsnn_hw.explore.integers.choose import choose, drop_lines, drop_on, fall_warning, overlap_warning
    from qsnn_hw.explore.integers.measured import measure_diagnostics
    from qsnn_hw.explore.integers.silence import dead, silence, silent_groups
    from qsnn_hw.golden import output_of, run_clocked
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.framework import compare_with_framework, compares_potentials, own_output
    from qsnn_hw.model.readouts import READOUT_WORDS, answers, chosen_readout
    from qsnn_hw.model.simulate import accuracy, read_output, simulate
    from qsnn_hw.quantize.own_integers import own_integers_notes
    from qsnn_hw.support import files
    from qsnn_hw.support.progress import Progress

    if given.out is not None:
        files.check_writable(Path(given.out))
    bits, options = _bits_and_options(given)
    if bits is None and given.diagnose:
        raise UserError(
            "--diagnose and the options of rounding need --bits 2 to 16; --bits float rounds nothing"
        )
    _, network, data = _model_and_data(given)
    progress = Progress()
    fires = network.group(network.output).threshold is not None
    readout = chosen_readout(given.readout, network.output, fires=fires)
    by_potentials = readout == "membrane" or compares_potentials(network, data)
    record = [network.output] if by_potentials else []
    calibration = None
    if given.calibration_data is not None:
        calibration = load_dataset(given.calibration_data, network=network, layout=given.layout or "auto")
        overlap = overlap_warning(data, calibration)
        if overlap is not None:
            complain(f"warning: {overlap}")
    float_run = simulate(network, data.input, record_potentials=record, progress=progress)
    float_read = read_output(network, float_run, readout)
    if bits is None:
        out, read = float_run.out, float_read
    else:
        options = replace(options, input_max=max(1, int(data.input.max())))
        chosen = choose(network, options, calibration, given.max_drop, progress, readout)
        quantized = chosen.quantized
        for warning in quantized.warnings[len(network.warnings) :]:
            complain(f"warning: {warning}")
        with progress.task("golden model") as task:
            run = run_clocked(quantized, data.input, record=record, on_progress=task.update)
        out, read = output_of(quantized, run), output_of(quantized, run, readout)
        show(*own_integers_notes(quantized))
    if given.out is not None:
        files.write_npz(Path(given.out), {"out": out})
    if bits is not None and given.diagnose:
        from qsnn_hw.report.sections.diagnostics import diagnostics_table

        found = measure_diagnostics(network, chosen, data, calibration or data, progress, readout)
        clamped = any(group.v_min is not None for group in network.groups)
        show(*diagnostics_table(found, clamped=clamped))
    widths = sorted({p.weight_bits for p in quantized.projections}) if bits is not None else []
    kind = f"{'/'.join(str(width) for width in widths)} bits" if widths else "float"
    if data.label is None:
        show(f"{kind}: {data.samples} samples, no labels, accuracy not measured")
    else:
        right = 100 * accuracy(read, data.label, readout)
        by = f"by {READOUT_WORDS[readout]} (--readout {readout})"
        show(f"{kind}: accuracy {right:.2f} % on {data.samples} samples, {by}")
    if bits is not None:
        test = drop_on(data.label, answers(readout, float_read), answers(readout, read))
        show(*drop_lines(chosen, test))
        fell = fall_warning(chosen, test, float_run.out if fires else None, out if fires else None)
        if fell is not None:
            complain(f"warning: {fell}")
    if bits is None:
        what = (
            "every potential of the output stays 0"
            if readout == "membrane"
            else "no output neuron ever fires"
        )
        nothing = None if read.any() else f"{what} on these {data.samples} samples"
    else:
        silent = silent_groups(quantized, run)
        spikes = simulate(network, data.input, record=silent, progress=progress).spikes if silent else {}
        told = silence(network, chosen.options, quantized, run, spikes, data.input, calibration is not None)
        for line in (*told.warnings, *told.faults):
            complain(f"warning: {line}")
        nothing = dead(quantized, run, readout)
    if nothing is not None:
        complain(f"warning: {nothing}, so the answers mean nothing")
    if bits is None:
        show(compare_with_framework(network, data, own_output(network, data, float_run)).text())
    return 0


def check(given: argparse.Namespace) -> int:
    """Compare a network with its framework's own output, spikes or potentials."""
    from qsnn_hw.explore.integers.integer_advice import integer_advice, whole_bits
    from qsnn_hw.model.check import SEARCH_S, check_convention, readable
    from qsnn_hw.model.check_lines import check_lines
    from qsnn_hw.model.dataset import load_dataset, other_outs
    from qsnn_hw.model.readers.reader import network_reader
    from qsnn_hw.support.progress import Progress

    bits, options = _bits_and_options(given)
    if bits is not None:
        if given.search is not None:
            raise UserError("--search looks for a convention by floating point: leave --bits or --search out")
        return _check_integers(given, options)
    seconds = SEARCH_S if given.search is None else given.search
    if not 0 <= seconds <= _LONGEST_SEARCH_S:
        raise UserError(f"--search wants seconds from 0 to {_LONGEST_SEARCH_S}, not {seconds:g}")
    convention = _convention_to_check(given)
    graph, read = network_reader(given.model, convention)
    network = readable(read, convention, graph)
    data = load_dataset(
        given.data,
        network=network,
        layout=given.layout or "auto",
        samples=given.samples,
        in_key=given.in_key,
        out_key=given.out_key,
    )
    if data.unpacked is not None:
        show(data.unpacked)
    until = time.monotonic() + seconds
    # It may be integers that gave the output, and then no convention is found in floating point.
    bits = None if convention is None else whole_bits(network)
    found = check_convention(
        *(read, convention, data),
        graph=graph,
        out_key=given.out_key,
        others=other_outs(given.data, network, data, given.out_key, given.in_key),
        budget_s=seconds if bits is None else seconds / 3,
        progress=Progress(),
    )
    wrong = found.mismatches or found.refused is not None
    if wrong and convention and bits is not None and not any(item.complete for item in found.alternatives):
        whole = integer_advice(
            *(read, convention, graph, found.closest, data),
            bits=bits,
            budget_s=until - time.monotonic(),
            key="" if given.out_key == "out" else f" --out-key {given.out_key}",
            progress=Progress(),
        )
        if whole is not None:
            found = replace(found, alternatives=(whole,), hints=(), exhausted=True)
    if found.refused is None:
        for warning in network.warnings:
            complain(f"warning: {warning}")
    for line in check_lines(found, data.samples):
        show(line)
    if found.mismatches and convention is None:
        show(f"{given.model} holds every field, so none is left to set: is out of these weights and input?")
    if found.refused is not None and not found.alternatives:
        # What would have been said without a search, which found nothing.
        raise UserError(found.refused)
    return EXIT_FAILED if found.mismatches or found.refused is not None else 0


def _convention_to_check(given: argparse.Namespace) -> "Convention | None":
    """The convention to compare first: of a file that needs one, ``nir`` where none is given."""
    from qsnn_hw.model.network_file import is_saved_network
    from qsnn_hw.model.readers.reader import convention_for

    name = given.convention
    if name is None and Path(given.model).is_file() and not is_saved_network(Path(given.model)):
        name = "nir"
        show("no --convention was given: nir is compared first")
    return convention_for(given.model, name, _settings(given.set))


def _check_integers(given: argparse.Namespace, options: "QuantizeOptions") -> int:
    """Compare a network's integers with the output that came with the data."""
    from qsnn_hw.explore.integers.integer_check import check_integers, check_lines
    from qsnn_hw.quantize.own_integers import own_integers_notes
    from qsnn_hw.support.progress import Progress

    if given.calibration_data is not None or given.max_drop is not None:
        raise UserError("check takes the integers as the options say: --calibrate and --max-drop are infer's")
    _, network, data = _model_and_data(given, in_key=given.in_key, out_key=given.out_key)
    if data.unpacked is not None:
        show(data.unpacked)
    options = replace(options, input_max=max(1, int(data.input.max())))
    found = check_integers(network, options, data, Progress())
    for warning in found.quantized.warnings[len(network.warnings) :]:
        complain(f"warning: {warning}")
    show(*own_integers_notes(found.quantized), *check_lines(found, data.samples))
    return EXIT_FAILED if found.differ else 0


def finetune(given: argparse.Namespace) -> int:
    """Train a network further through its integer arithmetic."""
    from qsnn_hw.finetune.command import finetune_command, summary
    from qsnn_hw.finetune.settings import FinetuneSettings
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.support import files
    from qsnn_hw.support.progress import Progress
    from qsnn_hw.support.run_lock import one_run

    if given.calibration_data is not None or given.max_drop is not None:
        raise UserError(
            "finetune trains on --data and keeps the widths: --calibrate and --max-drop are infer's"
        )
    files.check_output_folder(Path(given.out))
    names = ("epochs", "batch", "learning_rate", "seed")
    training = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    options = _quantize_options(given, given.bits, QuantizeOptions())
    with one_run(Path(given.out), given.typed):
        result, _ = finetune_command(
            given.model,
            given.convention,
            _settings(given.set),
            options,
            given.data,
            Path(given.out),
            FinetuneSettings(**training),
            layout=given.layout or "auto",
            samples=_samples(given),
            resume=not given.restart,
            progress=Progress(),
        )
    show(*summary(result).splitlines())
    return 0


def boards(given: argparse.Namespace) -> int:
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


def doctor(given: argparse.Namespace) -> int:
    """Say which tools are found and what is missing."""
    from qsnn_hw.toolchain.tools import doctor, doctor_table

    statuses = doctor()
    show(*doctor_table(statuses).splitlines())
    return EXIT_FAILED if any(status.faulty for status in statuses) else 0
