"""The power model of a device: coefficients, each with its range, unit and source.

No open estimator exists for the devices of these families, so every figure is either somebody's published
measurement or an assumption, and says which. The range is what the estimate carries through.
"""

from dataclasses import dataclass

REGISTER_POWER = (
    "supply power per toggling register, USB side, regulator included, github.com/targeted/fpga-reg-power"
)
"""A source that measured devices of several families."""


@dataclass(frozen=True)
class Coefficient:
    """One factor of the power model.

    Parameters
    ----------
    low, typical, high
        The range; ``low <= typical <= high``.
    unit
        What it multiplies to milliwatts.
    source
        Where it was measured, or why it is assumed.
    assumed
        True when no measurement stands behind it.
    """

    low: float
    typical: float
    high: float
    unit: str
    source: str
    assumed: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.typical <= self.high:
            raise ValueError(
                f"coefficient range must be ordered, not {self.low}, {self.typical}, {self.high}"
            )


IO_TRANSITION = Coefficient(
    16.0, 54.0, 272.0, "pJ/transition", "assumption: half C V2 of 3, 10 and 50 pF at 3.3 V", True
)
"""Of a pin that drives a trace and an input, whatever the family."""


@dataclass(frozen=True)
class DeviceCoefficients:
    """The power model of one device.

    Parameters
    ----------
    static
        mW, clock stopped.
    clock
        mW per MHz of the running clock tree.
    logic
        mW per MHz for each logic cell that switches in every cycle.
    register
        mW per MHz for each register that switches in every cycle; None where ``logic`` includes it.
    block_ram, spram
        pJ per access of one block; None where the device has none.
    dsp
        mW per MHz for each multiplier used in every cycle; None where the device has none.
    pll
        mW per MHz of the PLL's own oscillator (VCO) while it runs, with its own supply; None where that is
        not known.
    oscillator
        mW of the oscillator on the chip while it runs; None where there is none or it is not known.
    io
        pJ of one transition at a pin, from the supply of the pins.
    """

    static: Coefficient
    clock: Coefficient
    logic: Coefficient
    register: Coefficient | None
    block_ram: Coefficient
    spram: Coefficient | None
    dsp: Coefficient | None
    pll: Coefficient | None = None
    oscillator: Coefficient | None = None
    io: Coefficient = IO_TRANSITION
