"""Widths, as the quantizer proves them by intervals: nothing overflows in hardware of that width."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal, Value

from qsnn_hw.plan import GroupPlan
from qsnn_hw.quantize.interval_step import Interval
from qsnn_hw.quantize.network import NeuronDynamics, QuantizedGroup
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.width import prove_current, prove_potential
from qsnn_hw.rtl.group import lane as lane_module
from qsnn_hw.rtl.group import lane_steps
from qsnn_hw.verify.formal.lane_proofs import lane_plan
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.range_properties import LaneRange

# Sums of a step's events, in weight steps, of the two neurons.
LOW, HIGH = np.array([-3, -2], dtype=np.int64), np.array([3, 4], dtype=np.int64)


def _two(first: int, second: int) -> np.ndarray:
    return np.array([first, second], dtype=np.int64)


def proved_group(**dynamics: Any) -> QuantizedGroup:
    """Two neurons with the widths and clamps that the quantizer gives them for sums from LOW to HIGH."""
    fields: dict[str, Any] = {
        "fractional_bits": 1,
        "leak_numerator": 3,
        "leak_shift": 3,
        "bias": _two(1, -1),
        "threshold": _two(5, 7),
        "reset": "subtract",
        "reset_delay": False,
        "reset_amount": _two(5, 7),
        "reset_value": _two(0, 0),
        "v_low": None,
        "v_high": None,
        "v_bits": 0,
    }
    group = QuantizedGroup(name="group", shape=(2,), scale=np.ones(2), **(fields | dynamics))
    drive = Interval(LOW << group.fractional_bits, HIGH << group.fractional_bits)
    if group.has_current:
        group, drive, _ = prove_current(group, drive)
    # No note, and no width of a group that can never fire: those would be other designs.
    return prove_potential(group, drive, QuantizeOptions())[0]


def range_plan(accumulators: Any, group: QuantizedGroup) -> GroupPlan:
    """One lane with the widths of ``group``; accumulators of the sums that are proved apart."""
    constants = {name: getattr(group, name) for name in NeuronDynamics.__dataclass_fields__}
    plan = lane_plan(accumulators, **constants)
    if accumulators == "registers":
        # One bit more than the sums need costs nothing and hides nothing: the lane never cuts x.
        plan = replace(plan, acc_bits=Interval(LOW, HIGH).bits())
    return plan


def lane_range(plan: GroupPlan) -> Callable[[Any], Harness]:
    """The harness of one plan."""

    def build(module: Any) -> Harness:
        place: Any = lane_module
        original, cut, fits = place.LaneSteps, module._cut, []

        def checked(m: Module, name: str, value: Value, bits: int) -> Value:
            signal = cut(m, name, value, bits)
            fit = Signal(name=f"{name}_fits")
            m.d.comb += fit.eq(signal == value)
            fits.append(fit)
            return signal

        place.LaneSteps, module._cut = module.LaneSteps, checked
        try:
            dut = place.NeuronLane(plan, trace=True)
            return LaneRange(dut, plan, LOW, HIGH, fits).elaborated()
        finally:
            place.LaneSteps, module._cut = original, cut

    return build


_CURRENT = {
    "current_leak_numerator": _two(1, 1),
    "current_leak_shift": 1,
    "current_bias": _two(1, 0),
}
CONVENTIONS: dict[str, dict[str, Any]] = {
    "subtract": {},
    "subtract_late": {"reset_delay": True, "leak_rounding": "zero"},
    "subtract_retest": {"reset_retest": True},
    "subtract_floor": {"v_min": _two(-2, -3)},
    "no_leak": {"leak_numerator": 0, "leak_shift": 0},
    "value": {"reset": "value", "reset_value": _two(-1, 2), "refractory": 3},
    "value_late": {"reset": "value", "reset_delay": True, "start": _two(6, -4)},
    "value_retest_drops": {"reset": "value", "reset_retest": True, "reset_drops_input": True},
    "none": {"reset": "none"},
    "many": {"max_spikes": 3},
    "current": {**_CURRENT, "reset": "value"},
}


def _proof(accumulators: str, name: str, dynamics: dict[str, Any]) -> Proof:
    group = proved_group(**dynamics)
    plan = range_plan(accumulators, group)
    width = f"v {group.v_bits}, x {plan.acc_bits} bits" + (
        f", clamp {group.v_low} to {group.v_high}" if group.v_low is not None else ""
    )
    return Proof(
        f"range_{accumulators}_{name}", lane_steps, lane_range(plan), "prove", 0, width, solver="pdr"
    )


RANGE_PROOFS = tuple(
    _proof(accumulators, name, dynamics)
    for accumulators in ("registers", "memory")
    for name, dynamics in CONVENTIONS.items()
)
