"""The digits network for every board there is, by the user's command: one table.

A board's row is ``qsnn-hw build`` of examples/digits at 8 bits, five samples simulated. It ends as "built",
with a bitstream; as "generated only", with the line that says why no bitstream can be made here; or it has
failed, and then so has this command, exit status 1. Block RAMs have to be predicted exactly and logic within
10 %. Rows are kept in the output folder as they come, and ``--docs`` writes them into docs/boards.md.
"""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import board_pages
import figures
import script
from board_pages import Built
from script import ROOT
from user_command import Ended, end_with_children, qsnn_hw

from qsnn_hw.families.boards import Board, list_boards, load_board
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError

DIGITS = ROOT / "examples" / "digits"
COMMAND = (
    *("build", DIGITS / "digits_64-32-10.nir", "--convention", "snntorch"),
    *("--data", DIGITS / "digits_test.npz", "--samples", "5", "--bits", "8"),
)
BLOCK = figures.Block("built", "docs/boards.md", str)
# What a build says that could not make a bitstream of a sound design.
_NO_BITSTREAM = re.compile(r"(no bitstream here: [^;]*)|(the design reaches [\d.]+ MHz, .*? with [\d.]+ MHz)")
MOST_OFF = 0.1
PACKAGES = ("qsnn-hw", "amaranth", "numpy", "nir")
"""Named in a report beside its tools."""


def row_of(board: Board, ended: Ended, report: dict[str, Any], folder: Path) -> Built:
    """What a command came to; ``report`` is its report.json, empty where it left none."""
    resources: dict[str, Any] = report.get("resources", {})
    bitstream = report.get("files", {}).get("bitstream")
    why = next((found[0] for found in map(_NO_BITSTREAM.search, ended.output.splitlines()) if found), None)
    if bitstream is not None and not ended.status:
        told = "built"
    elif why is not None:
        told = f"generated only: {why}"
    else:
        told = f"failed: {ended.last_line}"
    tools: dict[str, str | None] = report.get("tools", {})
    return Built(
        board=board.name,
        status=ended.status,
        ended=told,
        bitstream_bytes=None if bitstream is None else (folder / bitstream).stat().st_size,
        used={name: count["used"] for name, count in resources.items()},
        predicted=(report.get("prediction") or {}).get("resources", {}),
        limits=board.limits.available(),
        fmax_mhz=report.get("timing", {}).get("fmax_mhz"),
        clock_mhz=(report.get("clock") or {}).get("board_mhz"),
        seconds=ended.seconds,
        peak_mib=ended.peak_mib,
        tools={name: version for name, version in tools.items() if name not in PACKAGES},
    )


def wrong(row: Built) -> list[str]:
    """Why a row has failed; empty where it has not."""
    if row.ended.startswith("failed"):
        return [row.ended]
    units = load_board(row.board).family.units
    faults = []
    for name in (units.block_ram, units.spram, units.dsps):
        if name in row.used and name in row.predicted and row.used[name] != row.predicted[name]:
            faults.append(f"{row.used[name]} {name}, predicted {row.predicted[name]}")
    used, predicted = row.used.get(units.logic_cells), row.predicted.get(units.logic_cells)
    if used and predicted and abs(predicted / used - 1) > MOST_OFF:
        faults.append(f"{used} {units.logic_cells}, predicted {predicted}: more than 10 % off")
    return faults


def build(board: Board, out: Path) -> Built:
    """Build for one board into a folder of its name."""
    folder = out / board.name
    ended = qsnn_hw([*COMMAND, "--board", board.name, "-o", folder])
    report = folder / "report.json"
    content = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return row_of(board, ended, content, folder)


def kept(out: Path) -> dict[str, Built]:
    """Rows by board that earlier runs left."""
    path = out / "rows.json"
    return {name: Built(**row) for name, row in files.read_json(path).items()} if path.exists() else {}


def main() -> int:
    """Build, print, and with ``--docs`` write the page."""
    names = [board.name for board in list_boards()]
    parser = script.parser(__doc__)
    parser.add_argument("--board", nargs="+", choices=names, default=names, help="only these")
    parser.add_argument(
        "--docs", action="store_true", help="write docs/boards.md from all rows that are kept"
    )
    parser.add_argument("--made", action="store_true", help="build nothing: only the rows that are kept")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "out" / "boards")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate([] if arguments.made else arguments.board, 1):
        row = build(load_board(name), out)
        files.write_json(out / "rows.json", {key: asdict(r) for key, r in (kept(out) | {name: row}).items()})
        print(f"{number} of {len(arguments.board)}: {name}: {row.ended} ({row.seconds:.0f} s)", flush=True)
    rows = kept(out)
    shown = [rows[name] for name in names if name in rows]
    if not shown:
        raise UserError(f"{out} has no row; leave out --made")
    text = board_pages.built(shown, [name for name in names if name not in rows])
    print(text)
    if arguments.docs:
        BLOCK.write(text)
        print(f"written: {BLOCK.page}")
    faults = [f"{row.board}: {fault}" for row in shown for fault in wrong(row)]
    print("\n".join(faults) or f"{len(shown)} boards: nothing failed")
    return 1 if faults else 0


if __name__ == "__main__":
    end_with_children()
    sys.exit(script.ended(main))
