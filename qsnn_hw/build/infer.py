"""A network run on samples, in floating point or in integers, without hardware: what ``infer`` does.

The command and :meth:`qsnn_hw.build.api.TrainedNetwork.infer` both call :func:`run_inference`. Nothing heavy
is imported before it is needed.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qsnn_hw.build.effective import bits_and_options
from qsnn_hw.build.sample_options import InferOptions, SampleOptions
from qsnn_hw.build.told import Told
from qsnn_hw.support.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from qsnn_hw.explore.integers.drop import Drop
    from qsnn_hw.model.dataset import Dataset
    from qsnn_hw.model.network import Network
    from qsnn_hw.model.simulate import FloatRun
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.support.choices import ReadoutKind
    from qsnn_hw.support.progress import Progress


@dataclass(frozen=True, eq=False)
class Inference:
    """What a network answers on samples; ``str`` is what ``qsnn-hw infer`` prints.

    Parameters
    ----------
    out
        Shape (time, sample, neuron): spikes, uint8, or the potentials of an output that never fires.
    answers
        int64, shape (sample,): the class of each sample.
    readout
        What answers.
    accuracy
        Fraction right; None without labels.
    drop
        What the integers cost against the float network on these samples; None in floating point.
    lines, warnings
        What the command says.
    """

    out: "np.ndarray"
    answers: "np.ndarray"
    readout: "ReadoutKind"
    accuracy: float | None
    drop: "Drop | None"
    lines: tuple[str, ...]
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        accuracy = "not measured" if self.accuracy is None else f"{100 * self.accuracy:.2f} %"
        return f"<inference: {self.answers.size:,} samples, accuracy {accuracy} by {self.readout}>"

    def __str__(self) -> str:
        return "\n".join(self.lines)


def model_and_data(asked: SampleOptions, told: Told, **keys: Any) -> "tuple[Network, Dataset]":
    """The network and its samples; ``keys`` are names of arrays, as ``load_dataset`` takes them."""
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.readers.reader import convention_for, read_network

    network = read_network(asked.model, convention_for(asked.model, asked.convention, asked.settings))
    told.warn(network.warnings)
    data = load_dataset(asked.data, network=network, layout=asked.layout, samples=asked.samples, **keys)
    return network, data


@dataclass(frozen=True)
class _Case:
    """A network with its samples, and how it answers."""

    network: "Network"
    data: "Dataset"
    calibration: "Dataset | None"
    readout: "ReadoutKind"
    told: Told
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

    def ended(
        self, kind: str, out: "np.ndarray", read: "np.ndarray", drop: "Drop | None" = None
    ) -> Inference:
        """Say how many answers are right; ``read`` is what answers, as ``read_output`` gives it."""
        from qsnn_hw.model.readouts import READOUT_WORDS, answers

        given, label = answers(self.readout, read), self.data.label
        right = None if label is None else float((given == label).mean())
        if right is None:
            self.told.say(f"{kind}: {self.data.samples} samples, no labels, accuracy not measured")
        else:
            by = f"by {READOUT_WORDS[self.readout]} (--readout {self.readout})"
            self.told.say(f"{kind}: accuracy {100 * right:.2f} % on {self.data.samples} samples, {by}")
        # Lines and warnings that follow are added at the end, by run_inference.
        return Inference(out, given, self.readout, right, drop, (), ())


def run_inference(asked: InferOptions, told: Told, progress: "Progress") -> Inference:
    """Run a network in floating point or integers.

    Raises
    ------
    UserError
        An option does not fit, or model or samples are refused.
    """
    from qsnn_hw.model.simulate import simulate
    from qsnn_hw.support import files

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
    case = _case(asked, told, progress)
    run = simulate(case.network, case.data.input, record_potentials=case.record, progress=case.progress)
    result = _in_float(case, asked, run) if bits is None else _in_integers(case, asked, options, run)
    return replace(result, lines=tuple(told.lines), warnings=tuple(told.warnings))


def _case(asked: InferOptions, told: Told, progress: "Progress") -> _Case:
    from qsnn_hw.explore.integers.choose import overlap_warning
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.readouts import chosen_readout

    network, data = model_and_data(asked, told)
    fires = network.group(network.output).threshold is not None
    readout = chosen_readout(asked.readout, network.output, fires=fires)
    calibration = None
    if asked.calibration_data is not None:
        calibration = load_dataset(asked.calibration_data, network=network, layout=asked.layout)
        told.warn([overlap_warning(data, calibration)])
    return _Case(network, data, calibration, readout, told, progress)


def _write(asked: InferOptions, out: "np.ndarray") -> None:
    from qsnn_hw.support import files

    if asked.out is not None:
        files.write_npz(Path(asked.out), {"out": out})


def _in_float(case: _Case, asked: InferOptions, run: "FloatRun") -> Inference:
    """What the float network answers, and whether its framework says so too."""
    from qsnn_hw.model.framework import compare_with_framework, own_output
    from qsnn_hw.model.simulate import read_output

    read = read_output(case.network, run, case.readout)
    _write(asked, run.out)
    result = case.ended("float", run.out, read)
    if not read.any():
        membrane = case.readout == "membrane"
        what = "every potential of the output stays 0" if membrane else "no output neuron ever fires"
        case.told.warn([f"{what} on these {case.data.samples} samples, so the answers mean nothing"])
    own = own_output(case.network, case.data, run)
    case.told.say(compare_with_framework(case.network, case.data, own).text())
    return result


def _in_integers(case: _Case, asked: InferOptions, options: "QuantizeOptions", run: "FloatRun") -> Inference:
    """What the integers answer, what they cost against the float run, and what fell silent."""
    from qsnn_hw.build.integer_batch import run_integers, runner
    from qsnn_hw.explore.integers.choose import choose, drop_lines, drop_on, fall_warning
    from qsnn_hw.explore.integers.measured import measure_diagnostics
    from qsnn_hw.explore.integers.silence import dead, silence, silent_groups
    from qsnn_hw.golden import output_of
    from qsnn_hw.model.readouts import answers
    from qsnn_hw.model.simulate import read_output, simulate
    from qsnn_hw.quantize.own_integers import own_integers_notes

    network, data, readout, told, progress = case.network, case.data, case.readout, case.told, case.progress
    options = replace(options, input_max=max(1, int(data.input.max())))
    run_on = runner(asked.device)
    quantization = choose(network, options, case.calibration, asked.max_drop, progress, readout, run_on)
    quantized = quantization.quantized
    told.warn(quantized.warnings[len(network.warnings) :])
    golden = run_integers(quantized, data.input, case.record, asked.device, progress)
    out, read = output_of(quantized, golden), output_of(quantized, golden, readout)
    told.say(*own_integers_notes(quantized))
    _write(asked, out)
    if asked.diagnose:
        from qsnn_hw.report.sections.diagnostics import diagnostics_table

        diagnostics = measure_diagnostics(
            network, quantization, data, case.calibration or data, progress, readout, run_on
        )
        clamped = any(group.v_min is not None for group in network.groups)
        told.say(*diagnostics_table(diagnostics, clamped=clamped))
    widths = sorted({projection.weight_bits for projection in quantized.projections})
    float_read = read_output(network, run, readout)
    test = drop_on(data.label, answers(readout, float_read), answers(readout, read))
    result = case.ended(f"{'/'.join(map(str, widths))} bits", out, read, test)
    told.say(*drop_lines(quantization, test))
    spikes = (run.out, out) if case.fires else (None, None)
    told.warn([fall_warning(quantization, test, *spikes)])
    silent = silent_groups(quantized, golden)
    float_spikes = simulate(network, data.input, record=silent, progress=progress).spikes if silent else {}
    silent_about = silence(
        *(network, quantization.options, quantized, golden, float_spikes, data.input),
        case.calibration is not None,
    )
    told.warn((*silent_about.warnings, *silent_about.faults))
    nothing = dead(quantized, golden, readout)
    told.warn([] if nothing is None else [f"{nothing}, so the answers mean nothing"])
    return result
