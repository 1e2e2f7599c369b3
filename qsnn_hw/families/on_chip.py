"""The oscillators inside a device: a fast one for the design, which can be stopped, and a slow one beside it.

With them a design needs no clock from a pin, and stops its own while nothing happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

AWAKE_PERIODS = 32
"""Periods of the slow clock for which a design stays awake behind the last request: with 10 kHz 3.2 ms, more
than a host takes between two transfers of one exchange."""

WAKE_PERIODS = 6
"""Periods of the slow clock, from a request on, after which the fast one comes at the latest: one in part to
the first edge, two through a synchronizer, one that counts, two while the oscillator starts."""


@dataclass(frozen=True)
class OscillatorCell:
    """An oscillator as a cell.

    Parameters
    ----------
    name
        Of the cell.
    power, enable, out
        Its ports: whether it runs, whether its clock comes out, the clock.
    parameters
        Values of the cell.
    """

    name: str
    power: str
    enable: str
    out: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OnChip:
    """What there is to know of a family's oscillators.

    Parameters
    ----------
    source
        The data sheet that the figures are from.
    devices
        That have them, as nextpnr calls them.
    fast
        Rate in MHz -> the cell that makes it.
    slow, slow_khz
        The other one, and its rate.
    tolerance
        Share by which either may be off its rate, either way.
    start_us
        From power to a steady clock, through which its output must not be enabled; ``SleepControl`` waits for
        two periods of the slow clock.
    skew_ns
        Most between two registers of the clock network, as ``Pll.skew_ns``.
    """

    source: str
    devices: tuple[str, ...]
    fast: Mapping[Fraction, OscillatorCell]
    slow: OscillatorCell
    slow_khz: float
    tolerance: float
    start_us: float
    skew_ns: float

    def __post_init__(self) -> None:
        """Refuse a slow clock two of whose periods may be shorter than the fast one's start."""
        if 2e3 / self.slow_khz / (1 + self.tolerance) < self.start_us:
            raise ValueError(f"two periods of {self.slow_khz} kHz may be shorter than {self.start_us} us")

    @property
    def wake_s(self) -> float:
        """Seconds after which a design that was asleep has its clock, at the latest."""
        return WAKE_PERIODS / (1e3 * self.slow_khz * (1 - self.tolerance))

    @property
    def awake_s(self) -> tuple[float, float]:
        """Seconds for which a design stays awake when nobody talks to it, at the least and at the most."""
        periods = AWAKE_PERIODS / (1e3 * self.slow_khz)
        return periods / (1 + self.tolerance), periods / (1 - self.tolerance)

    def fmax_for(self, clock_mhz: float) -> float:
        """The Fmax in MHz that place and route must report for a clock of nominally ``clock_mhz``."""
        period = 1e3 / clock_mhz / (1 + self.tolerance) - self.skew_ns
        return 1e3 / period if period > 0 else float("inf")


def stand_ins(fast: OscillatorCell, slow: OscillatorCell, clock: str, divisor: int) -> str:
    """Verilog of modules in place of both for simulation.

    The fast one hands on ``clock``, a signal by its whole name, while it is enabled; the slow one divides it
    by twice ``divisor``.
    """
    parameters = ", ".join(f"parameter {name} = 0" for name in fast.parameters)
    head = f"module {fast.name} {f'#({parameters}) ' if parameters else ''}"
    return (
        f"{head}(input {fast.power}, input {fast.enable}, output {fast.out});\n"
        f"  reg on = 0;\n  always @(negedge {clock}) on <= {fast.power} & {fast.enable};\n"
        f"  assign {fast.out} = {clock} & on;\nendmodule\n"
        f"module {slow.name} (input {slow.power}, input {slow.enable}, output reg {slow.out} = 0);\n"
        f"  reg [31:0] count = 0;\n"
        f"  always @(posedge {clock}) if (count == {divisor - 1}) begin\n"
        f"    count <= 0;\n    {slow.out} <= ~{slow.out};\n  end else count <= count + 1;\nendmodule\n"
    )
