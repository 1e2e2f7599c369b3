"""Power and energy of a chip, whole and by part, before layout."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.work import work
from qsnn_hw.report.words import rounded, with_unit
from qsnn_hw.support.ranges import Range
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.asic import sram
from qsnn_hw.targets.asic.gates import GateSimulation
from qsnn_hw.targets.asic.plan import AsicPlan
from qsnn_hw.targets.asic.power import PartPower, Power
from qsnn_hw.targets.asic.record import ChipImplementation
from qsnn_hw.verify import Verification


@dataclass(frozen=True)
class PartEnergy:
    """Power of the cells of one part, and their energy of a sample; memory macros are in none."""

    clock_mw: Number | None = None
    logic_mw: Number | None = None
    leakage_mw: Number | None = None
    nj_per_sample: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but figures."""
        check_numbers(self, "energy.parts", "clock_mw", "logic_mw", "leakage_mw", "nj_per_sample")


@dataclass(frozen=True)
class ChipEnergy:
    """Power of the cells and energy of a sample.

    Parameters
    ----------
    clock_mhz
        The clock that power is for.
    clock_mw, logic_mw, leakage_mw
        Of the cells: what the clock takes, what else switches, and leakage.
    cells_nj
        Of a sample that comes back to back with others, leakage in it.
    sram_nj
        Of the memory accesses of a sample; None without SRAM.
    nj_per_sample
        Both.
    pj_per_sop
        That divided by the synaptic operations of a sample.
    pj_per_spike
        And by its spikes.
    pj_per_sop_130nm
        ``pj_per_sop`` at 130 nm and 1.2 V; None where the library states no supply or node.
    parts
        Cells by part.
    """

    clock_mhz: Number | None = None
    clock_mw: Number | None = None
    logic_mw: Number | None = None
    leakage_mw: Number | None = None
    cells_nj: Number | None = None
    sram_nj: Bounds | None = None
    nj_per_sample: Bounds | None = None
    pj_per_sop: Bounds | None = None
    pj_per_spike: Bounds | None = None
    pj_per_sop_130nm: Bounds | None = None
    parts: Mapping[str, PartEnergy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse anything but figures."""
        check_numbers(self, "energy", "clock_mhz", "clock_mw", "logic_mw", "leakage_mw", "cells_nj")


NODE_NM, SUPPLY_V = 130, 1.2
"""What energies are scaled to: the node of most open chips that are compared with, and its usual supply."""

SYNTZULA_PJ = 36.5
"""pJ per synaptic operation of SYNtzulA at IHP's 130 nm, as published: docs/asic.md."""


def scaling(node_nm: float | None, supply_v: float | None) -> Range | None:
    """What cells' energy is multiplied by at ``NODE_NM`` and ``SUPPLY_V``; None where that cannot be said.

    Low: capacitances go with the node. High: they do not change at all. Both: energy goes with the square of
    the supply. Typical: between the two.
    """
    if not node_nm or not supply_v:
        return None
    square = (SUPPLY_V / supply_v) ** 2
    ends = sorted((square, square * NODE_NM / node_nm))
    return Range(ends[0], sum(ends) / 2, ends[1])


def memory_bits(verification: Verification, chip: AsicPlan, plan: HardwarePlan) -> float | None:
    """Bits that a mean sample reads from and writes to memory macros; None where it was not counted.

    What is in latches, logic or registers is among the cells.
    """
    if not verification.activity_samples:
        return None
    total = 0.0
    for tile, what in {(use.tile, use.what) for use in chip.macros if use.kind != "latches"}:
        found = verification.groups.get(plan.group(tile).group)
        if found is None:
            return None
        if what == "synapses":
            total += found.synapse_reads * found.synapse_bits
        else:
            total += found.state_bits_read + found.state_bits_written
    return total / verification.activity_samples


def _energy(results: Results) -> ChipEnergy | None:
    built, gates = results.get(ChipImplementation), results.get(GateSimulation)
    if built is None or built.power is None or gates is None:
        return None
    power, cycles = built.power, gates.cycles / gates.netlist_samples
    cells_nj = power.energy_j(cycles) * 1e9
    known = ChipEnergy(
        clock_mhz=power.clock_mhz,
        clock_mw=power.clock_w * 1e3,
        logic_mw=power.logic_w * 1e3,
        leakage_mw=power.leakage_w * 1e3,
        cells_nj=cells_nj,
        parts={name: _part(part, power, cycles) for name, part in power.parts.items()},
    )
    memory = None
    if built.mapped.macros:
        verification, chip, plan = (
            results.get(Verification),
            results.get(AsicPlan),
            results.get(HardwarePlan),
        )
        bits = None
        if verification is not None and chip is not None and plan is not None:
            bits = memory_bits(verification, chip, plan)
        if bits is None:
            # Without the memories' share a sum would say too little.
            return known
        memory = sram.access_pj(bits).times(1e-3)
    return _with_memory(known, cells_nj, memory, scaling(built.mapped.node_nm, power.supply_v), results)


def _part(part: PartPower, power: Power, cycles: float) -> PartEnergy:
    energy_nj = part.total_w * cycles / (power.clock_mhz * 1e6) * 1e9
    return PartEnergy(part.clock_w * 1e3, part.logic_w * 1e3, part.leakage_w * 1e3, energy_nj)


def _with_memory(
    known: ChipEnergy,
    cells_nj: float,
    memory: Range | None,
    scale: Range | None,
    results: Results,
) -> ChipEnergy:
    """With memories, which are at 130 nm already and are not scaled."""
    stored = memory or Range.exactly(0.0)
    done = work(results)
    operations, spikes = done.synaptic_operations_per_sample, done.spikes_per_sample
    whole = Range.exactly(cells_nj).plus(stored)
    scaled = None if scale is None else scale.times(cells_nj).plus(stored)
    return replace(
        known,
        sram_nj=None if memory is None else Bounds.of(memory),
        nj_per_sample=Bounds.of(whole),
        pj_per_sop=Bounds.of(whole.times(1e3 / operations)) if operations else None,
        pj_per_spike=Bounds.of(whole.times(1e3 / spikes)) if spikes else None,
        pj_per_sop_130nm=Bounds.of(scaled.times(1e3 / operations)) if operations and scaled else None,
    )


ENERGY: Part[ChipEnergy] = Part(
    "energy",
    ChipEnergy,
    ChipEnergy(),
    _energy,
    basis={"": "estimated"},
    definitions={
        "": (
            "OpenSTA's power of the cells at the fastest clock before layout, registers and inputs switching "
            "as in the simulated netlist, samples back to back; gated clocks counted only where they came. "
            "No wires, no clock tree."
        ),
        "sram_nj": f"Bits read and written, as counted in simulation, by {sram.SOURCE}.",
        "pj_per_sop": (
            "A synaptic operation is the addition of a weight that is not 0 for one event. All energy of a "
            "sample is in it: cells, memories, leakage, updates of neurons."
        ),
        "pj_per_spike": "The same by input, hidden and output spikes.",
        "pj_per_sop_130nm": (
            f"Cells' energy scaled to {NODE_NM} nm and {SUPPLY_V} V by the square of the supply and, at the "
            "low end, by the ratio of the nodes; the high end leaves capacitances as they are. Memories are "
            f"at 130 nm already. SYNtzulA (IHP 130 nm) publishes {SYNTZULA_PJ} pJ, measured otherwise."
        ),
        "parts": "Cells by part; memory macros are in none, but in sram_nj.",
    },
)


def _lines(report: Report) -> list[str] | None:
    energy = report[ENERGY]
    if energy.clock_mw is None:
        return None
    lines = [
        f"clock {rounded(energy.clock_mw)}, logic {rounded(energy.logic_mw)}, leakage "
        f"{rounded(energy.leakage_mw)} mW of cells at {with_unit(energy.clock_mhz, 'MHz')}, estimated"
    ]
    if energy.cells_nj and energy.parts:
        lines.append("by part: " + ", ".join(f"{name} {share:.0f} %" for name, share in _shares(energy)))
    if energy.nj_per_sample is not None:
        lines.append(f"{range_text(energy.nj_per_sample, 'nJ')} a sample, before layout")
    if energy.pj_per_sop is not None and energy.pj_per_spike is not None:
        per_spike = range_text(energy.pj_per_spike, "pJ")
        lines.append(f"{range_text(energy.pj_per_sop, 'pJ')} a synaptic operation, {per_spike} a spike")
    if energy.pj_per_sop_130nm is not None:
        scaled = range_text(energy.pj_per_sop_130nm, "pJ")
        lines.append(
            f"{scaled} a synaptic operation scaled to {NODE_NM} nm, {SUPPLY_V} V; "
            f"SYNtzulA {SYNTZULA_PJ} pJ, cited"
        )
    return lines


def _shares(energy: ChipEnergy) -> list[tuple[str, float]]:
    """Part -> per cent of the cells' energy, the largest first."""
    whole = energy.cells_nj or 1.0
    shares = [(name, 100 * (part.nj_per_sample or 0) / whole) for name, part in energy.parts.items()]
    return sorted(shares, key=lambda item: -item[1])


def _table(report: Report) -> Table | None:
    energy = report[ENERGY]
    if not energy.parts or not energy.cells_nj:
        return None
    rows = [
        (
            name,
            rounded(energy.parts[name].clock_mw),
            rounded(energy.parts[name].logic_mw),
            rounded(energy.parts[name].leakage_mw),
            rounded(energy.parts[name].nj_per_sample),
            f"{share:.1f} %",
        )
        for name, share in _shares(energy)
    ]
    if energy.sram_nj is not None:
        rows.append(("memory macros", "", "", "", range_text(energy.sram_nj, ""), "not of cells"))
    return Table(
        "energy",
        "Power and energy of the cells by part",
        report.definitions.get("energy", ""),
        ("part", "clock, mW", "logic, mW", "leakage, mW", "nJ a sample", "share"),
        tuple(rows),
    )


SECTION = Section(
    "energy",
    parts=(ENERGY,),
    lines=(Line("energy", _lines, after="clock"),),
    exhibits=(Exhibit("energy", HARDWARE, lambda report, traces: _table(report)),),
)
