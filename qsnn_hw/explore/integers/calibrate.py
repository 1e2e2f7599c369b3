"""Choosing how to round on calibration samples, cheapest hardware first."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.explore.integers.drop import Drop, beats
from qsnn_hw.golden import GoldenRun, output_of, run_clocked
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.readouts import answers, default_readout
from qsnn_hw.model.simulate import read_output, simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.compensate import Statistics, measure
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError

RunIntegers = Callable[[QuantizedNetwork, np.ndarray, Collection[str]], GoldenRun]
"""Integers, inputs and the groups whose potentials are kept -> what the golden model does with them."""


def by_golden(quantized: QuantizedNetwork, inputs: np.ndarray, record: Collection[str]) -> GoldenRun:
    """The golden model itself."""
    return run_clocked(quantized, inputs, record=record)


# After what was asked for, in the order of what they cost in hardware: fractional bits widen every adder, a
# scale for each neuron needs a threshold memory. Compensated rounding costs nothing there.
_LADDER: Sequence[dict[str, object]] = (
    {},
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
    readout
        What answers; None for the default of the output group.
    run
        Runs the integers.

    Attributes
    ----------
    readout
        What answers.
    float_right
        Where the float network answers as wanted, bool of shape (sample,).
    float_score
        The float network's own score, 0 to 1.
    """

    def __init__(
        self,
        network: Network,
        data: Dataset,
        readout: ReadoutKind | None = None,
        run: RunIntegers = by_golden,
    ) -> None:
        self._network = network
        self._run = run
        self._data = data
        self.readout = readout or default_readout(network.group(network.output).threshold is not None)
        record = [network.output] if self.readout == "membrane" else []
        floats = simulate(network, data.input, record_potentials=record)
        answered = answers(self.readout, read_output(network, floats, self.readout))
        self._wanted = np.asarray(answered if data.label is None else data.label)
        self.float_right: np.ndarray = answered == self._wanted
        self.float_score = float(np.mean(self.float_right))
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
        return quantize(self._network, comparable(self._network, options, self.readout), needed)

    def right(self, quantized: QuantizedNetwork) -> np.ndarray:
        """Which samples are answered as wanted, bool of shape (sample,)."""
        record = [quantized.output] if self.readout == "membrane" else []
        run = self._run(quantized, self._data.input, record)
        right: np.ndarray = answers(self.readout, output_of(quantized, run, self.readout)) == self._wanted
        return right

    def score(self, quantized: QuantizedNetwork) -> float:
        """The fraction of samples answered as wanted."""
        return float(np.mean(self.right(quantized)))

    def drop(self, quantized: QuantizedNetwork) -> Drop:
        """What the integers cost on these samples."""
        return Drop.of(self.float_right, self.right(quantized), labelled=self._data.label is not None)


def comparable(network: Network, options: QuantizeOptions, readout: ReadoutKind) -> QuantizeOptions:
    """``options`` with one scale for the whole output group where ``readout`` compares its potentials."""
    return options.one_scale(network.output) if readout == "membrane" else options


@dataclass(frozen=True)
class Calibration:
    """The options chosen, and what each candidate scored.

    Parameters
    ----------
    options
        What was asked for, unless the float network and another candidate beat it, each by more than the
        standard error of the difference; then the cheapest that float does not beat so, or else one that
        no cheaper candidate equals within that error.
    scores
        (description, fraction of calibration samples answered as wanted), in the order of cost.
    float_score
        The same for the float network.
    quantized
        The integers of the chosen candidate.
    drop
        What they cost on the calibration samples.
    """

    options: QuantizeOptions
    scores: tuple[tuple[str, float], ...]
    float_score: float
    quantized: QuantizedNetwork
    drop: Drop


def calibrate(
    network: Network,
    options: QuantizeOptions,
    data: Dataset,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    compensate: bool = False,
    readout: ReadoutKind | None = None,
    run: RunIntegers = by_golden,
) -> Calibration:
    """Try ``options`` and then other ways to round at their widths on calibration samples.

    A score above another is luck where it lies within the standard error, so another way is taken
    only where it beats the one taken before, ``options`` at first, by more than that.

    Parameters
    ----------
    readout
        What answers; None for the default of the output group.
    compensate
        Also try rounding that makes up for its errors. Its integers follow from the samples, so
        the caller must take them from ``Calibration.quantized``.
    run
        Runs the integers.

    Raises
    ------
    UserError
        No candidate can be quantized at all; the message is the last one's.
    """
    scorer = Scorer(network, data, readout, run)
    compensate = compensate and not options.power_of_two
    ladder = [rung for rung in _LADDER if compensate or "rounding" not in rung]
    best: tuple[np.ndarray, QuantizeOptions, QuantizedNetwork] | None = None
    scores = []
    failure: UserError | None = None
    for index, rung in enumerate(ladder):
        candidate = replace(options, **rung)  # type: ignore[arg-type]
        if rung and replace(options.settled(), **rung) == options.settled():  # type: ignore[arg-type]
            continue
        try:
            quantized = scorer.quantize(candidate)
        except UserError as error:
            failure = error
            continue
        right = scorer.right(quantized)
        scores.append((describe(candidate), float(np.mean(right))))
        # Who beats a winner beats all before it, too: standard errors keep the triangle inequality.
        if best is None or beats(right, best[0]):
            best = (right, candidate, quantized)
        on_progress(index + 1, len(ladder))
        if not beats(scorer.float_right, best[0]):
            break
    if best is None:
        raise failure or UserError("nothing to calibrate")
    right, best_options, quantized = best
    drop = Drop.of(scorer.float_right, right, labelled=data.label is not None)
    best_options = comparable(network, best_options, scorer.readout)
    return Calibration(best_options, tuple(scores), scorer.float_score, quantized, drop)


def describe(options: QuantizeOptions) -> str:
    """The way of rounding in a few words."""
    scheme = options.scheme
    per = "neuron" if scheme.per_neuron else "group"
    how = f"clip {scheme.clip}" if options.rounding == "nearest" else "compensated rounding"
    return f"{how}, scale per {per}, {scheme.fractional_bits} fractional bits"
