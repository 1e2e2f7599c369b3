"""Clock, gates against golden, power and energy of a chip, before layout."""

from dataclasses import dataclass

from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Line, Part, Section
from qsnn_hw.report.sections.work import work
from qsnn_hw.report.words import rounded, with_unit
from qsnn_hw.support.ranges import Range
from qsnn_hw.support.values import Number, check_counts, check_numbers
from qsnn_hw.targets.asic import sram
from qsnn_hw.targets.asic.gates import GateSimulation
from qsnn_hw.targets.asic.record import ChipImplementation
from qsnn_hw.targets.asic.sections.area import bounds
from qsnn_hw.verify import Verification


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

    def __post_init__(self) -> None:
        """Refuse anything but figures."""
        check_numbers(self, "energy", "clock_mhz", "clock_mw", "logic_mw", "leakage_mw", "cells_nj")


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


def memory_bits(verification: Verification) -> float | None:
    """Bits that a mean sample reads from and writes to memories; None where it was not counted."""
    if not verification.activity_samples:
        return None
    total = sum(
        group.synapse_reads * group.synapse_bits + group.state_bits_read + group.state_bits_written
        for group in verification.groups.values()
    )
    return total / verification.activity_samples


def _energy(results: Results) -> ChipEnergy | None:
    built, gates = results.get(ChipImplementation), results.get(GateSimulation)
    verification, done = results.get(Verification), work(results)
    if built is None or built.power is None or gates is None:
        return None
    power = built.power
    cells_nj = power.energy_j(gates.cycles / gates.netlist_samples) * 1e9
    memory = None
    if built.mapped.macros:
        bits = None if verification is None else memory_bits(verification)
        if bits is None:
            # Without the memories' share a sum would say too little.
            return ChipEnergy(
                power.clock_mhz, power.clock_w * 1e3, power.logic_w * 1e3, power.leakage_w * 1e3, cells_nj
            )
        memory = sram.access_pj(bits).times(1e-3)
    low, typical, high = (
        (cells_nj,) * 3
        if memory is None
        else (cells_nj + memory.low, cells_nj + memory.typical, cells_nj + memory.high)
    )
    whole = Range(low, typical, high)
    operations, spikes = done.synaptic_operations_per_sample, done.spikes_per_sample
    return ChipEnergy(
        clock_mhz=power.clock_mhz,
        clock_mw=power.clock_w * 1e3,
        logic_mw=power.logic_w * 1e3,
        leakage_mw=power.leakage_w * 1e3,
        cells_nj=cells_nj,
        sram_nj=None if memory is None else bounds(memory),
        nj_per_sample=bounds(whole),
        pj_per_sop=bounds(whole.times(1e3 / operations)) if operations else None,
        pj_per_spike=bounds(whole.times(1e3 / spikes)) if spikes else None,
    )


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


def _energy_line(report: Report) -> list[str] | None:
    energy = report[ENERGY]
    if energy.clock_mw is None:
        return None
    lines = [
        f"clock {rounded(energy.clock_mw)}, logic {rounded(energy.logic_mw)}, leakage "
        f"{rounded(energy.leakage_mw)} mW of cells at {with_unit(energy.clock_mhz, 'MHz')}, estimated"
    ]
    if energy.nj_per_sample is not None:
        lines.append(f"{range_text(energy.nj_per_sample, 'nJ')} a sample, before layout")
    if energy.pj_per_sop is not None and energy.pj_per_spike is not None:
        per_spike = range_text(energy.pj_per_spike, "pJ")
        lines.append(f"{range_text(energy.pj_per_sop, 'pJ')} a synaptic operation, {per_spike} a spike")
    return lines


SECTION = Section(
    "silicon",
    parts=(CRITICAL_PATH, GATE_LEVEL, ENERGY),
    lines=(
        Line("clock", _timing_line, after="area"),
        Line("gates", _gates_line, after="verification"),
        Line("energy", _energy_line, after="clock"),
    ),
)
