"""Diagnostics with their sensitivity table and reference score, as one JSON-able record."""

from dataclasses import dataclass
from typing import Any

from qsnn_hw.explore.integers.calibrate import Scorer
from qsnn_hw.explore.integers.choose import Chosen
from qsnn_hw.explore.integers.diagnostics import diagnose, sensitivity, with_sensitivity
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.readouts import ReadoutKind
from qsnn_hw.support.progress import Progress

_SCORE_SAMPLES = 256


@dataclass(frozen=True)
class MeasuredDiagnostics:
    """What the report takes.

    Parameters
    ----------
    content
        ``Diagnostics.as_dict()``.
    float_score, score_samples
        The float network's score, 0 to 1, on the samples of the sensitivity table, and their number.
    """

    content: dict[str, Any]
    float_score: float
    score_samples: int


def measure_diagnostics(
    network: Network,
    chosen: Chosen,
    data: Dataset,
    scored: Dataset,
    progress: Progress,
    readout: ReadoutKind,
) -> MeasuredDiagnostics:
    """Diagnose ``chosen`` on ``data``; score each group's width on at most 256 samples of ``scored``."""
    part = scored.take(min(_SCORE_SAMPLES, scored.samples))
    found = diagnose(network, chosen.quantized, data, progress=progress)
    with progress.task("sensitivity of each group to its width") as task:
        scorer = Scorer(network, part, readout)
        rows = sensitivity(network, chosen.options, part, on_progress=task.update, scorer=scorer)
    content = with_sensitivity(found, rows).as_dict()
    return MeasuredDiagnostics(content, scorer.float_score, part.samples)
