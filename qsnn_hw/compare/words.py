"""Figures of the table as text: a unit that keeps them short, the range, a letter for how it is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qsnn_hw.compare.known import Known
from qsnn_hw.compare.row import Row
from qsnn_hw.report.words import NOT_MEASURED, percent, rounded

LETTERS: Mapping[str, str] = {
    "measured": "m",
    "simulated": "s",
    "tool report": "t",
    "predicted": "p",
    "computed": "c",
    "estimated": "e",
    "cited": "l",
}
"""How a figure is known -> its mark in the terminal ("l" of literature)."""

COLUMNS = ("accuracy", "latency", "inferences/s", "energy an inference", "a spike", "inferences/s/W", "takes")

_TIMES = (("s", 1e6), ("ms", 1e3), ("us", 1.0), ("ns", 1e-3))
_ENERGIES = (("J", 1e6), ("mJ", 1e3), ("uJ", 1.0), ("nJ", 1e-3), ("pJ", 1e-6))


def _scaled(known: Known, units: Sequence[tuple[str, float]]) -> str:
    if known.typical is None or known.low is None or known.high is None:
        return NOT_MEASURED
    unit, factor = next((u for u in units if known.typical >= u[1]), units[-1])
    text = f"{rounded(known.typical / factor)} {unit}"
    return (
        f"{text} ({rounded(known.low / factor)} to {rounded(known.high / factor)})" if known.ranged else text
    )


def time(us: Known) -> str:
    """A time in the unit that keeps it short."""
    return _scaled(us, _TIMES)


def energy(uj: Known) -> str:
    """An energy, likewise."""
    return _scaled(uj, _ENERGIES)


def count(known: Known) -> str:
    """A number without a unit."""
    if not known.ranged:
        return rounded(known.typical)
    return f"{rounded(known.typical)} ({rounded(known.low)} to {rounded(known.high)})"


def speed(known: Known) -> str:
    """Inferences a second."""
    return NOT_MEASURED if known.typical is None else f"{count(known)} inferences/s"


def sizes(row: Row) -> tuple["Part", ...]:
    """What the row takes of its target, one unit after another."""
    return tuple(
        Part(
            f"{_counted(size.used)}{'' if size.available is None else f' of {size.available:,.0f}'} {unit}",
            size.used.by,
            size.used.source,
        )
        for unit, size in row.sizes.items()
        if size.used.typical
    )


def _counted(known: Known) -> str:
    """All digits of a count; three of a size."""
    return f"{known.typical:,}" if isinstance(known.typical, int) and not known.ranged else count(known)


@dataclass(frozen=True)
class Part:
    """A figure as text, how it is known, and its source; both None where it is not measured."""

    text: str
    by: str | None
    source: str | None


def cells(row: Row) -> tuple[tuple[Part, ...], ...]:
    """Of each column its figures: one, or of what the row takes one for each unit."""
    accuracy = row.accuracy
    texts = (
        (NOT_MEASURED if accuracy.typical is None else percent(accuracy.typical), accuracy),
        (time(row.latency_us), row.latency_us),
        (NOT_MEASURED if row.per_s.typical is None else count(row.per_s), row.per_s),
        (energy(row.energy_uj), row.energy_uj),
        (energy(row.spike_nj.times(1e-3)), row.spike_nj),
        (NOT_MEASURED if row.per_watt.typical is None else count(row.per_watt), row.per_watt),
    )
    single = ((Part(text, known.by, known.source),) for text, known in texts)
    return (*single, sizes(row) or (Part(NOT_MEASURED, None, None),))
