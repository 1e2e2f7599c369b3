"""An output folder of a board's design, made without a model file: what a host and a virtual board need."""

from pathlib import Path

from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.families.boards import load_board
from qsnn_hw.host.virtual_board import TOP
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.board_top import board_top
from qsnn_hw.rtl.text.export import write_rtlil, write_verilog
from qsnn_hw.support.choices import LinkName
from qsnn_hw.support.progress import SILENT


def board_folder(
    plan: HardwarePlan,
    folder: Path,
    board: str = "icebreaker",
    link: LinkName | None = None,
    *,
    sleep: bool = False,
) -> Path:
    """``folder``, with options, plan and the Verilog of the board's design."""
    folder.mkdir(parents=True, exist_ok=True)
    plan.save(folder / outputs.PLAN)
    BuildOptions(model="m.nir", board=board, link=link, sleep=sleep or None).save(folder / OPTIONS)
    home = load_board(board).linked(link or "uart").sleeping(sleep)
    write_rtlil(board_top(plan, home), TOP, folder / outputs.BOARD_RTLIL)
    write_verilog(
        folder / outputs.BOARD_RTLIL,
        folder / outputs.BOARD_VERILOG,
        log=folder / outputs.VERILOG_LOG,
        progress=SILENT,
    )
    return folder
