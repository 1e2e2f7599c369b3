"""Network -> integers: as given, calibrated, or as narrow as a drop of accuracy allows."""

from dataclasses import asdict, dataclass, replace

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.inputs import DATA, READ, calibration_samples, encoder_of, readout_of
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.explore.integers.choose import Chosen, choose, overlap_warning
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions
from qsnn_hw.support.records import Kept


def _wanted(options: BuildOptions, network: Network, data: Dataset | None) -> QuantizeOptions:
    """The user's choices, wide enough for the data's input."""
    encoder = encoder_of(options, network)
    seen = 1 if data is None else int(data.input.max())
    most = seen if encoder is None else encoder.input_max
    return replace(options.quantize, input_max=max(options.quantize.input_max, most))


def _quantize(job: Job, network: Network, data: Dataset | None) -> Chosen:
    options = job.options
    wanted, readout = _wanted(options, network, data), readout_of(options, network)
    calibration = calibration_samples(options, network)
    if data is not None and calibration is not None:
        # Before a long search, not after it.
        overlap_warning(data, calibration)
    chosen = choose(network, wanted, calibration, options.max_drop, job.progress, readout)
    quantized = chosen.quantized
    for group in quantized.groups:
        bits = max(p.weight_bits for p in quantized.into(group.name))
        job.progress.say(f"quantize: {group.name}: {bits}-bit weights, {group.v_bits}-bit potentials")
    for warning in quantized.warnings[len(network.warnings) :]:
        job.progress.say(f"warning: {warning}")
    return chosen


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
class Choices(Kept, form="choices of rounding 1"):
    """How the integers came about, as ``Chosen`` says."""

    options: QuantizeOptions
    drop: Drop | None


def save_chosen(job: Job, chosen: Chosen) -> None:
    """Write the integers, and beside them how they came about."""
    chosen.quantized.save(job.path(outputs.QUANTIZED))
    Choices(chosen.options, chosen.drop).save(job.path(outputs.CHOSEN))


def load_chosen(job: Job, network: Network, data: Dataset | None) -> Chosen:
    """Read what :func:`save_chosen` wrote."""
    choices = Choices.load(job.path(outputs.CHOSEN))
    return Chosen(choices.options, QuantizedNetwork.load(job.path(outputs.QUANTIZED)), choices.drop)


QUANTIZE: Step[Chosen] = Step(
    "quantize",
    needs=(READ, DATA),
    make=_quantize,
    leaves=[outputs.QUANTIZED, outputs.CHOSEN],
    save=save_chosen,
    load=load_chosen,
    decided_by=_is_decided_by,
)
"""Float to integers, by calibration where there are samples for it."""
