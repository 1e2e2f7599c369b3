"""From the Verilog of tiles to a library's cells: mapping, gates against golden, timing, power, hand-over."""

import hashlib
from pathlib import Path

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.steps.step import Job, Step, lacks_any
from qsnn_hw.build.steps.ways_out import ways_out
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.gates import GATE_SAMPLES, GateSimulation, simulate_gates
from qsnn_hw.targets.asic.handover import hand_over
from qsnn_hw.targets.asic.handover.names import HANDOVER
from qsnn_hw.targets.asic.pdk import MORE, CellLibrary, cell_library
from qsnn_hw.targets.asic.plan import AsicPlan
from qsnn_hw.targets.asic.power import power_of
from qsnn_hw.targets.asic.record import ChipImplementation
from qsnn_hw.targets.asic.saif import read_saif
from qsnn_hw.targets.asic.sta import sta_or_why_not
from qsnn_hw.targets.asic.steps import PLAN, TILES, VERILOG
from qsnn_hw.targets.asic.synthesis import MappedDesign, Sources, map_design
from qsnn_hw.targets.asic.timing import time_design
from qsnn_hw.toolchain.tools import find_tool
from qsnn_hw.verify import versions


def _cells(job: Job) -> CellLibrary:
    return cell_library(job.options.pdk, job.options.liberty)


CELLS: Step[CellLibrary] = Step("cells", make=_cells)
"""The cells that the user names, or generic gates."""


_COUNTERS = ("activity_*", "around__*")
"""Ports of the traced form that count what it does: thousands of registers that no gate depends on."""


def _sources(job: Job, chip: AsicPlan, verilog: str, unused: tuple[str, ...] = ()) -> Sources:
    macros = sorted({use.module for use in chip.macros if use.kind != "latches"})
    text = job.path(verilog).read_text(encoding="utf-8")
    bodies = [] if _holds_macros(text, chip) else [job.path(outputs.MACROS)]
    parts = tuple((module.prefix, str(module.part)) for module in chip.modules)
    return Sources((job.path(verilog), *bodies), chip.name, parts, macros, unused)


def _holds_macros(text: str, chip: AsicPlan) -> bool:
    """Whether a file has the bodies of memories in it, as that which is simulated."""
    return all(f"module {use.module}" in text for use in chip.macros)


def _map_folder(job: Job, name: str) -> Path:
    return job.path(outputs.MAPPING_FOLDER) / name


def _mapped(job: Job, plan: HardwarePlan, chip: AsicPlan, cells: CellLibrary) -> MappedDesign:
    found = map_design(
        _sources(job, chip, outputs.NETWORK_VERILOG),
        cells,
        _map_folder(job, "network"),
        ways_out=ways_out(plan),
        progress=job.progress,
    )
    job.progress.say(
        f"map: {sum(found.cells.values()):,} cells, {found.area:,.0f} {found.unit} of {cells.words()}"
    )
    return found


def _is_decided_by(job: Job, plan: HardwarePlan, chip: AsicPlan, cells: CellLibrary) -> dict[str, object]:
    text = cells.liberty_text()
    return {
        "yosys": find_tool("yosys").version,
        "cells": repr((cells.liberty.name, cells.source, cells.unit)),
        "liberty": hashlib.sha256(text.encode()).hexdigest(),
    }


MAP: Step[MappedDesign] = Step(
    "map",
    needs=(PLAN, TILES, CELLS),
    after=(VERILOG,),
    make=_mapped,
    record=(MappedDesign, outputs.MAPPING),
    leaves=[outputs.MAPPED_NETLIST],
    decided_by=_is_decided_by,
)
"""The network in cells of the library."""


def gate_samples(job: Job) -> int:
    """Samples that gates are simulated on; of generic gates, which are nobody's, none unless asked for."""
    if job.options.gate_samples is not None:
        return job.options.gate_samples
    return 0 if job.options.pdk is None and job.options.liberty is None else GATE_SAMPLES


def _gates(
    job: Job,
    plan: HardwarePlan,
    chip: AsicPlan,
    cells: CellLibrary,
    mapped: MappedDesign,
    data: Dataset | None,
    golden: GoldenResult | None,
) -> GateSimulation | None:
    samples = gate_samples(job)
    if data is None or golden is None or not samples:
        return None
    traced = map_design(
        _sources(job, chip, outputs.TRACED_VERILOG, _COUNTERS),
        cells,
        _map_folder(job, "traced"),
        ways_out=ways_out(plan),
        progress=job.progress,
    )
    found = simulate_gates(
        plan,
        mapped,
        traced,
        job.path(outputs.MACROS).read_text(encoding="utf-8"),
        [cell.name for cell in cells.liberty.cells.values() if cell.kind in ("flip-flop", "latch")],
        data.input.reshape(*data.input.shape[:2], -1),
        golden.integer,
        job.path(outputs.GATES_FOLDER),
        samples=samples,
        seed=job.options.seed,
        progress=job.progress,
    )
    job.progress.say(
        f"gates: {found.samples} samples, {found.spikes:,} spikes, {found.potentials:,} potentials, "
        f"0 mismatches ({found.simulator})"
    )
    return found


def _gates_are_decided_by(job: Job, *_: object) -> dict[str, object]:
    return {"samples": gate_samples(job), "seed": job.options.seed, **versions("verilator")}


def _no_gates(job: Job, *needed: object) -> bool:
    return lacks_any(job, *needed) or not gate_samples(job)


GATES: Step[GateSimulation | None] = Step(
    "gates",
    needs=(PLAN, TILES, CELLS, MAP, DATA, GOLDEN),
    after=(VERILOG,),
    make=_gates,
    record=(GateSimulation, outputs.GATES),
    absent=_no_gates,
    decided_by=_gates_are_decided_by,
)
"""The netlist against golden, and how its nets switch; None without data or with ``--gate-samples 0``."""


def _implement(
    job: Job, cells: CellLibrary, mapped: MappedDesign, gates: GateSimulation | None
) -> ChipImplementation:
    notes: list[str] = []
    tools: dict[str, str | None] = {"yosys": mapped.version}
    tool = sta_or_why_not(mapped)
    folder = job.path(outputs.IMPLEMENTATION_FOLDER)
    timing = power = None
    if isinstance(tool, str):
        notes.append(tool if mapped.unit == "um2" and mapped.timed else f"{tool}; {MORE}")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        tools["sta"] = tool.version
        timing = time_design(mapped, tool, folder, job.progress)
        if timing is None:
            notes.append("no clock period is long enough for this design: its timing is not measured")
        elif gates is None:
            notes.append(
                "power is not measured: no gates were simulated: give --data FILE, no --gate-samples 0"
            )
        else:
            activity = read_saif(gates.saif, mapped.top)
            found = power_of(
                mapped, cells.liberty, activity, gates.cycles, timing.fmax_mhz, tool, folder, job.progress
            )
            if isinstance(found, str):
                notes.append(found)
            else:
                power = found
    for note in notes:
        job.progress.say(f"implement: {note}")
    return ChipImplementation(mapped, timing, power, tuple(notes), tools)


def _implementation_is_decided_by(job: Job, *_: object) -> dict[str, object]:
    try:
        return {"sta": find_tool("sta").version}
    except UserError:
        return {"sta": None}


IMPLEMENT: Step[ChipImplementation] = Step(
    "implement",
    needs=(CELLS, MAP, GATES),
    make=_implement,
    record=(ChipImplementation, outputs.IMPLEMENTATION),
    decided_by=_implementation_is_decided_by,
)
"""Timing and power of the cells, as far as the library and the tools here say them."""


def _hand_over(
    job: Job,
    plan: HardwarePlan,
    chip: AsicPlan,
    built: ChipImplementation,
    data: Dataset | None,
    golden: GoldenResult | None,
) -> None:
    vectors = None if data is None or golden is None else (data.input, golden.integer)
    for line in hand_over(job.path(), plan, chip, built, vectors):
        job.progress.say(f"hand-over: {line}")


HAND_OVER: Step[None] = Step(
    "hand over",
    needs=(PLAN, TILES, IMPLEMENT, DATA, GOLDEN),
    after=(VERILOG,),
    make=_hand_over,
    leaves=[f"{HANDOVER}/README.md"],
)
"""The folder that goes to whoever lays the chip out."""
