"""Choosing how to round on calibration samples, cheapest hardware first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.golden import output_of, run_clocked
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import accuracy, predict, simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.compensate import Statistics, measure

# In the order of what they cost in hardware: fractional bits widen every adder, a scale for each
# neuron needs a threshold memory. Compensated rounding costs nothing there.
_LADDER: Sequence[dict[str, object]] = (
    {"clip": "max", "per_neuron": False, "fractional_bits": 0},
    {"clip": "mse", "per_neuron": False, "fractional_bits": 0},
    {"clip": "percentile", "per_neuron": False, "fractional_bits": 0},
    {"rounding": "compensate", "per_neuron": False, "fractional_bits": 0},
    {"clip": "max", "per_neuron": False, "fractional_bits": 2},
    {"clip": "mse", "per_neuron": False, "fractional_bits": 2},
    {"rounding": "compensate", "per_neuron": False, "fractional_bits": 2},
    {"clip": "mse", "per_neuron": True, "fractional_bits": 0},
    {"clip": "mse", "per_neuron": True, "fractional_bits": 4},
    {"rounding": "compensate", "per_neuron": False, "fractional_bits": 6},
    {"rounding": "compensate", "per_neuron": True, "fractional_bits": 6},
)


class Scorer:
    """What integer networks score on calibration samples, and the float network beside them.

    Parameters
    ----------
    network
        The float network.
    data
        The score is accuracy where the samples have labels, and agreement with the float network's
        own answers where they have not.

    Attributes
    ----------
    float_score
        The float network's own score, 0 to 1.
    """

    def __init__(self, network: Network, data: Dataset) -> None:
        self._network = network
        self._data = data
        reference = simulate(network, data.input).out
        self._wanted = np.asarray(data.label if data.label is not None else predict(reference))
        self.float_score = accuracy(reference, self._wanted)
        self._statistics: Statistics | None = None

    @property
    def statistics(self) -> Statistics:
        """Of the calibration samples, measured on first use."""
        if self._statistics is None:
            self._statistics = measure(self._network, self._data.input)
        return self._statistics

    def quantize(self, options: QuantizeOptions) -> QuantizedNetwork:
        """The integers ``options`` make, with statistics where they need them."""
        needed = self.statistics if options.rounding == "compensate" else None
        return quantize(self._network, options, needed)

    def score(self, quantized: QuantizedNetwork) -> float:
        """The fraction of samples answered as wanted."""
        return accuracy(output_of(quantized, run_clocked(quantized, self._data.input)), self._wanted)


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
    quantized
        The integers of the chosen candidate.
    """

    options: QuantizeOptions
    scores: tuple[tuple[str, float], ...]
    float_score: float
    quantized: QuantizedNetwork


def calibrate(
    network: Network,
    options: QuantizeOptions,
    data: Dataset,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    compensate: bool = False,
) -> Calibration:
    """Try each way to round at ``options``' widths on calibration samples.

    Parameters
    ----------
    compensate
        Also try rounding that makes up for its errors. Its integers follow from the samples, so
        the caller must take them from ``Calibration.quantized``.

    Raises
    ------
    UserError
        No candidate can be quantized at all; the message is the last one's.
    """
    scorer = Scorer(network, data)
    compensate = compensate and not options.power_of_two
    ladder = [rung for rung in _LADDER if compensate or "rounding" not in rung]
    best: tuple[float, QuantizeOptions, QuantizedNetwork] | None = None
    scores = []
    failure: UserError | None = None
    for index, rung in enumerate(ladder):
        candidate = replace(options, **rung)  # type: ignore[arg-type]
        try:
            quantized = scorer.quantize(candidate)
        except UserError as error:
            failure = error
            continue
        score = scorer.score(quantized)
        scores.append((describe(candidate), score))
        if best is None or score > best[0]:
            best = (score, candidate, quantized)
        on_progress(index + 1, len(ladder))
        if score >= scorer.float_score:
            break
    if best is None:
        raise failure or UserError("nothing to calibrate")
    return Calibration(best[1], tuple(scores), scorer.float_score, best[2])


def describe(options: QuantizeOptions) -> str:
    """The way of rounding in a few words."""
    per = "neuron" if options.per_neuron else "group"
    how = f"clip {options.clip}" if options.rounding == "nearest" else "compensated rounding"
    return f"{how}, scale per {per}, {options.fractional_bits} fractional bits"
