"""Words that the short forms of several objects share."""

from collections.abc import Iterable, Sequence

from qsnn_hw.report.words import plural


def warned(warnings: Sequence[str]) -> str:
    """At the end of a short form: how many warnings there are to read."""
    return f"; {plural(len(warnings), 'warning')}" if warnings else ""


def span(numbers: Iterable[int]) -> str:
    """``8``, or ``4 to 8`` where they differ."""
    ordered = sorted(set(numbers))
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
