"""How the integer update of a neuron is cut into pipeline stages, and what each needs.

The lanes are built from this list and the predictions count it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.quantize.network import NeuronDynamics


def state_fields(plan: GroupPlan) -> Mapping[str, int]:
    """What a neuron stores from step to step beside its accumulator, and how wide; may be empty.

    ``v``: the potential, unless the accumulator is it; ``current``: the synaptic current, unless the
    accumulator is it; ``over``: the neuron was reset late and its next step must know it; ``silent``:
    steps it still stays silent.
    """
    registers, neuron = plan.accumulators == "registers", plan.neuron
    fields = {}
    if registers or neuron.has_current:
        fields["v"] = neuron.v_bits
    if registers and neuron.has_current:
        fields["current"] = neuron.current_bits
    if not neuron.readout and (neuron.reset_retest or neuron.reset_drops_input):
        fields["over"] = 1
    if not neuron.readout and neuron.refractory:
        fields["silent"] = neuron.refractory.bit_length()
    return fields


class Step(NamedTuple):
    """One piece of the update: the values it reads and the parameters it needs."""

    name: str
    reads: frozenset[str]
    parameters: tuple[str, ...] = ()


class _Stages:
    """Stages as they fill: a step goes into the last one, or begins the next."""

    def __init__(self, plan: GroupPlan) -> None:
        self.quick = plan.accumulators == "registers"
        self.by_stage: list[list[Step]] = [[]]

    def add(self, name: str, reads: str, *parameters: str, cut: bool | None = None) -> None:
        """One more step, in a stage of its own or with ``cut``; None: where the group is quick."""
        if self.quick if cut is None else cut:
            self.by_stage.append([])
        self.by_stage[-1].append(Step(name, frozenset(reads.split()), parameters))

    @property
    def last(self) -> str:
        """Name of the last step."""
        return self.by_stage[-1][-1].name

    @property
    def first(self) -> bool:
        """Whether the next step is cut off because the comparison is right before it."""
        return self.quick or self.last.startswith("compare")


def update_stages(plan: GroupPlan) -> list[list[Step]]:
    """The update of a group cut into pipeline stages; stage 1 is the first.

    Groups with accumulators in registers are made for clock rate: one addition or comparison in a
    stage, and none in the first, which only takes what the memories show. Groups with accumulators in
    memory are made for area: up to the comparison, the reset, and leak with bias. Registers behind an
    adder share its logic cells, so the second cut is nearly free; the one between leak and bias is not
    (iCE40, two lanes of 14 bits, with a clamp: 493 logic cells and 36 MHz in two stages, 505 and 43 MHz
    in three, 546 and 56 MHz in four). Some also start with a stage that only
    takes (``GroupPlan.update_loads``), because block RAM and a clamp apart are slow on larger devices.
    """
    stages = _Stages(plan)
    _add_input(stages, plan)
    _add_comparison(stages, plan.neuron)
    _add_reset(stages, plan.neuron)
    _add_leak(stages, plan)
    return stages.by_stage


def _add_input(stages: _Stages, plan: GroupPlan) -> None:
    """The step's input onto what is stored."""
    neuron = plan.neuron
    if neuron.has_current:
        stages.add("current", "x current", cut=plan.update_loads)
        if neuron.current_low is not None:
            stages.add("clamp_current", "u")
    stages.add("sum", "x v over", cut=None if neuron.has_current else plan.update_loads)


def _add_comparison(stages: _Stages, neuron: NeuronDynamics) -> None:
    """Saturation and spikes."""
    # Behind the comparison of a sample's last step the next sample's first potential takes over.
    begin = () if neuron.start is None else ("start",)
    if not neuron.multi_spike:
        stages.add("compare", "v over silent", *(() if neuron.readout else ("threshold",)), *begin)
        return
    if neuron.v_low is not None:
        stages.add("clamp", "v")
    # A row of several spikes waits in the register in front, which loses one amount a cycle.
    stages.add("compare_many", "v over silent", "threshold", "reset_amount", *begin, cut=True)


def _add_reset(stages: _Stages, neuron: NeuronDynamics) -> None:
    """What a spike does to the potential, and its lower limit."""
    resets, late = neuron.resets, neuron.reset_delay or neuron.multi_spike
    if resets and (neuron.reset_retest or not late):
        amount = {"subtract": ("reset_amount",), "value": () if neuron.reset_retest else ("reset_value",)}
        reads = "v resets was_over shown fired shown_over"
        stages.add("reset", reads, *amount[neuron.reset], cut=stages.first)
    if neuron.v_min is not None:
        stages.add("floor", "v shown", "v_min", cut=stages.first)
    if resets and neuron.reset_retest:
        stages.add("retest", "v resets", "threshold", cut=stages.first)
    if resets and neuron.reset == "value" and neuron.reset_delay:
        stages.add("late_reset", "v over", "reset_value", cut=stages.first)


def _add_leak(stages: _Stages, plan: GroupPlan) -> None:
    """What leaks, and the bias: the state that is stored."""
    neuron = plan.neuron
    own = ("leak_numerators",) if neuron.leak_numerators is not None else ()
    of_current = ("current_leak_numerator",) if neuron.uniform_current_leak is None else ()
    if neuron.has_current or own or neuron.leak_numerator:
        # A choice between two values leaves time for the leak.
        stages.add("leak", "v u", *own, *of_current, cut=stages.last != "late_reset")
    late = neuron.resets and neuron.reset == "subtract" and (neuron.reset_delay or neuron.reset_retest)
    reads = "v u loss current_loss silent shown"
    if late or "over" in state_fields(plan):
        reads += " over"
    offset = ("bias", "fired_bias") if late else ("bias",)
    current_bias = ("current_bias",) if neuron.has_current else ()
    apart = stages.quick or stages.last not in ("leak", "late_reset")
    stages.add("next", reads, *offset, *current_bias, cut=apart)


def update_parameters(plan: GroupPlan) -> dict[str, np.ndarray]:
    """Values by slot of every parameter that :func:`update_stages` names."""
    neuron = plan.neuron
    # One parameter instead of a second subtraction.
    return {**neuron.arrays, "fired_bias": neuron.bias - neuron.reset_amount}


def compare_stage(plan: GroupPlan) -> int:
    """The stage, counted from 1, that finds the spikes."""
    for number, stage in enumerate(update_stages(plan), 1):
        if any(step.name.startswith("compare") for step in stage):
            return number
    raise AssertionError("every update compares")
