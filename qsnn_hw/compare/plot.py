"""Figures of the page: rows beside one another on a logarithmic axis, each with its range."""

import math
from collections.abc import Callable, Sequence

from qsnn_hw.compare.known import Known
from qsnn_hw.compare.row import Row
from qsnn_hw.compare.table import Comparison
from qsnn_hw.compare.words import count, energy, time
from qsnn_hw.report.svg import Drawing, Figure, colour, figure
from qsnn_hw.report.words import NOT_MEASURED

_ROW = 44.0
_FOOT = 24.0

Text = Callable[[Known], str]


def figures(comparison: Comparison) -> list[Figure]:
    """What is known of more than one row; nothing of the others, which the table has."""
    asked: tuple[tuple[str, str, Callable[[Row], Known], Text], ...] = (
        ("latency", "Latency", lambda row: row.latency_us, time),
        ("throughput", "Inferences a second", lambda row: row.per_s, count),
        ("energy", "Energy of an inference", lambda row: row.energy_uj, energy),
        ("watt", "Inferences a second and watt", lambda row: row.per_watt, count),
    )
    drawn = []
    for key, title, get, text in asked:
        known = [get(row) for row in comparison.rows]
        if sum(one.typical is not None and one.typical > 0 for one in known) > 1:
            drawn.append(_figure(key, title, comparison.rows, known, text))
    return drawn


def _figure(key: str, title: str, rows: Sequence[Row], known: Sequence[Known], text: Text) -> Figure:
    ends = [end for one in known for end in (one.low, one.high) if end]
    low, high = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends)))
    high = max(high, low + 1)

    def draw(width: float) -> Drawing:
        return _draw(width, rows, known, (low, high), text)

    said = "; ".join(f"{row.title}: {text(one)}" for row, one in zip(rows, known, strict=True))
    caption = "Logarithmic. The dot is the typical value, the line its range where one is known."
    return figure(key, title, said, draw, caption)


def _draw(
    width: float, rows: Sequence[Row], known: Sequence[Known], decades: tuple[int, int], text: Text
) -> Drawing:
    low, high = decades
    drawing = Drawing(width)
    left, right = 6.0, width - 6.0

    def x(value: float) -> float:
        return left + (math.log10(value) - low) / (high - low) * (right - left)

    bottom = _ROW * len(rows)
    every = math.ceil((high - low) / 5)
    for decade in range(low, high + 1, every):
        at = x(10.0**decade)
        drawing.line(at, 20, at, bottom, "grid")
        mark = text(Known.exactly(10.0**decade, "computed", "axis"))
        anchor = "start" if decade == low else "end" if decade + every > high else "middle"
        drawing.text(at, bottom + 16, mark, "tick", anchor)
    for index, (row, one) in enumerate(zip(rows, known, strict=True)):
        y = 14.0 + _ROW * index
        drawing.text(0, y, row.title, "name")
        shown = text(one) if one.by is None else f"{text(one)}, {one.by}"
        drawing.text(width, y, shown, "note" if one.typical is None else "value", "end")
        if one.typical and one.low and one.high:
            style = colour(index)
            if one.ranged:
                drawing.line(x(one.low), y + 14, x(one.high), y + 14, f"whisker {style}")
            drawing.circle(x(one.typical), y + 14, 5, f"fill {style}")
        elif one.typical is None:
            drawing.text(0, y + 18, NOT_MEASURED, "note")
    drawing.height = bottom + _FOOT
    return drawing
