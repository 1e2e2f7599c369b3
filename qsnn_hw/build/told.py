"""What a command says: printed as it goes on the command line, kept for whoever asks from Python."""

from collections.abc import Iterable

from qsnn_hw.support.terminal import complain, show


class Told:
    """Lines of a result, and warnings, in the order in which they were said.

    Parameters
    ----------
    printing
        Print each at once: lines to standard output, warnings to standard error.

    Attributes
    ----------
    lines, warnings : list of str
        Everything so far.
    """

    def __init__(self, *, printing: bool) -> None:
        self._printing = printing
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def say(self, *lines: str) -> None:
        """A part of the result."""
        self.lines += lines
        if self._printing:
            show(*lines)

    def warn(self, warnings: Iterable[str | None]) -> None:
        """What does not end the command, but may make its result worthless; None is left out."""
        for warning in warnings:
            if warning is not None:
                self.warnings.append(warning)
                if self._printing:
                    complain(f"warning: {warning}")
