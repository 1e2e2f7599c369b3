"""A routed design to the file that is loaded into the board, with the packer of its family."""

from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.families.boards import Board
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import replacing
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.fpga.place_route import PlaceRoute
from qsnn_hw.toolchain.tools import find_tool, relative, run_tool


@dataclass(frozen=True)
class Bitstream:
    """The finished bitstream: file, size in bytes, the packer's log and version."""

    path: Path
    size: int
    log: Path
    packer: str
    version: str | None


def pack_bitstream(
    placed: PlaceRoute, board: Board, out_dir: Path, *, name: str = "top", progress: Progress
) -> Bitstream:
    """Pack a routed design into ``out_dir``/``name`` with the board's suffix; leaves pack.log too.

    Raises
    ------
    UserError
        The design was routed for another board.
    ToolError
        The packer failed or wrote nothing.
    """
    if placed.board != board.name:
        raise UserError(f"the design was routed for {placed.board}, not {board.name}; route it again")
    flow = board.family.flow
    if flow.pack is None:
        raise UserError(f"no bitstream here for {board.name}: {flow.unplaced}")
    packer = flow.pack.name
    tool = find_tool(packer)
    path, log = out_dir / f"{name}{board.bitstream_suffix}", out_dir / "pack.log"
    with replacing(path) as temporary:
        routed = relative(placed.routed, out_dir)
        args = flow.pack_words(board.part, board.pack_args, routed, temporary.name)
        run_tool(tool, args, log=log, cwd=out_dir, progress=progress, name=f"{packer} for {board.name}")
        size = temporary.stat().st_size
        if size == 0:
            raise ToolError(f"{packer} wrote an empty bitstream; see {log}")
    return Bitstream(path, size, log, packer, tool.version)
