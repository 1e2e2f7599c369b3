"""Synapse operations and small group plans for the tests of walkers and accumulators."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.quantize.network import NeuronDynamics


@dataclass(frozen=True)
class Op:
    """A synapse operation: rows by bank, or a tick."""

    fold: int
    rows: dict[int, int]
    tick: bool = False
    last: bool = False

    @classmethod
    def of_tick(cls, last: bool) -> "Op":
        return cls(0, {}, True, last)

    @classmethod
    def decode(cls, plan: GroupPlan, layout: Any, word: int) -> "Op":
        """What the bits say, without the fields that mean nothing."""
        fields = layout.from_bits(word)
        present = [bank for bank in range(plan.event_lanes) if fields.present >> bank & 1]
        if fields.tick:
            assert not present
            return cls.of_tick(bool(fields.last))
        return cls(int(fields.fold), {bank: int(fields[f"row{bank}"]) for bank in present})

    def encode(self, layout: Any) -> int:
        fields = {f"row{bank}": row for bank, row in self.rows.items()}
        fields |= {"present": sum(1 << bank for bank in self.rows), "fold": self.fold}
        return layout.const(fields | {"tick": self.tick, "last": self.last}).as_value().value

    def __lt__(self, other: "Op") -> bool:
        return repr(self) < repr(other)


def group_plan(
    *,
    projections: tuple[ProjectionPlan, ...],
    rows: int,
    folds: int,
    event_lanes: int = 1,
    lanes: int = 2,
    update_lanes: int | None = None,
    fractional_bits: int = 0,
    **changes: Any,
) -> GroupPlan:
    """A plan whose synapses are random; the neuron's own numbers mean nothing."""
    slots, bits = lanes * folds, changes.get("weight_bits", 4)
    rng = np.random.default_rng(rows * 31 + lanes)
    limit = 1 << (bits - 1)
    zeros = np.zeros(slots, np.int64)
    settings = {
        "accumulators": "registers",
        "acc_bits": 14,
        "neuron_memory": "auto",
        "synapse_store": "rom",
        "weight_bits": bits,
    }
    return GroupPlan(
        name="group",
        group="group",
        neurons=slots,
        space=AddressSpace((slots,)),
        sources=projections[-1].offset + projections[-1].size,
        lanes=lanes,
        folds=folds,
        update_lanes=update_lanes or lanes,
        event_lanes=event_lanes,
        output_lanes=1,
        projections=projections,
        synapses=rng.integers(-limit, limit, (event_lanes, rows, lanes)),
        channel_folds=folds,
        neuron_of_slot=np.arange(slots),
        neuron=NeuronDynamics(
            fractional_bits=fractional_bits,
            leak_numerator=1,
            leak_shift=1,
            bias=zeros,
            threshold=zeros,
            reset="none",
            reset_delay=False,
            reset_amount=zeros,
            reset_value=zeros,
            v_low=None,
            v_high=None,
            v_bits=14,
        ),
        **(settings | changes),
    )


def operations(plan: GroupPlan, projection: ProjectionPlan, address: int) -> list[tuple[int, int, int]]:
    """(bank, row, fold) of every synapse operation of one event."""
    local = address - projection.offset
    if projection.kind == "dense":
        bank, row = local % plan.event_lanes, projection.first_row + local // plan.event_lanes
        return [(bank, row + fold * projection.rows_per_fold, fold) for fold in range(plan.folds)]
    if projection.kind == "sparse":
        assert projection.starts is not None
        assert projection.counts is not None
        assert projection.row_folds is not None
        rows = range(projection.starts[local], projection.starts[local] + projection.counts[local])
        return [(0, row, int(projection.row_folds[row - projection.first_row])) for row in rows]
    space, down, across = projection.space, projection.rows, projection.columns
    assert space is not None
    assert down is not None
    assert across is not None
    channel = local & ((1 << space.channel_bits) - 1)
    x = local >> space.channel_bits & ((1 << space.column_bits) - 1)
    y = local >> (space.channel_bits + space.column_bits)
    found = []
    for r in range(down.start[y], down.start[y] + down.count[y]):
        for c in range(across.start[x], across.start[x] + across.count[x]):
            for k in range(projection.channel_folds):
                row = projection.first_row + channel * projection.rows_per_channel + k
                found.append(
                    (0, int(row + down.row[r] + across.row[c]), int(down.fold[r] + across.fold[c] + k))
                )
    return found
