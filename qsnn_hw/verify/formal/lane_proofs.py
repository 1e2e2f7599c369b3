"""The update of a neuron, convention by convention."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qsnn_hw.plan import AddressSpace, GroupPlan, ProjectionPlan
from qsnn_hw.plan.update_stages import update_stages
from qsnn_hw.quantize.network import NeuronDynamics
from qsnn_hw.rtl.group import lane as lane_module
from qsnn_hw.rtl.group import lane_steps
from qsnn_hw.verify.formal.lane_properties import LaneEquation, LaneHolds, extremes
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness

V_BITS, X_BITS, PARAMETER_BITS = 12, 9, 9

_AMOUNT = np.array([1, (1 << PARAMETER_BITS - 1) - 1], dtype=np.int64)


def lane_plan(accumulators: Any, **dynamics: Any) -> GroupPlan:
    """Two neurons and one lane; arrays only say how wide the lane's parameters are."""
    registers = accumulators == "registers"
    lanes = 2 if registers else 1
    wide = extremes(PARAMETER_BITS)
    fields: dict[str, Any] = {
        "fractional_bits": 2,
        # One digit: products are proved apart, by LeakExact.
        "leak_numerator": 1,
        "leak_shift": 4,
        "bias": wide,
        "threshold": _AMOUNT,
        "reset": "subtract",
        "reset_delay": False,
        "reset_amount": _AMOUNT,
        "reset_value": wide,
        "v_low": None,
        "v_high": None,
        "v_bits": V_BITS,
    }
    neuron = NeuronDynamics(**(fields | dynamics))
    each = np.arange(2, dtype=np.int64)
    return GroupPlan(
        name="group",
        group="group",
        neurons=2,
        space=AddressSpace((2,)),
        sources=2,
        lanes=lanes,
        folds=2 // lanes,
        update_lanes=1,
        event_lanes=1,
        output_lanes=1,
        accumulators=accumulators,
        acc_bits=X_BITS if registers else (neuron.current_bits if neuron.has_current else neuron.v_bits),
        neuron_memory="auto",
        synapse_store="rom",
        projections=(
            ProjectionPlan("sparse", 0, 2, 0, starts=each, counts=each * 0 + 1, row_folds=each * 0),
        ),
        synapses=np.ones((1, 2, lanes), dtype=np.int16),
        channel_folds=2 // lanes,
        neuron_of_slot=each,
        weight_bits=2,
        neuron=neuron,
    )


def _lane(accumulators: str, dynamics: dict[str, Any]) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        plan = lane_plan(accumulators, **dynamics)
        place: Any = lane_module
        original = place.LaneSteps
        # The arithmetic of the lane may be a changed copy.
        place.LaneSteps = module.LaneSteps
        try:
            return LaneEquation(place.NeuronLane(plan, trace=True), plan).elaborated()
        finally:
            place.LaneSteps = original

    return build


_CLAMP = {"v_low": -900, "v_high": 1100}
_CURRENT = {
    "current_leak_numerator": np.array([5, 5], dtype=np.int64),
    "current_leak_shift": 3,
    "current_bias": extremes(6),
    "current_bits": 11,
}
# Any numerator times any potential is a product, and several spikes compare with several: narrower.
_OWN: dict[str, Any] = {
    "leak_numerators": np.array([1, 8], dtype=np.int64),
    "leak_numerator": 8,
    "leak_shift": 3,
    "v_bits": 8,
}
_OWN_CURRENT: dict[str, Any] = {
    **_CURRENT,
    "current_leak_numerator": np.array([0, 4], dtype=np.int64),
    "current_leak_shift": 2,
    "current_bits": 7,
    "v_bits": 8,
}
_MANY: dict[str, Any] = {"max_spikes": 3, "v_bits": 8}

CONVENTIONS: dict[str, dict[str, Any]] = {
    "subtract": {},
    "subtract_late": {"reset_delay": True, "leak_rounding": "zero"},
    "subtract_retest": {"reset_retest": True},
    "subtract_floor_clamp": {"v_min": extremes(PARAMETER_BITS), **_CLAMP},
    "value": {"reset": "value", "refractory": 3},
    "value_late": {"reset": "value", "reset_delay": True, "start": extremes(PARAMETER_BITS)},
    "value_late_drops": {
        "reset": "value",
        "reset_delay": True,
        "reset_drops_input": True,
        "reset_value": np.zeros(2, dtype=np.int64),
    },
    "value_retest": {"reset": "value", "reset_retest": True, "reset_value": np.zeros(2, dtype=np.int64)},
    "value_retest_drops": {
        "reset": "value",
        "reset_retest": True,
        "reset_drops_input": True,
        "reset_value": np.zeros(2, dtype=np.int64),
    },
    "retest_refractory": {"reset_retest": True, "refractory": 2, **_CLAMP},
    "none": {"reset": "none", "leak_numerator": 0, "leak_shift": 0},
    "readout": {"reset": "none", "readout": True, "leak_rounding": "zero", "v_min": extremes(4)},
    "many": {**_MANY, "v_low": -90, "v_high": 100},
    "many_retest": {**_MANY, "max_spikes": 2, "v_bits": 7, "reset_retest": True},
    "current": {**_CURRENT, "current_low": -700, "current_high": 800},
    "current_own": {**_OWN_CURRENT, "reset": "value", "reset_delay": True, "leak_rounding": "zero"},
    "own": {**_OWN, "reset_delay": True, "reset_value": np.zeros(2, dtype=np.int64)},
}


def _proofs() -> list[Proof]:
    found = []
    for accumulators in ("registers", "memory"):
        for name, dynamics in CONVENTIONS.items():
            plan = lane_plan(accumulators, **dynamics)
            depth = len(update_stages(plan)) + plan.neuron.max_spikes + 1
            found.append(
                Proof(
                    f"lane_{accumulators}_{name}",
                    lane_steps,
                    _lane(accumulators, dynamics),
                    "bmc",
                    depth,
                    f"v {plan.neuron.v_bits}, x {plan.acc_bits} bits",
                    fast=(accumulators, name) == ("memory", "value_late"),
                    solver="minisat",
                )
            )
    return found


def _holds(accumulators: str, dynamics: dict[str, Any]) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        plan = lane_plan(accumulators, **dynamics)
        return LaneHolds(module.NeuronLane(plan, trace=True), plan)

    return build


LANE_PROOFS = (
    *_proofs(),
    Proof(
        "lane_holds", lane_module, _holds("registers", _CURRENT), "prove", 2, f"v {V_BITS} bits", fast=True
    ),
    Proof("lane_holds_many", lane_module, _holds("registers", _MANY), "prove", 2, "v 8 bits"),
)
