"""Horizontal bars, the commonest chart of the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsnn_hw.report.svg import Drawing


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: its share of the width from 0 to 1 (None: not measured) and its words."""

    name: str
    share: float | None
    value: str
    style: str


def bars(width: float, shown: Sequence[Bar], track: bool) -> Drawing:
    """Bars under their own labels, so that no name is ever too long for a margin."""
    drawing = Drawing(width)
    for index, bar in enumerate(shown):
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
    drawing.height = 44.0 * len(shown) - 8
    return drawing
