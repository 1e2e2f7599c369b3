"""The PLL of a device family: which rates it makes of a board's oscillator, and how it is set for one.

Rates are exact: an oscillator of 12 MHz is ``Fraction(12)``, so that no limit of a data sheet is passed, or
missed, by a rounding.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

OSCILLATOR_TOLERANCE = 100e-6
"""How much faster than its nominal rate an oscillator may be. An assumption: crystal oscillators of such
boards are sold with 25 to 100 ppm."""


@dataclass(frozen=True)
class PllSettings:
    """One way to set a PLL; its rates in MHz.

    Parameters
    ----------
    dividers
        The cell's parameters that divide, by name.
    in_mhz
        At the PLL's input.
    pfd_mhz, vco_mhz
        At the phase detector, and of the oscillator inside.
    out_mhz
        At the output.
    """

    dividers: Mapping[str, int]
    in_mhz: Fraction
    pfd_mhz: Fraction
    vco_mhz: Fraction
    out_mhz: Fraction


@dataclass(frozen=True)
class PllCell:
    """The cell that makes a clock, and how it is connected.

    Parameters
    ----------
    name
        Of the cell.
    clock_in, clock_out, locked
        Its ports: the pin's clock, the system clock, and high while both are in step.
    parameters, attributes
        Values of the cell. An integer of so many bits is ``(value, bits)``.
    constants
        Inputs that never change.
    feedback
        An output that is connected to an input: (output, input).
    """

    name: str
    clock_in: str
    clock_out: str
    locked: str
    parameters: Mapping[str, str | int | tuple[int, int]]
    attributes: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    feedback: tuple[str, str] | None = None


@dataclass(frozen=True)
class Pll:
    """What there is to know of a family's PLL.

    Parameters
    ----------
    source
        The data sheet that the limits are from.
    settings
        Every legal setting for a clock of so many MHz at the input, in no order; none where that clock is
        no input for it. They are all: none that the data sheet allows is left out.
    cell
        The cell of a setting, on a device and package, for the clock at a package pin.
    missing
        Why a device and package cannot have one for the clock at this pin, given the pins that the design
        reads besides, in words; None where it can.
    jitter_ns
        Peak to peak of a period at an output of so many MHz.
    skew_ns
        Most between two registers of a device on the clock network, which place and route takes for 0.
    most_mhz
        Most that the clock network of a device carries.
    """

    source: str
    settings: Callable[[Fraction], Iterable[PllSettings]]
    cell: Callable[[PllSettings, str, str, str], PllCell]
    missing: Callable[[str, str, str, tuple[str, ...]], str | None]
    jitter_ns: Callable[[float], float]
    skew_ns: Callable[[str], float]
    most_mhz: Callable[[str], float]

    def fmax_for(self, clock_mhz: float, device: str, *, pll: bool = True) -> float:
        """The Fmax in MHz that place and route must report for a clock of ``clock_mhz`` on a device.

        Place and route takes the clock for ideal: all registers see each edge at once, and all periods are of
        one length. What a data sheet grants less than that is taken off the period: the skew of the clock
        network, half of the PLL's peak-to-peak period jitter where there is one, the oscillator's tolerance.
        """
        period = 1e3 / clock_mhz / (1 + OSCILLATOR_TOLERANCE) - self.skew_ns(device)
        if pll:
            period -= self.jitter_ns(clock_mhz) / 2
        return 1e3 / period if period > 0 else float("inf")

    def rates(self, in_mhz: float) -> dict[Fraction, PllSettings]:
        """Every output rate for an oscillator of ``in_mhz``, in MHz, rising, each by its best setting."""
        return dict(_rates(self.settings, exact(in_mhz)))

    def nearest(self, in_mhz: float, wanted_mhz: float) -> PllSettings | None:
        """The setting whose output is nearest to ``wanted_mhz``; None where ``in_mhz`` is no input.

        Of two outputs as near it is the slower one, of two settings for one output the best: of the highest
        rate at the phase detector, where the jitter is least, then of the highest inside.
        """
        rates, wanted = self.rates(in_mhz), exact(wanted_mhz)
        best = min(rates, key=lambda rate: (abs(rate - wanted), rate), default=None)
        return None if best is None else rates[best]


# It takes most of a second, and every board is asked more than once.
@functools.lru_cache(maxsize=64)
def _rates(
    every: Callable[[Fraction], Iterable[PllSettings]], in_mhz: Fraction
) -> dict[Fraction, PllSettings]:
    found: dict[Fraction, PllSettings] = {}
    for settings in every(in_mhz):
        other = found.get(settings.out_mhz)
        if other is None or _quality(settings) > _quality(other):
            found[settings.out_mhz] = settings
    return dict(sorted(found.items()))


def stand_in(cell: PllCell) -> str:
    """Verilog of a module in a PLL's place for simulation: it hands the clock on, and is locked at once."""
    outputs = {cell.clock_out, cell.locked, *([cell.feedback[0]] if cell.feedback else [])}
    inputs = {cell.clock_in, *cell.constants, *([cell.feedback[1]] if cell.feedback else [])}
    ports = [f"input {name}" for name in sorted(inputs)] + [f"output {name}" for name in sorted(outputs)]
    parameters = ", ".join(f"parameter {name} = 0" for name in cell.parameters)
    driven = dict.fromkeys(outputs, cell.clock_in) | {cell.locked: "1'b1"}
    body = "".join(f"  assign {name} = {driven[name]};\n" for name in sorted(driven))
    return f"module {cell.name} #({parameters}) ({', '.join(ports)});\n{body}endmodule\n"


def exact(mhz: float) -> Fraction:
    """A rate as its decimal digits say it: 14.31818 is 1431818/100000."""
    return mhz if isinstance(mhz, Fraction) else Fraction(repr(float(mhz)))


def _quality(settings: PllSettings) -> tuple[Fraction, Fraction, tuple[int, ...]]:
    # The dividers only so that equal ones are told apart the same way each time.
    dividers = tuple(-settings.dividers[name] for name in sorted(settings.dividers))
    return settings.pfd_mhz, settings.vco_mhz, dividers
