"""Which clock a design gets: the highest that its routing allows, before there is a routing by an estimate.

A clock is allowed where place and route reports at least the Fmax that it needs (``Pll.fmax_for``): its own
rate, and what the data sheet grants less than the ideal clock that place and route counts with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from qsnn_hw.families.board_clock import needs_fmax
from qsnn_hw.families.boards import Board
from qsnn_hw.families.limits import Usage
from qsnn_hw.families.pll import PllSettings, exact
from qsnn_hw.families.serial_rates import SCK_CYCLES, nearest_rate
from qsnn_hw.support.errors import UserError

UNUSED = 0.20
"""A first routing whose Fmax allows a clock faster than the estimate's by more than this share is done again.
Place and route of a network takes up to minutes; the estimates' spread makes most first routings pass."""

UNUSED_IN_SEARCH = 0.03
"""The same after a search among seeds, which is made for speed."""

SPREAD = 0.05
"""How much of a routing's Fmax the next one may lose: another clock is another divisor of the serial line, so
another netlist, and its placement begins anew. Seeds differ by 3 to 5 % (docs/implementation_notes.md)."""

STEP_MHZ = Fraction(1, 4)
"""Clocks that are chosen are multiples of this where the PLL makes some: people have to read them."""

FOR_THE_LINE = 0.10
"""How much of the clock's rate is given for a faster serial line: of most networks on a board the line is
what takes the time, and the rates that a bridge keeps are far apart."""

OFF_BY_HAND = 0.005
"""How far a clock asked for by hand may be from what the PLL makes."""

ATTEMPTS = 4
"""Routings at most, of which each that fails is followed by one with a slower clock."""


@dataclass(frozen=True)
class Tried:
    """A routing: the design's clock, and the Fmax that place and route reported; MHz."""

    clock_mhz: float
    fmax_mhz: float


def clocks(board: Board) -> list[Board]:
    """The board with each clock that it can have, the slowest first: the oscillator's, and those of its PLL.

    Each divides to a rate of the serial line, and the clock network carries it. Of the PLL's they are the
    multiples of ``STEP_MHZ``, or all where none is one.
    """
    if board.sleeps:
        own = [board.oscillating(rate) for rate in board.own_clocks]
        return [other for other in own if other.divides(other.clock_mhz)]
    plain = board.clocked(None)
    pll = board.family.pll
    if pll is None or plain.without_pll is not None:
        return [plain]
    rates = [
        settings
        for rate, settings in pll.rates(plain.oscillator_mhz).items()
        if rate <= pll.most_mhz(board.device) and board.divides(float(rate))
    ]
    even = [settings for settings in rates if settings.out_mhz % STEP_MHZ == 0]
    made = [board.clocked(settings) for settings in even or rates]
    others = [other for other in made if other.clock_mhz != plain.clock_mhz]
    if plain.divides(plain.clock_mhz):
        others.append(plain)
    return sorted(others, key=lambda other: other.clock_mhz)


def rate_by_hand(board: Board, baud: int) -> Board:
    """The board with the rate of the serial line that a user asks for.

    Raises
    ------
    UserError
        The bridge is slower, or no clock of this board divides to it; the message says which is the nearest.
    """
    most = board.bauds[0]
    asked = board.at_baud(baud)
    rates = _all_rates(board)
    if board.link == "spi":
        # The clock of SPI is the host's: any rate, within both limits.
        nearest = min(most, int(max(rates) * 1e6) // SCK_CYCLES)
        if baud > nearest:
            limit = "its wires carry" if nearest == most else f"a sixth of its clock, {max(rates):g} MHz, is"
            raise UserError(
                f"--baud {_shown(baud)} is no rate of SPI on {board.name}: {limit} {nearest:,} Hz"
            )
        return asked
    if baud <= most and any(asked.divides(rate) for rate in rates):
        return asked
    why = (
        f"what is behind the board's UART keeps {most:,} at most"
        if baud > most
        else f"its clock of {board.oscillator_mhz:g} MHz does not divide to it"
        + (" and no PLL makes one that does" if len(rates) > 1 else "")
    )
    nearest = nearest_rate(rates, baud, most)
    raise UserError(f"--baud {_shown(baud)} is no rate of {board.name}: {why}; the nearest is {nearest:,}")


def _shown(baud: int) -> str:
    return f"{baud:,}" if baud < 10**12 else f"of {len(str(baud))} digits"


def _lines(board: Board) -> str:
    """The lines that a clock may have, in words."""
    if board.link == "spi":
        return f"SPI of {board.bauds[-1]:,} Hz"
    return f"a serial line of {' or '.join(f'{baud:,}' for baud in board.bauds)} baud"


def _all_rates(board: Board) -> list[float]:
    """Every clock that the board's design can have, in MHz, whatever its serial line is."""
    if board.sleeps:
        return list(board.own_clocks)
    plain = board.clocked(None)
    pll = board.family.pll
    if pll is None or plain.without_pll is not None:
        return [plain.clock_mhz]
    most = pll.most_mhz(board.device)
    return [plain.clock_mhz, *(float(rate) for rate in pll.rates(plain.oscillator_mhz) if rate <= most)]


def fastest(boards: Sequence[Board], fmax_mhz: float) -> Board | None:
    """The clock for a routing of ``fmax_mhz``, of these; None where it allows none.

    The fastest that it allows, or one that is up to ``FOR_THE_LINE`` slower and has a faster serial line.
    """
    allowed = [board for board in boards if needs_fmax(board) <= fmax_mhz]
    if not allowed:
        return None
    near = [board for board in allowed if board.clock_mhz >= (1 - FOR_THE_LINE) * allowed[-1].clock_mhz]
    return max(near, key=lambda board: (board.baud, board.clock_mhz))


def estimated_fmax(board: Board, usage: Usage) -> float | None:
    """The Fmax in MHz that a design of this predicted size is expected to reach; None: not known."""
    expected = board.family.expected_fmax
    return None if expected is None else expected(board.device, usage.logic_cells or 0, usage.block_rams or 0)


def chosen(board: Board, usage: Usage, tried: Sequence[Tried], *, search: bool = False) -> Board:
    """The board with the design's clock.

    Parameters
    ----------
    usage
        What the design is predicted to take, for the estimate.
    tried
        Routings of this design so far, one for each clock, the first first.
    search
        The Fmax of each is the best of several seeds.

    Raises
    ------
    UserError
        ``ATTEMPTS`` routings allow no clock.
    """
    boards = clocks(board)
    if len(boards) == 1:
        return boards[0]
    if not tried:
        estimate = estimated_fmax(board, usage)
        if estimate is None:
            return boards[0] if board.sleeps else board.clocked(None)
        return fastest(boards, estimate) or boards[0]
    by_rate = {other.clock_mhz: other for other in boards}
    known = [(by_rate[one.clock_mhz], one) for one in tried if one.clock_mhz in by_rate]
    met = [other for other, one in known if needs_fmax(other) <= one.fmax_mhz]
    if len(tried) == 1 and met:
        better = fastest(boards, tried[0].fmax_mhz * (1 - SPREAD))
        unused = UNUSED_IN_SEARCH if search else UNUSED
        if better is not None and better.clock_mhz > tried[0].clock_mhz * (1 + unused):
            return better
    best = max(met, key=lambda other: other.clock_mhz, default=None)
    slower = fastest(boards, min(one.fmax_mhz for one in tried) * (1 - SPREAD * len(tried)))
    if best is not None:
        # A faster one was tried and failed: one between the two, where they are far apart.
        if slower is None or slower.clock_mhz <= best.clock_mhz * (1 + UNUSED):
            return best
        return slower if 1 < len(tried) < ATTEMPTS else best
    if slower is None or len(tried) >= ATTEMPTS:
        raise UserError(
            f"the design reaches {max(one.fmax_mhz for one in tried):.2f} MHz, too slow for any clock of "
            f"{board.name}; fewer lanes (--optimize area) make it faster"
        )
    return slower


def by_hand(board: Board, wanted_mhz: float) -> Board:
    """The board with the clock that a user asks for.

    Raises
    ------
    UserError
        No clock of this board is as near to it as ``OFF_BY_HAND``; the message says which is the nearest.
    """
    if board.sleeps:
        return _own_by_hand(board, wanted_mhz)
    plain, pll = board.clocked(None), board.family.pll
    made: Mapping[Fraction, PllSettings] = {}
    reason = plain.without_pll
    if pll is not None and reason is None:
        made = pll.rates(plain.oscillator_mhz)
    can = [(exact(plain.oscillator_mhz), plain)]
    can += [(rate, board.clocked(settings)) for rate, settings in made.items()]
    if pll is not None:
        can = [(rate, other) for rate, other in can if rate <= pll.most_mhz(board.device)]
    can = [(rate, other) for rate, other in can if board.divides(float(rate))]
    rate, nearest = min(can, key=lambda pair: (abs(pair[0] - exact(wanted_mhz)), pair[1].pll is not None))
    if abs(rate - exact(wanted_mhz)) > OFF_BY_HAND * exact(wanted_mhz):
        why = reason or (
            f"its PLL makes none of {plain.oscillator_mhz:g} MHz that the data sheet and {_lines(board)} "
            "allow"
        )
        raise UserError(
            f"--clock-mhz {wanted_mhz:g} is no clock of {board.name}: {why}; the nearest is "
            f"{float(rate):.6g} MHz"
        )
    return nearest


def _own_by_hand(board: Board, wanted_mhz: float) -> Board:
    """As :func:`by_hand`, of a board whose device makes its clock."""
    nearest = min(board.own_clocks, key=lambda rate: abs(rate - wanted_mhz))
    if abs(nearest - wanted_mhz) > OFF_BY_HAND * wanted_mhz:
        rates = ", ".join(f"{rate:g}" for rate in board.own_clocks)
        raise UserError(
            f"--clock-mhz {wanted_mhz:g} is no clock of {board.name} with --sleep: its own oscillator makes "
            f"{rates}; the nearest is {nearest:g} MHz"
        )
    return board.oscillating(nearest)


def in_words(board: Board) -> str:
    """The design's clock for a person."""
    line = board.line
    if board.sleeps:
        return (
            f"{board.clock_mhz:g} MHz, the device's own, stopped while nothing happens; needs an Fmax of "
            f"{needs_fmax(board):.1f} MHz; {line}"
        )
    if board.pll is None:
        return f"{board.clock_mhz:g} MHz, the oscillator's; {line}"
    return (
        f"{board.clock_mhz:.6g} MHz, by the PLL from {board.oscillator_mhz:g} MHz; needs an Fmax of "
        f"{needs_fmax(board):.1f} MHz; {line}"
    )
