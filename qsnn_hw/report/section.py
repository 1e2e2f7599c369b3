"""What a section of the report is: its part of ``report.json``, and how page and terminal show it.

A section is one file. A target hands over the tuple of its sections (``targets/fpga/sections``), and
``report.json``, the page and the terminal's lines are made by walking that tuple: nothing else knows which
sections there are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from qsnn_hw.report.results import Results
from qsnn_hw.report.svg import Figure
from qsnn_hw.report.traces import Traces
from qsnn_hw.report.words import NOT_MEASURED

if TYPE_CHECKING:
    from qsnn_hw.report.record import Report

T = TypeVar("T")

BASIS = (
    *("measured", "simulated", "tool report", "predicted", "board file", "computed", "estimated"),
    "proved",
)
"""How a figure may be known.

"measured" by running float and integer network on the test samples; "simulated", counted cycle by cycle in
the simulated RTL; "tool report" of place and route; "predicted" by the plan; "board file", as the board's
hardware spec says; "computed" from the others by what the definition says; "estimated" by a model with a
range, by no meter; "proved" by comparing structures, nothing sampled.
"""


@dataclass(frozen=True, eq=False)
class Part(Generic[T]):
    """One key of ``report.json``.

    Parameters
    ----------
    key
        Its stable name.
    kind
        The type of its value, as an annotation says it: a frozen dataclass of plain values, a mapping, a
        tuple, a plain type, or one of these ``| None``.
    absent
        The value where nothing is known; never 0 for a figure.
    make
        The value from what the steps left; None where that does not say it, so that ``absent`` holds.
    basis
        Field of the value -> how it is known, one of :data:`BASIS`; "" for the part as a whole.
    definitions
        Field of the value -> what it means, in a sentence or two; "" for the part as a whole.
    check
        Makes plain what a value holds, or refuses it with a ValueError.
    """

    key: str
    kind: Any
    absent: T
    make: Callable[[Results], T | None] = lambda results: None
    basis: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[T], T] = lambda value: value

    def __post_init__(self) -> None:
        """Refuse a basis that is none of the words.

        Raises
        ------
        ValueError
            Names the part and the word.
        """
        for word in self.basis.values():
            if word not in BASIS:
                raise ValueError(f"basis of {self.key} must be one of {', '.join(BASIS)}, not {word!r}")

    def named(self, fields: Mapping[str, str]) -> dict[str, str]:
        """``basis`` or ``definitions`` under the report's names: ``timing``, ``latency.host_us_mean``."""
        return {f"{self.key}.{name}" if name else self.key: text for name, text in fields.items()}


@dataclass(frozen=True)
class Added(Generic[T]):
    """What a section adds to another's part: lines to a list, entries to a mapping, fields to a record."""

    part: Part[T]
    make: Callable[[Results], T | Mapping[str, Any]]


class _Placed(Protocol):
    """What names itself and may name what it stands behind."""

    @property
    def key(self) -> str: ...
    @property
    def after(self) -> str | None: ...


@dataclass(frozen=True)
class Line:
    """One figure in the terminal.

    Parameters
    ----------
    key
        Its title at the left, at most 13 letters.
    text
        The words behind the title; several lines, of which the first has the title; nothing: no line.
    after
        Key of the line it stands behind; None: in the order of the sections; "": first of all.
    """

    key: str
    text: "Callable[[Report], str | Sequence[str] | None]"
    after: str | None = None


@dataclass(frozen=True)
class Card:
    """A headline figure: what, how much, a few lines below it, how it is known, and its state.

    Parameters
    ----------
    state
        "good", "bad" or "".
    gain
        It says what a user gets, and stands before the cards that say how far that can be trusted.
    after
        Key of the card it stands behind; None: in the order of the sections.
    """

    key: str
    title: str
    value: str
    unit: str
    lines: tuple[str, ...]
    basis: str
    state: str = ""
    gain: bool = False
    after: str | None = None

    @property
    def missing(self) -> bool:
        """Whether the figure was not obtained."""
        return self.value == NOT_MEASURED


@dataclass(frozen=True)
class Table:
    """A table with its heading, what it says, and rows as wide as its columns."""

    key: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chapter:
    """A heading of the page under which sections show tables and figures.

    Parameters
    ----------
    title
        The heading.
    place
        Chapters follow one another by it, ascending.
    drawn
        It holds figures, not tables alone.
    """

    title: str
    place: int
    drawn: bool = True


AGAINST_GOLDEN = Chapter("Against the golden model", 15, drawn=False)
SAMPLE = Chapter("One sample, spike by spike", 20)
TEST_SET = Chapter("Over the whole test set", 30)
QUANTIZATION = Chapter("What quantization did", 40)
HARDWARE = Chapter("The hardware", 50)
GROUPS = Chapter("Group by group", 60, drawn=False)

Shown = Table | Figure | Sequence[Figure | None] | None


@dataclass(frozen=True)
class Exhibit:
    """A table or figures of the page.

    Parameters
    ----------
    key
        Unique among exhibits.
    chapter
        The heading it stands under.
    show
        From the report and one sample's traces; None, or figures that are None: not known, not shown.
    after
        Key of the exhibit it stands behind; None: in the order of the sections.
    """

    key: str
    chapter: Chapter
    show: "Callable[[Report, Traces | None], Shown]"
    after: str | None = None


@dataclass(frozen=True)
class Objection:
    """Why a design that equals the golden model is not good all the same: a state and a sentence."""

    state: str
    sentence: str


@dataclass(frozen=True, eq=False)
class Section:
    """One subject of the report.

    Parameters
    ----------
    name
        For a reader of the source.
    parts
        Its keys of ``report.json``, in this order.
    added
        What it adds to the parts of other sections, such as warnings and assumptions.
    lines, card, exhibits
        How terminal and page show it.
    card_lines
        Key of another section's card -> lines below that card's own.
    facts
        Name and value for the lists at the page's end, each under its heading; None: no such heading.
    findings
        What is wrong, one line each, to be said before everything else on the page.
    objection
        Asked where the hardware equals the golden model; None: nothing against it.
    verdict
        Of a target whose hardware is not compared bit for bit: the state ("good", "bad", "unknown") and the
        one sentence that stands at the top; None: what the comparison says.
    """

    name: str
    parts: tuple[Part[Any], ...] = ()
    added: tuple[Added[Any], ...] = ()
    lines: tuple[Line, ...] = ()
    card: "Callable[[Report], Card] | None" = None
    card_lines: "Mapping[str, Callable[[Report], tuple[str, ...]]]" = field(default_factory=dict)
    exhibits: tuple[Exhibit, ...] = ()
    facts: "Callable[[Report], tuple[str, list[tuple[str, str]]]] | None" = None
    findings: "Callable[[Report], tuple[str, ...]]" = lambda report: ()
    objection: "Callable[[Report], Objection | None]" = lambda report: None
    verdict: "Callable[[Report], tuple[str, str] | None]" = lambda report: None


P = TypeVar("P", bound=_Placed)


def in_place(items: Sequence[P]) -> list[P]:
    """``items`` in their order, but each that names another directly behind it; "" puts it first.

    An item behind one that is not there comes last.
    """
    placed = [item for item in items if item.after == ""]
    placed += [item for item in items if item.after is None]
    waiting = [item for item in items if item.after]
    while waiting:
        keys = [item.key for item in placed]
        ready = next((item for item in waiting if item.after in keys), None)
        if ready is None:
            return placed + waiting
        waiting.remove(ready)
        place = keys.index(str(ready.after)) + 1
        # Several behind the same one stay in their order.
        while place < len(placed) and placed[place].after == ready.after:
            place += 1
        placed.insert(place, ready)
    return placed
