"""The analog target: crossbars of conductance pairs, analog neurons, spikes between them digital."""

from typing import TYPE_CHECKING

from qsnn_hw.targets.target import Target, TargetSteps

if TYPE_CHECKING:
    from qsnn_hw.report.section import Section


def _steps() -> TargetSteps:
    from qsnn_hw.build.steps.golden import DIAGNOSE, GOLDEN
    from qsnn_hw.build.steps.inputs import DATA, READ
    from qsnn_hw.build.steps.integers import QUANTIZE
    from qsnn_hw.targets.analog import steps as own
    from qsnn_hw.targets.analog.spice.steps import NETLIST, SPICE

    return TargetSteps(
        choices=(own.DEVICE, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE, own.CROSSBAR),
        goals={
            "generate": (own.WIRES, NETLIST),
            "build": (own.MODEL, own.WIRES, own.MONTE_CARLO, SPICE),
        },
        reported=(
            *(own.DEVICE, READ, DATA, QUANTIZE, GOLDEN, DIAGNOSE),
            *(own.CROSSBAR, own.MODEL, own.WIRES, own.MONTE_CARLO, NETLIST, SPICE),
        ),
    )


def _sections() -> "tuple[Section, ...]":
    from qsnn_hw.targets.analog.sections import SECTIONS

    return SECTIONS


ANALOG = Target(
    name="analog",
    summary="a crossbar of conductance pairs with analog neurons: mixed signal, with its Monte-Carlo",
    steps=_steps,
    sections=_sections,
    takes=("device", "levels", "sigma", "tile", "remedies", "chips", "spice_samples", "neuron"),
    without=(
        *("lanes", "update_lanes", "event_lanes", "accumulators", "optimize", "cycle_budget", "weights"),
        *("encoder", "steps", "encoder_floor", "encoder_shift", "encoder_seed", "encoder_buffers"),
        *("buffer_depth", "simulator"),
    ),
)
