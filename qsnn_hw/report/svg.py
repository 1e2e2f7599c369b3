"""Drawing inline SVG: no plotting library, so that a figure follows the page's colours and width.

Colours are CSS classes of the page's style sheet; a drawing holds coordinates and text only. Every
figure is drawn twice, for a wide and for a narrow screen, because text inside a scaled SVG would
become unreadable on a phone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

NARROW = 350
"""Width of the narrow drawing, in CSS pixels."""

GROUP_COLOURS = 6
"""How many colours the style sheet has for neuron groups before they repeat."""


def colour(index: int) -> str:
    """The colour class of neuron group ``index``; -1 is the input."""
    return "c-input" if index < 0 else f"c-{index % GROUP_COLOURS}"


def ticks(low: float, high: float, most: int, least_step: float = 0.0) -> list[float]:
    """About ``most`` round values within ``low`` to ``high``, in steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * most >= span)
    step = max(step, least_step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def num(value: float) -> str:
    """A coordinate with at most one decimal, as short as possible."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


class Drawing:
    """SVG elements on a canvas of ``width`` x ``height`` units (CSS pixels at full size)."""

    def __init__(self, width: float, height: float = 0.0) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def text(self, x: float, y: float, content: str, style: str = "", anchor: str = "start") -> None:
        """``content``, escaped, with its baseline at ``y``; ``style`` names CSS classes."""
        css = f' class="{style}"' if style else ""
        end = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self._parts.append(f'<text x="{num(x)}" y="{num(y)}"{css}{end}>{escape(content)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self.path(f"M{num(x1)} {num(y1)}L{num(x2)} {num(y2)}", style)

    def rect(
        self, x: float, y: float, width: float, height: float, style: str, opacity: float | None = None
    ) -> None:
        """A filled rectangle, slightly rounded."""
        faint = f' fill-opacity="{opacity:.2f}"' if opacity is not None else ""
        self._parts.append(
            f'<rect x="{num(x)}" y="{num(y)}" width="{num(max(width, 0))}" height="{num(height)}" rx="2" '
            f'class="{style}"{faint}/>'
        )

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        """A filled circle."""
        self._parts.append(f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(radius)}" class="{style}"/>')

    def path(self, commands: str, style: str, stroke_width: float | None = None) -> None:
        """A stroked path."""
        wide = f' stroke-width="{num(stroke_width)}"' if stroke_width is not None else ""
        self._parts.append(f'<path d="{commands}" class="{style}"{wide}/>')

    def render(self, key: str, title: str, description: str) -> str:
        """The ``<svg>`` element; ``key`` makes the ids of title and description unique on the page."""
        return (
            f'<svg viewBox="0 0 {num(self.width)} {num(self.height)}" role="img" '
            f'aria-labelledby="{key}-t {key}-d"><title id="{key}-t">{escape(title)}</title>'
            f'<desc id="{key}-d">{escape(description)}</desc>{"".join(self._parts)}</svg>'
        )


@dataclass(frozen=True)
class Figure:
    """A figure of the page: drawings for wide and narrow screens, and the words around them.

    Parameters
    ----------
    key
        Unique on the page.
    title, description
        Heading, and what a reader who cannot see the figure is told.
    caption
        Shown under the figure.
    basis
        How the figures are known: "measured", "simulated", "tool report", "estimated".
    wide, narrow
        SVG elements.
    legend
        (CSS class of the swatch, words).
    full
        Whether it takes the page's whole width.
    """

    key: str
    title: str
    description: str
    caption: str
    basis: str
    wide: str
    narrow: str
    legend: tuple[tuple[str, str], ...] = ()
    full: bool = False


def figure(
    key: str,
    title: str,
    description: str,
    draw: Callable[[float], Drawing],
    caption: str = "",
    basis: str = "",
    legend: Sequence[tuple[str, str]] = (),
    full: bool = False,
) -> Figure:
    """Draw a figure at both widths with ``draw(width)``."""
    wide = draw(1040 if full else 500).render(f"{key}-wide", title, description)
    narrow = draw(NARROW).render(f"{key}-narrow", title, description)
    return Figure(key, title, description, caption, basis, wide, narrow, tuple(legend), full)
