# amaranth: UnusedElaboratable=no
"""Walkers against an enumeration of the plan's own definition of projections."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import AxisTable, GroupPlan, ProjectionPlan
from qsnn_hw.rtl.group.links import SynapseOperation
from qsnn_hw.rtl.group.walker import Walker
from qsnn_hw.rtl.stream.aer import AerLayout
from tests.support.operations import Op, group_plan
from tests.support.streams import PACES, Pace, clocked, exchange

# A step is a list of words, a word the set of addresses in it.
Steps = list[list[list[int]]]


def operations(plan: GroupPlan, word: list[int]) -> Iterator[Op]:
    """What a word of events does, by the docstring of ProjectionPlan."""
    lanes = plan.event_lanes
    projection = [p for p in plan.projections if p.offset <= word[0]][-1]
    first = projection.first_row
    at = word[0] - projection.offset
    if projection.kind == "dense":
        for fold in range(plan.folds):
            base = first + fold * projection.rows_per_fold
            banks = {(a - projection.offset) % lanes: (a - projection.offset) // lanes for a in word}
            yield Op(fold, {bank: base + row for bank, row in banks.items()})
    elif projection.kind == "sparse":
        for row in range(projection.starts[at], projection.starts[at] + projection.counts[at]):
            yield Op(int(projection.row_folds[row - first]), {0: int(row)})
    else:
        space, rows, columns = projection.space, projection.rows, projection.columns
        channel, y, x = (int(v) for v in np.argwhere(space.addresses().reshape(space.shape) == at)[0])
        for r in range(rows.start[y], rows.start[y] + rows.count[y]):
            for c in range(columns.start[x], columns.start[x] + columns.count[x]):
                for k in range(projection.channel_folds):
                    row = first + channel * projection.rows_per_channel + rows.row[r] + columns.row[c] + k
                    yield Op(int(rows.fold[r] + columns.fold[c] + k), {0: int(row)})


def aer_words(plan: GroupPlan, steps: Steps, lasts: list[bool]) -> list[int]:
    layout = AerLayout(plan.sources, plan.event_lanes)
    words = []
    for step, last in zip(steps, lasts, strict=True):
        for word in step:
            if plan.event_lanes == 1:
                fields = {"address": word[0]}
            else:
                fields = {f"address{a % plan.event_lanes}": a // plan.event_lanes for a in word}
                fields["present"] = sum(1 << a % plan.event_lanes for a in word)
            words.append(layout.const(fields).as_value().value)
        slot = "address" if plan.event_lanes == 1 else "address0"
        words.append(layout.const({slot: int(last), "tick": 1}).as_value().value)
    return words


def expected(plan: GroupPlan, steps: Steps, lasts: list[bool]) -> list[list[Op]]:
    return [
        [op for word in step for op in operations(plan, word)] + [Op.of_tick(last)]
        for step, last in zip(steps, lasts, strict=True)
    ]


def check(plan: GroupPlan, steps: Steps, pace: Pace) -> None:
    lasts = [index % 2 == 1 for index in range(len(steps))]
    wanted = expected(plan, steps, lasts)
    dut = Walker(plan)
    total = sum(len(step) for step in wanted)
    (received,) = exchange(
        dut, [(dut.i, aer_words(plan, steps, lasts))], [(dut.o, total)], pace, limit=20_000
    )
    layout = SynapseOperation(plan)
    got = [Op.decode(plan, layout, word) for word in received]
    if len(plan.projections) > 1:
        # Only the order of operations within a step is free.
        ends = np.cumsum([len(step) for step in wanted])
        got = [
            op for end, step in zip(ends, wanted, strict=True) for op in sorted(got[end - len(step) : end])
        ]
        wanted = [sorted(step) for step in wanted]
    assert got == [op for step in wanted for op in step]


def axis(draw: Any, positions: int, folds: int, rows: int) -> AxisTable:
    count = np.array(draw(st.lists(st.integers(0, 3), min_size=positions, max_size=positions)))
    pairs = max(1, int(count.sum()))
    values = [
        np.array(draw(st.lists(st.integers(0, top), min_size=pairs, max_size=pairs))) for top in (folds, rows)
    ]
    return AxisTable(np.cumsum(count) - count, count, *values)


@st.composite
def grids(draw: Any, offset: int = 0, first_row: int = 0, folds: int = 40) -> tuple[ProjectionPlan, int]:
    """A grid projection and the number of rows it uses; folds below ``folds``."""
    space = AddressSpace(tuple(draw(st.integers(1, 5)) for _ in range(3)))
    inner, per_channel = draw(st.integers(1, 3)), draw(st.integers(1, 23))
    rows, columns = axis(draw, space.shape[1], 20, 9), axis(draw, space.shape[2], 16, 9)
    used = space.shape[0] * per_channel + 9 + 9 + inner
    projection = ProjectionPlan(
        *("grid", offset, space.size, first_row),
        space=space,
        rows=rows,
        columns=columns,
        rows_per_channel=per_channel,
        channel_folds=inner,
    )
    return projection, used


@st.composite
def sparses(draw: Any, offset: int = 0, first_row: int = 0, folds: int = 40) -> tuple[ProjectionPlan, int]:
    size = draw(st.integers(1, 12))
    counts = np.array(draw(st.lists(st.integers(0, 4), min_size=size, max_size=size)))
    rows = max(1, int(counts.sum()))
    projection = ProjectionPlan(
        *("sparse", offset, size, first_row),
        starts=first_row + np.cumsum(counts) - counts,
        counts=counts,
        row_folds=np.array(draw(st.lists(st.integers(0, folds - 1), min_size=rows, max_size=rows))),
    )
    return projection, rows


@st.composite
def denses(draw: Any, offset: int = 0, first_row: int = 0, folds: int = 1) -> tuple[ProjectionPlan, int]:
    size = draw(st.integers(1, 9))
    return ProjectionPlan("dense", offset, size, first_row, rows_per_fold=size), size * folds


def addresses(projection: ProjectionPlan) -> list[int]:
    """The addresses that may come: those of a grid have gaps."""
    space = projection.space
    inside = range(projection.size) if space is None else space.addresses().tolist()
    return [projection.offset + a for a in inside]


def run(draw: Any, plan: GroupPlan) -> None:
    known = [a for p in plan.projections for a in addresses(p)]
    event = st.sampled_from(known).map(lambda a: [a])
    steps = draw(st.lists(st.lists(event, max_size=8), min_size=1, max_size=4))
    check(plan, steps, draw(st.sampled_from(PACES)))


@pytest.mark.parametrize("kind", [grids, sparses])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_one_projection(kind: Any, data: Any) -> None:
    projection, rows = data.draw(kind())
    run(data.draw, group_plan(projections=(projection,), rows=rows, folds=40))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_several_projections(data: Any) -> None:
    offset = first_row = 0
    folds = data.draw(st.sampled_from([1, 40]))
    kinds = [grids, sparses, denses] if folds > 1 else [denses]
    found = []
    for kind in data.draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=3)):
        projection, rows = data.draw(kind(offset, first_row, folds=folds))
        found.append(projection)
        offset, first_row = offset + projection.size, first_row + rows
    run(data.draw, group_plan(projections=tuple(found), rows=first_row, folds=folds))


@pytest.mark.parametrize("pace", PACES)
def test_a_tick_waits_for_the_slower_projection(pace: Pace) -> None:
    slow = ProjectionPlan(
        *("sparse", 0, 4, 0), starts=np.arange(4) * 3, counts=np.full(4, 3), row_folds=np.arange(12) % 2
    )
    fast = ProjectionPlan("dense", 4, 3, 12, rows_per_fold=3)
    plan = group_plan(projections=(slow, fast), rows=18, folds=2)
    check(plan, [[[5], [0]], [[4], [5]], [[1]], [[2], [6]]], pace)


def dense_plan(sources: int, folds: int, event_lanes: int, first_row: int = 0) -> GroupPlan:
    per_fold = -(-sources // event_lanes)
    projection = ProjectionPlan("dense", 0, sources, first_row, rows_per_fold=per_fold)
    return group_plan(
        projections=(projection,), rows=first_row + per_fold * folds, folds=folds, event_lanes=event_lanes
    )


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(
    ("sources", "folds", "event_lanes"), [(1, 1, 1), (9, 1, 1), (9, 3, 1), (11, 1, 2), (11, 2, 2), (13, 3, 4)]
)
def test_dense(sources: int, folds: int, event_lanes: int, pace: Pace) -> None:
    rng = np.random.default_rng(sources + folds)
    steps: Steps = []
    for length in (3, 0, 5, 1):
        step = []
        for _ in range(length):
            base = event_lanes * int(rng.integers(0, -(-sources // event_lanes)))
            inside = [a for a in range(base, base + event_lanes) if a < sources]
            step.append(sorted(rng.permutation(inside)[: rng.integers(1, len(inside) + 1)].tolist()))
        steps.append(step)
    check(dense_plan(sources, folds, event_lanes, first_row=5), steps, pace)


def _cycles(plan: GroupPlan, steps: Steps) -> int:
    """Clock cycles from the first word taken to the last operation offered, both at full speed."""
    dut = Walker(plan)
    words = aer_words(plan, steps, [False] * len(steps))
    count = sum(map(len, expected(plan, steps, [False] * len(steps))))
    simulator = clocked(dut)
    ends: list[int] = []

    async def send(ctx: Any) -> None:
        for word in words:
            ctx.set(dut.i.valid, 1)
            ctx.set(Value.cast(dut.i.payload), word)
            taken = False
            while not taken:
                _, _, taken = await ctx.tick().sample(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def receive(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        got = cycle = 0
        while got < count:
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            cycle, got = cycle + 1, got + valid
            assert cycle < 2000
        ends.append(cycle)

    simulator.add_testbench(send, background=True)
    simulator.add_testbench(receive)
    simulator.run()
    return ends[0]


def _line(counts: list[int]) -> AxisTable:
    count = np.array(counts)
    pairs = int(count.sum())
    return AxisTable(np.cumsum(count) - count, count, np.arange(pairs), np.arange(pairs))


def _throughput_plans() -> dict[str, tuple[GroupPlan, int]]:
    """Plans of 4 addresses with 1, 0, 2 and 1 operations (dense: 1 each, or 2), and their latency."""
    counts = np.array([1, 0, 2, 1])
    sparse = ProjectionPlan(
        *("sparse", 0, 4, 0), starts=np.cumsum(counts) - counts, counts=counts, row_folds=np.arange(4)
    )
    grid = ProjectionPlan(
        *("grid", 0, 4, 0),
        space=AddressSpace((1, 1, 4)),
        rows=_line([1]),
        columns=_line(counts.tolist()),
        rows_per_channel=4,
    )
    return {
        "dense": (dense_plan(4, 1, 1), 1),
        "dense folded": (dense_plan(4, 2, 1), 1),
        "sparse": (group_plan(projections=(sparse,), rows=4, folds=4), 4),
        "grid": (group_plan(projections=(grid,), rows=8, folds=8), 4),
    }


@pytest.mark.parametrize("name", _throughput_plans())
def test_no_cycle_is_lost_between_events(name: str) -> None:
    plan, latency = _throughput_plans()[name]
    steps: Steps = [[[0], [3], [2], [0], [0], [3]], [], [[3], [1], [1], [0]], [[2]] * 5]
    wanted = sum(max(1, len(list(operations(plan, word)))) for step in steps for word in step) + len(steps)
    assert _cycles(plan, steps) == wanted + latency


def test_several_projections_lose_no_cycle_either() -> None:
    first = ProjectionPlan("dense", 0, 4, 0, rows_per_fold=4)
    second = ProjectionPlan("dense", 4, 3, 4, rows_per_fold=3)
    plan = group_plan(projections=(first, second), rows=7, folds=1)
    steps: Steps = [[[0], [5], [4], [1], [2], [3], [6]]] * 4
    assert _cycles(plan, steps) == 4 * 8 + 2


def test_event_lanes_are_for_one_dense_projection() -> None:
    sparse = ProjectionPlan(
        *("sparse", 0, 2, 0), starts=np.arange(2), counts=np.ones(2, int), row_folds=np.zeros(2, int)
    )
    with pytest.raises(ValueError, match="event lanes must be 'dense', not 'sparse'"):
        Walker(group_plan(projections=(sparse,), rows=2, folds=1, event_lanes=2))
    dense = ProjectionPlan("dense", 0, 2, 0, rows_per_fold=1)
    with pytest.raises(ValueError, match="must have one projection, not 2"):
        Walker(group_plan(projections=(dense, dense), rows=2, folds=1, event_lanes=2))
