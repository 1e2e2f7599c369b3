"""The ASIC target: crossbar tiles of neurons and synapses, for any standard-cell library."""

from typing import TYPE_CHECKING

from qsnn_hw.targets.target import Target, TargetSteps

if TYPE_CHECKING:
    from qsnn_hw.report.section import Section


def _steps() -> TargetSteps:
    """The whole build on one screen."""
    from qsnn_hw.build.steps.golden import DIAGNOSE, GOLDEN
    from qsnn_hw.build.steps.inputs import DATA, READ
    from qsnn_hw.build.steps.integers import QUANTIZE
    from qsnn_hw.targets.asic import steps as own
    from qsnn_hw.targets.asic import steps_implement as cells

    return TargetSteps(
        choices=(cells.CELLS, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, own.PLAN, own.TILES),
        goals={
            "generate": (own.VERILOG,),
            "simulate": (own.VERIFY,),
            "verify": (own.REFERENCE,),
            "synth": (cells.HAND_OVER,),
            "build": (own.VERIFY, cells.HAND_OVER),
        },
        reported=(
            *(READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, own.PLAN, own.TILES, own.VERIFY),
            *(cells.GATES, cells.IMPLEMENT),
        ),
    )


def _sections() -> "tuple[Section, ...]":
    from qsnn_hw.targets.asic.sections import SECTIONS

    return SECTIONS


_INSTEAD = {
    "lanes": "a tile has as many columns as --tile says, and --neurons how they work",
    "update_lanes": "--neurons says how many neuron circuits there are",
    "event_lanes": "a crossbar tile takes one event a cycle",
    "accumulators": "a column is its neuron's state",
    "encoder": "it keeps pixels in block RAM, which a chip has not; send spikes",
    "weights": "--synapses says where they are",
}

ASIC = Target(
    name="asic",
    summary="crossbar tiles of neurons and synapses, as Verilog with memory macros",
    steps=_steps,
    sections=_sections,
    takes=("tile", "synapses", "neurons", "pdk", "liberty", "gate_samples"),
    without=tuple(_INSTEAD),
    instead=_INSTEAD,
)
