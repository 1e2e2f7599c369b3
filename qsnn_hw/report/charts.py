"""Charts over the whole test set: accuracy, confusion, spikes per layer, device resources."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.report.record import Report
from qsnn_hw.report.svg import NARROW, Drawing, Figure, colour, figure, num, ticks
from qsnn_hw.report.traces import Array, Traces
from qsnn_hw.report.words import NOT_MEASURED, percent, plural, signed
from qsnn_hw.report.words import figure as amount

_NEARLY_FULL = 0.9
_MOST_CLASSES = 20
_MOST_PAIRS = 12


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: its share of the width from 0 to 1 (None: not measured) and its words."""

    name: str
    share: float | None
    value: str
    style: str


def _bars(width: float, bars: Sequence[Bar], track: bool) -> Drawing:
    """Bars under their own labels, so that no name is ever too long for a margin."""
    drawing = Drawing(width)
    for index, bar in enumerate(bars):
        y = 14.0 + 44 * index
        drawing.text(0, y, bar.name, "name")
        drawing.text(width, y, bar.value, "value" if bar.share is not None else "note", "end")
        if track:
            drawing.rect(0, y + 8, width, 12, "panel")
        if bar.share is not None:
            # A used resource or a rare spike must not vanish: half a pixel would.
            drawing.rect(
                0, y + 8, max(width * min(bar.share, 1.0), 2.0 if bar.share else 0.0), 12, f"fill {bar.style}"
            )
    drawing.height = 44.0 * len(bars) - 8
    return drawing


def spikes_per_layer(report: Report) -> Figure | None:
    """Mean spikes per sample of the input and each group; None when nothing was counted."""
    counts = report.spikes_per_sample
    if not counts:
        return None
    most = max((n for n in counts.values() if n is not None), default=0) or 1
    sizes = {"input": report.network.inputs, **{layer.name: layer.neurons for layer in report.network.layers}}
    order = {name: index for index, name in enumerate(layer.name for layer in report.network.layers)}
    bars = []
    for name, n in counts.items():
        value = NOT_MEASURED if n is None else amount(n)
        size, steps = sizes.get(name), report.network.steps
        if n is not None and size and steps:
            value += f" \u00b7 {100 * n / (size * steps):.1f} % active"
        share = None if n is None else n / most
        bars.append(Bar(name, share, value, colour(order.get(name, -1))))
    return figure(
        "spikes-per-layer",
        "Spikes per layer",
        "Mean spikes per sample. " + "; ".join(f"{bar.name}: {bar.value}" for bar in bars) + ".",
        lambda width: _bars(width, bars, track=False),
        "Mean spikes per sample. Active: share of all neurons and time steps with a spike.",
        report.basis.get("spikes_per_sample", ""),
    )


def busy(report: Report) -> Figure | None:
    """Share of the clock cycles in which each layer works; None when it was not counted."""
    if not report.activity:
        return None
    bars = []
    for index, layer in enumerate(report.network.layers):
        found = report.activity.get(layer.name)
        share = None if found is None else found.busy_share
        words = NOT_MEASURED
        if found is not None and share is not None:
            words = f"{amount(found.busy_cycles)} cycles \u00b7 {100 * share:.0f} %"
        bars.append(Bar(layer.name, share, words, colour(index)))
    return figure(
        "busy",
        "Where the cycles go",
        "Of the cycles of a sample: " + "; ".join(f"{bar.name} {bar.value}" for bar in bars) + ".",
        lambda width: _bars(width, bars, track=True),
        "Clock cycles of a sample in which a layer adds synapses or updates neurons, counted in the "
        "simulated RTL back to back at full speed. Layers work at the same time, so the shares do not add "
        "up to 100 %.",
        report.basis.get("activity", ""),
    )


def resources(report: Report) -> Figure | None:
    """Used cells against the device, fullest first; None before place and route."""
    if not report.resources:
        return None
    bars, unused = [], []
    for name, cell in report.resources.items():
        if cell.used == 0:
            unused.append(name)
            continue
        if cell.used is None:
            bars.append(Bar(name, None, NOT_MEASURED, "c-0"))
        elif not cell.available:
            bars.append(Bar(name, 0.0, f"{cell.used:,} used", "c-0"))
        else:
            share = cell.used / cell.available
            note = " \u26a0 too many" if share > 1 else " \u26a0 nearly full" if share > _NEARLY_FULL else ""
            value = f"{cell.used:,} of {cell.available:,} \u00b7 {_share(share)}{note}"
            bars.append(Bar(name, share, value, "c-warn" if note else "c-0"))
    bars.sort(key=lambda bar: -(bar.share if bar.share is not None else -1.0))
    device = f" of {report.board.device}" if report.board and report.board.device else ""
    return figure(
        "resources",
        "Resources against the device",
        "Used cells" + device + ". " + "; ".join(f"{bar.name}: {bar.value}" for bar in bars) + ".",
        lambda width: _bars(width, bars, track=True),
        f"Cells{device}, named as the place-and-route tool names them."
        + (f" Not used: {', '.join(unused)}." if unused else ""),
        report.basis.get("resources", ""),
    )


def _share(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"


def wilson(fraction: float, samples: int) -> tuple[float, float]:
    """The 95 % confidence interval of a fraction seen over ``samples`` (E. B. Wilson, JASA 1927)."""
    z = 1.959964
    middle = fraction + z * z / (2 * samples)
    half = z * math.sqrt(fraction * (1 - fraction) / samples + z * z / (4 * samples * samples))
    return (middle - half) / (1 + z * z / samples), (middle + half) / (1 + z * z / samples)


def accuracy(report: Report) -> Figure | None:
    """Float and integer accuracy with their confidence intervals; None when neither is known."""
    pairs = (("float network", report.accuracy.float_model), ("integer network", report.accuracy.quantized))
    known = [value for _, value in pairs if value is not None]
    if not known:
        return None
    samples = report.accuracy_samples
    bounds = [wilson(value, samples) for value in known] if samples else [(value, value) for value in known]
    low = max(0.0, min(bound[0] for bound in bounds) - 0.01)
    high = min(1.0, max(bound[1] for bound in bounds) + 0.01)

    def draw(width: float) -> Drawing:
        drawing = Drawing(width, 142)
        scale = width / (high - low)
        marks = ticks(100 * low, 100 * high, 5)
        for mark in marks:
            x = (mark / 100 - low) * scale
            anchor = "end" if x > width - 16 else "start" if x < 16 else "middle"
            drawing.text(x, 119, f"{mark:g} %", "tick", anchor)
        drawing.text(width / 2, 137, "accuracy on the test set", "axis", "middle")
        for row, (name, value) in enumerate(pairs):
            y = 14.0 + 52 * row
            style = "c-input" if row == 0 else "c-0"
            drawing.text(0, y, name, "name")
            drawing.text(width, y, percent(value), "value" if value is not None else "note", "end")
            drawing.rect(0, y + 8, width, 24, "panel")
            for mark in marks:
                x = (mark / 100 - low) * scale
                drawing.line(x, y + 8, x, y + 32, "grid")
            if value is None:
                continue
            if samples:
                one, other = wilson(value, samples)
                a, b = (one - low) * scale, (other - low) * scale
                drawing.path(
                    f"M{num(a)} {num(y + 20)}H{num(b)}M{num(a)} {num(y + 14)}v12M{num(b)} {num(y + 14)}v12",
                    f"whisker {style}",
                )
            drawing.circle((value - low) * scale, y + 20, 6, f"fill {style}")
        return drawing

    change = report.accuracy.change_pp
    caption = "" if change is None else f"Integer less float: {signed(change)} percentage points. "
    if samples:
        caption += f"Whiskers: 95 % confidence interval (Wilson) over {samples:,} samples. "
    return figure(
        "accuracy",
        "Accuracy: float against integer",
        "; ".join(f"{name}: {percent(value)}" for name, value in pairs) + ".",
        draw,
        caption + "The axis does not start at zero.",
        report.basis.get("accuracy", ""),
    )


def confusion_counts(labels: Array, predictions: Array) -> Array:
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
        bars = [
            Bar(f"{a} taken for {b}", wrong[a, b] / most, f"{int(wrong[a, b]):,} samples", "c-warn")
            for a, b in pairs
        ]
        return figure(
            "confusion",
            "Commonest mistakes",
            description,
            lambda width: _bars(width, bars, track=False),
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


def _matrix(width: float, counts: Array) -> Drawing:
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
