"""One neuron lane: the update, stage by stage."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.lane_steps import TESTED, add_step, left_by, made_by_logic
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, state_fields, update_stages


def lane_counts(plan: GroupPlan, limits: Limits, *, potentials: bool = False) -> Counts:
    """One neuron lane; registers stage by stage, as ``NeuronLane`` keeps them.

    With ``potentials`` it also carries to its end what a readout is shown.
    """
    counts = Counts(lanes=1)
    stages, stored = update_stages(plan), state_fields(plan)
    v = plan.neuron.v_bits
    values = {"x": plan.acc_bits, **stored}
    fresh: set[str] = set()
    compared = compare_stage(plan)
    for number, stage in enumerate(stages, 1):
        fresh = set()
        for name, _, _ in stage:
            left = left_by(plan, name, values)
            values |= left
            # What a comparison reads in the stage that makes it cannot share a cell with its register.
            fresh = fresh - TESTED.get(name, frozenset()) | (left.keys() & made_by_logic(plan, name))
            add_step(counts, plan, name, values, limits)
        if number == compared:
            counts.computed += 1
        live = {name for later in stages[number:] for _, reads, _ in later for name in reads}
        if number == len(stages):
            live = {*stored, *(("acc",) if plan.accumulators == "memory" else ())}
        values = {name: width for name, width in values.items() if name in live}
        for name, width in values.items():
            if name in fresh:
                counts.computed += width
            else:
                counts.copied += width
    if potentials:
        counts.copied += v * (len(stages) - compared + 1)
        for name in {step.name for stage in stages for step in stage} & {"reset", "floor"}:
            add_step(counts, plan, name, {}, limits)
    return counts
