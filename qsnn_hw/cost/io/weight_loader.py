"""The loader of synapse memories."""

from collections.abc import Sequence

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import bits
from qsnn_hw.plan.group_plan import GroupPlan


def loader_counts(groups: Sequence[GroupPlan]) -> Counts:
    """Bytes into the synapse memories of ``groups``; nothing where there are none."""
    counts = Counts()
    if not groups:
        return counts
    widest = max(-(-group.lanes * group.weight_bits // 8) for group in groups)
    banks = sum(group.event_lanes for group in groups)
    place, row = bits(max(2, widest)), max(max(1, bits(group.synapse_rows)) for group in groups)
    counted = place + row + bits(banks + 1)
    counts.copied += 8 * (widest - 1)
    counts.computed += counted
    counts.adders += counted
    counts.control += counted
    counts.muxes += 2 * banks
    return counts
