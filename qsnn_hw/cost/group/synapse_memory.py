"""The synapse memory, and the sums over its banks."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, bits, columns
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.pieces import BLOCK_BITS


def add_synapses(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """Banks, the registers behind them, and the adder tree over event lanes."""
    width, events = plan.lanes * plan.weight_bits, plan.event_lanes
    for _, _, rows, wide in events * plan.synapse_memories:
        style: str = plan.synapse_style
        if style == "block" and wide * rows < BLOCK_BITS:
            style = ""
        add_memory(counts, limits, rows, wide, style=style, rom=plan.synapse_store == "rom")
    counts.depth_muxes += events * width * (plan.synapse_levels - 1)
    if plan.chooses_late:
        counts.copied += events * (plan.synapse_levels * (width + 1) + 1 + bits(plan.synapse_levels))
        counts.computed += events * width
    elif plan.registered_synapses:
        counts.copied += events * (columns(plan.synapse_rows, width) + 1)
    level, wide = events, plan.weight_bits
    while level > 1:
        level, wide = level // 2, wide + 1
        counts.adders += plan.lanes * level * wide
        counts.computed += plan.lanes * level * wide
