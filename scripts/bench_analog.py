"""The solver of wires (targets/analog/ir_drop.py) beside ngspice: column currents, and how long each takes.

Crossbars of random levels with wires of --ohm a segment, half of the rows at the read voltage. ngspice
solves the same crossbar as the netlist has it, once as an operating point; its time is that of the whole
run, and beside it what ngspice itself says the analysis took. The solver gives the effective conductances
of the tile, and with them the currents of every input. Times are the best of --runs. The exit status is 1
where a current differs by more than a hundredth, or the solver is less than 50 times faster at 64 x 64.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import script
import tables

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.ir_drop import effective
from qsnn_hw.targets.analog.spice.circuit import TileCircuit
from qsnn_hw.targets.analog.spice.tile_deck import column_currents, tile_deck
from qsnn_hw.toolchain.finder import Tool, find_tool
from qsnn_hw.toolchain.ngspice import run_ngspice

READ_V = 0.2
WITHIN = 0.01
FASTER = 50.0
HEADING = (
    *("rows x columns", "lost to wires, mean", "largest difference", "ngspice, s", "of it analysis, s"),
    *("solver, s", "times faster"),
)


def crossbar(rows: int, columns: int) -> TileCircuit:
    """Levels of 1 to 16 uS, drawn."""
    cells = np.random.default_rng(rows).integers(1, 17, (rows, columns)) * 1e-6
    return TileCircuit("p", "input", np.arange(rows), 0, cells[:, 0::2].copy(), cells[:, 1::2].copy())


def analysis_s(log: Path) -> float | None:
    """What ngspice says its analysis took; None where it does not."""
    found = re.search(r"Total analysis time \(seconds\) = ([\d.e+-]+)", log.read_text(errors="replace"))
    return float(found[1]) if found else None


def row(tool: Tool, rows: int, columns: int, ohm: float, runs: int) -> tuple[bool, str]:
    """Whether a crossbar is as it should be, and its row of the table."""
    tile = crossbar(rows, columns)
    volts = np.where(np.arange(rows) % 2 == 0, READ_V, 0.0)
    spice, analysis, solved = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "tile.cir").write_text(tile_deck(tile, ohm, volts))
        for _ in range(runs):
            started = time.perf_counter()
            currents = column_currents(run_ngspice(tool, "tile.cir", folder), tile)
            spice.append(time.perf_counter() - started)
            analysis.append(analysis_s(folder / "tile.log"))
    for _ in range(runs):
        started = time.perf_counter()
        found = volts @ effective(tile.columns, ohm)
        solved.append(time.perf_counter() - started)
    off = float(np.abs(found / currents - 1).max())
    lost = float(1 - (currents / (volts @ tile.columns)).mean())
    faster = min(spice) / min(solved)
    stated = [each for each in analysis if each is not None]
    good = off <= WITHIN and (faster >= FASTER or (rows, columns) != (64, 64))
    cells = (f"{rows} x {columns}", f"{100 * lost:.2f} %", f"{off:.1e}", f"{min(spice):.3f}")
    more = (f"{min(stated):.3f}" if stated else "not said", f"{min(solved):.4f}", f"{faster:.0f}")
    return good, tables.row(*cells, *more)


def main() -> int:
    """The exit status."""
    parser = script.parser(__doc__)
    parser.add_argument("--ohm", type=float, default=2.0, help="of a segment (default: 2)")
    parser.add_argument("--runs", type=int, default=3, help="of each (default: 3)")
    parser.add_argument("--sizes", default="16x16,32x32,64x64,128x128", help="ROWSxCOLUMNS, comma-separated")
    arguments = parser.parse_args()

    def work() -> int:
        sizes = [re.fullmatch(r"(\d{1,4})x(\d{1,4})", text) for text in arguments.sizes.split(",")]
        if None in sizes or not (0 < arguments.ohm < 1e6 and 1 <= arguments.runs <= 100):
            raise UserError("--sizes wants ROWSxCOLUMNS, as 64x64; --ohm above 0, --runs 1 to 100")
        tool = find_tool("ngspice")
        print(f"ngspice {tool.version}, NumPy {np.__version__}, load average {os.getloadavg()[0]:.1f}\n")
        print(tables.row(*HEADING))
        print(tables.row(*("---" for _ in HEADING)))
        good = True
        for found in sizes:
            assert found is not None
            rows, columns = int(found[1]), int(found[2])
            if rows < 1 or columns < 2 or columns % 2:
                raise UserError(f"--sizes wants an even number of columns, at least 2, not {found[0]}")
            fine, text = row(tool, rows, columns, arguments.ohm, arguments.runs)
            good &= fine
            print(text, flush=True)
        return 0 if good else 1

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
