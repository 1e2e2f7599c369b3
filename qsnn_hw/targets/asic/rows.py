"""The chip's row in the comparison of targets: clock, area and energy before layout."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.report import Report
from qsnn_hw.report.words import rounded
from qsnn_hw.targets.asic.sections.area import AREA
from qsnn_hw.targets.asic.sections.energy import ENERGY
from qsnn_hw.targets.asic.sections.silicon import CRITICAL_PATH
from qsnn_hw.targets.asic.steps import PLAN, TILES
from qsnn_hw.targets.rows import Asked, Contribution, Maker
from qsnn_hw.targets.verilog.sections.cycles import CYCLES

USE = "Digital ASIC: low-power edge, in numbers that pay for masks"

_BEFORE = "Before layout: no wires and no clock tree are in clock, area or energy, and no chip exists."

_NO_TIMING = (
    " {library} say nothing of time or energy: --pdk osu018, or --liberty with a file of yours, maps to "
    "cells that do."
)


def makers(asked: Asked) -> Sequence[Maker]:
    """One, mapped to the cells that the options ask for."""
    return [Maker("asic", partial(rows, asked))]


ASIC_ROWS = Contribution("asic", makers)


def rows(asked: Asked) -> list[Row]:
    """Of the network as crossbar tiles: built down to cells, or what its plan says."""
    options = replace(asked.options, target="asic")
    return [_predicted(asked, options)] if asked.predict else [_built(asked, asked.build("asic", options))]


def _predicted(asked: Asked, options: BuildOptions) -> Row:
    run = asked.in_memory(options)
    chip, data = run.get(TILES), asked.data
    cycles = PredictedCycles.of(run.get(PLAN), data.input, asked.golden.integer.spikes, data.pixels).design
    said = f" A sample takes {rounded(float(cycles.mean()))} cycles, predicted." if cycles.size else ""
    accuracy, samples = asked.accuracy
    planned = "by the plan, before synthesis"
    return Row(
        "asic",
        "asic",
        "chip of crossbar tiles",
        USE,
        f"Nothing was mapped to cells, so clock, area and energy are not known.{said}",
        accuracy,
        samples,
        sizes={
            "tiles": Size(Known.exactly(len(chip.tiles), "predicted", planned)),
            "SRAM bits": Size(Known.exactly(chip.macro_bits, "predicted", planned)),
        },
    )


def _built(asked: Asked, report: Report) -> Row:
    area, energy, cycles = report[AREA], report[ENERGY], report[CYCLES]
    mhz = report[CRITICAL_PATH].fmax_mhz
    accuracy, samples = asked.accuracy
    library = "unknown cells" if area.cells_of is None else f"{area.cells_of}"
    at = f"at {rounded(mhz)} MHz, the critical path of {library} before layout"
    alone, stream = cycles.per_sample_mean, cycles.back_to_back_mean
    spent = f"cells of {library} switching as in the simulated netlist, memories by published ones"
    nj = energy.nj_per_sample
    uj = Known() if nj is None else Known.bounds(nj, "estimated", spent).times(1e-3)
    spike = energy.pj_per_spike
    sizes = {}
    if area.logic is not None:
        sizes[area.unit or "area"] = Size(Known.exactly(area.logic, "tool report", f"cells of {library}"))
    if area.sram_um2 is not None:
        sizes["um2 of SRAM"] = Size(Known.bounds(area.sram_um2, "estimated", "published macros at 130 nm"))
    return Row(
        "asic",
        "asic",
        f"chip of {library}",
        USE,
        _BEFORE if mhz else f"{_BEFORE}{_NO_TIMING.format(library=library)}",
        accuracy,
        samples,
        Known.exactly(None if alone is None or not mhz else alone / mhz, "simulated", f"cycles alone, {at}"),
        Known.exactly(
            None if not stream or not mhz else mhz * 1e6 / stream, "simulated", f"cycles back to back, {at}"
        ),
        uj,
        Known() if spike is None else Known.bounds(spike, "estimated", spent).times(1e-3),
        uj.inverse(1e6, spent),
        sizes,
    )
