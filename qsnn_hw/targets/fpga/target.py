"""The FPGA target: a board of a family in ``qsnn_hw/families/``, by yosys and nextpnr."""

from typing import TYPE_CHECKING

from qsnn_hw.targets.target import Target, TargetSteps

if TYPE_CHECKING:
    from qsnn_hw.report.section import Section


def _steps() -> TargetSteps:
    """The whole build on one screen."""
    from qsnn_hw.build.steps.golden import DIAGNOSE, GOLDEN
    from qsnn_hw.build.steps.inputs import DATA, READ
    from qsnn_hw.build.steps.integers import QUANTIZE
    from qsnn_hw.targets.fpga import steps as own

    return TargetSteps(
        choices=(own.BOARD, own.CALIBRATION, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, own.PLAN, own.CLOCK),
        goals={
            "generate": (own.VERILOG, own.DESIGN),
            "simulate": (own.VERIFY,),
            "verify": (own.REFERENCE,),
            "synth": (own.IMPLEMENT,),
            "build": (own.VERIFY, own.IMPLEMENT),
        },
        reported=(
            *(own.CLOCK, own.CALIBRATION, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE),
            *(own.PLAN, own.VERIFY, own.IMPLEMENT),
        ),
        settling=(own.CLOCK, own.ROUTE),
    )


def _sections() -> "tuple[Section, ...]":
    from qsnn_hw.targets.fpga.sections import SECTIONS

    return SECTIONS


FPGA = Target(
    name="fpga",
    summary="a bitstream for a board",
    steps=_steps,
    sections=_sections,
    needs=("board",),
    takes=("lut_budget", "power", "clock_mhz", "link", "sleep", "baud", "seed_search"),
)
