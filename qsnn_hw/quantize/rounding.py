"""Neuron parameters on the grid of a group: whole steps."""

import numpy as np

from qsnn_hw.quantize.options import MAX_POTENTIAL_BITS
from qsnn_hw.support.errors import UserError


def whole_steps(values: np.ndarray, group: str, what: str) -> np.ndarray:
    """``values`` rounded to int64; UserError where a value needs more bits than potentials have."""
    rounded = np.rint(values)
    if np.abs(rounded).max(initial=0.0) >= 2.0**MAX_POTENTIAL_BITS:
        neuron = int(np.argmax(np.abs(rounded)))
        raise UserError(
            f"group {group}, neuron {neuron}: {what} is {rounded[neuron]:.3g} integer steps, "
            f"more than {MAX_POTENTIAL_BITS} bits hold; its weights are tiny beside it, use fewer --bits "
            "or --clip percentile"
        )
    return rounded.astype(np.int64)
