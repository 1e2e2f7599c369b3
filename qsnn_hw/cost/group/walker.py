"""The walker: one for each projection, and the register behind several."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.projection_walkers import add_dense_walker, add_grid_walker, add_sparse_walker
from qsnn_hw.cost.primitives import bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan


def add_walker(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """Events to synapse operations."""
    row_bits, fold_bits = bits(plan.synapse_rows), bits(plan.folds)
    for projection in plan.projections:
        counts.control += plan.event_lanes * row_bits + fold_bits
        if projection.kind == "dense":
            add_dense_walker(counts, plan, projection)
        elif projection.kind == "sparse":
            add_sparse_walker(counts, plan, projection, limits)
        else:
            add_grid_walker(counts, plan, projection, limits)
    if len(plan.projections) > 1:
        counts.computed += row_bits + fold_bits + 4
        counts.muxes += (row_bits + fold_bits) * len(plan.projections)
