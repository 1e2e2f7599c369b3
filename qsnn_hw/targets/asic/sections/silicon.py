"""Clock of a chip, and its gates against golden, before layout."""

from dataclasses import dataclass

from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Line, Part, Section
from qsnn_hw.report.words import with_unit
from qsnn_hw.support.values import Number, check_counts, check_numbers
from qsnn_hw.targets.asic.gates import GateSimulation
from qsnn_hw.targets.asic.record import ChipImplementation


@dataclass(frozen=True)
class CriticalPath:
    """The shortest clock period before layout, and the cells of the path that sets it."""

    period_ns: Number | None = None
    fmax_mhz: Number | None = None
    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse anything but figures."""
        check_numbers(self, "critical_path", "period_ns", "fmax_mhz")


@dataclass(frozen=True)
class GateLevel:
    """What was compared of the netlist of cells; see :class:`GateSimulation`."""

    samples: int | None = None
    spikes: int | None = None
    potentials: int | None = None
    mismatches: int | None = None
    simulator: str | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "gate_level", "samples", "spikes", "potentials", "mismatches")


def _critical(results: Results) -> CriticalPath | None:
    built = results.get(ChipImplementation)
    if built is None or built.timing is None:
        return None
    return CriticalPath(built.timing.period_ns, built.timing.fmax_mhz, built.timing.path)


def _gates(results: Results) -> GateLevel | None:
    found = results.get(GateSimulation)
    if found is None:
        return None
    return GateLevel(found.samples, found.spikes, found.potentials, 0, found.simulator)


CRITICAL_PATH: Part[CriticalPath] = Part(
    "critical_path",
    CriticalPath,
    CriticalPath(),
    _critical,
    basis={"": "tool report"},
    definitions={
        "": (
            "The shortest period at which OpenSTA finds every check of the mapped cells met: before layout, "
            "without wires, with an ideal clock. Paths through memory macros are not in it."
        )
    },
)

GATE_LEVEL: Part[GateLevel] = Part(
    "gate_level",
    GateLevel,
    GateLevel(),
    _gates,
    basis={"": "simulated"},
    definitions={
        "": (
            "The netlist of cells, simulated from random registers under gaps and backpressure: spikes and "
            "potentials that are the golden model's, on the samples stated."
        )
    },
)


def _timing_line(report: Report) -> str | None:
    timing = report[CRITICAL_PATH]
    if timing.period_ns is None:
        return None
    return (
        f"{with_unit(timing.period_ns, 'ns')} critical path, {with_unit(timing.fmax_mhz, 'MHz')}, "
        f"{len(timing.path)} cells, before layout"
    )


def _gates_line(report: Report) -> str | None:
    found = report[GATE_LEVEL]
    if found.samples is None:
        return None
    return (
        f"{found.samples} samples, {found.spikes:,} spikes, {found.potentials:,} potentials, "
        f"{found.mismatches} mismatches ({found.simulator})"
    )


SECTION = Section(
    "silicon",
    parts=(CRITICAL_PATH, GATE_LEVEL),
    lines=(
        Line("clock", _timing_line, after="area"),
        Line("gates", _gates_line, after="verification"),
    ),
)
