"""Calibrating groups one by one: threshold, clipping and fractional bits on calibration samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from qsnn_hw.explore.integers.calibrate import Calibration, Scorer, comparable, describe
from qsnn_hw.explore.integers.drop import beats
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError

# Small steps first: clipping and rounding shift a group's gain by some percent, not by a multiple.
_CHANGES: Sequence[dict[str, object]] = (
    {"threshold_factor": 0.97},
    {"threshold_factor": 1.03},
    {"threshold_factor": 0.93},
    {"threshold_factor": 1.07},
    {"clip": "mse"},
    {"clip": "percentile"},
    {"fractional_bits": 4},
    {"per_neuron": True},
)


def refine(
    network: Network,
    options: QuantizeOptions,
    data: Dataset,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    readout: ReadoutKind | None = None,
) -> Calibration:
    """Improve ``options`` group by group: a change is kept that raises the score by more than luck.

    That is by more than the standard error of the paired difference from what was best before. One pass
    over the groups, in order, because each group's input is settled by those before it. The score is
    measured on the samples that choose, so judge the result on others.

    Parameters
    ----------
    readout
        What answers; None for the default of the output group.

    Raises
    ------
    UserError
        ``options`` themselves cannot be quantized.
    """
    scorer = Scorer(network, data, readout)
    best_options = options.settled()
    quantized = scorer.quantize(best_options)
    best = scorer.right(quantized)
    scores = [(describe(options), float(np.mean(best)))]
    total = len(network.groups) * len(_CHANGES)
    for number, group in enumerate(network.groups):
        for index, change in enumerate(_CHANGES):
            on_progress(number * len(_CHANGES) + index + 1, total)
            candidate = best_options.with_group(group.name, **change)
            if candidate.of(group.name) == replace(best_options.of(group.name), groups={}):
                continue
            try:
                quantized_candidate = scorer.quantize(candidate)
            except UserError:
                continue
            right = scorer.right(quantized_candidate)
            said = ", ".join(f"{key} {value}" for key, value in change.items())
            scores.append((f"{group.name}: {said}", float(np.mean(right))))
            if beats(right, best):
                best_options, quantized, best = candidate, quantized_candidate, right
    best_options = comparable(network, best_options, scorer.readout)
    return Calibration(best_options, tuple(scores), scorer.float_score, quantized, scorer.drop(quantized))
