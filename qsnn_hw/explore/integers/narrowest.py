"""The narrowest weights, group by group, that lose no more accuracy than allowed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.explore.integers.calibrate import RunIntegers, Scorer, by_golden, comparable, describe
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions
from qsnn_hw.quantize.integers import MIN_BITS
from qsnn_hw.quantize.operators import weights_of
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

# Ways to round, best first at low widths; the options as given come before all of them.
_WAYS: tuple[Mapping[str, object], ...] = (
    {"rounding": "compensate", "per_neuron": False},
    {"rounding": "compensate", "per_neuron": True},
    {"rounding": "compensate", "per_neuron": True, "fractional_bits": 6},
)


@dataclass(frozen=True)
class Trial:
    """One setting tried: its widths by group, how it rounds, its score (None: cannot be built)."""

    bits: Mapping[str, int]
    description: str
    score: float | None


@dataclass(frozen=True)
class Narrowest:
    """The result of :func:`narrowest`.

    Parameters
    ----------
    options
        With the chosen weight bits of every group.
    quantized
        Its integers; compensated rounding cannot be repeated from the options alone.
    bits
        Group name -> weight bits.
    score, float_score
        Fraction of the calibration samples answered as wanted.
    drop
        The same with the standard error of their difference.
    weight_memory_bits
        All weights together at those widths.
    trials
        Everything tried, in order.
    """

    options: QuantizeOptions
    quantized: QuantizedNetwork
    bits: Mapping[str, int]
    score: float
    float_score: float
    drop: Drop
    weight_memory_bits: int
    trials: tuple[Trial, ...]


def narrowest(
    network: Network,
    options: QuantizeOptions,
    data: Dataset,
    max_drop: float = 0.5,
    progress: Progress = SILENT,
    readout: ReadoutKind | None = None,
    run: RunIntegers = by_golden,
) -> Narrowest:
    """Search the smallest weight widths within an accuracy drop on calibration samples.

    First one width for all groups goes down from ``options.weight_bits`` while some way of rounding
    stays within the drop; then each group, the one with most weights first, goes down by itself.
    The drop is measured at each step, and narrower weights are taken only where it stays within
    ``max_drop`` with its standard error added: a drop that is as small by luck does not hold on other
    samples. The starting width needs only the drop itself.

    Parameters
    ----------
    options
        Where to start; its widths per group are given up.
    max_drop
        Percentage points below the float network's score, 0 to 100.
    readout
        What answers; None for the default of the output group.
    run
        Runs the integers.

    Raises
    ------
    UserError
        ``max_drop`` is out of range, or not even the starting widths stay within it.
    """
    if isinstance(max_drop, bool) or not 0 <= max_drop <= 100:
        raise UserError(f"max drop must be from 0 to 100 percentage points, not {max_drop!r}")
    search = _Search(network, replace(options, groups={}), Scorer(network, data, readout, run), max_drop)
    with progress.task("narrowest weights") as task:
        total = (options.weight_bits - MIN_BITS) * (1 + len(network.groups)) + 1
        # An upper guess: most searches stop early.
        search.on_trial = lambda done: task.update(min(done, total), total)
        return search.run()


class _Search:
    def __init__(self, network: Network, options: QuantizeOptions, scorer: Scorer, max_drop: float) -> None:
        self._network = network
        self._options = options
        self._scorer = scorer
        # A hair above, so that a drop of exactly the allowed size is not lost to rounding.
        self._most = max_drop / 100 + 1e-12
        self._max_drop = max_drop
        self._trials: list[Trial] = []
        self.on_trial: Callable[[int], None] = lambda done: None

    def run(self) -> Narrowest:
        options, quantized, score = self._uniform()
        order = sorted(self._network.groups, key=lambda g: -_weights_into(quantized, g.name))
        going = [g.name for g in order]
        while going:
            for name in list(going):
                bits = options.of(name).weight_bits
                tried = options.with_group(name, weight_bits=bits - 1) if bits > MIN_BITS else None
                better = self._try(tried, proven=True) if tried is not None else None
                if better is None or tried is None:
                    going.remove(name)
                    continue
                options, (quantized, score) = tried, better
        bits_of = self._bits(options)
        return Narrowest(
            options=comparable(self._network, options, self._scorer.readout),
            quantized=quantized,
            bits=bits_of,
            score=score,
            float_score=self._scorer.float_score,
            drop=self._scorer.drop(quantized),
            weight_memory_bits=sum(_weights_into(quantized, name) * bits for name, bits in bits_of.items()),
            trials=tuple(self._trials),
        )

    def _uniform(self) -> tuple[QuantizeOptions, QuantizedNetwork, float]:
        best: tuple[QuantizeOptions, QuantizedNetwork, float] | None = None
        closest = 0.0
        # Compensated rounding has scales of its own.
        ways = [way for way in _WAYS if not (self._options.power_of_two and "rounding" in way)]
        for bits in range(self._options.weight_bits, MIN_BITS - 1, -1):
            narrower = None
            for way in ({}, *ways):
                candidate = replace(self._options, weight_bits=bits, **way)  # type: ignore[arg-type]
                fit = self._try(candidate, proven=bits < self._options.weight_bits)
                closest = max(closest, self._trials[-1].score or 0.0)
                if fit is not None:
                    narrower = (candidate, *fit)
                    break
            if narrower is None:
                break
            best = narrower
        if best is None:
            raise UserError(
                f"no rounding at {self._options.weight_bits} bits stays within {self._max_drop:g} percentage "
                f"points of the float network's {100 * self._scorer.float_score:.2f} % (best "
                f"{100 * closest:.2f} %); start with more --bits or allow a larger drop"
            )
        return best

    def _try(self, options: QuantizeOptions, *, proven: bool) -> tuple[QuantizedNetwork, float] | None:
        """The integers and their score when they stay within the drop, ``proven`` with its error added."""
        score: float | None = None
        drop: Drop | None = None
        try:
            quantized = self._scorer.quantize(options)
            drop = self._scorer.drop(quantized)
            score = drop.integer_score
        except UserError as error:
            description = f"{describe(options)}: {error}"
        else:
            description = describe(options)
        self._trials.append(Trial(self._bits(options), description, score))
        self.on_trial(len(self._trials))
        if drop is None or not self._within(drop, proven):
            return None
        return quantized, drop.integer_score

    def _within(self, drop: Drop, proven: bool) -> bool:
        error = 0.0 if not proven else np.inf if drop.standard_error is None else drop.standard_error
        return drop.drop + error <= self._most

    def _bits(self, options: QuantizeOptions) -> dict[str, int]:
        return {g.name: options.of(g.name).weight_bits for g in self._network.groups}


def _weights_into(network: QuantizedNetwork, group: str) -> int:
    """How many weights the projections into ``group`` store."""
    stored = (weights_of(operator) for p in network.into(group) for operator in p.all_operators)
    return sum(weights.size for weights in stored if weights is not None)
