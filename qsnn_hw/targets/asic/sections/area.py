"""Area of a chip by part, in a library's cells before layout, and its memories by published macros."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import ASSUMPTIONS, WARNINGS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Added, Card, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.tools import TOOLS
from qsnn_hw.report.words import NOT_MEASURED, rounded
from qsnn_hw.support.values import Number, check_counts, check_numbers
from qsnn_hw.targets.asic import sram
from qsnn_hw.targets.asic.plan import AsicPlan
from qsnn_hw.targets.asic.record import ChipImplementation


@dataclass(frozen=True)
class PartArea:
    """Cells of one part of the chip, and their area in the library's unit; registers are among the cells."""

    cells: int | None = None
    registers: int | None = None
    clock_gates: int | None = None
    area: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts and figures."""
        check_counts(self, "area.parts", "cells", "registers", "clock_gates")
        check_numbers(self, "area.parts", "area")


@dataclass(frozen=True)
class ChipArea:
    """Area before layout.

    Parameters
    ----------
    cells_of, corner, source, unit
        The library, its corner, where it comes from, and the unit of areas.
    logic
        All cells.
    parts
        The same by part.
    sram_um2
        Memory macros at 130 nm, from published ones; None where there are none.
    sram_bits
        Of them.
    per_neuron
        Cells of the whole chip for each neuron of it.
    per_synapse
        Synapse memory in cells for each stored weight that is not 0; None where weights are in SRAM.
    sram_um2_per_synapse
        Memory of synapses in SRAM for each such weight.
    """

    cells_of: str | None = None
    corner: str | None = None
    source: str | None = None
    unit: str | None = None
    logic: Number | None = None
    parts: Mapping[str, PartArea] = field(default_factory=dict)
    sram_um2: Bounds | None = None
    sram_bits: int | None = None
    per_neuron: Number | None = None
    per_synapse: Number | None = None
    sram_um2_per_synapse: Bounds | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts and figures."""
        check_numbers(self, "area", "logic", "per_neuron", "per_synapse")
        check_counts(self, "area", "sram_bits")


def _area(results: Results) -> ChipArea | None:
    built, chip = results.get(ChipImplementation), results.get(AsicPlan)
    if built is None or chip is None:
        return None
    mapped = built.mapped
    memories = [(use.count, use.depth, use.width) for use in chip.macros if use.kind != "latches"]
    synapses = [
        (use.count, use.depth, use.width)
        for use in chip.macros
        if use.kind != "latches" and use.what == "synapses"
    ]
    in_cells = mapped.parts.get("synapse memory")
    stored = chip.synapses or None
    return ChipArea(
        cells_of=mapped.name,
        corner=mapped.corner,
        source=mapped.source,
        unit=mapped.unit,
        logic=mapped.area,
        parts={
            name: PartArea(part.cells, part.registers, part.clock_gates, part.area)
            for name, part in mapped.parts.items()
        },
        sram_um2=Bounds.of(sram.area_um2(memories)) if memories else None,
        sram_bits=chip.macro_bits,
        per_neuron=mapped.area / chip.neurons if chip.neurons else None,
        per_synapse=in_cells.area / stored if in_cells and stored and not synapses else None,
        sram_um2_per_synapse=_per_synapse(synapses, stored),
    )


def _per_synapse(memories: list[tuple[int, int, int]], stored: int | None) -> Bounds | None:
    return Bounds.of(sram.area_um2(memories).times(1 / stored)) if memories and stored else None


AREA: Part[ChipArea] = Part(
    "area",
    ChipArea,
    ChipArea(),
    _area,
    basis={"": "tool report", "sram_um2": "estimated", "sram_um2_per_synapse": "estimated"},
    definitions={
        "": (
            "Cells of the network after mapping by yosys, before layout: no wires, no clock tree, no fill. "
            "In square micrometres of the library, or in NAND2 equivalents where there are but generic gates."
        ),
        "sram_um2": f"Memory macros, by {sram.SOURCE}; low: bits alone, high: whole published macros.",
        "per_neuron": "All cells of the chip divided by its neurons; memory macros are not in it.",
        "per_synapse": "Cells of the synapse memory divided by the stored weights that are not 0.",
        "sram_um2_per_synapse": "The same of synapses in SRAM.",
    },
)


def _tools(results: Results) -> dict[str, str]:
    built = results.get(ChipImplementation)
    return {} if built is None else {name: version or "unknown" for name, version in built.tools.items()}


def _assumptions(results: Results) -> tuple[str, ...]:
    built = results.get(ChipImplementation)
    if built is None:
        return ()
    mapped = built.mapped
    said = [f"area, timing and power are before layout, in {mapped.name} ({mapped.corner}, {mapped.source})"]
    if mapped.driving_cell is not None and mapped.load_ff is not None:
        said.append(
            f"every input is taken to be driven by {mapped.driving_cell} and every output to drive "
            f"{mapped.load_ff:.3g} fF; fan-out is buffered for that"
        )
    else:
        said.append("fan-out is not buffered: the library has no timing, so the area is a lower bound")
    return tuple(said)


def _warnings(results: Results) -> tuple[str, ...]:
    built = results.get(ChipImplementation)
    return () if built is None else built.notes


def _line(report: Report) -> str | list[str] | None:
    area = report[AREA]
    if area.logic is None:
        return None
    parts = sorted(area.parts.items(), key=lambda item: -(item[1].area or 0))
    shares = ", ".join(f"{name} {100 * (part.area or 0) / area.logic:.0f} %" for name, part in parts)
    lines = [
        f"{area.logic:,.0f} {area.unit} of cells, {rounded(area.per_neuron)} a neuron: {shares}",
        f"in {area.cells_of} ({area.corner}, {area.source}), before layout",
    ]
    if area.sram_um2 is not None:
        size = range_text(area.sram_um2, "um2")
        lines.append(f"{area.sram_bits:,} bits of SRAM: {size} at 130 nm, estimated")
    return lines


def _card(report: Report) -> Card:
    area = report[AREA]
    basis = report.basis.get("area", "")
    if area.logic is None:
        return Card("area", "Area of cells", NOT_MEASURED, "", (), basis)
    lines = [f"{area.cells_of}, before layout", f"{rounded(area.per_neuron)} {area.unit} a neuron"]
    if area.sram_um2 is not None:
        lines.append(f"and {area.sram_bits:,} bits of SRAM")
    return Card("area", "Area of cells", f"{area.logic:,.0f}", area.unit or "", tuple(lines), basis)


def _table(report: Report) -> Table | None:
    area = report[AREA]
    if not area.parts or not area.logic:
        return None
    rows = [
        (
            name,
            f"{part.cells:,}",
            f"{part.registers:,}",
            f"{part.clock_gates:,}",
            rounded(part.area),
            f"{100 * (part.area or 0) / area.logic:.1f} %",
        )
        for name, part in area.parts.items()
    ]
    definition = report.definitions.get("area", "")
    return Table(
        "area",
        "Area of the cells by part",
        f"In {area.unit} of {area.cells_of} ({area.corner}, {area.source}). {definition}",
        ("part", "cells", "registers", "clock gates", "area", "share"),
        tuple(rows),
    )


SECTION = Section(
    "area",
    parts=(AREA,),
    added=(Added(TOOLS, _tools), Added(ASSUMPTIONS, _assumptions), Added(WARNINGS, _warnings)),
    lines=(Line("area", _line),),
    card=_card,
    exhibits=(Exhibit("area", HARDWARE, lambda report, traces: _table(report)),),
)
