"""The same network clock-driven, and as a network without spikes, by the same estimate."""

from dataclasses import dataclass, field

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.boards import Board
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Exhibit, Part, Section, Table
from qsnn_hw.report.words import figure, rounded
from qsnn_hw.support.ranges import Range
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga import comparison
from qsnn_hw.targets.fpga.sections import shared
from qsnn_hw.targets.fpga.sections.chapter import ON_BOARD
from qsnn_hw.verify import Verification


@dataclass(frozen=True)
class Way:
    """One way to do a sample's work on this device.

    Parameters
    ----------
    energy_uj
        Of a sample, back to back with others.
    us
        That it takes.
    synapse_reads
        Words of synapse memory that are read for it.
    times
        Its energy over that of the design, every coefficient the same on both sides; None of the design
        itself.
    """

    energy_uj: Bounds = field(default_factory=Bounds)
    us: Number | None = None
    synapse_reads: Number | None = None
    times: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "comparison", "us", "synapse_reads")


@dataclass(frozen=True)
class Compared:
    """Three ways to do a sample's work; each absent where it is not known.

    Parameters
    ----------
    design
        As built.
    clock_driven
        Every synapse of the same design in every step.
    ann
        One pass of multiplications on the same device.
    ann_macs
        How many these are.
    """

    design: Way = field(default_factory=Way)
    clock_driven: Way = field(default_factory=Way)
    ann: Way = field(default_factory=Way)
    ann_macs: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "comparison", "ann_macs")


def compared(results: Results) -> Compared:
    """The comparison as the report holds it."""
    verification, golden = results.get(Verification), results.get(GoldenResult)
    power, used = results.once(shared.spent).power, results.once(shared.used)
    coefficients = results.once(shared.coefficients)
    if verification is None or golden is None or power is None or used is None or coefficients is None:
        return Compared()
    plan = results[HardwarePlan]
    steps = len(next(iter(golden.integer.spikes.values())))
    found = comparison.compare(
        *(results[Board], plan, used, verification, results.once(shared.cycles), power, steps, coefficients)
    )
    if found is None:
        return Compared()
    ann = Way() if found.ann is None else _way(found.ann, found.ann.over(found.design))
    return Compared(
        _way(found.design),
        _way(found.clock_driven, found.clock_driven.over(found.design)),
        ann,
        found.macs,
    )


def _way(way: comparison.Way, times: Range | None = None) -> Way:
    energy = way.energy_uj
    ratio = Bounds() if times is None else Bounds(times.low, times.typical, times.high)
    return Way(Bounds(energy.low, energy.typical, energy.high), way.us, way.reads, ratio)


COMPARISON: Part[Compared] = Part(
    "comparison",
    Compared,
    Compared(),
    compared,
    basis={"": "estimated"},
    definitions={
        "": (
            "Energy of a sample, back to back, by the same coefficients, clock and memory. times: over the "
            "design's, with every coefficient the same on both sides."
        ),
        "clock_driven": (
            "The same design where each input and each neuron sends an event in every time step, so that "
            "every synapse is processed in every step whatever spikes."
        ),
        "ann": (
            "A network without spikes of the same shape and weight bits, one pass instead of time steps: "
            "each word of "
            "synapse memory once, a multiplication for each weight in it, activations of 8 bits read with "
            "each word "
            "and written by each neuron. No such network was trained: its accuracy is not known. Absent "
            "where a connection is recurrent or delayed."
        ),
    },
)


def _on_card(report: Report) -> tuple[str, ...]:
    found = report[COMPARISON]
    lines = []
    for name, way in (("clock-driven", found.clock_driven), ("without spikes", found.ann)):
        if way.times.typical is not None:
            lines.append(f"{name} it would be {range_text(way.times, 'times')} as much")
    return tuple(lines)


def table(report: Report) -> Table | None:
    """The three ways; None where nothing is known."""
    found = report[COMPARISON]
    if found.design.us is None:
        return None

    def row(name: str, way: Way) -> tuple[str, ...]:
        ends = (way.energy_uj.low, way.energy_uj.typical, way.energy_uj.high)
        times = "" if way.times.typical is None else range_text(way.times, "times")
        return (name, *(rounded(end) for end in ends), times, rounded(way.us), figure(way.synapse_reads))

    rows = [row("this design", found.design), row("clock-driven", found.clock_driven)]
    if found.ann.us is not None:
        rows.append(row(f"without spikes, {figure(found.ann_macs)} multiplications", found.ann))
    means = report.definitions
    return Table(
        "comparison",
        "The same network otherwise, estimated",
        " ".join(means.get(key, "") for key in ("comparison", "comparison.clock_driven", "comparison.ann")),
        ("way", "low, \u00b5J", "typical, \u00b5J", "high, \u00b5J", "energy", "\u00b5s", "synapse words"),
        tuple(rows),
    )


SECTION = Section(
    "comparison",
    parts=(COMPARISON,),
    card_lines={"energy": _on_card},
    exhibits=(Exhibit("comparison", ON_BOARD, lambda report, traces: table(report), after="energy"),),
)
