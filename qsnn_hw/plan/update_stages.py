"""The pipeline stages of a neuron's update, as far as predictions need them.

``rtl/lane_stages.py`` says how the update is cut and why; stages of the plan cannot import it. What
stands here is the same list in names and reads, and ``tests/plan/test_plan_predict.py`` holds the two
together.
"""

from collections.abc import Mapping

from qsnn_hw.plan.group_plan import GroupPlan

Stage = list[tuple[str, frozenset[str], tuple[str, ...]]]
"""(step, values it reads, parameters it needs) of one stage."""


def state_fields(plan: GroupPlan) -> Mapping[str, int]:
    """What a neuron stores beside its accumulator, and how wide."""
    registers, current = plan.accumulators == "registers", plan.current_leak_numerator is not None
    fields = {}
    if registers or current:
        fields["v"] = plan.v_bits
    if registers and current:
        fields["current"] = plan.current_bits
    if not plan.readout and (plan.reset_retest or plan.reset_drops_input):
        fields["over"] = 1
    if not plan.readout and plan.refractory:
        fields["silent"] = plan.refractory.bit_length()
    return fields


def update_stages(plan: GroupPlan) -> list[Stage]:
    """The stages of a group's update; stage 1 is the first."""
    quick = plan.accumulators == "registers"
    current = plan.current_leak_numerator is not None
    late_subtract = plan.reset == "subtract" and (plan.reset_delay or plan.reset_retest)
    stages: list[Stage] = [[]]

    def add(name: str, reads: str, *parameters: str, cut: bool = quick) -> None:
        if cut:
            stages.append([])
        stages[-1].append((name, frozenset(reads.split()), parameters))

    def first() -> bool:
        return quick or stages[-1][-1][0].startswith("compare")

    loads = plan.update_loads
    if current:
        add("current", "x current", cut=loads)
    add("sum", "x v over", cut=quick if current else loads)
    if plan.multi_spike and plan.v_low is not None:
        add("clamp", "v")
    if plan.multi_spike:
        add("compare_many", "v over silent", "threshold", "reset_amount", cut=True)
    else:
        add("compare", "v over silent", *(() if plan.readout else ("threshold",)))
    resets = not plan.readout and plan.reset != "none"
    if resets and (plan.reset_retest or not (plan.reset_delay or plan.multi_spike)):
        value = () if plan.reset_retest else ("reset_value",)
        amount = ("reset_amount",) if plan.reset == "subtract" else value
        add("reset", "v resets was_over shown fired shown_over", *amount, cut=first())
    if plan.v_min is not None:
        add("floor", "v shown", "v_min", cut=first())
    if resets and plan.reset_retest:
        add("retest", "v resets", "threshold", cut=first())
    if resets and plan.reset == "value" and plan.reset_delay:
        add("late_reset", "v over", "reset_value", cut=first())
    own = ("leak_numerators",) if plan.leak_numerators is not None else ()
    numerators = plan.current_leak_numerator
    same = numerators is None or bool((numerators == numerators[0]).all())
    of_current = () if same else ("current_leak_numerator",)
    if current or own or plan.leak_numerator:
        add("leak", "v u", *own, *of_current, cut=stages[-1][-1][0] != "late_reset")
    offset = ("bias", "fired_bias") if resets and late_subtract else ("bias",)
    over = "over" if "fired_bias" in offset or "over" in state_fields(plan) else ""
    apart = quick or stages[-1][-1][0] not in ("leak", "late_reset")
    current_bias = ("current_bias",) if current else ()
    add("next", f"v u loss current_loss silent shown {over}", *offset, *current_bias, cut=apart)
    return stages


def compare_stage(plan: GroupPlan) -> int:
    """The stage, counted from 1, that finds the spikes."""
    for number, stage in enumerate(update_stages(plan), 1):
        if any(name.startswith("compare") for name, _, _ in stage):
            return number
    raise AssertionError("every update compares")
