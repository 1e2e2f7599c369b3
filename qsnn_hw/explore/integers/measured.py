"""Diagnostics with their sensitivity table and its reference score."""

from dataclasses import replace

from qsnn_hw.explore.integers.calibrate import RunIntegers, Scorer, by_golden
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.diagnosis import Diagnostics
from qsnn_hw.explore.integers.diagnostics import diagnose, sensitivity
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.progress import Progress

_SCORE_SAMPLES = 256


def measure_diagnostics(
    network: Network,
    quantization: Quantization,
    data: Dataset,
    scored: Dataset,
    progress: Progress,
    readout: ReadoutKind,
    run: RunIntegers = by_golden,
) -> Diagnostics:
    """Diagnose integers on ``data``; score each group's width on at most 256 samples of ``scored``."""
    part = scored.take(min(_SCORE_SAMPLES, scored.samples))
    diagnostics = diagnose(network, quantization.quantized, data, progress=progress, run=run)
    with progress.task("sensitivity of each group to its width") as task:
        scorer = Scorer(network, part, readout, run)
        rows = sensitivity(network, quantization.options, part, on_progress=task.update, scorer=scorer)
    return replace(diagnostics, sensitivity=rows, float_score=scorer.float_score, score_samples=part.samples)
