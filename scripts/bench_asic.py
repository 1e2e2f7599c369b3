"""Logic of a crossbar tile beside tinyODIN's, by one script in one library, before layout.

tinyODIN (C. Frenkel, ChFrenkel/tinyODIN on GitHub) is read from the folder given; nothing of it is kept. Both
have 256 neurons that share one circuit, 256 x 256 weights of 4 bits that a host loads, potentials of 12 bits,
and AER in and out. Memories are macros in both and not in the area: 8,192 x 32 for weights and 256 x 32 for
and AER in and out. Memories are macros in both, not in the area: 8,192 x 32 for weights and 256 x 32 for
queues; the tile has its weights behind a byte stream, and the parameters of its neurons in logic.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import script
import tables

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.asic.pdk import CellLibrary, cell_library
from qsnn_hw.targets.asic.sta import sta_or_why_not
from qsnn_hw.targets.asic.steps_implement import MAP
from qsnn_hw.targets.asic.synthesis import MappedDesign, Sources, map_design
from qsnn_hw.targets.asic.timing import time_design

NEURONS = 256
TOP = "tinyODIN"
MACROS = ("SRAM_256x32_wrapper", "SRAM_8192x32_wrapper")
_MODEL = """\
input_shape = [256]
arrays = "w.npz"
[[layer]]
name = "fc"
type = "Linear"
[[layer]]
name = "lif"
type = "LIF"
tau = 8.0
r = 8.0
v_threshold = 8.0
"""


def parser() -> argparse.ArgumentParser:
    command = script.parser(__doc__)
    command.add_argument("folder", type=Path, help="a checkout of tinyODIN")
    command.add_argument("--pdk", default="osu018", help="osu018 (default), osu035 or sky130")
    command.add_argument("--liberty", help="a library of yours, in place of --pdk")
    command.add_argument("--work", type=Path, default=Path("out/bench_asic"), help="working folder")
    return command


def theirs(folder: Path, cells: CellLibrary, work: Path, progress: Progress) -> MappedDesign:
    """tinyODIN in these cells."""
    files = sorted(folder.glob("*.v"))
    if not any(path.name == f"{TOP}.v" for path in files):
        raise UserError(f"{folder} holds no {TOP}.v: give a checkout of ChFrenkel/tinyODIN")
    return map_design(Sources(files, TOP, (), MACROS), cells, work / "tinyODIN", progress=progress)


def ours(given: argparse.Namespace, work: Path, progress: Progress) -> MappedDesign:
    """A tile of 256 x 256 in these cells."""
    work.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(1).uniform(-1, 1, (NEURONS, NEURONS))
    arrays: dict[str, Any] = {"fc.weight": weights}
    np.savez(work / "w.npz", **arrays)
    (work / "tile.toml").write_text(_MODEL, encoding="utf-8")
    options = BuildOptions(
        model=str(work / "tile.toml"),
        convention="snntorch",
        settings={"dt": "1"},
        target="asic",
        neurons="shared",
        pdk=None if given.liberty else given.pdk,
        liberty=given.liberty,
        quantize=QuantizeOptions(weight_bits=4, potential_bits=12),
    )
    return Run(Job(options, work / "tile", progress)).get(MAP)


def main(arguments: list[str]) -> int:
    given = parser().parse_args(arguments)
    progress = Progress()
    work = given.work.resolve()
    cells = cell_library(None if given.liberty else given.pdk, given.liberty)
    rows = []
    for name, mapped in (
        ("tinyODIN", theirs(given.folder, cells, work, progress)),
        ("tile 256x256", ours(given, work, progress)),
    ):
        tool = sta_or_why_not(mapped)
        timing = None if isinstance(tool, str) else time_design(mapped, tool, mapped.netlist.parent, progress)
        rows.append(
            (
                name,
                f"{sum(mapped.cells.values()):,}",
                f"{mapped.registers:,}",
                f"{sum(part.clock_gates for part in mapped.parts.values()):,}",
                f"{mapped.area:,.0f}",
                f"{mapped.area / NEURONS:,.0f}",
                "not measured" if timing is None else f"{timing.period_ns:.2f}",
                ", ".join(f"{count} x {macro}" for macro, count in mapped.macros.items()),
            )
        )
    unit = cells.unit
    names = ("design", "cells", "flip-flops", "clock gates", unit, f"{unit} a neuron", "ns", "macros apart")
    print(f"\n{cells.words()}, before layout\n")
    print(tables.table(names, rows))
    return 0


if __name__ == "__main__":
    sys.exit(script.ended(lambda: main(sys.argv[1:])))
