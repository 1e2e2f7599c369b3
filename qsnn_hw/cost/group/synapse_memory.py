"""The synapse memory, and the sums over its banks."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, columns
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.pieces import BLOCK_BITS, pieces


def add_synapses(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """Banks, the registers behind them, and the adder tree over event lanes."""
    width, events = plan.lanes * plan.weight_bits, plan.event_lanes
    for _, _, rows, wide in events * pieces(plan.synapse_shape, plan.synapse_rows, width):
        style: str = plan.synapse_style
        if style == "block" and wide * rows < BLOCK_BITS:
            style = ""
        add_memory(counts, limits, rows, wide, style=style, rom=plan.synapse_store == "rom")
    if plan.synapse_shape:
        counts.depth_muxes += events * width * (-(-plan.synapse_rows // plan.synapse_shape[0]) - 1)
    if plan.registered_synapses:
        counts.copied += events * (columns(plan.synapse_rows, width) + 1)
    level, wide = events, plan.weight_bits
    while level > 1:
        level, wide = level // 2, wide + 1
        counts.adders += plan.lanes * level * wide
        counts.computed += plan.lanes * level * wide
