"""The accumulators of a group."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qsnn_hw.plan import AddressSpace, GroupPlan, ProjectionPlan
from qsnn_hw.rtl.group import accumulate
from qsnn_hw.verify.formal.lane_proofs import lane_plan
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.sum_properties import MemorySums, RegisterSums

_WEIGHT_BITS = 3
_STORED = (-12, 19)
"""The least and the greatest value onto which the proofs of exact sums in memory add: with the sums of a step
they fill the width."""

_LEVELS: dict[str, Any] = {"synapse_shape": (4, 0), "synapse_abreast": True, "registered_reads": True}
"""Eight rows as two levels side by side, with registers before and behind the choice."""


def sum_plan(
    accumulators: Any, lanes: int, folds: int, update_lanes: int, event_lanes: int = 1, **fields: Any
) -> GroupPlan:
    """A group whose synapse memory has every weight in its first lane, and others in the next."""
    rows = 1 << _WEIGHT_BITS
    each = np.arange(rows)[np.newaxis, :, np.newaxis]
    bank = np.arange(event_lanes)[:, np.newaxis, np.newaxis]
    lane = np.arange(lanes)[np.newaxis, np.newaxis, :]
    synapses = ((each * (2 * lane + 1) + lane + bank) % rows - rows // 2).astype(np.int16)
    acc_bits = 6
    plan = lane_plan(accumulators, fractional_bits=1 if accumulators == "memory" else 0, v_bits=acc_bits)
    slots = lanes * folds
    flat = np.zeros(slots, dtype=np.int64)
    neuron = replace(plan.neuron, bias=flat, threshold=flat + 1, reset_amount=flat + 1, reset_value=flat)
    return replace(
        plan,
        neurons=slots,
        space=AddressSpace((slots,)),
        sources=rows * event_lanes,
        lanes=lanes,
        folds=folds,
        channel_folds=folds,
        update_lanes=update_lanes,
        event_lanes=event_lanes,
        acc_bits=acc_bits,
        projections=(ProjectionPlan("dense", 0, rows * event_lanes, 0, rows_per_fold=0),),
        synapses=synapses,
        neuron_of_slot=np.arange(slots, dtype=np.int64),
        weight_bits=_WEIGHT_BITS,
        neuron=neuron,
        **fields,
    )


def _memory(plan: GroupPlan) -> Callable[[Any], Harness]:
    return lambda module: MemorySums(module.MemoryAccumulators(plan), plan)


def _registers(plan: GroupPlan) -> Callable[[Any], Harness]:
    return lambda module: RegisterSums(module.RegisterAccumulators(plan), plan)


def _width(plan: GroupPlan) -> str:
    return (
        f"{plan.lanes}x{plan.folds} slots, {plan.update_lanes} updated, {plan.event_lanes} banks, "
        f"weight {plan.weight_bits}, sum {plan.acc_bits} bits"
    )


def _proof(name: str, plan: GroupPlan, depth: int | None = None, *, fast: bool = False) -> Proof:
    """For so many cycles, or with an invariant where one is found in reasonable time."""
    build = (_memory if plan.accumulators == "memory" else _registers)(plan)
    if depth is None:
        return Proof(f"sums_{name}", accumulate, build, "prove", 0, _width(plan), fast, "pdr")
    return Proof(f"sums_{name}", accumulate, build, "bmc", depth, _width(plan), fast, "minisat")


def _exact(name: str, plan: GroupPlan) -> Proof:
    def build(module: Any) -> Harness:
        if plan.accumulators == "memory":
            return MemorySums(module.MemoryAccumulators(plan), plan, _STORED)
        return RegisterSums(module.RegisterAccumulators(plan), plan, once=True)

    if plan.accumulators == "memory":
        return Proof(f"exact_{name}", accumulate, build, "prove", 0, _width(plan), solver="pdr")
    # Enough cycles for all weights of one sign.
    return Proof(f"exact_{name}", accumulate, build, "bmc", 12, _width(plan), solver="minisat")


SUM_PROOFS = (
    _proof("memory_folds", sum_plan("memory", 1, 2, 1), fast=True),
    _proof("memory_parts", sum_plan("memory", 2, 2, 1)),
    _proof("memory_three_parts", sum_plan("memory", 3, 2, 1)),
    _proof("memory_one_fold", sum_plan("memory", 2, 1, 1)),
    _proof("memory_banks", sum_plan("memory", 1, 2, 1, 2), 13),
    _proof("memory_levels", sum_plan("memory", 1, 2, 1, **_LEVELS)),
    _proof("registers", sum_plan("registers", 2, 1, 2), 12),
    _proof("registers_rows", sum_plan("registers", 2, 1, 1), 12, fast=True),
    _proof("registers_banks", sum_plan("registers", 1, 1, 1, 2), 12),
    _proof("registers_levels", sum_plan("registers", 2, 1, 1, **_LEVELS), 12),
    _proof(
        "registers_narrow", sum_plan("registers", 2, 1, 2, acc_lane_bits=np.array([4, 6], dtype=np.int64)), 10
    ),
    # Each of eight weights once: sums from -10 to 6, of two banks from -20 to 12; in memory twice that, onto
    # a stored value.
    _exact("registers", replace(sum_plan("registers", 2, 1, 2), acc_bits=5)),
    _exact("registers_banks", sum_plan("registers", 1, 1, 1, 2)),
    _exact("memory", sum_plan("memory", 1, 2, 1)),
)
