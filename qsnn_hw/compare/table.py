"""The whole table as one record, ``compare.json``; and what it says of when which row is right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qsnn_hw.compare.known import Known
from qsnn_hw.compare.row import Row
from qsnn_hw.compare.words import energy, speed, time
from qsnn_hw.report.words import percent, rounded
from qsnn_hw.support.records import StoredRecord

JSON = "compare.json"
PAGE = "compare.html"

_Get = Callable[[Row], Known]

BEST: Mapping[str, tuple[_Get, bool]] = {
    "shortest latency": (lambda row: row.latency_us, False),
    "most inferences a second": (lambda row: row.per_s, True),
    "least energy an inference": (lambda row: row.energy_uj, False),
}
"""In words -> the figure, and whether more of it is better."""


@dataclass(frozen=True)
class Comparison(StoredRecord, form="comparison of targets 1", again="run qsnn-hw compare again"):
    """One network on every target that has a row.

    Parameters
    ----------
    network
        Its name.
    shape
        Neurons of the input and of every group.
    weight_bits, steps, samples
        Of the integers and the test samples.
    spikes
        Input, hidden and output spikes of a mean sample.
    predicted
        Nothing was built: ``--predict``.
    created
        ISO 8601 date and time.
    rows
        In the order of the registry.
    left_out
        What has no row, and why, a line each.
    """

    network: str
    shape: tuple[int, ...]
    weight_bits: str
    steps: int
    samples: int
    spikes: float
    predicted: bool
    created: str
    rows: tuple[Row, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two rows of one name.

        Raises
        ------
        ValueError
            Names them.
        """
        names = [row.name for row in self.rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rows must have different names, not {', '.join(twice)} twice")

    def row(self, name: str) -> Row:
        """The row of that name.

        Raises
        ------
        KeyError
            There is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def best(self, what: str) -> Row | None:
        """The row with the best typical figure of :data:`BEST`; None where none has one.

        Rows whose accuracy is not known stand outside, where it is known of others: nobody knows that they do
        the same work.
        """
        get, more = BEST[what]
        ranked = [row for row in self.rows if row.accuracy.typical is not None] or self.rows
        known = [row for row in ranked if get(row).typical is not None]
        if not known:
            return None
        return (max if more else min)(known, key=lambda row: get(row).typical or 0.0)

    def heading(self) -> str:
        """What is compared, in a line."""
        shape = "-".join(map(str, self.shape))
        how = "predicted" if self.predicted else "built"
        return (
            f"{self.network}, {shape} neurons, {self.weight_bits}-bit weights, {self.steps} time steps, "
            f"{rounded(self.spikes)} spikes a sample, {self.samples:,} samples, {how}"
        )

    def choice(self, row: Row) -> str:
        """When this row is the right choice for this network, in numbers."""
        facts = []
        if row.accuracy.typical is not None:
            facts.append(f"{percent(row.accuracy.typical)} right")
        facts += [
            words
            for words, known in (
                (f"{time(row.latency_us)} latency", row.latency_us),
                (speed(row.per_s), row.per_s),
                (f"{energy(row.energy_uj)} an inference", row.energy_uj),
            )
            if known.typical is not None
        ]
        first = [what for what in BEST if self.best(what) == row]
        text = f"{row.use}: {', '.join(facts) or 'no figure is known'}"
        if first:
            text += f". {_listed(first).capitalize()} of this table"
        return text + "".join(self._against(row, what) for what in BEST if what not in first) + "."

    def _against(self, row: Row, what: str) -> str:
        """How far the row is from the best one, in words."""
        best, (get, _) = self.best(what), BEST[what]
        mine = get(row)
        if best is None or mine.typical is None:
            return ""
        theirs = get(best)
        if not mine.typical or not theirs.typical:
            return ""
        ratio = mine.typical / theirs.typical
        overlap = (mine.low or 0) <= (theirs.high or 0) and (theirs.low or 0) <= (mine.high or 0)
        unsure = ", ranges overlap" if overlap and (mine.ranged or theirs.ranged) else ""
        nouns = {
            "shortest latency": "times the latency",
            "most inferences a second": "times the inferences a second",
            "least energy an inference": "times the energy",
        }
        return f"; {rounded(ratio)} {nouns[what]} of {best.name}{unsure}"


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
