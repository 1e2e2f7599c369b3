"""The encoder of a sweep: a row of spiking lanes becomes words."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import bits
from qsnn_hw.plan.group_plan import GroupPlan


def add_spike_encoder(counts: Counts, plan: GroupPlan, base: int) -> None:
    """Mask, priority, address; ``base``: bits of a row's first address that differ between rows."""
    lanes, address = plan.update_lanes, max(1, bits(plan.space.size))
    counts.computed += lanes + 2
    counts.muxes += 2.5 * lanes + plan.output_lanes * address
    if plan.spare_row:
        counts.computed += base
        counts.copied += lanes + base + 3
        counts.muxes += lanes + base + 2
    else:
        counts.copied += base
