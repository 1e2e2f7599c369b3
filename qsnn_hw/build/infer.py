"""``qsnn-hw infer``: a network run on samples, in floating point or in integers, without hardware.

Nothing heavy is imported before the command needs it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qsnn_hw.build.effective import bits_and_options
from qsnn_hw.build.option import typed_values
from qsnn_hw.build.option_table import InferOptions, SampleOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.terminal import complain, show

if TYPE_CHECKING:
    import numpy as np

    from qsnn_hw.model.dataset import Dataset
    from qsnn_hw.model.network import Network
    from qsnn_hw.model.simulate import FloatRun
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.support.choices import ReadoutKind
    from qsnn_hw.support.progress import Progress


def model_and_data(asked: SampleOptions, **keys: Any) -> "tuple[Network, Dataset]":
    """The network and its samples; ``keys`` are names of arrays, as ``load_dataset`` takes them."""
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.readers.reader import convention_for, read_network

    network = read_network(asked.model, convention_for(asked.model, asked.convention, asked.settings))
    warn(network.warnings)
    data = load_dataset(asked.data, network=network, layout=asked.layout, samples=asked.samples, **keys)
    return network, data


def warn(warnings: Sequence[str]) -> None:
    """Print warnings, each on a line of its own."""
    for warning in warnings:
        complain(f"warning: {warning}")


@dataclass(frozen=True)
class _Case:
    """A network with its samples, and how it answers."""

    network: "Network"
    data: "Dataset"
    calibration: "Dataset | None"
    readout: "ReadoutKind"
    progress: "Progress"

    @property
    def fires(self) -> bool:
        """Whether the output gives spikes."""
        return self.network.group(self.network.output).threshold is not None

    @property
    def record(self) -> list[str]:
        """The groups whose potentials are looked at: the output's, or none."""
        from qsnn_hw.model.framework import compares_potentials

        by_potentials = self.readout == "membrane" or compares_potentials(self.network, self.data)
        return [self.network.output] if by_potentials else []

    def show_accuracy(self, kind: str, read: "np.ndarray") -> None:
        """Print how many answers are right; ``read`` is what answers, as ``read_output`` gives it."""
        from qsnn_hw.model.readouts import READOUT_WORDS
        from qsnn_hw.model.simulate import accuracy

        if self.data.label is None:
            show(f"{kind}: {self.data.samples} samples, no labels, accuracy not measured")
            return
        right = 100 * accuracy(read, self.data.label, self.readout)
        by = f"by {READOUT_WORDS[self.readout]} (--readout {self.readout})"
        show(f"{kind}: accuracy {right:.2f} % on {self.data.samples} samples, {by}")


def infer(arguments: argparse.Namespace) -> int:
    """Run a network in floating point or integers; print its accuracy."""
    from qsnn_hw.model.simulate import simulate
    from qsnn_hw.support import files

    asked = InferOptions(**typed_values(arguments, InferOptions))
    if asked.out is not None:
        files.check_writable(Path(asked.out))
    bits, options = bits_and_options(asked)
    if bits is None and asked.diagnose:
        raise UserError(
            "--diagnose and the options of rounding need --bits 2 to 16; --bits float rounds nothing"
        )
    if bits is None and asked.device is not None:
        raise UserError("--device runs integers: give their width with --bits 2 to 16, or leave it out")
    if asked.device is not None:
        from qsnn_hw.targets.gpu.device import find_device

        find_device(asked.device)
    case = _case(asked)
    run = simulate(case.network, case.data.input, record_potentials=case.record, progress=case.progress)
    if bits is None:
        _show_float(case, asked, run)
    else:
        _show_integers(case, asked, options, run)
    return 0


def _case(asked: InferOptions) -> _Case:
    from qsnn_hw.explore.integers.choose import overlap_warning
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.readouts import chosen_readout
    from qsnn_hw.support.progress import Progress

    network, data = model_and_data(asked)
    fires = network.group(network.output).threshold is not None
    readout = chosen_readout(asked.readout, network.output, fires=fires)
    calibration = None
    if asked.calibration_data is not None:
        calibration = load_dataset(asked.calibration_data, network=network, layout=asked.layout)
        overlap = overlap_warning(data, calibration)
        warn([] if overlap is None else [overlap])
    return _Case(network, data, calibration, readout, Progress())


def _write(asked: InferOptions, out: "np.ndarray") -> None:
    from qsnn_hw.support import files

    if asked.out is not None:
        files.write_npz(Path(asked.out), {"out": out})


def _warn_of_nothing(nothing: str | None) -> None:
    if nothing is not None:
        complain(f"warning: {nothing}, so the answers mean nothing")


def _show_float(case: _Case, asked: InferOptions, run: "FloatRun") -> None:
    """What the float network answers, and whether its framework says so too."""
    from qsnn_hw.model.framework import compare_with_framework, own_output
    from qsnn_hw.model.simulate import read_output

    read = read_output(case.network, run, case.readout)
    _write(asked, run.out)
    case.show_accuracy("float", read)
    if not read.any():
        membrane = case.readout == "membrane"
        what = "every potential of the output stays 0" if membrane else "no output neuron ever fires"
        _warn_of_nothing(f"{what} on these {case.data.samples} samples")
    own = own_output(case.network, case.data, run)
    show(compare_with_framework(case.network, case.data, own).text())


def _show_integers(case: _Case, asked: InferOptions, options: "QuantizeOptions", run: "FloatRun") -> None:
    """What the integers answer, what they cost against the float run, and what fell silent."""
    from qsnn_hw.build.integer_batch import run_integers
    from qsnn_hw.explore.integers.choose import choose, drop_lines, drop_on, fall_warning
    from qsnn_hw.explore.integers.measured import measure_diagnostics
    from qsnn_hw.explore.integers.silence import dead, silence, silent_groups
    from qsnn_hw.golden import output_of
    from qsnn_hw.model.readouts import answers
    from qsnn_hw.model.simulate import read_output, simulate
    from qsnn_hw.quantize.own_integers import own_integers_notes

    network, data, readout, progress = case.network, case.data, case.readout, case.progress
    options = replace(options, input_max=max(1, int(data.input.max())))
    quantization = choose(network, options, case.calibration, asked.max_drop, progress, readout)
    quantized = quantization.quantized
    warn(quantized.warnings[len(network.warnings) :])
    golden = run_integers(quantized, data.input, case.record, asked.device, progress)
    out, read = output_of(quantized, golden), output_of(quantized, golden, readout)
    show(*own_integers_notes(quantized))
    _write(asked, out)
    if asked.diagnose:
        from qsnn_hw.report.sections.diagnostics import diagnostics_table

        diagnostics = measure_diagnostics(
            network, quantization, data, case.calibration or data, progress, readout
        )
        clamped = any(group.v_min is not None for group in network.groups)
        show(*diagnostics_table(diagnostics, clamped=clamped))
    widths = sorted({projection.weight_bits for projection in quantized.projections})
    case.show_accuracy(f"{'/'.join(map(str, widths))} bits", read)
    float_read = read_output(network, run, readout)
    test = drop_on(data.label, answers(readout, float_read), answers(readout, read))
    show(*drop_lines(quantization, test))
    fell = fall_warning(quantization, test, run.out if case.fires else None, out if case.fires else None)
    warn([] if fell is None else [fell])
    silent = silent_groups(quantized, golden)
    spikes = simulate(network, data.input, record=silent, progress=progress).spikes if silent else {}
    told = silence(
        *(network, quantization.options, quantized, golden, spikes, data.input), case.calibration is not None
    )
    warn((*told.warnings, *told.faults))
    _warn_of_nothing(dead(quantized, golden, readout))
