"""The board and the device that the design is for."""

from dataclasses import dataclass

from qsnn_hw.families import boards
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Part, Section


@dataclass(frozen=True)
class Board:
    """What it was built for: the board's key, its full name and the device on it."""

    name: str
    title: str | None = None
    device: str | None = None


def _board(results: Results) -> Board | None:
    board = results.get(boards.Board)
    return None if board is None else Board(board.name, board.description, board.chip)


BOARD: Part[Board | None] = Part("board", Board | None, None, _board)
"""None where the target has no board."""

SECTION = Section("board", parts=(BOARD,))
