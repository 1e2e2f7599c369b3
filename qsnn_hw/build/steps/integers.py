"""Network -> integers: as given, calibrated, or as narrow as a drop of accuracy allows."""

from dataclasses import asdict, dataclass, replace

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.inputs import DATA, READ, calibration_samples, encoder_of, readout_of
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.explore.integers.choose import Quantization, choose, overlap_warning
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions
from qsnn_hw.support.records import StoredRecord


def _wanted(options: BuildOptions, network: Network, data: Dataset | None) -> QuantizeOptions:
    """The user's choices, wide enough for the data's input."""
    encoder = encoder_of(options, network)
    seen = 1 if data is None else int(data.input.max())
    most = seen if encoder is None else encoder.input_max
    return replace(options.quantize, input_max=max(options.quantize.input_max, most))


def _quantize(job: Job, network: Network, data: Dataset | None) -> Quantization:
    options = job.options
    wanted, readout = _wanted(options, network, data), readout_of(options, network)
    calibration = calibration_samples(options, network)
    if data is not None and calibration is not None:
        # Before a long search, not after it.
        overlap_warning(data, calibration)
    quantization = choose(network, wanted, calibration, options.max_drop, job.progress, readout)
    quantized = quantization.quantized
    for group in quantized.groups:
        bits = max(p.weight_bits for p in quantized.into(group.name))
        job.progress.say(f"quantize: {group.name}: {bits}-bit weights, {group.v_bits}-bit potentials")
    for warning in quantized.warnings[len(network.warnings) :]:
        job.progress.say(f"warning: {warning}")
    return quantization


def _is_decided_by(job: Job, network: Network, data: Dataset | None) -> dict[str, object]:
    options = job.options
    calibration = options.calibration_data
    return {
        "quantize": asdict(_wanted(options, network, data)),
        "calibration": None if calibration is None else job.digest(calibration),
        "max_drop": options.max_drop,
        "layout": options.layout,
        "encoder": repr(encoder_of(options, network)),
        "readout": readout_of(options, network),
    }


@dataclass(frozen=True)
class RoundingChoices(StoredRecord, form="choices of rounding 1"):
    """How the integers came about, as ``Quantization`` says."""

    options: QuantizeOptions
    drop: Drop | None


def save_quantization(job: Job, quantization: Quantization) -> None:
    """Write the integers, and beside them how they came about."""
    quantization.quantized.save(job.path(outputs.QUANTIZED))
    RoundingChoices(quantization.options, quantization.drop).save(job.path(outputs.ROUNDING))


def load_quantization(job: Job, network: Network, data: Dataset | None) -> Quantization:
    """Read what :func:`save_quantization` wrote."""
    choices = RoundingChoices.load(job.path(outputs.ROUNDING))
    return Quantization(choices.options, QuantizedNetwork.load(job.path(outputs.QUANTIZED)), choices.drop)


QUANTIZE: Step[Quantization] = Step(
    "quantize",
    needs=(READ, DATA),
    make=_quantize,
    leaves=[outputs.QUANTIZED, outputs.ROUNDING],
    save=save_quantization,
    load=load_quantization,
    decided_by=_is_decided_by,
)
"""Float to integers, by calibration where there are samples for it."""
