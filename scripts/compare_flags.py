"""Which yosys and nextpnr options suit a design: area and Fmax of every choice, side by side in one run.

``python scripts/compare_flags.py DESIGN.v TOP --board icebreaker --seeds 3`` prints a table of
cells, used units and the Fmax of every seed. docs/implementation_notes.md holds what it said.
"""

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import script
import tables

from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.least import Least
from qsnn_hw.targets.fpga.place_route import place_and_route
from qsnn_hw.targets.fpga.synthesis import Synthesis, synthesize

NO_FLOOR_PLAN = "rwcheck off, no floor plan"
"""The row in which nextpnr places all block RAMs; in the others ``place_blocks`` places those of weights."""

PLACE: dict[str, tuple[float | None, list[str]]] = {
    "board clock": (None, []),
    "asked 4x": (4.0, []),
    "asked 8x": (8.0, []),
    "asked 4x, tmg-ripup": (4.0, ["--tmg-ripup"]),
    "asked 4x, router2": (4.0, ["--router", "router2"]),
    # No row for router2 with --tmg-ripup: it does not end while the target is missed.
    "asked 4x, timingweight 30": (4.0, ["--placer-heap-timingweight", "30"]),
    "asked 4x, critexp 4": (4.0, ["--placer-heap-critexp", "4"]),
}


def _row(name: str, synthesis: Synthesis, board: Board, times: float | None, seeds: int, folder: Path) -> str:
    fmax: list[float] = []
    used: dict[str, int] = {}
    started = time.monotonic()
    for seed in range(1, seeds + 1):
        asked = None if times is None else times * board.clock_mhz
        try:
            placed = place_and_route(synthesis, board, folder, seed=seed, freq_mhz=asked, progress=SILENT)
        except (UserError, ToolError) as error:
            return tables.row(name, error)
        fmax.append(placed.fmax_mhz)
        used = {resource: count.used for resource, count in placed.resources.items()}
    names = board.family.units
    shown = [names.logic_cells, names.registers, names.block_ram, names.dsps]
    counts = " ".join(f"{resource}={used[resource]}" for resource in shown if resource in used)
    spread = " ".join(f"{value:.1f}" for value in fmax)
    seconds = (time.monotonic() - started) / seeds
    return tables.row(name, counts, f"{statistics.median(fmax):.1f} ({spread})", f"{seconds:.1f} s")


def main() -> int:
    """Run the comparison; 0 when every row was measured or says why not."""
    parser = script.parser(__doc__)
    parser.add_argument("verilog", type=Path)
    parser.add_argument("top")
    parser.add_argument("--board", default="icebreaker")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", help="measure these rows only, by their names in the table"
    )
    arguments = parser.parse_args()

    def work() -> None:
        board = load_board(arguments.board)
        flow, place = board.family.flow, PLACE
        synth = dict(flow.synth_trials)
        if flow.finish is not None:
            synth[NO_FLOOR_PLAN] = board.synth_args
        if arguments.only is not None:
            unknown = [row for row in arguments.only if row not in {*synth, *place}]
            if unknown:
                raise UserError(f"--only: no row {unknown[0]!r}; rows: {', '.join([*synth, *place])}")
            synth = {row: flags for row, flags in synth.items() if row in arguments.only}
            place = {row: options for row, options in place.items() if row in arguments.only}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            print(tables.head("choice", "used", "Fmax MHz, median (each seed)", "nextpnr"), flush=True)
            for choice, flags in synth.items():
                other, floor_plan = replace(board, synth_args=flags), choice != NO_FLOOR_PLAN
                result = synthesize(
                    *(arguments.verilog, arguments.top, other, folder),
                    least=Least(),
                    floor_plan=floor_plan,
                    progress=SILENT,
                )
                print(_row(choice, result, board, 4.0, arguments.seeds, folder), flush=True)
            result = synthesize(
                arguments.verilog, arguments.top, board, folder, least=Least(), progress=SILENT
            )
            for choice, (times, words) in place.items():
                placing = replace(board, place_args=tuple(words))
                print(_row(choice, result, placing, times, arguments.seeds, folder), flush=True)

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
