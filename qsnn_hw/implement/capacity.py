"""Does it fit, by how much not, and which board would hold it."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsnn_hw.boards import Board, list_boards
from qsnn_hw.errors import UserError
from qsnn_hw.limits import Limits, Shortfall, Usage


@dataclass(frozen=True)
class MemoryNeed:
    """A memory a plan wants in blocks.

    Parameters
    ----------
    depth, width
        Words and bits of a word.
    spram
        True: in single-port RAM where the device has it (then it must be loaded at start).
    """

    depth: int
    width: int
    spram: bool = False


@dataclass(frozen=True)
class Estimate:
    """What a plan expects to take, before synthesis; None is "not known".

    Parameters
    ----------
    memories
        Every memory meant for blocks, one by one: blocks are not shared.
    logic_cells, registers, dsps
        Expected LUT4s, flip-flops, multipliers.
    """

    memories: tuple[MemoryNeed, ...] = ()
    logic_cells: int | None = None
    registers: int | None = None
    dsps: int | None = None

    def usage(self, limits: Limits) -> Usage:
        """The estimate in units of one device."""
        blocks = sprams = 0
        for memory in self.memories:
            if memory.spram and limits.spram is not None:
                sprams += limits.spram.blocks(memory.depth, memory.width)
            elif limits.block_ram is not None:
                blocks += limits.block_ram.blocks(memory.depth, memory.width)
        return Usage(self.logic_cells, self.registers, blocks, sprams, self.dsps)


def _sentence(shortfalls: Sequence[Shortfall], board: Board, about: str) -> str:
    return ", ".join(
        f"needs {about}{s.needed} {s.resource}, {board.name} has {s.available} "
        f"({s.needed - s.available} too many)"
        for s in shortfalls
    )


def _advice(holding: Sequence[Board]) -> str:
    if not holding:
        return "no known board holds it: use fewer bits, fewer lanes or a smaller network"
    return f"it would fit {', '.join(board.name for board in holding)}"


def check_fits(estimate: Estimate, board: Board, all_boards: Sequence[Board] | None = None) -> None:
    """Refuse a plan that ``board`` cannot hold, before any tool runs.

    Parameters
    ----------
    all_boards
        Boards to propose instead; all that ship by default.

    Raises
    ------
    UserError
        Says what is too much, by how much, and which boards would hold it.
    """
    shortfalls = board.limits.fits(estimate.usage(board.limits))
    if not shortfalls:
        return
    candidates = list_boards() if all_boards is None else all_boards
    holding = [other for other in candidates if not other.limits.fits(estimate.usage(other.limits))]
    raise UserError(f"the design {_sentence(shortfalls, board, 'about ')}; {_advice(holding)}")


def over_capacity(usage: Usage, board: Board, all_boards: Sequence[Board] | None = None) -> UserError | None:
    """The error for a design the tools counted and ``board`` cannot hold; None when it can."""
    shortfalls = board.limits.fits(usage)
    if not shortfalls:
        return None
    candidates = list_boards() if all_boards is None else all_boards
    holding = [
        other for other in candidates if not other.limits.fits(board.limits.converted(usage, other.limits))
    ]
    return UserError(f"the design {_sentence(shortfalls, board, '')}; {_advice(holding)}")
