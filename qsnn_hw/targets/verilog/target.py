"""The Verilog target: the network with AER streams and with AXI4-Stream, to go into any chip."""

from typing import TYPE_CHECKING

from qsnn_hw.targets.target import Target, TargetSteps

if TYPE_CHECKING:
    from qsnn_hw.report.section import Section


def _steps() -> TargetSteps:
    from qsnn_hw.build.steps.golden import DIAGNOSE, GOLDEN
    from qsnn_hw.build.steps.inputs import DATA, READ
    from qsnn_hw.build.steps.integers import QUANTIZE
    from qsnn_hw.build.steps.plan import PLAN
    from qsnn_hw.build.steps.verilog import VERILOG
    from qsnn_hw.targets.verilog.steps import REFERENCE, VERIFY

    return TargetSteps(
        choices=(READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, PLAN),
        goals={
            "generate": (VERILOG,),
            "simulate": (VERIFY,),
            "verify": (REFERENCE,),
            "build": (VERIFY,),
        },
        reported=(READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, PLAN, VERIFY),
    )


def _sections() -> "tuple[Section, ...]":
    from qsnn_hw.report.sections import CLOSING, OPENING
    from qsnn_hw.targets.verilog.sections import cycles

    return (*OPENING, cycles.SECTION, *CLOSING)


VERILOG_TARGET = Target(
    name="verilog",
    summary="the network alone, for a design of your own: AER or AXI4-Stream, no board, no device",
    steps=_steps,
    sections=_sections,
)
