"""From what the user asked for to integers: as given, calibrated, or as narrow as a drop allows."""

from dataclasses import dataclass

from qsnn_hw.errors import UserError
from qsnn_hw.explore.calibrate import calibrate
from qsnn_hw.explore.narrowest import narrowest
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.progress import Progress
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize


@dataclass(frozen=True)
class Chosen:
    """The integers, and the options that lead to them (compensated rounding: on the same samples)."""

    options: QuantizeOptions
    quantized: QuantizedNetwork


def choose(
    network: Network,
    options: QuantizeOptions,
    calibration: Dataset | None,
    max_drop: float | None,
    progress: Progress,
) -> Chosen:
    """Quantize ``network``.

    Parameters
    ----------
    calibration
        Samples to choose rounding by; None rounds as ``options`` says.
    max_drop
        Percentage points of accuracy on ``calibration`` that may be given up for narrower weights;
        None keeps the widths of ``options``.

    Raises
    ------
    UserError
        ``max_drop`` without samples or not a number from 0 to 100, or as :func:`quantize`.
    """
    if max_drop is not None and not 0 <= max_drop <= 100:
        raise UserError(f"--max-drop is percentage points from 0 to 100, not {max_drop:g}")
    if calibration is None:
        if max_drop is not None:
            raise UserError("--max-drop measures accuracy on calibration samples: give --calibrate FILE")
        return Chosen(options, quantize(network, options))
    if max_drop is not None:
        found = narrowest(network, options, calibration, max_drop, progress)
        widths = ", ".join(f"{name} {bits}" for name, bits in found.bits.items())
        progress.say(f"narrowest weights within {max_drop:g} pp: {widths} bits")
        progress.say(
            f"  calibration score {100 * found.score:.2f} %, float {100 * found.float_score:.2f} %, "
            f"{found.weight_memory_bits} bits of weights"
        )
        return Chosen(found.options, found.quantized)
    with progress.task(f"calibrate on {calibration.samples} samples") as task:
        chosen = calibrate(network, options, calibration, task.update, compensate=True)
    for description, score in chosen.scores:
        progress.say(f"  {description}: {100 * score:.2f} % (float {100 * chosen.float_score:.2f} %)")
    return Chosen(chosen.options, chosen.quantized)
