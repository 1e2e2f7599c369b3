"""What a power estimate is made of: ranges, activity, terms, and their sum."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from qsnn_hw.families.power_coefficients import Coefficient, DeviceCoefficients
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.ranges import Range

LABEL = "estimated"
"""Stands beside every figure of this module."""

DEFAULT_TOGGLE = (0.05, 0.2, 0.5)
"""Assumed share of cells that switch in a busy cycle, low, typical, high, when none was measured."""

DEFAULT_BUSY = (0.2, 0.6, 1.0)
"""Assumed share of cycles with work to do, low, typical, high, when none was measured."""

Part = Literal["static", "clock", "work"]
"""When a term flows: always; while the clock runs; with the work that a sample makes."""

Kind = Literal["static", "clock", "logic", "memory", "pins"]
"""What of the chip takes it."""


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

    Parameters
    ----------
    amount
        What the coefficient is multiplied by to give ``power``: 1, MHz, cells that switch times MHz,
        million accesses a second (of a coefficient in pJ, which makes microwatts).
    assumed
        What is assumed about the activity of this term beyond its coefficient.
    """

    name: str
    power: Range
    coefficient: Coefficient
    part: Part = "work"
    assumed: str | None = None
    kind: Kind = "logic"
    amount: Range | None = None

    @property
    def field(self) -> str:
        """The coefficient's name in ``DeviceCoefficients``."""
        return FIELDS[self.name]


FIELDS = {
    "static": "static",
    "oscillator": "oscillator",
    "clock": "clock",
    "PLL": "pll",
    "logic": "logic",
    "registers": "register",
    "block RAM": "block_ram",
    "single-port RAM": "spram",
    "multipliers": "dsp",
}
"""Name of a term -> its coefficient's in ``DeviceCoefficients``."""

PICOJOULES = ("block_ram", "spram")
"""Coefficients in pJ, multiplied by million accesses a second; the others are mW of what they multiply."""


def with_fitted(device: DeviceCoefficients, fitted: Mapping[str, Coefficient]) -> DeviceCoefficients:
    """The device's coefficients, those of ``fitted`` in their place and with their own units."""
    changes = {}
    for name, coefficient in fitted.items():
        before = getattr(device, name)
        changes[name] = coefficient if before is None else replace(coefficient, unit=before.unit)
    return replace(device, **changes)


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

    def kinds(self) -> dict[str, Range]:
        """What each kind of term takes, in the order of the terms."""
        kinds = dict.fromkeys(term.kind for term in self.terms)
        return {kind: Range.total(term.power for term in self.terms if term.kind == kind) for kind in kinds}
