"""A neuron group, all of it."""

from dataclasses import dataclass

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.accumulate import add_memory_accumulators, add_register_accumulators
from qsnn_hw.cost.group.sweep import add_sweep
from qsnn_hw.cost.group.synapse_memory import add_synapses
from qsnn_hw.cost.group.walker import add_walker
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan


def group_counts(plan: GroupPlan, limits: Limits, *, potentials: bool = False) -> Counts:
    """Everything of one neuron group; ``potentials``: it shows them to a readout."""
    counts = Counts(groups=1)
    add_walker(counts, plan, limits)
    add_synapses(counts, plan, limits)
    if plan.accumulators == "registers":
        add_register_accumulators(counts, plan)
    else:
        add_memory_accumulators(counts, plan, limits)
    add_sweep(counts, plan, limits, potentials)
    return counts


@dataclass(frozen=True)
class GroupBlocks:
    """Memory blocks of one group: block and single-port RAMs of its synapses, block RAMs of its state."""

    synapses: int
    synapse_sprams: int
    state: int


def group_blocks(plan: GroupPlan, limits: Limits) -> GroupBlocks:
    """Which memories of a group take how many of the blocks that :func:`group_counts` counts."""
    synapses = Counts()
    add_synapses(synapses, plan, limits)
    return GroupBlocks(synapses.blocks, synapses.sprams, group_counts(plan, limits).blocks - synapses.blocks)
