"""Which class was taken for which: a matrix, or the commonest mistakes when there are many classes."""

import numpy as np

from qsnn_hw.report.bars import Bar, bars
from qsnn_hw.report.svg import NARROW, Drawing, Figure, figure
from qsnn_hw.report.traces import Traces
from qsnn_hw.report.words import plural

_MOST_CLASSES = 20
_MOST_PAIRS = 12


def confusion_counts(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Counts, shape (classes, classes): row is the label, column the prediction."""
    classes = int(max(labels.max(), predictions.max())) + 1
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels.astype(np.int64), predictions.astype(np.int64)), 1)
    return counts


def confusion(traces: Traces) -> Figure | None:
    """Which class was taken for which: a matrix, or the commonest mistakes when there are many classes."""
    if traces.labels is None or traces.predictions is None or not traces.labels.size:
        return None
    counts = confusion_counts(traces.labels, traces.predictions)
    classes = len(counts)
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    pairs = [(int(k // classes), int(k % classes)) for k in order if wrong.flat[k]]
    worst = (
        ", ".join(f"{a} taken for {b} ({plural(int(wrong[a, b]), 'sample')})" for a, b in pairs[:3]) or "none"
    )
    right = int(np.trace(counts))
    description = f"{right:,} of {traces.labels.size:,} samples right. Commonest mistakes: {worst}."
    if classes > _MOST_CLASSES:
        most = max((int(wrong[pair]) for pair in pairs), default=1)
        shown = [
            Bar(f"{a} taken for {b}", wrong[a, b] / most, f"{int(wrong[a, b]):,} samples", "c-warn")
            for a, b in pairs
        ]
        return figure(
            "confusion",
            "Commonest mistakes",
            description,
            lambda width: bars(width, shown, track=False),
            f"{classes} classes; {right:,} of {traces.labels.size:,} samples right.",
            "measured",
        )
    return figure(
        "confusion",
        "Confusion matrix of the integer network",
        description,
        lambda width: _matrix(width, counts),
        f"Samples per label (row) and answer (column). {description}",
        "measured",
    )


def _matrix(width: float, counts: np.ndarray) -> Drawing:
    classes = len(counts)
    left, top = 40.0, 22.0
    cell = min(36.0, (width - left - 2) / classes)
    side = cell * classes
    drawing = Drawing(width, top + side + 24)
    # The matrix rarely fills the column: centred, it reads as one block.
    left += max(0.0, (width - left - side) / 2 - 20)
    drawing.text(left + side / 2, top + side + 18, "answer", "axis", "middle")
    drawing.text(left - 26, top - 8, "label", "axis")
    totals = counts.sum(axis=1)
    for row in range(classes):
        drawing.text(left - 8, top + (row + 0.5) * cell + 4, str(row), "tick", "end")
        drawing.text(left + (row + 0.5) * cell, top - 8, str(row), "tick", "middle")
        for column in range(classes):
            x, y, n = left + column * cell, top + row * cell, int(counts[row, column])
            drawing.rect(x + 1, y + 1, cell - 2, cell - 2, "panel")
            if not n:
                continue
            share = n / totals[row]
            # Mistakes are few, so their shade starts stronger than their share.
            opacity = 0.15 + 0.3 * share if row == column else min(0.75, 0.3 + 2 * share)
            drawing.rect(
                x + 1, y + 1, cell - 2, cell - 2, "fill c-0" if row == column else "fill c-warn", opacity
            )
            small = cell < 26 or n > 999 or width <= NARROW
            drawing.text(
                x + cell / 2, y + cell / 2 + 4, str(n), "count small" if small else "count", "middle"
            )
    return drawing
