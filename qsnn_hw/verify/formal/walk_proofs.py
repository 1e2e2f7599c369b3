"""The walkers of all kinds of projections, alone and together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qsnn_hw.plan import AddressSpace, GroupPlan, ProjectionPlan
from qsnn_hw.plan.group_plan import AxisTable
from qsnn_hw.rtl.group import projection_walkers
from qsnn_hw.rtl.group import walker as walker_module
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.sum_proofs import sum_plan
from qsnn_hw.verify.formal.walk_properties import WalkExact, WalkOrder


def _whole(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def _dense(offset: int, size: int, first_row: int, rows_per_fold: int) -> ProjectionPlan:
    return ProjectionPlan("dense", offset, size, first_row, rows_per_fold=rows_per_fold)


# No rows, one, three that go to and fro.
_SPARSE = ProjectionPlan(
    "sparse",
    0,
    3,
    1,
    starts=_whole(1, 1, 2),
    counts=_whole(0, 1, 3),
    row_folds=_whole(2, 1, 0, 1),
)
# Two channels on 2 x 2 positions and two channel folds; the last column reaches nothing.
_GRID_SPACE = AddressSpace((2, 2, 2))
_GRID = ProjectionPlan(
    "grid",
    0,
    _GRID_SPACE.size,
    1,
    space=_GRID_SPACE,
    rows=AxisTable(_whole(0, 1), _whole(1, 2), _whole(0, 0, 4), _whole(0, 4, 0)),
    columns=AxisTable(_whole(0, 2), _whole(2, 0), _whole(0, 2), _whole(2, 0)),
    rows_per_channel=8,
    channel_folds=2,
)


def walk_plan(folds: int, *projections: ProjectionPlan, rows: int, event_lanes: int = 1) -> GroupPlan:
    """A group whose walker is all that matters."""
    plan = sum_plan("memory", 1, folds, 1, event_lanes)
    last = projections[-1]
    channel_folds = max(projection.channel_folds for projection in projections)
    return replace(
        plan,
        sources=last.offset + last.size,
        projections=projections,
        channel_folds=channel_folds if channel_folds > 1 else folds,
        synapses=np.zeros((event_lanes, rows, 1), dtype=np.int16),
    )


# With the cycles of a bounded proof, None where an invariant is found.
WALK_PLANS: dict[str, tuple[GroupPlan, int | None, str]] = {
    "dense": (walk_plan(3, _dense(0, 3, 1, 4), rows=13), None, "3 addresses, 3 folds"),
    "dense_one_fold": (walk_plan(1, _dense(0, 3, 2, 0), rows=5), None, "3 addresses, 1 fold"),
    "dense_lanes": (
        walk_plan(2, _dense(0, 5, 0, 3), rows=6, event_lanes=2),
        None,
        "5 addresses, 2 folds, 2 banks",
    ),
    "sparse": (walk_plan(3, _SPARSE, rows=5), None, "3 addresses, 4 rows, 3 folds"),
    "grid": (walk_plan(8, _GRID, rows=17), None, "2x2x2 addresses, 8 folds"),
    "sparse_and_dense": (walk_plan(3, _SPARSE, _dense(3, 2, 5, 2), rows=11), 12, "3 + 2 addresses, 3 folds"),
}


def walk_of(plan: GroupPlan) -> Callable[[Any], Harness]:
    """Makes the harness of a group's walker."""

    def build(module: Any) -> Harness:
        kinds = dict(walker_module._KINDS)
        names = {"dense": "DenseWalker", "grid": "GridWalker", "sparse": "SparseWalker"}
        walker = getattr(module, "Walker", walker_module.Walker)
        table = getattr(module, "_KINDS", walker_module._KINDS)
        # The walker of a kind, or what joins them, may be a changed copy.
        table.update({kind: getattr(module, name, kinds[kind]) for kind, name in names.items()})
        try:
            ordered = len(plan.projections) == 1 and plan.event_lanes == 1
            harness = (WalkOrder if ordered else WalkExact)(walker(plan), plan)
            return harness.elaborated()
        finally:
            table.update(kinds)

    return build


WALK_PROOFS = tuple(
    Proof(
        f"walker_{name}",
        walker_module if len(plan.projections) > 1 else projection_walkers,
        walk_of(plan),
        "bmc" if depth else "prove",
        depth or 0,
        width,
        fast=name == "dense",
        solver="minisat" if depth else "pdr",
    )
    for name, (plan, depth, width) in WALK_PLANS.items()
)
