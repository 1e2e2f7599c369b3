"""Output spikes of the sample that a board has just answered, drawn again and again on a terminal."""

import sys
import time
from typing import TextIO

import numpy as np

_NEURONS = 16
_STEPS = 60
_INTERVAL_S = 0.1
_MARKS = " .:|#"


class Raster:
    """Some lines on a terminal, one for each output neuron, a column for each time step.

    Nothing is written where the stream is no terminal.

    Attributes
    ----------
    live
        Whether it is one.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self.live = self._stream.isatty()
        self._drawn = 0
        self._shown = 0.0

    def show(self, headline: str, spikes: np.ndarray | None) -> None:
        """Draw a sample under one line: counts of shape (time, neuron), or None for that line alone."""
        now = time.monotonic()
        if not self.live or now - self._shown < _INTERVAL_S:
            return
        self._shown = now
        lines = [headline, *([] if spikes is None else raster_lines(spikes))]
        self._rewrite(lines)

    def clear(self) -> None:
        """Take it off the terminal."""
        if self.live and self._drawn:
            self._rewrite([])

    def _rewrite(self, lines: list[str]) -> None:
        back = f"\x1b[{self._drawn}A" if self._drawn else ""
        text = "".join(f"\x1b[2K{line}\n" for line in lines)
        self._stream.write(f"{back}\r{text}\x1b[J")
        self._stream.flush()
        self._drawn = len(lines)


def raster_lines(spikes: np.ndarray) -> list[str]:
    """One line for each neuron, of counts of shape (time, neuron); the first neurons and steps of many.

    >>> raster_lines(np.array([[1, 0], [2, 0], [0, 4]]))
    ['  0 |.: |', '  1 |  #|']
    """
    shown = spikes[:_STEPS, :_NEURONS].T
    lines = [
        f"{neuron:3d} |{''.join(_MARKS[min(int(count), len(_MARKS) - 1)] for count in counts)}|"
        for neuron, counts in enumerate(shown)
    ]
    more = spikes.shape[1] - len(shown)
    return [*lines, *([f"    and {more} more neurons"] if more > 0 else [])]
