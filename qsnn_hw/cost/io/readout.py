"""The readout on the chip: spikes or potentials to a class."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.plan.io_plan import ReadoutPlan


def readout_counts(plan: ReadoutPlan) -> Counts:
    """Spikes or potentials to a class."""
    counts = Counts()
    label = address_bits(plan.classes)
    counts.computed += label + 2
    if plan.kind == "count":
        count = plan.count_bits
        # All counters of a slot take the same sum: a LUT makes it once, so their registers stand alone.
        counts.copied += (plan.classes - plan.slots) * count
        counts.computed += plan.slots * count + 1
        counts.adders += count
        # The counter that a spike belongs to is found twice: to be read and to be written.
        counts.muxes += plan.classes * (count * 2 / 3 + 5) + 2 * count + 3 * label
        for _ in range(plan.slots):
            counts.computed += 1 + 2 * count + label
            counts.copied += label
            counts.adders += 2 * count + label
        counts.adders += (plan.slots - 1) * (2 * count + label)
        counts.muxes += (plan.slots - 1) * (count + label)
    elif plan.kind == "first":
        counts.computed += label + 3
        counts.adders += label
        counts.muxes += 3 * label + 8
        counts.adders += (plan.slots - 1) * label
        counts.muxes += (plan.slots - 1) * (label + 1)
    else:
        # A tree of comparisons, one stage of registers for each, then the best of all rows.
        left = plan.lanes
        first = True
        while first or left > 1:
            pairs, left = left // 2, -(-left // 2)
            counts.adders += pairs * plan.v_bits + (plan.lanes * label if first and plan.lanes > 1 else 0)
            counts.muxes += pairs * (plan.v_bits + label + 1)
            counts.computed += pairs * (plan.v_bits + label + 1) + 2
            counts.copied += (left - pairs) * (plan.v_bits + label + 1)
            first = False
        counts.computed += plan.v_bits + label + 4
        counts.adders += 2 * plan.v_bits + label
    return counts
