"""Published power measurements: those that coefficients are fitted to, and apart from them all others.

``FITTED`` alone makes ``examples/power/up5k.csv``, which the coefficients of the family come from; nothing
reads ``HELD_OUT`` but ``scripts/power_validation.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qsnn_hw.families.boards import load_board
from qsnn_hw.targets.fpga.measurements import COLUMNS

BOARD = load_board("icebreaker")
"""One with the device of all these measurements."""

_UNITS = BOARD.family.units
TINYVISION = re.findall(r"github\.com/[\w/-]+", BOARD.family.power[BOARD.device].clock.source)[0]
VOLTS = 1.219
"""Of core and PLL supply in all of its rows."""


@dataclass(frozen=True)
class Row:
    """A row of the table in its README, microamperes, and the design behind it as its source has it.

    Parameters
    ----------
    core_ua, pll_ua
        Of the two supplies of 1.219 V.
    counters, bits
        Binary counters of so many bits, which are all that switches.
    """

    name: str
    core_ua: float
    pll_ua: float
    clock_mhz: float = 0.0
    cells: int = 0
    counters: int = 0
    bits: int = 0
    oscillator: int = 0
    vco_mhz: float = 0.0

    @property
    def power_mw(self) -> float:
        """Of both supplies."""
        return (self.core_ua + self.pll_ua) * VOLTS / 1000

    @property
    def switching(self) -> float:
        """Share of the registers that switch in a cycle: bit ``k`` of a counter does in every ``2**k``-th."""
        return (2 - 2 ** (1 - self.bits)) / self.bits if self.bits else 0.0


FITTED: tuple[Row, ...] = (
    Row("blank design", 85.6, 4.1),
    Row("clock halted", 92.1, 4.4),
    Row("12 MHz, 1 counter", 613.5, 4.1, 12, 32, 1, 28),
    Row("12 MHz, 2 counters", 616.65, 4.1, 12, 60, 2, 28),
    Row("12 MHz, 4 counters", 624.2, 4.1, 12, 116, 4, 28),
    Row("12 MHz, 8 counters", 641.3, 4.1, 12, 228, 8, 28),
    Row("oscillator 48 MHz", 2184, 4.1, 48, 28, 1, 24, 1),
    Row("oscillator 24 MHz", 1162, 4.1, 24, 28, 1, 24, 1),
    Row("oscillator 12 MHz", 645, 4.1, 12, 28, 1, 24, 1),
    Row("oscillator 6 MHz", 388.4, 4.1, 6, 28, 1, 24, 1),
    # The PLL's own oscillator as icepll, which its Makefile calls, sets it for these outputs of 12 MHz.
    Row("PLL to 16 MHz", 1419, 138.6, 12 * 85 / 64, 28, 1, 24, 0, 12 * 85),
    Row("PLL to 32 MHz", 2029, 138.9, 12 * 85 / 32, 28, 1, 24, 0, 12 * 85),
    Row("PLL to 48 MHz", 2573, 103.6, 48, 28, 1, 24, 0, 768),
)
"""Rows of designs that only count: not those without a design, with a multiplier or with the LED driver."""


def csv_lines() -> Sequence[str]:
    """``FITTED`` as ``qsnn-hw calibrate`` reads it."""
    used = ("name", "board", "power_mw", "clock_mhz", "cells", "switching", "vco_mhz", "oscillator")
    assert set(used) <= set(COLUMNS)
    lines = [
        f"# iCE40 UP5K, core and PLL supply at {VOLTS} V: {TINYVISION}, table of its README.",
        "# Made by scripts/power_validation --csv.",
        ",".join(used),
    ]
    for row in FITTED:
        cells = (f"{row.power_mw:.6f}", f"{row.clock_mhz:g}", str(row.cells), f"{row.switching:.6f}")
        lines.append(",".join((f'"{row.name}"', BOARD.name, *cells, f"{row.vco_mhz:g}", str(row.oscillator))))
    return lines


@dataclass(frozen=True)
class HeldOut:
    """A published power that took no part in any fit, and the design as it is published.

    Parameters
    ----------
    source
        Who measured it.
    measured_mw
        Of the core supply.
    clock_mhz
        While it works; the share of the time that it does is ``duty``.
    used
        Units by nextpnr's names.
    busy, toggle, switching
        As ``Activity`` takes them; None where nobody knows it.
    block_ram, spram
        Accesses in a mean cycle while it works, over all blocks; None where nobody knows it.
    same_board
        Of the table that coefficients were fitted to, but none of the rows that were.
    """

    name: str
    source: str
    measured_mw: float
    clock_mhz: float
    used: dict[str, int]
    busy: float | None = None
    toggle: float | None = None
    switching: float | None = None
    block_ram: float | None = None
    spram: float | None = None
    oscillator: bool = False
    duty: float = 1.0
    same_board: bool = False
    note: str = ""


def _used(logic: int, block_rams: int = 0, sprams: int = 0, multipliers: int = 0) -> dict[str, int]:
    """Units in use, by nextpnr's names."""
    names = (_UNITS.logic_cells, _UNITS.block_ram, _UNITS.spram, _UNITS.dsps)
    return {
        str(name): count for name, count in zip(names, (logic, block_rams, sprams, multipliers), strict=True)
    }


SYNTZULU = "github.com/gianlucaleone/SYNtzulu"
_PAPER = "doi 10.1109/TCSI.2024.3450966"
_SYNTZULU = _used(3473, 17, 4, 2)
_SYNTZULU_BITS = 1921
"""Registers at its fast clock, of the netlist that was simulated: see docs/power.md, how it was counted."""

_COUNTERS = 2 + 2.98 + 3.46
"""Bits that switch in a cycle of 40: counters of 24 bits by 1, of 8 bits by 3, of 8 bits by 5."""

_SIMULATED = "activity simulated here"

_INFERENCE = HeldOut(
    "SYNtzulu, most during inference",
    f"{SYNTZULU}, README, shunt in VCORE",
    9.5,
    24.0,
    _SYNTZULU,
    # Means over 143,152 cycles in which its neurons compute, of 155 samples; busy are its multipliers.
    busy=0.146,
    switching=131.7 / _SYNTZULU_BITS,
    block_ram=12.73,
    spram=4.0,
    oscillator=True,
    note=_SIMULATED,
)

HELD_OUT: tuple[HeldOut, ...] = (
    _INFERENCE,
    replace(_INFERENCE, source=f"{_PAPER}, abstract", measured_mw=12.05),
    replace(
        _INFERENCE,
        name="SYNtzulu, average with power management",
        source=f"{_PAPER}, abstract",
        measured_mw=1.45,
        # Means over the 2,813,486 cycles of the same samples in which its clock runs: most wait for the UART.
        busy=0.007,
        switching=27.4 / _SYNTZULU_BITS,
        block_ram=12.09,
        duty=0.145,
        note=f"{_SIMULATED}, and so is the duty",
    ),
    HeldOut(
        "SYNtzulu, idle",
        f"{SYNTZULU}, README",
        0.3,
        24.0,
        _SYNTZULU,
        duty=0.0,
        note="clock stopped, a 10 kHz oscillator runs",
    ),
    HeldOut(
        "counter at 48 MHz for 1/64 of the time",
        f"{TINYVISION}, README, low power design",
        162e-3 * VOLTS,
        48.0,
        _used(62),
        switching=2 / 36,
        oscillator=True,
        duty=1 / 64,
        same_board=True,
    ),
    HeldOut(
        "the same, between",
        f"{TINYVISION}, README, low power design",
        135e-3 * VOLTS,
        48.0,
        _used(62),
        duty=0.0,
        same_board=True,
        note="its author: much higher than the table's 92 uA, and not clear why",
    ),
    HeldOut(
        "10 kHz oscillator, 24-bit counter",
        f"{TINYVISION}, README, table",
        (96.3 + 4.4) * VOLTS / 1000,
        0.01,
        _used(28),
        switching=2 / 24,
        same_board=True,
    ),
    HeldOut(
        "8x8 multiplier in cells, not pipelined",
        f"{TINYVISION}, README, table",
        (996 + 4.1) * VOLTS / 1000,
        12.0,
        _used(208),
        switching=_COUNTERS / 40,
        oscillator=True,
        same_board=True,
        note="logic taken to switch as the registers do",
    ),
)
