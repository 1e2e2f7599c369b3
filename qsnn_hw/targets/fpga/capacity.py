"""Does it fit, by how much not, and which board would hold it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from qsnn_hw.families.boards import Board, list_boards
from qsnn_hw.families.limits import Limits, Shortfall, Usage
from qsnn_hw.support.errors import UserError

Needs = Callable[[Limits], Usage]
"""What a design is predicted to take on a device."""

Way = tuple[str, Callable[[], Usage]]
"""An option to type, and what the design is predicted to take on the same device with it."""

UNCERTAIN = 0.15
"""How far predicted logic cells and registers may be off; blocks are exact."""

_NAMED = 3
"""So many boards are named in one line of advice, the smallest that hold a design; the others are counted."""


def _least(usage: Usage) -> Usage:
    """What the design takes at least, if the prediction is off as far as it may be."""

    def least(count: int | None) -> int | None:
        return None if count is None else int(count / (1 + UNCERTAIN))

    return replace(usage, logic_cells=least(usage.logic_cells), registers=least(usage.registers))


def _sentence(shortfalls: Sequence[Shortfall], board: Board, about: str) -> str:
    return ", ".join(
        f"needs {about}{s.needed} {s.resource}, {board.name} has {s.available} "
        f"({s.needed - s.available} too many)"
        for s in shortfalls
    )


def _advice(options: Sequence[str], holding: Sequence[Board], otherwise: str) -> str:
    cures = [*options, *(f"--board {board.name}" for board in holding[:_NAMED])]
    more = len(holding) - _NAMED
    if more > 0:
        cures.append(f"{more} more of the boards that qsnn-hw boards lists")
    if not cures:
        return f"no known board holds it: {otherwise}"
    return f"it would fit with {' or '.join(filter(None, [', '.join(cures[:-1]), cures[-1]]))}"


def _memory_bits(limits: Limits) -> int:
    memories = [memory for memory in (limits.block_ram, limits.spram) if memory is not None]
    return sum(memory.count * memory.bits for memory in memories)


def _smaller(shortfalls: Sequence[Shortfall], board: Board, weight_bits: int, lanes_tried: bool) -> str:
    """What makes a design smaller that no board holds; lanes only where they can be the cause."""
    memory = _memory_bits(board.limits)
    if weight_bits > memory:
        return (
            f"its weights alone are {weight_bits / 1024:,.0f} kbit, {board.name} has "
            f"{memory / 1024:,.0f} kbit of memory; use fewer --bits or a smaller network"
        )
    names = board.family.units
    logic = any(s.resource in (names.logic_cells, names.registers) for s in shortfalls)
    lanes = "fewer --lanes, " if logic and not lanes_tried else ""
    return f"use {lanes}fewer --bits or a smaller network"


def _works(usage: Callable[[], Usage], board: Board) -> bool:
    try:
        return not board.limits.fits(usage())
    except UserError:
        return False


def _placing_boards() -> list[Board]:
    """The boards that ship and get a bitstream here: those to propose."""
    return [board for board in list_boards() if board.family.flow.place is not None]


def check_fits(
    needs: Needs,
    board: Board,
    all_boards: Sequence[Board] | None = None,
    ways: Sequence[Way] = (),
    weight_bits: int = 0,
) -> None:
    """Refuse a design that ``board`` cannot hold, before any tool runs.

    Logic that may fit, the prediction being what it is, is left to the tools.

    Parameters
    ----------
    all_boards
        Boards to propose instead; all that ship by default.
    ways
        Other options to try on this board where the design does not fit; those that help are named.
    weight_bits
        Of all weights without a gap, to say so where they are too many for any lanes.

    Raises
    ------
    UserError
        Says what is too much, by how much, and which options and boards would hold it.
    """
    if not board.limits.fits(_least(needs(board.limits))):
        return
    shortfalls = board.limits.fits(needs(board.limits))
    candidates = _placing_boards() if all_boards is None else all_boards
    holding = [other for other in candidates if not other.limits.fits(needs(other.limits))]
    options = [option for option, usage in ways if _works(usage, board)]
    otherwise = _smaller(shortfalls, board, weight_bits, lanes_tried=bool(ways))
    advice = _advice(options, holding, otherwise)
    raise UserError(f"the design {_sentence(shortfalls, board, 'about ')}; {advice}")


def over_capacity(usage: Usage, board: Board, all_boards: Sequence[Board] | None = None) -> UserError | None:
    """The error for a design the tools counted and ``board`` cannot hold; None when it can."""
    shortfalls = board.limits.fits(usage)
    if not shortfalls:
        return None
    candidates = _placing_boards() if all_boards is None else all_boards
    holding = [
        other for other in candidates if not other.limits.fits(board.limits.converted(usage, other.limits))
    ]
    advice = _advice([], holding, _smaller(shortfalls, board, 0, lanes_tried=False))
    return UserError(f"the design {_sentence(shortfalls, board, '')}; {advice}")
