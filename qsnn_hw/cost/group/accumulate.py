"""Accumulators, in registers or in memory."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan


def add_register_accumulators(counts: Counts, plan: GroupPlan) -> None:
    """``RegisterAccumulators``."""
    widths = [plan.acc_bits] * plan.lanes if plan.acc_lane_bits is None else plan.acc_lane_bits.tolist()
    total = sum(widths)
    counts.adders += total
    counts.computed += total
    counts.copied += total + 8 + plan.synapse_latency
    if plan.update_rows > 1:
        # Pairs of words share a LUT, pairs of pairs an OR; a register for each row says which one.
        counts.muxes += total * 2 / 3
        counts.computed += plan.update_lanes * plan.acc_bits + plan.update_rows


def add_memory_accumulators(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """``MemoryAccumulators``."""
    word, row = plan.lanes * plan.acc_bits, bits(plan.update_rows)
    counts.adders += word
    counts.copied += plan.synapse_latency * (1 + bits(plan.folds))
    shares = plan.lanes // plan.update_lanes
    if plan.folds == 1:
        counts.computed += word + (row if shares > 1 else 0)
        counts.muxes += word
        if shares > 1:
            counts.muxes += word * 2 / 3
        return
    # Sums and updated words take turns at the write port.
    counts.muxes += word
    counts.control += 2 * bits(plan.folds) + 2 * row
    if shares > 1:
        counts.copied += (shares - 1) * plan.update_lanes * plan.acc_bits
        counts.muxes += word * 2 / 3
        if shares & (shares - 1):
            counts.computed += 2 * (bits(plan.folds) + bits(shares))
    add_memory(counts, limits, plan.folds, word, style=plan.neuron_memory)
