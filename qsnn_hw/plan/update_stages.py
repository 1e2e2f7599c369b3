"""How the integer update of a neuron is cut into pipeline stages, and what each needs.

The lanes are built from this list and the predictions count it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from qsnn_hw.plan.group_plan import GroupPlan


def has_current(plan: GroupPlan) -> bool:
    """Whether the group has a synaptic current."""
    return plan.current_leak_numerator is not None


def state_fields(plan: GroupPlan) -> Mapping[str, int]:
    """What a neuron stores from step to step beside its accumulator, and how wide; may be empty.

    ``v``: the potential, unless the accumulator is it; ``current``: the synaptic current, unless the
    accumulator is it; ``over``: the neuron was reset late and its next step must know it; ``silent``:
    steps it still stays silent.
    """
    registers = plan.accumulators == "registers"
    fields = {}
    if registers or has_current(plan):
        fields["v"] = plan.v_bits
    if registers and has_current(plan):
        fields["current"] = plan.current_bits
    if not plan.readout and (plan.reset_retest or plan.reset_drops_input):
        fields["over"] = 1
    if not plan.readout and plan.refractory:
        fields["silent"] = plan.refractory.bit_length()
    return fields


class Step(NamedTuple):
    """One piece of the update: the values it reads and the parameters it needs."""

    name: str
    reads: frozenset[str]
    parameters: tuple[str, ...] = ()


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
    quick = plan.accumulators == "registers"
    late_subtract = plan.reset == "subtract" and (plan.reset_delay or plan.reset_retest)
    stages: list[list[Step]] = [[]]

    def add(name: str, reads: str, *parameters: str, cut: bool = quick) -> None:
        if cut:
            stages.append([])
        stages[-1].append(Step(name, frozenset(reads.split()), parameters))

    def last() -> str:
        return stages[-1][-1].name

    def first() -> bool:
        return quick or last().startswith("compare")

    loads = plan.update_loads
    if has_current(plan):
        add("current", "x current", cut=loads)
        if plan.current_low is not None:
            add("clamp_current", "u")
    add("sum", "x v over", cut=quick if has_current(plan) else loads)
    if plan.multi_spike and plan.v_low is not None:
        add("clamp", "v")
    if plan.multi_spike:
        # A row of several spikes waits in the register in front, which loses one amount a cycle.
        add("compare_many", "v over silent", "threshold", "reset_amount", cut=True)
    else:
        add("compare", "v over silent", *(() if plan.readout else ("threshold",)))
    resets = not plan.readout and plan.reset != "none"
    if resets and (plan.reset_retest or not (plan.reset_delay or plan.multi_spike)):
        amount = {"subtract": ("reset_amount",), "value": () if plan.reset_retest else ("reset_value",)}
        add("reset", "v resets was_over shown fired shown_over", *amount[plan.reset], cut=first())
    if plan.v_min is not None:
        add("floor", "v shown", "v_min", cut=first())
    if resets and plan.reset_retest:
        add("retest", "v resets", "threshold", cut=first())
    if resets and plan.reset == "value" and plan.reset_delay:
        add("late_reset", "v over", "reset_value", cut=first())
    own = ("leak_numerators",) if plan.leak_numerators is not None else ()
    of_current = ("current_leak_numerator",) if uniform_current_leak(plan) is None else ()
    if has_current(plan) or own or plan.leak_numerator:
        # A choice between two values leaves time for the leak.
        add("leak", "v u", *own, *of_current, cut=last() != "late_reset")
    offset = ("bias", "fired_bias") if resets and late_subtract else ("bias",)
    over = "over" if "fired_bias" in offset or "over" in state_fields(plan) else ""
    apart = quick or last() not in ("leak", "late_reset")
    current_bias = ("current_bias",) if has_current(plan) else ()
    add("next", f"v u loss current_loss silent shown {over}", *offset, *current_bias, cut=apart)
    return stages


def uniform_current_leak(plan: GroupPlan) -> int | None:
    """The numerator of all currents' leaks; 0 without a current, None where neurons differ."""
    numerators = plan.current_leak_numerator
    if numerators is None:
        return 0
    return int(numerators[0]) if (numerators == numerators[0]).all() else None


def update_parameters(plan: GroupPlan) -> dict[str, np.ndarray]:
    """Values by slot of every parameter that :func:`update_stages` names."""
    values: dict[str, np.ndarray | None] = {
        name: getattr(plan, name)
        for name in ("threshold", "reset_amount", "reset_value", "bias", "v_min", "leak_numerators")
    }
    values |= {name: getattr(plan, name) for name in ("current_leak_numerator", "current_bias")}
    # One parameter instead of a second subtraction.
    values["fired_bias"] = plan.bias - plan.reset_amount
    return {name: v for name, v in values.items() if v is not None}


def compare_stage(plan: GroupPlan) -> int:
    """The stage, counted from 1, that finds the spikes."""
    for number, stage in enumerate(update_stages(plan), 1):
        if any(step.name.startswith("compare") for step in stage):
            return number
    raise AssertionError("every update compares")
