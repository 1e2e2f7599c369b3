"""The width of a group's registers: proved where a bound exists, otherwise a stated saturation."""

from dataclasses import replace

import numpy as np

from qsnn_hw.quantize.bounds import current_interval, state_interval
from qsnn_hw.quantize.interval_step import Extras, Interval, leak
from qsnn_hw.quantize.network import QuantizedGroup
from qsnn_hw.quantize.options import MAX_POTENTIAL_BITS, QuantizeOptions
from qsnn_hw.quantize.readout import READOUT_STEPS, integrator_clamp, steps_to
from qsnn_hw.support.errors import UserError

# A firing integrator without leak has no proved bound: its potential saturates at this many times the
# largest of its threshold, its reset and one step's greatest input, once per step. So does a synaptic
# current that keeps everything.
_INTEGRATOR_HEADROOM = 8


class NeverFiresError(UserError):
    """No input can make any neuron of a group reach its threshold."""


def never_note(group: str) -> str:
    """How the warning of a group that no input wakes begins."""
    return f"group {group}: no input can make any neuron reach its threshold"


def prove_current(group: QuantizedGroup, fan_in: Interval) -> tuple[QuantizedGroup, Interval, list[str]]:
    """Give the synaptic current of ``group`` its width and, where needed, its clamp.

    Parameters
    ----------
    fan_in
        What one step may add to the current, in potential steps.

    Returns
    -------
    group
        With ``current_bits``, ``current_low`` and ``current_high``.
    drive
        What the current may add to the potential in one step.
    notes
        A line where no width can be proved.

    Raises
    ------
    UserError
        What one step can add needs more than 32 bits.
    """
    assert group.current_leak_numerator is not None
    assert group.current_bias is not None
    proved: Interval | None = fan_in
    if fan_in.bits() <= MAX_POTENTIAL_BITS:
        proved = current_interval(
            fan_in,
            leak_numerator=group.current_leak_numerator,
            leak_shift=group.current_leak_shift,
            leak_rounding=group.leak_rounding,
            bias=group.current_bias,
        )
    if proved is not None and proved.bits() <= MAX_POTENTIAL_BITS:
        return replace(group, current_bits=proved.bits()), proved, []
    low, high = clamp = _integrator_clamp(group, fan_in, group.current_bias)
    stored = [
        leak(
            np.full(group.size, end),
            group.current_leak_numerator,
            group.current_leak_shift,
            group.leak_rounding,
        )
        + group.current_bias
        for end in clamp
    ]
    sums = Interval(
        np.minimum(stored[0], group.current_bias) + fan_in.low,
        np.maximum(stored[1], group.current_bias) + fan_in.high,
    )
    if sums.bits() > MAX_POTENTIAL_BITS:
        raise UserError(
            f"group {group.name}: worst-case fan-in needs a {sums.bits()}-bit synaptic current, more than "
            f"{MAX_POTENTIAL_BITS} bits; use fewer --bits or --fractional-bits"
        )
    clamped = replace(group, current_bits=sums.bits(), current_low=low, current_high=high)
    drive = Interval(np.clip(sums.low, low, high), np.clip(sums.high, low, high))
    if group.readout and steps_to(clamp, fan_in, group.current_bias) >= READOUT_STEPS:
        # No sample in sight gets there.
        return clamped, drive, []
    why = "some of its currents fade so slowly that no width within 32 bits is proved"
    if (group.current_leak_numerator == 0).any():
        why = "no loss of its synaptic current, so no width can be proved"
    return clamped, drive, [f"group {group.name}: {why}; currents saturate once per step at {high}"]


def prove_potential(
    group: QuantizedGroup, drive: Interval, options: QuantizeOptions, *, silent: bool = False
) -> tuple[QuantizedGroup, np.ndarray | int, list[str]]:
    """Give ``group`` its width and, where needed, its clamp.

    Parameters
    ----------
    drive
        What one step may add, in potential steps.
    silent
        No input makes any neuron fire in the float network either, so none has to here.

    Returns
    -------
    group
        With ``v_low``, ``v_high`` and ``v_bits``; a readout also with its threshold out of reach.
    max_count
        The most spikes of a neuron in one step, shape (n,) or one number for all.
    notes
        A line where no width can be proved, or where nothing can fire.

    Raises
    ------
    UserError
        The width is impossible, or no input can ever make a neuron fire (``NeverFiresError``).
    """
    asked = _asked_clamp(group, options, silent)
    if drive.bits() > MAX_POTENTIAL_BITS:
        raise UserError(
            f"group {group.name}: what one step can add needs {drive.bits()} bits, more than a potential's "
            f"{MAX_POTENTIAL_BITS}; use fewer --bits or --fractional-bits"
        )
    threshold = group.threshold
    if group.readout:
        threshold = np.full(group.size, np.iinfo(np.int64).max // 4)
    interval, clamp, notes = _bounded(group, drive, threshold, asked)
    if not group.readout and (interval.high < threshold).all():
        if not silent:
            raise NeverFiresError(
                f"group {group.name}: at {options.weight_bits} bits no input can make any neuron reach its "
                "threshold"
            )
        notes.append(f"{never_note(group.name)}, in the float network as little as in integers")
    proved = _wide_enough(group, interval, threshold, clamp)
    highest = np.maximum(interval.high, proved.threshold)
    return proved, _max_count(proved, highest), notes


def _asked_clamp(group: QuantizedGroup, options: QuantizeOptions, silent: bool) -> tuple[int, int] | None:
    """The ends of the width that was asked for; None for none. UserError where no threshold fits it."""
    if options.potential_bits is None:
        return None
    low, high = -(2 ** (options.potential_bits - 1)), 2 ** (options.potential_bits - 1) - 1
    largest = int(group.threshold.max())
    if largest > high and not silent:
        raise UserError(
            f"group {group.name}: threshold {largest} does not fit {options.potential_bits} "
            f"potential bits; use at least {largest.bit_length() + 1}"
        )
    return low, high


def _bounded(
    group: QuantizedGroup, drive: Interval, threshold: np.ndarray, asked: tuple[int, int] | None
) -> tuple[Interval, tuple[int, int] | None, list[str]]:
    """What potentials can be, the clamp that needs, and a line where no width is proved without one."""
    extras = Extras(
        v_min=group.v_min,
        max_count=group.max_spikes,
        refractory=group.refractory > 0,
        drops_input=group.reset_drops_input,
        retest=group.reset_retest,
    )
    notes: list[str] = []
    interval = clamp = None
    headroom = _integrator_clamp(group, drive, group.bias)
    for clamp in (asked, headroom):
        interval = state_interval(
            drive,
            leak_numerator=group.numerator,
            leak_shift=group.leak_shift,
            leak_rounding=group.leak_rounding,
            bias=group.bias,
            threshold=threshold,
            reset=group.reset,
            reset_delay=group.reset_delay,
            reset_amount=group.reset_amount,
            reset_value=group.reset_value,
            clamp=clamp,
            extras=extras,
            start=group.start,
        )
        if interval is not None and (clamp is not None or interval.bits() <= MAX_POTENTIAL_BITS):
            break
        if interval is None and group.readout and steps_to(headroom, drive, group.bias) >= READOUT_STEPS:
            # No sample in sight gets there.
            continue
        why = "no leak, so no width can be proved"
        if interval is not None:
            why = f"its leak is so slow that worst-case fan-in needs a {interval.bits()}-bit potential"
        notes.append(
            f"group {group.name}: {why}; potentials saturate once per step at "
            f"{headroom[1]} (pass --potential-bits to choose)"
        )
    if interval is None or interval.bits() > MAX_POTENTIAL_BITS:
        needed = "an unbounded" if interval is None else f"a {interval.bits()}-bit"
        raise UserError(
            f"group {group.name}: worst-case fan-in needs {needed} potential, more than "
            f"{MAX_POTENTIAL_BITS}; use fewer --bits or --fractional-bits, or set --potential-bits"
        )
    return interval, clamp, notes


def _wide_enough(
    group: QuantizedGroup, interval: Interval, threshold: np.ndarray, clamp: tuple[int, int] | None
) -> QuantizedGroup:
    """``group`` with a width that holds ``interval`` and its thresholds; UserError where none does."""
    # A threshold out of reach must not be cut to a small one by a register of the proved width.
    reach = np.maximum(interval.high, 0) + 1
    # What such a neuron would subtract, it never does.
    amount = np.where(threshold > reach, np.minimum(group.reset_amount, reach), group.reset_amount)
    threshold = np.minimum(threshold, reach)
    bits = Interval(interval.low, np.maximum(interval.high, threshold)).bits()
    if bits > MAX_POTENTIAL_BITS:
        raise UserError(
            f"group {group.name}: its thresholds need {bits} bits, more than "
            f"{MAX_POTENTIAL_BITS}; use fewer --bits or --fractional-bits"
        )
    low, high = (None, None) if clamp is None else clamp
    return replace(group, threshold=threshold, reset_amount=amount, v_low=low, v_high=high, v_bits=bits)


def _max_count(group: QuantizedGroup, highest: np.ndarray) -> np.ndarray | int:
    if group.readout:
        return 0
    if not group.multi_spike:
        return 1
    return np.clip(highest // group.reset_amount, 0, group.max_spikes)


def _integrator_clamp(group: QuantizedGroup, fan_in: Interval, bias: np.ndarray) -> tuple[int, int]:
    if group.readout:
        return integrator_clamp(fan_in, bias)
    ends = [group.threshold, group.reset_amount, group.reset_value, fan_in.high, fan_in.low]
    if group.start is not None:
        ends.append(group.start)
    largest = max(int(np.abs(values).max()) for values in ends)
    bits = min((_INTEGRATOR_HEADROOM * largest).bit_length() + 1, MAX_POTENTIAL_BITS - 1)
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
