"""A power estimate: low, typical and high in milliwatts, always an estimate, never a measurement.

``P = static + clock * f + logic and registers * switching * f + memory accesses * energy + multipliers``,
with the coefficients and sources of the device's family. Core supply only: pins,
auxiliary supply, oscillator, flash, USB bridge and regulators of the board come on top.

Low is every coefficient and every assumption at its low end at once, high likewise, so terms add up at
each end. ``qsnn_hw/targets/fpga/energy.py`` makes energy of it.
"""

import math
from collections.abc import Mapping
from typing import Any

from qsnn_hw.families.boards import Board
from qsnn_hw.families.power_coefficients import Coefficient, DeviceCoefficients
from qsnn_hw.families.registry import families
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power_terms import FIELDS, PICOJOULES, Activity, PowerEstimate, Term

SCOPE = "core supply (VCC) of the FPGA"
"""What every figure of this module is the power of."""

_MILLION_PJ_TO_MW = 1e-3
"""Million picojoules a second are microwatts."""


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
    vco_mhz: float | None = None,
    oscillator: bool = False,
    coefficients: DeviceCoefficients | None = None,
) -> PowerEstimate:
    """Estimate the core power of a design on a board's device.

    Parameters
    ----------
    board
        Decides family and device.
    used
        Units in use by nextpnr's own names, as ``PlaceRoute.resources`` holds them.
    clock_mhz
        The clock it really runs at, and not Fmax.
    activity
        Measured activity; what is None in it is assumed, with a range and a note.
    memory_accesses_per_s, spram_accesses_per_s
        Accesses a second summed over all block RAMs or single-port RAMs; None: every block in use
        is accessed in every busy cycle (a range and a note).
    vco_mhz
        Rate of the PLL's own oscillator; None: no PLL makes the clock.
    oscillator
        The chip's own oscillator runs.
    coefficients
        Of the device, where those of the family are not to be used.

    Raises
    ------
    UserError
        There are no coefficients for the device, or a figure is negative.
    """
    device = coefficients or board.family.power.get(board.device)
    if device is None:
        raise UserError(
            f"no power coefficients for {board.family} {board.device} ({board.name}); known: {_known()}"
        )
    if not 0 < clock_mhz < math.inf:
        raise UserError(f"clock must be > 0 MHz, not {clock_mhz}")
    activity = activity or Activity()
    notes = [
        f"power is that of the {SCOPE} alone: pins, auxiliary supply, oscillator, flash, USB bridge and "
        "regulators are not included",
        *activity.notes(),
    ]
    terms = [
        scaled_term("static", Range.exactly(1.0), device.static, part="static", kind="static"),
        *_clocked(device, clock_mhz, vco_mhz, oscillator, notes),
        *_switching(board, used, device, activity, clock_mhz),
        *_memories(board, used, device, activity, clock_mhz, (memory_accesses_per_s, spram_accesses_per_s)),
    ]
    notes += [term.assumed for term in terms if term.kind == "memory" and term.assumed is not None]
    notes += [
        f"{term.name}: {term.coefficient.source}"
        for term in terms
        if term.coefficient.assumed and term.power.high > 0
    ]
    sums = Range.total(term.power for term in terms)
    return PowerEstimate(sums.low, sums.typical, sums.high, clock_mhz, tuple(terms), tuple(notes))


def scaled_term(name: str, amount: Range, coefficient: Coefficient, **more: Any) -> Term:
    """The term of ``amount`` times ``coefficient``; of memories it is million accesses a second."""
    power = _scaled(coefficient, amount)
    if FIELDS[name] in PICOJOULES:
        power = power.times(Range.exactly(_MILLION_PJ_TO_MW))
    return Term(name, power, coefficient, amount=amount, **more)


def _clocked(
    device: DeviceCoefficients, clock_mhz: float, vco_mhz: float | None, oscillator: bool, notes: list[str]
) -> list[Term]:
    """What flows while the clock runs."""
    found = [scaled_term("clock", Range.exactly(clock_mhz), device.clock, part="clock", kind="clock")]
    if vco_mhz is not None and device.pll is None:
        notes.append("the PLL's own power is not known for this device and not included")
    elif vco_mhz is not None and device.pll is not None:
        found.append(scaled_term("PLL", Range.exactly(vco_mhz), device.pll, part="clock", kind="clock"))
    if oscillator and device.oscillator is not None:
        one = Range.exactly(1.0)
        found.append(scaled_term("oscillator", one, device.oscillator, part="clock", kind="clock"))
    return found


def _switching(
    board: Board, used: Mapping[str, int], device: DeviceCoefficients, activity: Activity, clock_mhz: float
) -> list[Term]:
    """Logic, registers and multipliers."""
    usage = board.limits.usage(used)
    switching = activity.switching_range().times(Range.exactly(clock_mhz))
    assumed = "; ".join(activity.notes()) or None
    found = []
    active = [("logic", usage.logic_cells, device.logic), ("registers", usage.registers, device.register)]
    for name, count, coefficient in active:
        if coefficient is not None:
            if count is None:
                raise UserError(f"power needs the used {_unit(board, name)} of {board.name}")
            found.append(
                scaled_term(name, switching.times(Range.exactly(count)), coefficient, assumed=assumed)
            )
    if usage.dsps and device.dsp is not None:
        rate = activity.busy_range().times(Range.exactly(usage.dsps * clock_mhz))
        idle = None if activity.busy is not None else activity.notes()[0]
        found.append(scaled_term("multipliers", rate, device.dsp, assumed=idle))
    return found


def _memories(
    board: Board,
    used: Mapping[str, int],
    device: DeviceCoefficients,
    activity: Activity,
    clock_mhz: float,
    accesses: tuple[float | None, float | None],
) -> list[Term]:
    """Memory blocks, by accesses a second, or else one a block in every busy cycle."""
    usage, found = board.limits.usage(used), []
    memories = [
        ("block RAM", usage.block_rams, device.block_ram, accesses[0]),
        ("single-port RAM", usage.sprams, device.spram, accesses[1]),
    ]
    for name, blocks, coefficient, per_s in memories:
        if not blocks or coefficient is None:
            continue
        assumed = None
        if per_s is None:
            assumed = f"{name} accesses not measured, assumed one a block and busy cycle"
            amount = activity.busy_range().times(Range.exactly(blocks * clock_mhz))
        elif per_s < 0:
            raise UserError(f"{name} accesses a second must be >= 0, not {per_s}")
        else:
            amount = Range.exactly(per_s * 1e-6)
        found.append(scaled_term(name, amount, coefficient, assumed=assumed, kind="memory"))
    return found


def pins_power(
    board: Board, transitions_per_s: Range, coefficients: DeviceCoefficients | None = None
) -> Term:
    """Power from the supply of the pins, in mW, for so many transitions a second at all of them.

    Raises
    ------
    UserError
        There are no coefficients for the device.
    """
    device = coefficients or board.family.power.get(board.device)
    if device is None:
        raise UserError(f"no power coefficients for {board.family} {board.device} ({board.name})")
    amount = transitions_per_s.times(Range.exactly(1e-6))
    power = _scaled(device.io, amount).times(Range.exactly(_MILLION_PJ_TO_MW))
    return Term("pins", power, device.io, assumed=None, kind="pins", amount=amount)


def _unit(board: Board, name: str) -> str:
    names = board.family.units
    return names.logic_cells if name == "logic" else str(names.registers)
