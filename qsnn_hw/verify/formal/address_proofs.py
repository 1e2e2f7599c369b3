"""The address of every update row of a sweep."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qsnn_hw.plan import AddressSpace, GroupPlan
from qsnn_hw.plan.slots import Slots
from qsnn_hw.rtl.group import sweep
from qsnn_hw.verify.formal.address_properties import RowAddresses
from qsnn_hw.verify.formal.lane_proofs import lane_plan
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness


def address_plan(shape: tuple[int, ...], lanes: int, update_lanes: int) -> GroupPlan:
    """A group of which only the places of its neurons matter."""
    slots = Slots(AddressSpace(shape), lanes)
    plan = lane_plan("memory")
    return replace(
        plan,
        neurons=slots.space.neurons,
        space=slots.space,
        lanes=lanes,
        folds=slots.folds,
        channel_folds=slots.channel_folds,
        update_lanes=update_lanes,
        neuron_of_slot=slots.neuron_of_slot(),
        neuron=replace(plan.neuron, threshold=np.ones(slots.folds * lanes, dtype=np.int64)),
    )


def _build(plan: GroupPlan) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        return RowAddresses(module.AddressCounter(plan), plan, aligned=module.aligned(plan))

    return build


def _proof(name: str, shape: tuple[int, ...], lanes: int, update_lanes: int, *, fast: bool = False) -> Proof:
    plan = address_plan(shape, lanes, update_lanes)
    neurons = "x".join(map(str, shape))
    width = f"{neurons} neurons, {lanes} lanes, {update_lanes} updated"
    return Proof(f"address_{name}", sweep, _build(plan), "prove", 0, width, fast, "pdr")


ADDRESS_PROOFS = (
    _proof("flat", (11,), 4, 2),
    _proof("flat_odd", (10,), 3, 3),
    _proof("grid", (4, 3, 5), 4, 2),
    # Several folds of channels at each position, the last of them partly padding.
    _proof("grid_folds", (5, 2, 3), 2, 2, fast=True),
    _proof("grid_padding", (3, 2, 3), 4, 4),
)
