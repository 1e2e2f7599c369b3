"""What one neuron lane is made of: the update, stage by stage, as ``NeuronLane`` builds it."""

import numpy as np

from qsnn_hw.cost.parts import Parts, add_product, add_sum, varying_bits
from qsnn_hw.families.family import Fabric
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import (
    compare_stage,
    state_fields,
    update_parameters,
    update_stages,
)
from qsnn_hw.quantize.integers import signed_bits


def lane_parts(plan: GroupPlan, limits: Limits, *, potentials: bool = False) -> Parts:
    """One neuron lane; registers stage by stage, as ``NeuronLane`` keeps them.

    With ``potentials`` it also carries to its end what a readout is shown.
    """
    parts = Parts(lanes=1)
    stages, stored = update_stages(plan), state_fields(plan)
    v = plan.neuron.v_bits
    values = {"x": plan.acc_bits, **stored}
    fresh: set[str] = set()
    compared = compare_stage(plan)
    for number, stage in enumerate(stages, 1):
        fresh = set()
        for name, _, _ in stage:
            made = _made(plan, name, values)
            values |= made
            # What a comparison reads in the stage that makes it cannot share a cell with its register.
            fresh = fresh - _TESTED.get(name, frozenset()) | (made.keys() & _made_by_logic(plan, name))
            _logic(parts, plan, name, values, limits)
        if number == compared:
            parts.computed += 1
        live = {name for later in stages[number:] for _, reads, _ in later for name in reads}
        if number == len(stages):
            live = {*stored, *(("acc",) if plan.accumulators == "memory" else ())}
        values = {name: width for name, width in values.items() if name in live}
        for name, width in values.items():
            if name in fresh:
                parts.computed += width
            else:
                parts.copied += width
    if potentials:
        parts.copied += v * (len(stages) - compared + 1)
        for name in {step.name for stage in stages for step in stage} & {"reset", "floor"}:
            _logic(parts, plan, name, {}, limits)
    return parts


_TESTED = {name: frozenset({"v"}) for name in ("compare", "compare_many", "retest")}


def _made_by_logic(plan: GroupPlan, name: str) -> set[str]:
    """Of what a step leaves, the values that adders or multiplexers make; the others pass as they came.

    The start of a new sample is no logic: it resets the registers.
    """
    passed: set[str] = set()
    if name == "current" and plan.accumulators == "memory":
        passed = {"u"}
    elif name == "sum" and "v" not in state_fields(plan):
        passed = {"v"}
    elif name == "compare":
        passed = {"u"} if _clamps(plan, name) else {"u", "v"}
    elif name == "retest":
        passed = {"v"} if plan.neuron.reset != "value" else set()
    return {
        "u",
        "v",
        "resets",
        "over",
        "was_over",
        "silent",
        "loss",
        "current",
        "current_loss",
        "acc",
    } - passed


def _clamps(plan: GroupPlan, name: str) -> bool:
    """Whether a step saturates the potential."""
    return plan.neuron.v_low is not None and (
        name == "clamp" or (name == "compare" and not plan.neuron.multi_spike)
    )


def _made(plan: GroupPlan, name: str, values: dict[str, int]) -> dict[str, int]:
    """Names and widths of what a step leaves."""
    v, u = plan.neuron.v_bits, plan.neuron.current_bits
    beside: dict[str, int] = {key: values[key] for key in ("u", "silent") if key in values}
    if "over" in values:
        beside |= {"was_over": 1}
    loss = max(1, v - plan.neuron.leak_shift + plan.neuron.leak_numerator.bit_length())
    if plan.neuron.leak_numerators is not None:
        loss = v
    made: dict[str, dict[str, int]] = {
        "current": {"u": u},
        "clamp_current": {"u": u},
        "sum": {"v": v},
        "clamp": {"v": v},
        "compare": {"v": v, "resets": 1, "over": 1, **beside},
        "compare_many": {"v": v, "resets": 1, "over": 1, **beside},
        "reset": {"v": v},
        "floor": {"v": v},
        "retest": {"over": 1, "v": v},
        "late_reset": {"v": v},
        "leak": {"loss": min(v, loss)},
        "next": {"v": v},
    }
    found = made[name]
    if "u" in values and name in ("leak", "next"):
        found["current_loss" if name == "leak" else "current"] = u
    if name == "next" and plan.accumulators == "memory":
        found |= {"acc": u if "u" in values else v}
        if "u" not in values:
            del found["v"]
    return found


def _logic(parts: Parts, plan: GroupPlan, name: str, values: dict[str, int], limits: Limits) -> None:
    """Adders and multiplexers of one step of one lane."""
    v, u = plan.neuron.v_bits, plan.neuron.current_bits
    if name == "current" and plan.accumulators == "registers":
        parts.adders += u
    elif name == "clamp_current":
        assert plan.neuron.current_low is not None
        assert plan.neuron.current_high is not None
        _clamp(parts, u, plan.neuron.current_low, plan.neuron.current_high)
    elif name == "sum":
        parts.adders += v if "v" in state_fields(plan) else 0
        parts.muxes += v if plan.neuron.reset_drops_input else 0
    elif name in ("compare", "compare_many", "clamp"):
        if _clamps(plan, name):
            assert plan.neuron.v_low is not None
            assert plan.neuron.v_high is not None
            _clamp(parts, v, plan.neuron.v_low, plan.neuron.v_high)
        if name != "clamp" and not plan.neuron.readout:
            parts.adders += v
        if name == "compare_many":
            parts.adders += 2 * v
            parts.muxes += v
        if plan.neuron.start is not None and name != "clamp":
            parts.muxes += v
        if "silent" in values and name != "clamp":
            parts.muxes += 2 * values["silent"]
    elif name == "reset":
        if plan.neuron.reset == "subtract" or plan.neuron.reset_retest:
            parts.adders += v
        else:
            parts.muxes += v
    elif name == "floor":
        parts.adders += v
        parts.muxes += v
    elif name == "retest":
        parts.adders += v
    elif name == "late_reset":
        parts.muxes += v
    elif name == "leak":
        _product(parts, plan.neuron.leak_numerators, plan.neuron.leak_numerator, v, plan, limits)
        _round_up(parts, plan, v, plan.neuron.leak_shift)
        if plan.neuron.has_current:
            same = plan.neuron.uniform_current_leak
            own = plan.neuron.current_leak_numerator if same is None else None
            _product(parts, own, same or 0, u, plan, limits)
            _round_up(parts, plan, u, plan.neuron.current_leak_shift)
    elif name == "next":
        _next(parts, plan)


def _clamp(parts: Parts, width: int, low: int, high: int) -> None:
    """Saturation between two limits."""
    parts.muxes += width
    if low == ~high and not high & (high + 1):
        # A power of two: beyond it the upper bits differ, which takes no comparison.
        parts.muxes += 2
    else:
        parts.adders += 2 * width
        parts.muxes += width


def _round_up(parts: Parts, plan: GroupPlan, width: int, shift: int) -> None:
    """Rounding toward zero: the bits that are cut, ORed, are added to what is left of the product."""
    if plan.neuron.leak_rounding == "zero" and shift:
        parts.adders += width
        parts.luts += -(-shift // 3)


def _next(parts: Parts, plan: GroupPlan) -> None:
    """What leaks off and the bias on: sums of three where a group has both, none where it has neither."""
    v, u = plan.neuron.v_bits, plan.neuron.current_bits
    leaks = plan.neuron.leak_numerators is not None or bool(plan.neuron.leak_numerator)
    bias = bool(plan.neuron.bias.any())
    if "fired_bias" in _parameters(plan):
        bias = True
        # Where no neuron differs, the choice between two constants is the choice's own bit.
        values, rows = update_parameters(plan), plan.update_rows
        apart = max(varying_bits(values[name].reshape(rows, -1)) for name in ("bias", "fired_bias"))
        parts.muxes += apart / plan.update_lanes
    add_sum(parts, v, 1 + leaks + bias)
    if plan.neuron.current_bias is not None:
        fades = plan.neuron.uniform_current_leak != 0
        add_sum(parts, u, 1 + fades + bool(plan.neuron.current_bias.any()))


def _parameters(plan: GroupPlan) -> set[str]:
    return {name for stage in update_stages(plan) for _, _, names in stage for name in names}


def _product(
    parts: Parts, own: np.ndarray | None, numerator: int, width: int, plan: GroupPlan, limits: Limits
) -> None:
    if own is None and plan.leak_unit != "multiplier":
        add_product(parts, width, numerator)
        return
    fabric = limits.family.fabric
    if not fabric.adders_invert:
        # What is subtracted is inverted in front of the carry chain; a multiplier cannot do it.
        parts.luts += width
    other = 1 + numerator.bit_length() if own is None else signed_bits(own)
    add_multiplication(parts, fabric, max(width, other), min(width, other))


def add_multiplication(parts: Parts, fabric: Fabric, wide: int, narrow: int) -> None:
    """A product of two values of so many bits, cut into pieces that multipliers take, and their sum.

    A piece of a bit, or with too short a result, is multiplied in LUTs.
    """
    first = _cut(wide, fabric.multiplier_bits)
    second = _cut(narrow, fabric.multiplier_bits)
    parts.adders += sum(piece + narrow for piece in first[1:])
    for one in first:
        parts.adders += sum(one + piece for piece in second[1:])
        for piece in second:
            if min(one, piece) > 1 and one + piece >= fabric.least_product_bits:
                parts.dsps += 1
                continue
            parts.adders += (min(one, piece) - 1) * max(one, piece)
            parts.muxes += max(one, piece)


def _cut(width: int, most: int) -> list[int]:
    """Pieces of at most ``most`` bits; the last is what is left."""
    whole = max(0, width - 1) // most
    return [most] * whole + [width - whole * most]
