"""A first power estimate: low, typical and high in milliwatts, always an estimate, never a measurement.

``P = static + clock * f + logic and registers * activity * f + memory accesses * energy + multipliers``,
with the coefficients and sources of :mod:`qsnn_hw.implement.coefficients`. Core supply only: pins,
oscillator, flash, USB bridge and regulator of the board come on top.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.boards import Board
from qsnn_hw.errors import UserError
from qsnn_hw.implement.coefficients import DEFAULT_BUSY, DEFAULT_TOGGLE, DEVICES, Coefficient
from qsnn_hw.limits import FAMILIES

LABEL = "estimated"
"""Stands beside every figure of this module."""

ENERGY_DEFINITION = (
    "energy per sample = estimated core power x cycles per sample / clock; "
    "energy per spike = that / (input + hidden + output spikes of the sample), static power included"
)

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


@dataclass(frozen=True)
class Activity:
    """How busy the design is.

    Parameters
    ----------
    busy
        Share of clock cycles with work to do, 0 to 1; None when it was not measured.
    toggle
        Mean share of the logic cells that switch in a busy cycle, 0 to 1; None when not measured.
    """

    busy: float | None = None
    toggle: float | None = None

    def __post_init__(self) -> None:
        for name in ("busy", "toggle"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UserError(f"activity {name} must be between 0 and 1, not {value}")

    def ranges(self) -> tuple[Range, Range]:
        """Busy and toggle share, the assumed ranges where nothing was measured."""
        busy = Range(*DEFAULT_BUSY) if self.busy is None else Range.exactly(self.busy)
        toggle = Range(*DEFAULT_TOGGLE) if self.toggle is None else Range.exactly(self.toggle)
        return busy, toggle


@dataclass(frozen=True)
class Term:
    """One part of the estimate in mW, with the coefficient behind it."""

    name: str
    power: Range
    coefficient: Coefficient


@dataclass(frozen=True)
class PowerEstimate:
    """Core power in mW.

    Parameters
    ----------
    low, typical, high
        Typical is the sum of the terms; the ends lie as far away as the terms' own distances
        added as independent errors (root of the sum of squares).
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


@dataclass(frozen=True)
class Energy:
    """Estimated energy; ``per_spike_nj`` is None when the sample has no spikes."""

    per_sample_uj: Range
    per_spike_nj: Range | None
    definition: str = ENERGY_DEFINITION
    label: str = LABEL


def _scaled(coefficient: Coefficient, amount: Range) -> Range:
    return Range(coefficient.low, coefficient.typical, coefficient.high).times(amount)


def _combined(terms: list[Term]) -> tuple[float, float, float]:
    typical = sum(term.power.typical for term in terms)
    below = math.sqrt(sum((term.power.typical - term.power.low) ** 2 for term in terms))
    above = math.sqrt(sum((term.power.high - term.power.typical) ** 2 for term in terms))
    return typical - below, typical, typical + above


def without_coefficients(board: Board) -> str | None:
    """One line where there are no coefficients for the board's device, so that its power stays unknown."""
    if (board.family, board.device) in DEVICES:
        return None
    known = ", ".join(f"{family} {name}" for family, name in DEVICES)
    return f"power not estimated: no coefficients for {board.family} {board.device}; known: {known}"


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
    device = DEVICES.get((board.family, board.device))
    if device is None:
        known = ", ".join(f"{family} {name}" for family, name in DEVICES)
        raise UserError(
            f"no power coefficients for {board.family} {board.device} ({board.name}); known: {known}"
        )
    if not 0 < clock_mhz < math.inf:
        raise UserError(f"clock must be > 0 MHz, not {clock_mhz}")
    given = activity if activity is not None else Activity()
    busy, toggle = given.ranges()
    usage = board.limits.usage(used)
    notes = ["core supply only: pins, oscillator, flash, USB bridge and regulator are not included"]
    if given.busy is None:
        notes.append(f"share of busy cycles not measured, assumed {busy.low:g} to {busy.high:g}")
    if given.toggle is None:
        notes.append(f"switching share of cells not measured, assumed {toggle.low:g} to {toggle.high:g}")

    terms = [
        Term("static", _scaled(device.static, Range.exactly(1.0)), device.static),
        Term("clock", _scaled(device.clock, Range.exactly(clock_mhz)), device.clock),
    ]
    switching = busy.times(toggle).times(Range.exactly(clock_mhz))
    active = [("logic", usage.logic_cells, device.logic), ("registers", usage.registers, device.register)]
    for name, count, coefficient in active:
        if coefficient is not None:
            if count is None:
                raise UserError(f"power needs the used {_unit(board, name)} of {board.name}")
            terms.append(Term(name, _scaled(coefficient, switching.times(Range.exactly(count))), coefficient))
    memories = [
        ("block RAM", usage.block_rams, device.block_ram, memory_accesses_per_s),
        ("single-port RAM", usage.sprams, device.spram, spram_accesses_per_s),
    ]
    for name, blocks, coefficient, accesses in memories:
        if not blocks or coefficient is None:
            continue
        if accesses is None:
            rate = busy.times(Range.exactly(blocks * clock_mhz * 1e6))
            notes.append(f"{name} accesses not measured, assumed one a block and busy cycle")
        elif accesses < 0:
            raise UserError(f"{name} accesses a second must be >= 0, not {accesses}")
        else:
            rate = Range.exactly(accesses)
        picojoules = _scaled(coefficient, rate)
        terms.append(Term(name, picojoules.times(Range.exactly(_PJ_PER_S_TO_MW)), coefficient))
    if usage.dsps and device.dsp is not None:
        rate = busy.times(Range.exactly(usage.dsps * clock_mhz))
        terms.append(Term("multipliers", _scaled(device.dsp, rate), device.dsp))
    notes += [
        f"{term.name}: {term.coefficient.source}"
        for term in terms
        if term.coefficient.assumed and term.power.high > 0
    ]
    return PowerEstimate(*_combined(terms), clock_mhz, tuple(terms), tuple(notes))


def _unit(board: Board, name: str) -> str:
    names = FAMILIES[board.family]
    return names.logic_cells if name == "logic" else str(names.registers)


def energy(
    power: PowerEstimate, cycles_per_sample: float, clock_mhz: float, spikes_per_sample: float
) -> Energy:
    """Energy of one sample and of one spike, by :data:`ENERGY_DEFINITION`.

    Parameters
    ----------
    cycles_per_sample
        Clock cycles from a sample's first word to its last, measured in simulation.
    clock_mhz
        The clock ``power`` was estimated for.
    spikes_per_sample
        Input, hidden and output spikes together, mean over the samples.

    Raises
    ------
    UserError
        A figure is not positive, or the clock is not the one of the estimate.
    """
    if not 0 < cycles_per_sample < math.inf:
        raise UserError(f"cycles per sample must be > 0, not {cycles_per_sample}")
    if not 0 <= spikes_per_sample < math.inf:
        raise UserError(f"spikes per sample must be >= 0, not {spikes_per_sample}")
    if clock_mhz != power.clock_mhz:
        raise UserError(f"power was estimated at {power.clock_mhz:g} MHz, not {clock_mhz:g} MHz")
    microseconds = cycles_per_sample / clock_mhz
    watts = Range(power.low, power.typical, power.high)
    per_sample = watts.times(Range.exactly(microseconds * 1e-3))
    per_spike = per_sample.times(Range.exactly(1e3 / spikes_per_sample)) if spikes_per_sample else None
    return Energy(per_sample, per_spike)
