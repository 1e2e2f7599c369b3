"""Neuron parameters on the grid of a group: whole steps, and decays as fractions of powers of two."""

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.quantize.options import MAX_LEAK_SHIFT, MAX_POTENTIAL_BITS


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


def leak_fraction(
    group: str, decay: np.ndarray, leak_bits: int, what: str = "decay"
) -> tuple[int, np.ndarray | None, int, list[str]]:
    """Round ``1 - decay`` to ``numerator / 2**shift`` in lowest terms.

    Returns
    -------
    numerator
        The common numerator, or the largest.
    numerators
        int64, shape (n,), where neurons differ; None otherwise.
    shift
        Common to all neurons.
    notes
        A line where rounding moved the decay by more than a tenth of the loss.

    Raises
    ------
    UserError
        A decay is not from 0 to 1, or rounds to no leak at all.
    """
    decay = np.asarray(decay, dtype=np.float64)
    same = np.allclose(decay, decay[0], rtol=0, atol=2.0 ** -(leak_bits + 4))
    values = decay[:1] if same else decay
    wrong = ~((values >= 0.0) & (values <= 1.0))
    if wrong.any():
        value = values[np.argmax(wrong)]
        raise UserError(
            f"group {group}: {what} must be from 0 to 1, not {value:.6g}; check the convention's dt"
        )
    numerators = np.rint((1.0 - values) * 2**leak_bits).astype(np.int64)
    lost = (numerators == 0) & (values < 1.0)
    if lost.any():
        raise UserError(
            f"group {group}: {what} {values[np.argmax(lost)]:.8g} rounds to 1 (no leak) with {leak_bits} "
            f"leak bits; raise --leak-bits (at most {MAX_LEAK_SHIFT})"
        )
    notes = []
    rounded = 1.0 - numerators / 2.0**leak_bits
    # Half a step of 1/256 is the coarsest rounding of the default; anything near it is worth a line.
    off = np.where(values < 1.0, np.abs(rounded - values) - 0.1 * (1.0 - values), -1.0)
    if off.max() > 0:
        worst = int(np.argmax(off))
        notes.append(
            f"group {group}: {what} {values[worst]:.6g} became {rounded[worst]:.6g}; "
            "raise --leak-bits to come closer"
        )
    shift = leak_bits
    while shift and not (numerators % 2).any():
        numerators //= 2
        shift -= 1
    return int(numerators.max()), None if same else numerators, shift, notes
