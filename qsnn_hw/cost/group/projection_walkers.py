"""Walkers of one projection. A place of which there is one has no bits: its register is a constant."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, add_product, bits, table_luts
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import AxisTable, GroupPlan, ProjectionPlan
from qsnn_hw.plan.pieces import BLOCK_BITS


def add_dense_walker(counts: Counts, plan: GroupPlan, projection: ProjectionPlan) -> None:
    """``DenseWalker``."""
    row_bits, fold_bits = bits(plan.synapse_rows), bits(plan.folds)
    # The bits below a fold's rows come from the address and stay.
    step = projection.rows_per_fold
    still = row_bits if plan.folds == 1 else min(row_bits, (step & -step).bit_length() - 1)
    counts.copied += plan.event_lanes * still
    counts.computed += plan.event_lanes * (row_bits - still + 1) + fold_bits + 3
    if plan.folds > 1:
        counts.adders += plan.event_lanes * (row_bits - still) + fold_bits
        counts.muxes += plan.event_lanes * (row_bits - still)


def add_sparse_walker(counts: Counts, plan: GroupPlan, projection: ProjectionPlan, limits: Limits) -> None:
    """``SparseWalker``: a table of rows for each event, one of folds for each row."""
    assert projection.counts is not None
    assert projection.row_folds is not None
    row_bits, fold_bits = bits(plan.synapse_rows), bits(plan.folds)
    _add_stages(counts, plan)
    left = max(1, bits(max(1, int(projection.counts.max(initial=1)))))
    counts.computed += row_bits + left
    counts.adders += 2 * (row_bits + left)
    for depth, width in ((projection.size, row_bits + left + 1), (len(projection.row_folds), fold_bits)):
        style = "block" if depth * width >= BLOCK_BITS else ""
        add_memory(counts, limits, max(1, depth), width, style=style, rom=True)


def add_grid_walker(counts: Counts, plan: GroupPlan, projection: ProjectionPlan, limits: Limits) -> None:
    """``GridWalker``: tables of both axes, and the synapse row that they add up to."""
    assert projection.rows is not None
    assert projection.columns is not None
    row_bits, fold_bits = bits(plan.synapse_rows), bits(plan.folds)
    _add_stages(counts, plan)
    for axis in (projection.rows, projection.columns):
        _add_axis(counts, plan, axis, limits)
    counts.computed += 2 * row_bits
    add_product(counts, row_bits - projection.rows_per_channel.bit_length(), projection.rows_per_channel)
    counts.adders += row_bits + fold_bits


def _add_axis(counts: Counts, plan: GroupPlan, axis: AxisTable, limits: Limits) -> None:
    """The walk along one axis."""
    row_bits, fold_bits = bits(plan.synapse_rows), bits(plan.folds)
    pair, left = max(1, bits(len(axis.row))), max(1, bits(max(1, int(axis.count.max()))))
    counts.computed += 2 * pair + 3 * left + 1 + row_bits + fold_bits
    counts.adders += pair + left + row_bits + fold_bits
    for words in (axis.start, axis.count - 1, axis.row, axis.fold):
        counts.luts += table_luts(words, wide=limits.family.fabric.wide_multiplexers)
    counts.muxes += pair + left


def _add_stages(counts: Counts, plan: GroupPlan) -> None:
    """The stages of a walker that looks up, walks, adds and puts out."""
    row_bits, fold_bits = bits(plan.synapse_rows), bits(plan.folds)
    counts.computed += plan.event_lanes * row_bits + fold_bits + plan.event_lanes + 3
    counts.copied += row_bits + 12
