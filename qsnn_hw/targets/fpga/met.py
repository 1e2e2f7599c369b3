"""No bitstream without its clock: what a user is told of a routing that is too slow."""

from qsnn_hw.families.board_clock import needs_fmax
from qsnn_hw.families.boards import Board
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.clock import SPREAD, clocks, fastest
from qsnn_hw.targets.fpga.place_route import PlaceRoute
from qsnn_hw.targets.fpga.timing_words import path_words


def check_timing(placed: PlaceRoute, board: Board, plan: HardwarePlan) -> None:
    """Refuse a routing that does not allow the design's clock.

    Raises
    ------
    UserError
        It does not; the message names the path, and what would work.
    """
    needed = needs_fmax(board)
    if placed.fmax_mhz >= needed:
        return
    # As far below as the next routing may lose.
    other = fastest(clocks(board), placed.fmax_mhz * (1 - SPREAD))
    ways = []
    if other is not None and other.clock_mhz < board.clock_mhz:
        ways.append(f"--clock-mhz {other.clock_mhz:.6g} should be met, --clock-mhz auto finds the fastest")
    ways.append("--seed-search 8 looks for a faster routing")
    if len(clocks(board)) == 1:
        ways.append("--optimize area makes the design smaller")
    where = path_words(placed.critical_path, plan)
    raise UserError(
        f"a clock of {board.clock_mhz:.6g} MHz on {board.name} needs an Fmax of {needed:.2f} MHz, and the "
        f"design reaches {placed.fmax_mhz:.2f} MHz{f' ({where})' if where else ''}; {'; '.join(ways)}; see "
        f"{placed.log}"
    )
