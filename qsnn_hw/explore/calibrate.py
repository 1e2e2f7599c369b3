"""Choosing clipping, scale and fractional bits on calibration samples, cheapest hardware first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import accuracy, predict, simulate
from qsnn_hw.quantize import QuantizeOptions, quantize

# In the order of what they cost in hardware: fractional bits widen every adder, a scale for each
# neuron needs a threshold memory.
_LADDER: Sequence[dict[str, object]] = (
    {"clip": "max", "per_neuron": False, "fractional_bits": 0},
    {"clip": "mse", "per_neuron": False, "fractional_bits": 0},
    {"clip": "percentile", "per_neuron": False, "fractional_bits": 0},
    {"clip": "max", "per_neuron": False, "fractional_bits": 2},
    {"clip": "mse", "per_neuron": False, "fractional_bits": 2},
    {"clip": "mse", "per_neuron": True, "fractional_bits": 0},
    {"clip": "mse", "per_neuron": True, "fractional_bits": 4},
)


@dataclass(frozen=True)
class Calibration:
    """The options chosen, and what each candidate scored.

    Parameters
    ----------
    options
        The cheapest candidate that scores no worse than the float network, or else the best.
    scores
        (description, fraction of calibration samples answered as wanted), in the order of cost.
    float_score
        The same for the float network.
    """

    options: QuantizeOptions
    scores: tuple[tuple[str, float], ...]
    float_score: float


def calibrate(
    network: Network,
    options: QuantizeOptions,
    data: Dataset,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Calibration:
    """Try each way to round at ``options.weight_bits`` on calibration samples.

    The score is accuracy where the samples have labels, and agreement with the float network's own
    answers where they have not.

    Raises
    ------
    UserError
        No candidate can be quantized at all; the message is the last one's.
    """
    reference = simulate(network, data.input).out
    wanted = data.label if data.label is not None else predict(reference)
    float_score = accuracy(reference, wanted)
    best: tuple[float, QuantizeOptions] | None = None
    scores = []
    failure: UserError | None = None
    for index, rung in enumerate(_LADDER):
        candidate = replace(options, **rung)  # type: ignore[arg-type]
        try:
            quantized = quantize(network, candidate)
        except UserError as error:
            failure = error
            continue
        score = accuracy(run_clocked(quantized, data.input).spikes[network.output], np.asarray(wanted))
        scores.append((_describe(candidate), score))
        if best is None or score > best[0]:
            best = (score, candidate)
        on_progress(index + 1, len(_LADDER))
        if score >= float_score:
            break
    if best is None:
        raise failure or UserError("nothing to calibrate")
    return Calibration(best[1], tuple(scores), float_score)


def _describe(options: QuantizeOptions) -> str:
    per = "neuron" if options.per_neuron else "group"
    return f"clip {options.clip}, scale per {per}, {options.fractional_bits} fractional bits"
