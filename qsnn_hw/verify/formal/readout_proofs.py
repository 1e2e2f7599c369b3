"""The readouts on the chip."""

from collections.abc import Callable
from typing import Any

from qsnn_hw.plan import ReadoutPlan
from qsnn_hw.rtl.io import readout
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.readout_properties import CountExact, FirstExact, MembraneExact


def _count(plan: ReadoutPlan) -> Callable[[Any], Harness]:
    return lambda module: CountExact(module.CountReadout(plan), plan)


def _first(plan: ReadoutPlan) -> Callable[[Any], Harness]:
    return lambda module: FirstExact(module.FirstSpikeReadout(plan), plan)


def _membrane(plan: ReadoutPlan) -> Callable[[Any], Harness]:
    return lambda module: MembraneExact(module.MembraneReadout(plan), plan)


_BUILD = {"count": _count, "first": _first, "membrane": _membrane}


def _width(plan: ReadoutPlan) -> str:
    if plan.kind == "membrane":
        return f"{plan.classes} classes, {plan.lanes} lanes, v {plan.v_bits} bits"
    bits = f", counters of {plan.count_bits} bits" if plan.kind == "count" else ""
    return f"{plan.classes} classes, {plan.slots} slots{bits}"


def _proof(name: str, plan: ReadoutPlan, *, fast: bool = False) -> Proof:
    build = _BUILD[plan.kind](plan)
    return Proof(f"readout_{name}", readout, build, "prove", 0, _width(plan), fast, "pdr")


READOUT_PROOFS = (
    _proof("count", ReadoutPlan("count", 3, count_bits=2)),
    _proof("count_slots", ReadoutPlan("count", 3, slots=2, count_bits=2)),
    _proof("first", ReadoutPlan("first", 4), fast=True),
    _proof("first_slots", ReadoutPlan("first", 5, slots=2)),
    _proof("first_early", ReadoutPlan("first", 5, slots=2, early=True)),
    _proof("membrane", ReadoutPlan("membrane", 3, lanes=1, v_bits=3)),
    _proof("membrane_lanes", ReadoutPlan("membrane", 3, lanes=2, v_bits=3)),
    _proof("membrane_every_step", ReadoutPlan("membrane", 3, lanes=2, v_bits=3, every_step=True)),
)
