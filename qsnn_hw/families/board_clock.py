"""The clock of a design on a board, as an output folder remembers it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from qsnn_hw.families.boards import Board
from qsnn_hw.families.pll import exact
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError


def needs_fmax(board: Board) -> float:
    """The Fmax in MHz that the design's clock needs on its board."""
    pll = board.family.pll
    if board.on_chip is not None:
        return board.on_chip.fmax_for(board.clock_mhz)
    if pll is None:
        return board.clock_mhz
    return pll.fmax_for(board.clock_mhz, board.device, pll=board.pll is not None)


def clock_record(board: Board) -> dict[str, object]:
    """The design's clock as a program reads it: ``05_clock.json``."""
    cell = board.pll_cell
    maker = board.on_chip or (None if board.pll is None else board.family.pll)
    return {
        "clock_mhz": board.clock_mhz,
        "oscillator_mhz": board.oscillator_mhz,
        "link": board.link,
        "divisor": board.divisor,
        "baud": board.baud,
        "needs_fmax_mhz": needs_fmax(board),
        "pll": None if cell is None else cell.name,
        "dividers": {} if board.pll is None else dict(board.pll.dividers),
        "sleeps": board.sleeps,
        "source": None if maker is None else maker.source,
    }


def _clocks(board: Board, found: Mapping[str, object]) -> Iterator[Board]:
    """The board with each clock that these words of a file may mean."""
    pll = board.family.pll
    if board.sleeps or found.get("sleeps"):
        # A folder of other options than this board has is none of its.
        if board.sleeps and found.get("sleeps") is True:
            rates = [rate for rate in board.own_clocks if rate == found.get("clock_mhz")]
            yield from map(board.oscillating, rates)
    elif found.get("pll", "") is None:
        yield board.clocked(None)
    elif pll is not None:
        for settings in pll.settings(exact(board.oscillator_mhz)):
            if dict(settings.dividers) == found.get("dividers"):
                yield board.clocked(settings)


def recorded(board: Board, path: Path) -> Board:
    """The board with the clock and the serial line's rate that :func:`clock_record` wrote to a file.

    Raises
    ------
    UserError
        The file cannot be read, or its PLL or rate is none of this board.
    """
    found = files.read_json(path)
    if isinstance(found, dict) and type(baud := found.get("baud")) is int and baud > 0:
        board = board.at_baud(baud)
        for made in _clocks(board, found):
            if made.divides(made.clock_mhz):
                return made
    raise UserError(f"{path} names no clock of {board.name}; qsnn-hw generate makes it again")
