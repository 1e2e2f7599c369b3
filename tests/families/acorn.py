"""A device family that nobody makes: what ``test_new_family.py`` adds to a copy of the package."""

from typing import Any

from qsnn_hw.families.family import (
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
from qsnn_hw.families.power_coefficients import Coefficient, DeviceCoefficients


def _place_words(part: Part, files: PlaceFiles) -> list[str]:
    return ["--chip", part.device, "--in", files.netlist, "--pins", files.pins, *files[2:]]


def _pack_words(part: Part, options: tuple[str, ...], routed: str, bitstream: str) -> list[str]:
    return ["-d", part.device, *options, "-o", bitstream, routed]


def _pin_lines(bit: str, pin: str, port: Port, _: str | None, __: int | None) -> list[str]:
    return [f"pin {bit} at {pin} {port.direction}"]


def _finish(module: dict[str, Any], device: str, floor_plan: bool) -> int:
    module.setdefault("attributes", {})["planted"] = f"{device} {floor_plan}"
    return 1


def _guess(value: float, unit: str) -> Coefficient:
    return Coefficient(value, 2 * value, 4 * value, unit, "assumption: made up", assumed=True)


FAMILY = Family(
    name="acorn",
    title="Acorn",
    board=BoardRules(
        devices=("oak1", "oak2"),
        speed_grade=False,
        io_standard=False,
        pulls=("none", "down"),
        bitstream_suffixes=(".nut",),
        synth_args={"-squirrel": None},
        place_args={},
        pack_args={"--shell": "hard|soft"},
    ),
    units=Units("ACORN_LE", "ACORN_REG", "ACORN_MEM", None, "ACORN_MUL"),
    cells=Cells(
        luts=("AC_LUT",),
        registers=("AC_REG",),
        block_rams=("AC_MEM",),
        sprams=(),
        dsps=("AC_MUL",),
        distributed=("AC_TINY",),
        carry="AC_SUM",
        fewest_carries=lambda bits: (bits + 1) // 2,
    ),
    fabric=Fabric(
        block_cost=50,
        distributed=DistributedRam(words=16, bits=4, cost=3),
        registered_reads=False,
        wide_multiplexers=False,
        adders_invert=True,
        multiplier_bits=12,
        least_product_bits=0,
        rest_luts=5,
    ),
    costs=Costs(
        logic={"adders": 2.0, "muxes": 1.0, "luts": 1.0, "distributed": 4.0, "groups": 30.0},
        registers={"computed": 1.0, "copied": 1.0},
        expected_logic={"adders": 2.0, "muxes": 1.0, "luts": 1.0, "distributed": 4.0, "groups": 30.0},
    ),
    power={
        "oak1": DeviceCoefficients(
            static=_guess(7.0, "mW"),
            clock=_guess(0.1, "mW/MHz"),
            logic=_guess(0.001, "mW/MHz per active cell"),
            register=_guess(0.001, "mW/MHz per toggling register"),
            block_ram=_guess(3.0, "pJ/access"),
            spram=None,
            dsp=None,
        )
    },
    flow=Flow(
        synth="synth_acorn",
        place=FamilyTool("route-acorn", install="plant an oak"),
        pack=FamilyTool("pack-acorn", install="plant an oak", tells_version=False),
        place_words=_place_words,
        pack_words=_pack_words,
        pins_suffix=".pins",
        routed_suffix=".tree",
        pin_lines=_pin_lines,
        finish=_finish,
    ),
)
