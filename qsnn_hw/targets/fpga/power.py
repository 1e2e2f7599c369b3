"""A power estimate: low, typical and high in milliwatts, always an estimate, never a measurement.

``P = static + clock * f + logic and registers * switching * f + memory accesses * energy + multipliers``,
with the coefficients and sources of the device's family. Core supply only: pins,
auxiliary supply, oscillator, flash, USB bridge and regulators of the board come on top.

Low is every coefficient and every assumption at its low end at once, high likewise, so terms add up at
each end. ``qsnn_hw/targets/fpga/energy.py`` makes energy of it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from qsnn_hw.families.boards import Board
from qsnn_hw.families.power_coefficients import Coefficient
from qsnn_hw.families.registry import families
from qsnn_hw.support.errors import UserError

LABEL = "estimated"
"""Stands beside every figure of this module."""

DEFAULT_TOGGLE = (0.05, 0.2, 0.5)
"""Assumed share of cells that switch in a busy cycle, low, typical, high, when none was measured."""

DEFAULT_BUSY = (0.2, 0.6, 1.0)
"""Assumed share of cycles with work to do, low, typical, high, when none was measured."""

SCOPE = "core supply (VCC) of the FPGA"
"""What every figure of this module is the power of."""

Part = Literal["static", "clock", "work"]
"""When a term flows: always; while the clock runs; with the work that a sample makes."""

_PJ_PER_S_TO_MW = 1e-9


@dataclass(frozen=True)
class Range:
    """A low, typical and high value."""

    low: float
    typical: float
    high: float

    def __post_init__(self) -> None:
        ends = (self.low, self.typical, self.high)
        if not all(math.isfinite(end) for end in ends) or not 0 <= self.low <= self.typical <= self.high:
            raise ValueError(f"range must be ordered and not negative, not {ends}")

    @classmethod
    def exactly(cls, value: float) -> "Range":
        """A measured value: no range."""
        return cls(value, value, value)

    def times(self, other: "Range") -> "Range":
        """The product, end by end."""
        return Range(self.low * other.low, self.typical * other.typical, self.high * other.high)

    def plus(self, other: "Range") -> "Range":
        """The sum, end by end."""
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    @classmethod
    def total(cls, ranges: Iterable["Range"]) -> "Range":
        """The sum of any number of ranges, end by end."""
        result = cls.exactly(0.0)
        for item in ranges:
            result = result.plus(item)
        return result


@dataclass(frozen=True)
class Activity:
    """How busy the design is; None is "not measured", and the estimate then assumes a range and says so.

    Parameters
    ----------
    busy
        Share of clock cycles in which the busiest group works, 0 to 1.
    toggle
        Mean share of the logic cells that switch in a busy cycle, 0 to 1.
    switching
        Mean share of the bits of the design that switch in a clock cycle, busy or not, 0 to 1; takes
        the place of ``busy`` times ``toggle``.
    """

    busy: float | None = None
    toggle: float | None = None
    switching: float | None = None

    def __post_init__(self) -> None:
        for name in ("busy", "toggle", "switching"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UserError(f"activity {name} must be between 0 and 1, not {value}")

    def busy_range(self) -> Range:
        """Share of busy cycles."""
        return Range(*DEFAULT_BUSY) if self.busy is None else Range.exactly(self.busy)

    def switching_range(self) -> Range:
        """Share of cells that switch in a cycle."""
        if self.switching is not None:
            return Range.exactly(self.switching)
        toggle = Range(*DEFAULT_TOGGLE) if self.toggle is None else Range.exactly(self.toggle)
        return self.busy_range().times(toggle)

    def notes(self) -> list[str]:
        """What was not measured, one line each."""
        notes = []
        if self.busy is None:
            low, _, high = DEFAULT_BUSY
            notes.append(f"share of busy cycles not measured, assumed {low:g} to {high:g}")
        if self.toggle is None and self.switching is None:
            low, _, high = DEFAULT_TOGGLE
            notes.append(f"switching share of cells not measured, assumed {low:g} to {high:g}")
        return notes


@dataclass(frozen=True)
class Term:
    """One term of the estimate in mW, with the coefficient behind it and when it flows.

    ``assumed`` names what is assumed about the activity of this term beyond its coefficient.
    """

    name: str
    power: Range
    coefficient: Coefficient
    part: Part = "work"
    assumed: str | None = None


@dataclass(frozen=True)
class PowerEstimate:
    """Power of the core supply in mW, while the design works through samples at ``clock_mhz``.

    Parameters
    ----------
    low, typical, high
        The sums of the terms' ends.
    clock_mhz
        The clock it is for.
    terms
        The parts.
    notes
        What is assumed, one line each.
    label
        Always "estimated".
    """

    low: float
    typical: float
    high: float
    clock_mhz: float
    terms: tuple[Term, ...]
    notes: tuple[str, ...]
    label: str = LABEL

    @property
    def total(self) -> Range:
        """Low, typical and high as a range."""
        return Range(self.low, self.typical, self.high)

    def part(self, *parts: Part) -> Range:
        """The terms of these kinds together."""
        return Range.total(term.power for term in self.terms if term.part in parts)


def _scaled(coefficient: Coefficient, amount: Range) -> Range:
    return Range(coefficient.low, coefficient.typical, coefficient.high).times(amount)


def without_coefficients(board: Board) -> str | None:
    """One line where there are no coefficients for the board's device, so that its power stays unknown."""
    if board.device in board.family.power:
        return None
    return f"power not estimated: no coefficients for {board.family} {board.device}; known: {_known()}"


def _known() -> str:
    return ", ".join(f"{family} {name}" for family in families().values() for name in family.power)


def estimate_power(
    board: Board,
    used: Mapping[str, int],
    clock_mhz: float,
    *,
    activity: Activity | None = None,
    memory_accesses_per_s: float | None = None,
    spram_accesses_per_s: float | None = None,
) -> PowerEstimate:
    """Estimate the core power of a design on a board's device.

    Parameters
    ----------
    board
        Decides family and device.
    used
        Units in use by nextpnr's own names, as ``PlaceRoute.resources`` holds them.
    clock_mhz
        The clock it really runs at, which is the board's and not Fmax.
    activity
        Measured activity; what is None in it is assumed, with a range and a note.
    memory_accesses_per_s, spram_accesses_per_s
        Accesses a second summed over all block RAMs or single-port RAMs; None: every block in use
        is accessed in every busy cycle (a range and a note).

    Raises
    ------
    UserError
        There are no coefficients for the device, or a figure is negative.
    """
    device = board.family.power.get(board.device)
    if device is None:
        raise UserError(
            f"no power coefficients for {board.family} {board.device} ({board.name}); known: {_known()}"
        )
    if not 0 < clock_mhz < math.inf:
        raise UserError(f"clock must be > 0 MHz, not {clock_mhz}")
    activity = activity or Activity()
    busy, switching = activity.busy_range(), activity.switching_range().times(Range.exactly(clock_mhz))
    usage = board.limits.usage(used)
    notes = [
        f"power is that of the {SCOPE} alone: pins, auxiliary supply, oscillator, flash, USB bridge and "
        "regulators are not included",
        *activity.notes(),
    ]
    unmeasured = "; ".join(activity.notes()) or None
    terms = [
        Term("static", _scaled(device.static, Range.exactly(1.0)), device.static, "static"),
        Term("clock", _scaled(device.clock, Range.exactly(clock_mhz)), device.clock, "clock"),
    ]
    active = [("logic", usage.logic_cells, device.logic), ("registers", usage.registers, device.register)]
    for name, count, coefficient in active:
        if coefficient is not None:
            if count is None:
                raise UserError(f"power needs the used {_unit(board, name)} of {board.name}")
            power = _scaled(coefficient, switching.times(Range.exactly(count)))
            terms.append(Term(name, power, coefficient, assumed=unmeasured))
    memories = [
        ("block RAM", usage.block_rams, device.block_ram, memory_accesses_per_s),
        ("single-port RAM", usage.sprams, device.spram, spram_accesses_per_s),
    ]
    for name, blocks, coefficient, accesses in memories:
        if blocks and coefficient is not None:
            every_cycle = busy.times(Range.exactly(blocks * clock_mhz * 1e6))
            terms.append(_memory_term(name, coefficient, accesses, every_cycle))
            notes += [] if terms[-1].assumed is None else [terms[-1].assumed]
    if usage.dsps and device.dsp is not None:
        rate = busy.times(Range.exactly(usage.dsps * clock_mhz))
        idle = None if activity.busy is not None else activity.notes()[0]
        terms.append(Term("multipliers", _scaled(device.dsp, rate), device.dsp, assumed=idle))
    notes += [
        f"{term.name}: {term.coefficient.source}"
        for term in terms
        if term.coefficient.assumed and term.power.high > 0
    ]
    sums = Range.total(term.power for term in terms)
    return PowerEstimate(sums.low, sums.typical, sums.high, clock_mhz, tuple(terms), tuple(notes))


def _memory_term(name: str, coefficient: Coefficient, accesses: float | None, every_cycle: Range) -> Term:
    """The power of a kind of memory, of accesses a second or else of one a block in every busy cycle."""
    assumed = None
    if accesses is None:
        assumed = f"{name} accesses not measured, assumed one a block and busy cycle"
    elif accesses < 0:
        raise UserError(f"{name} accesses a second must be >= 0, not {accesses}")
    picojoules = _scaled(coefficient, every_cycle if accesses is None else Range.exactly(accesses))
    return Term(name, picojoules.times(Range.exactly(_PJ_PER_S_TO_MW)), coefficient, assumed=assumed)


def _unit(board: Board, name: str) -> str:
    names = board.family.units
    return names.logic_cells if name == "logic" else str(names.registers)
