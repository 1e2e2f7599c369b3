"""What the integers mean: spikes and potentials of the samples, beside the float network's."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.inputs import DATA, READ, calibration_samples, encoder_of, readout_of, samples_digest
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.step import Job, Step, lacks_any
from qsnn_hw.explore.integers.choose import Quantization, drop_lines, drop_on, fall_warning, overlap_warning
from qsnn_hw.explore.integers.diagnosis import Diagnostics
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.explore.integers.measured import measure_diagnostics
from qsnn_hw.explore.integers.silence import dead, dead_text, silence, silent_groups
from qsnn_hw.golden import GoldenRun, output_of, run_clocked
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.framework import compare_with_framework, compares_potentials, own_output
from qsnn_hw.model.network import Network
from qsnn_hw.model.readouts import answers
from qsnn_hw.model.simulate import FloatRun, read_output, simulate
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support import files
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError

_POTENTIAL = "potential."
"""In front of a group's name, in the file of what the float network did."""


def _run_golden(
    job: Job, network: Network, quantization: Quantization, data: Dataset | None
) -> GoldenResult | None:
    if data is None:
        return None
    names = [g.name for g in network.groups]
    quantized, readout = quantization.quantized, readout_of(job.options, network)
    with job.progress.task(f"golden model, {data.samples} samples") as task:
        integer = run_clocked(quantized, data.input, record=names, on_progress=task.update)
    silent = silent_groups(quantized, integer)
    by_potentials = readout == "membrane" or compares_potentials(network, data)
    float_run = simulate(
        network,
        data.input,
        record=silent,
        record_potentials=[network.output] if by_potentials else [],
        progress=job.progress,
    )
    warnings = list(_odd(job, network, quantization, data, integer, float_run))
    read = read_output(network, float_run, readout)
    traced = _shown_sample(data, answers(readout, output_of(quantized, integer, readout)))
    one = simulate(network, data.input[:, traced : traced + 1], record_potentials=names)
    out = own_output(network, data, float_run)
    result = _judged(
        *(network, quantized, data, readout, integer),
        _arrays(out, read, traced, warnings, one.potentials),
    )
    job.progress.say(f"golden: {result.framework.text()}")
    for line in (*drop_lines(quantization, result.drop), *(f"warning: {line}" for line in warnings)):
        job.progress.say(line)
    if result.dead is not None:
        job.progress.say(f"warning: {result.dead}")
    return result


def _odd(
    job: Job,
    network: Network,
    quantization: Quantization,
    data: Dataset,
    integer: GoldenRun,
    float_run: FloatRun,
) -> Iterator[str]:
    """What a user must know of the spikes, a line each; UserError where rounding made a group silent."""
    quantized, readout = quantization.quantized, readout_of(job.options, network)
    calibration = calibration_samples(job.options, network)
    told = silence(
        network,
        quantization.options,
        quantized,
        integer,
        float_run.spikes,
        data.input,
        calibration is not None,
    )
    for fault in told.faults:
        raise UserError(fault)
    yield from told.warnings
    overlap = None if calibration is None else overlap_warning(data, calibration)
    if overlap is not None:
        yield overlap
    float_answers = answers(readout, read_output(network, float_run, readout))
    drop = drop_on(data.label, float_answers, answers(readout, output_of(quantized, integer, readout)))
    fires = network.group(network.output).threshold is not None
    spikes = (float_run.out, output_of(quantized, integer)) if fires else (None, None)
    fell = fall_warning(quantization, drop, *spikes)
    if fell is not None:
        yield fell


def _arrays(
    out: np.ndarray,
    read: np.ndarray,
    traced: int,
    warnings: Sequence[str],
    potentials: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """What a file holds of the float network's run, and of what was said of both."""
    return {
        "out": out,
        "read": read,
        "traced": np.array(traced),
        "warnings": np.array(warnings, dtype=str),
        **{f"{_POTENTIAL}{name}": v for name, v in potentials.items()},
    }


def _judged(
    network: Network,
    quantized: QuantizedNetwork,
    data: Dataset,
    readout: ReadoutKind,
    integer: GoldenRun,
    arrays: Mapping[str, np.ndarray],
) -> GoldenResult:
    """Both runs beside each other, of what the files hold."""
    float_answers = answers(readout, arrays["read"])
    answered = answers(readout, output_of(quantized, integer, readout))
    framework = compare_with_framework(network, data, arrays["out"])
    nothing = dead(quantized, integer, readout)
    return GoldenResult(
        integer=integer,
        readout=readout,
        answers=answered,
        float_answers=float_answers,
        drop=drop_on(data.label, float_answers, answered),
        framework=framework,
        traced=int(arrays["traced"]),
        float_potentials={g.name: arrays[f"{_POTENTIAL}{g.name}"] for g in network.groups},
        warnings=tuple(str(line) for line in arrays["warnings"]),
        dead=None if nothing is None else dead_text(nothing, framework, readout),
        float_out=arrays["out"],
        float_read=arrays["read"],
    )


def _shown_sample(data: Dataset, answered: np.ndarray) -> int:
    """The first sample that is answered right: what the network does is best seen there."""
    if data.label is None:
        return 0
    return int(np.argmax(answered == data.label))


def _save_golden(job: Job, result: GoldenResult | None) -> None:
    if result is None:
        return
    result.integer.save(job.path(outputs.GOLDEN))
    beside = (result.traced, result.warnings, result.float_potentials)
    files.write_npz(job.path(outputs.FLOAT), _arrays(result.float_out, result.float_read, *beside))


def _load_golden(job: Job, network: Network, quantization: Quantization, data: Dataset) -> GoldenResult:
    integer, arrays = GoldenRun.load(job.path(outputs.GOLDEN)), files.read_npz(job.path(outputs.FLOAT))
    return _judged(network, quantization.quantized, data, readout_of(job.options, network), integer, arrays)


def _golden_is_decided_by(
    job: Job, network: Network, quantization: Quantization, data: Dataset | None
) -> dict[str, object]:
    options = job.options
    if options.data is not None:
        known: str | None = job.digest(options.data)
    else:
        known = None if data is None else samples_digest(data)
    return {
        "data": known,
        "layout": options.layout,
        "samples": options.samples,
        "encoder": repr(encoder_of(options, network)),
        "readout": readout_of(options, network),
    }


GOLDEN: Step[GoldenResult | None] = Step(
    "golden",
    needs=(READ, QUANTIZE, DATA),
    make=_run_golden,
    leaves=[outputs.GOLDEN, outputs.FLOAT],
    absent=lacks_any,
    save=_save_golden,
    load=_load_golden,
    decided_by=_golden_is_decided_by,
)
"""Every sample through the golden model and the float network; None without samples."""


def _diagnose(
    job: Job, network: Network, quantization: Quantization, data: Dataset | None, result: GoldenResult | None
) -> Diagnostics | None:
    if data is None or result is None:
        return None
    scored = calibration_samples(job.options, network) or data
    return measure_diagnostics(network, quantization, data, scored, job.progress, result.readout)


DIAGNOSE: Step[Diagnostics | None] = Step(
    "diagnose",
    needs=(READ, QUANTIZE, DATA, GOLDEN),
    make=_diagnose,
    record=(Diagnostics, outputs.DIAGNOSTICS),
    absent=lacks_any,
)
"""What quantization did to every group; None without samples."""
