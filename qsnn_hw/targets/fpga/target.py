"""The FPGA target: an iCE40 or ECP5 board, by yosys and nextpnr."""

from typing import TYPE_CHECKING

from qsnn_hw.targets.target import Target, TargetSteps

if TYPE_CHECKING:
    from qsnn_hw.report.section import Section


def _steps() -> TargetSteps:
    """The whole build on one screen."""
    from qsnn_hw.build.steps.golden import DIAGNOSE, GOLDEN
    from qsnn_hw.build.steps.inputs import DATA, READ
    from qsnn_hw.build.steps.integers import QUANTIZE
    from qsnn_hw.targets.fpga.steps import BOARD, CALIBRATION, IMPLEMENT, PLAN, REFERENCE, VERIFY, VERILOG

    return TargetSteps(
        choices=(BOARD, CALIBRATION, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, PLAN),
        goals={
            "generate": (VERILOG,),
            "simulate": (VERIFY,),
            "verify": (REFERENCE,),
            "synth": (IMPLEMENT,),
            "build": (VERIFY, IMPLEMENT),
        },
        reported=(BOARD, CALIBRATION, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, PLAN, VERIFY, IMPLEMENT),
    )


def _sections() -> "tuple[Section, ...]":
    from qsnn_hw.targets.fpga.sections import SECTIONS

    return SECTIONS


FPGA = Target(
    name="fpga",
    summary="a bitstream for a board with an iCE40 or ECP5",
    steps=_steps,
    sections=_sections,
    needs=("board",),
    takes=("lut_budget", "power"),
)
