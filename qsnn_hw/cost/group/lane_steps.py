"""The arithmetic of each step of a neuron's update: what it leaves, how wide, and what it takes."""

from collections.abc import Callable, Mapping

import numpy as np

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_multiplication, add_product, add_sum, varying_bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import state_fields, update_parameters, update_stages
from qsnn_hw.quantize.integers import signed_bits

Widths = Mapping[str, int]
"""Values by name, as in ``update_stages``, and how wide they are."""

TESTED = {name: frozenset({"v"}) for name in ("compare", "compare_many", "retest")}
"""What a comparison reads in the stage that makes it."""

_VALUES = frozenset(
    ("u", "v", "resets", "over", "was_over", "silent", "loss", "current", "current_loss", "acc")
)


def left_by(plan: GroupPlan, name: str, values: Widths) -> dict[str, int]:
    """Names and widths of what a step leaves."""
    v, u = plan.neuron.v_bits, plan.neuron.current_bits
    beside: dict[str, int] = {key: values[key] for key in ("u", "silent") if key in values}
    if "over" in values:
        beside |= {"was_over": 1}
    loss = max(1, v - plan.neuron.leak_shift + plan.neuron.leak_numerator.bit_length())
    if plan.neuron.leak_numerators is not None:
        loss = v
    left: dict[str, dict[str, int]] = {
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
    remaining = left[name]
    if "u" in values and name in ("leak", "next"):
        remaining["current_loss" if name == "leak" else "current"] = u
    if name == "next" and plan.accumulators == "memory":
        remaining |= {"acc": u if "u" in values else v}
        if "u" not in values:
            del remaining["v"]
    return remaining


def made_by_logic(plan: GroupPlan, name: str) -> set[str]:
    """Of what a step leaves, the values that adders or multiplexers make; the others pass as they came.

    The start of a new sample is no logic: it resets the registers.
    """
    passed: set[str] = set()
    if name == "current" and plan.accumulators == "memory":
        passed = {"u"}
    elif name == "sum" and "v" not in state_fields(plan):
        passed = {"v"}
    elif name == "compare":
        passed = {"u", "v"} if plan.neuron.v_low is None else {"u"}
    elif name == "retest":
        passed = {"v"} if plan.neuron.reset != "value" else set()
    return set(_VALUES - passed)


def add_step(counts: Counts, plan: GroupPlan, name: str, values: Widths, limits: Limits) -> None:
    """Adders and multiplexers of one step of one lane; ``values``: widths of what it may read and leaves."""
    _STEPS[name](counts, plan, values, limits)


def _add_current(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """The step's input onto the current."""
    if plan.accumulators == "registers":
        counts.adders += plan.neuron.current_bits


def _add_current_clamp(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """Saturation of the current."""
    neuron = plan.neuron
    assert neuron.current_low is not None
    assert neuron.current_high is not None
    _add_saturation(counts, neuron.current_bits, neuron.current_low, neuron.current_high)


def _add_sum(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """The step's input onto the potential."""
    v = plan.neuron.v_bits
    counts.adders += v if "v" in state_fields(plan) else 0
    counts.muxes += v if plan.neuron.reset_drops_input else 0


def _add_clamp(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """Saturation of the potential."""
    neuron = plan.neuron
    if neuron.v_low is not None and neuron.v_high is not None:
        _add_saturation(counts, neuron.v_bits, neuron.v_low, neuron.v_high)


def _add_compare(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """Saturation and at most one spike."""
    _add_clamp(counts, plan, values, limits)
    _add_test(counts, plan, values)


def _add_compare_many(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """One spike of several."""
    v = plan.neuron.v_bits
    _add_test(counts, plan, values)
    counts.adders += 2 * v
    counts.muxes += v


def _add_test(counts: Counts, plan: GroupPlan, values: Widths) -> None:
    """The threshold, the rest that a sample begins at, and the steps that a neuron stays silent."""
    if not plan.neuron.readout:
        counts.adders += plan.neuron.v_bits
    if plan.neuron.start is not None:
        counts.muxes += plan.neuron.v_bits
    counts.muxes += 2 * values.get("silent", 0)


def _add_reset(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """What a spike leaves of the potential."""
    if plan.neuron.reset == "subtract" or plan.neuron.reset_retest:
        counts.adders += plan.neuron.v_bits
    else:
        counts.muxes += plan.neuron.v_bits


def _add_floor(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """The lower limit behind the reset."""
    counts.adders += plan.neuron.v_bits
    counts.muxes += plan.neuron.v_bits


def _add_retest(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """Whether the potential is at threshold still."""
    counts.adders += plan.neuron.v_bits


def _add_late_reset(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """The delayed reset to a value."""
    counts.muxes += plan.neuron.v_bits


def _add_leak(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """What the potential and the current lose."""
    neuron = plan.neuron
    _add_loss(counts, plan, neuron.leak_numerators, neuron.leak_numerator, neuron.v_bits, limits)
    _add_round_up(counts, plan, neuron.v_bits, neuron.leak_shift)
    if neuron.has_current:
        same = neuron.uniform_current_leak
        own = neuron.current_leak_numerator if same is None else None
        _add_loss(counts, plan, own, same or 0, neuron.current_bits, limits)
        _add_round_up(counts, plan, neuron.current_bits, neuron.current_leak_shift)


def _add_saturation(counts: Counts, width: int, low: int, high: int) -> None:
    """Saturation between two limits."""
    counts.muxes += width
    if low == ~high and not high & (high + 1):
        # A power of two: beyond it the upper bits differ, which takes no comparison.
        counts.muxes += 2
    else:
        counts.adders += 2 * width
        counts.muxes += width


def _add_loss(
    counts: Counts, plan: GroupPlan, own: np.ndarray | None, numerator: int, width: int, limits: Limits
) -> None:
    """A value of ``width`` bits times its leak: each neuron's ``own``, or one for all."""
    if own is None and plan.leak_unit != "multiplier":
        add_product(counts, width, numerator)
        return
    fabric = limits.family.fabric
    if not fabric.adders_invert:
        # What is subtracted is inverted in front of the carry chain; a multiplier cannot do it.
        counts.luts += width
    other = 1 + numerator.bit_length() if own is None else signed_bits(own)
    add_multiplication(counts, fabric, max(width, other), min(width, other))


def _add_round_up(counts: Counts, plan: GroupPlan, width: int, shift: int) -> None:
    """Rounding toward zero: the bits that are cut, ORed, are added to what is left of the product."""
    if plan.neuron.leak_rounding == "zero" and shift:
        counts.adders += width
        counts.luts += -(-shift // 3)


def _add_next(counts: Counts, plan: GroupPlan, values: Widths, limits: Limits) -> None:
    """What leaks off and the bias on: sums of three where a group has both, none where it has neither."""
    v, u = plan.neuron.v_bits, plan.neuron.current_bits
    leaks = plan.neuron.leak_numerators is not None or bool(plan.neuron.leak_numerator)
    bias = bool(plan.neuron.bias.any())
    if "fired_bias" in _parameters(plan):
        bias = True
        # Where no neuron differs, the choice between two constants is the choice's own bit.
        constants, rows = update_parameters(plan), plan.update_rows
        apart = max(varying_bits(constants[name].reshape(rows, -1)) for name in ("bias", "fired_bias"))
        counts.muxes += apart / plan.update_lanes
    add_sum(counts, v, 1 + leaks + bias)
    if plan.neuron.current_bias is not None:
        fades = plan.neuron.uniform_current_leak != 0
        add_sum(counts, u, 1 + fades + bool(plan.neuron.current_bias.any()))


def _parameters(plan: GroupPlan) -> set[str]:
    return {name for stage in update_stages(plan) for _, _, names in stage for name in names}


_STEPS: dict[str, Callable[[Counts, GroupPlan, Widths, Limits], None]] = {
    "current": _add_current,
    "clamp_current": _add_current_clamp,
    "sum": _add_sum,
    "clamp": _add_clamp,
    "compare": _add_compare,
    "compare_many": _add_compare_many,
    "reset": _add_reset,
    "floor": _add_floor,
    "retest": _add_retest,
    "late_reset": _add_late_reset,
    "leak": _add_leak,
    "next": _add_next,
}
