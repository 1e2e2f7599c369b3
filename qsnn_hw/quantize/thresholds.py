"""Thresholds of a neuron group in integers: what fires, and what a spike subtracts."""

import numpy as np

from qsnn_hw.model.network import NeuronGroup
from qsnn_hw.quantize.grid import snapped
from qsnn_hw.quantize.options import MAX_POTENTIAL_BITS, QuantizeOptions
from qsnn_hw.quantize.rounding import whole_steps
from qsnn_hw.support.errors import UserError


def whole_thresholds(
    group: NeuronGroup, step: np.ndarray, options: QuantizeOptions, *, own: bool, never: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What fires, and what a spike subtracts, in steps: int64, shape (n,) each; zeros where nothing fires.

    Parameters
    ----------
    step
        float64, shape (n,): the real value of one step of the potential.
    own
        Whether the weights lay on a grid of their own, on which thresholds are then meant to lie, too.
    never
        bool, shape (n,): neurons that cannot fire in float, which is no fault of the integers.

    Raises
    ------
    UserError
        A step is too coarse for a threshold.
    """
    if group.threshold is None:
        return np.zeros(group.size, dtype=np.int64), np.zeros(group.size, dtype=np.int64)
    real = group.threshold * options.threshold_factor / step
    if own:
        real = snapped(real)
    # What nothing reaches may be cut to what an integer holds, and may not vanish.
    most = 2.0 ** (MAX_POTENTIAL_BITS - 1)
    real = np.where(never, np.clip(real, 1.0, most), real)
    above = np.floor(real) + 1 if group.comparison == ">" else np.ceil(real)
    threshold = whole_steps(above, group.name, "threshold")
    taken = real
    if group.reset_amount is not None:
        taken = group.reset_amount * options.threshold_factor / step
        taken = snapped(taken) if own else taken
        taken = np.where(never, np.clip(taken, 1.0, most), taken)
    amount = whole_steps(taken, group.name, "threshold")
    # A threshold at or below 0 is passed at rest; a small one above it would be passed by any input.
    coarse = (amount < 1) if group.reset == "subtract" else (real > 0) & (np.rint(real) < 1)
    if coarse.any():
        neuron = int(np.argmax(coarse))
        what = taken if group.reset == "subtract" else real
        raise UserError(
            f"group {group.name}, neuron {neuron}: threshold is {what[neuron]:.3g} integer steps at "
            f"{options.weight_bits} bits, too coarse to fire by; use more --bits or --fractional-bits"
        )
    return threshold, amount
