"""Power coefficients of the device families, each with its range, unit and source.

No open estimator exists for these devices, so every figure is either somebody's published
measurement or an assumption, and says which. The range is what the estimate carries through.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_UP5K = "current measurements on iCE40 UP5K at 1.219 V, github.com/tinyvision-ai-inc/ice40_power"
_REGISTERS = (
    "supply power per toggling register, USB side, regulator included, github.com/targeted/fpga-reg-power"
)
_ECP5_SHEET = (
    "77 mA typical static core supply current of LFE5U-25F at 1.1 V, Lattice FPGA-DS-02012, ECP5 family data "
    "sheet, section supply current (static)"
)
_BOARD_IDLE = "the whole board draws at USB while its design is in reset, github.com/targeted/fpga-reg-power"


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
    """

    static: Coefficient
    clock: Coefficient
    logic: Coefficient
    register: Coefficient | None
    block_ram: Coefficient
    spram: Coefficient | None
    dsp: Coefficient | None


_VOLTS = 1.2
"""Core voltage the measured currents are taken at: nominal of iCE40; they were measured at 1.219 V."""


def _from_microamps(low: float, typical: float, high: float, unit: str, source: str) -> Coefficient:
    scale = _VOLTS / 1000
    return Coefficient(low * scale, typical * scale, high * scale, unit, source)


_UP5K_CLOCK = _from_microamps(
    38.0,
    44.7,
    51.4,
    "mW/MHz",
    f"fit to {_UP5K}: 91 uA + 44.7 uA/MHz + 0.17 uA/MHz per active cell; +-15 % (leave-one-out error 10 %)",
)
_UP5K_LOGIC = _from_microamps(
    0.085, 0.17, 0.34, "mW/MHz per active cell", f"same fit; x0.5 to x2, as it rests on two rows of {_UP5K}"
)
_ICE40_BLOCK_RAM = Coefficient(
    2.0, 8.0, 25.0, "pJ/access", "assumption: 4-kbit block with its routing, 40 nm, 1.2 V", True
)
_ECP5_LOGIC = Coefficient(
    0.00012,
    0.00025,
    0.00075,
    "mW/MHz per active cell",
    "assumption: a LUT with its wires switches like a register of the same device, x0.5 to x3",
    True,
)
_ECP5_BLOCK_RAM = Coefficient(
    4.0, 15.0, 45.0, "pJ/access", "assumption: 18-kbit block with its routing, 40 nm, 1.1 V", True
)
_ECP5_DSP = Coefficient(
    0.003, 0.01, 0.03, "mW/MHz per active block", "assumption: 18x18 multiplier, 40 nm, 1.1 V", True
)


_ECP5_STATIC = {
    "25k": Coefficient(
        25.0,
        85.0,
        170.0,
        "mW",
        f"{_ECP5_SHEET}; it gives no bounds: x0.3 for a cool part to x2 for a warm or leaky one are assumed "
        f"(147 mW is what {_BOARD_IDLE}, OrangeCrab)",
    ),
    "45k": Coefficient(
        37.0,
        97.0,
        210.0,
        "mW",
        "assumption: between 25F and 85F by the number of logic cells; its data sheet row was not at hand",
        True,
    ),
    "85k": Coefficient(
        60.0,
        120.0,
        291.0,
        "mW",
        f"assumption: 30 to 60 % of the 202 mW that {_BOARD_IDLE}, ULX3S-85F, is the core of a cool part; "
        f"high is {_ECP5_SHEET}, grown with the number of logic cells",
        True,
    ),
}
"""mW. At room temperature no core takes more than its whole board: typical stays below what the measured
boards draw. High is for a warm or leaky part, and need not.
"""


def _ecp5(device: str, clock: tuple[float, float, float], register: float) -> DeviceCoefficients:
    return DeviceCoefficients(
        static=_ECP5_STATIC[device],
        clock=Coefficient(*clock, "mW/MHz", "assumption: clock tree grows with the die, wide range", True),
        logic=_ECP5_LOGIC,
        register=Coefficient(
            register / 2, register, register * 2, "mW/MHz per toggling register", f"{_REGISTERS}; x0.5 to x2"
        ),
        block_ram=_ECP5_BLOCK_RAM,
        spram=None,
        dsp=_ECP5_DSP,
    )


DEVICES: Mapping[tuple[str, str], DeviceCoefficients] = {
    ("ice40", "up5k"): DeviceCoefficients(
        static=_from_microamps(
            85.6, 91.0, 180.0, "mW", f"{_UP5K}: blank 85.6, halted 92.1; doubled for warm or leaky parts"
        ),
        clock=_UP5K_CLOCK,
        logic=_UP5K_LOGIC,
        register=None,
        block_ram=_ICE40_BLOCK_RAM,
        spram=Coefficient(8.0, 30.0, 100.0, "pJ/access", "assumption: 256-kbit block, 40 nm, 1.2 V", True),
        dsp=_from_microamps(
            8.0,
            22.0,
            30.0,
            "mW/MHz per active block",
            f"{_UP5K}: one 8x8 multiply 882 uA against 613.5 uA without, at 12 MHz, with the logic around it",
        ),
    ),
    ("ice40", "lp8k"): DeviceCoefficients(
        static=_from_microamps(
            80.0, 160.0, 480.0, "mW", "160 uA typical standby of LP8K, Lattice data sheet"
        ),
        clock=Coefficient(
            0.03, 0.06, 0.15, "mW/MHz", "assumption: UP5K's clock tree, scaled for the larger die", True
        ),
        logic=Coefficient(
            0.0001,
            0.0003,
            0.0009,
            "mW/MHz per active cell",
            f"assumption: between UP5K's fit and HX1K's 92 uW at 100 MHz from {_REGISTERS}",
            True,
        ),
        register=None,
        block_ram=_ICE40_BLOCK_RAM,
        spram=None,
        dsp=None,
    ),
    ("ecp5", "25k"): _ecp5("25k", (0.05, 0.2, 0.8), 23.0e-5),
    ("ecp5", "45k"): _ecp5("45k", (0.08, 0.3, 1.0), 24.0e-5),
    ("ecp5", "85k"): _ecp5("85k", (0.1, 0.4, 1.5), 25.1e-5),
}
"""By family and device as boards name them. 45F's register value lies between its neighbours'."""

DEFAULT_TOGGLE = (0.05, 0.2, 0.5)
"""Assumed share of cells that switch in a busy cycle, low, typical, high, when none was measured."""

DEFAULT_BUSY = (0.2, 0.6, 1.0)
"""Assumed share of cycles with work to do, low, typical, high, when none was measured."""
