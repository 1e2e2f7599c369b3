"""Leaks: decays as fractions of powers of two, and how many bits those need."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.model.network import NeuronGroup
from qsnn_hw.quantize.options import MAX_LEAK_SHIFT
from qsnn_hw.support.errors import UserError

LEAK_BITS = 8
"""Fractional bits of a leak that needs no more."""
LEAST_LOSS = 2.0 ** -(MAX_LEAK_SHIFT + 1)
"""What a potential must lose per step, as a fraction of it, for the widest leak to hold it."""
# A leak may be off by 1/64 of itself, as 0.05 and 0.1 are in 8 bits, and by a hair of float32.
_LEAK_TOLERANCE = 0.016


def leak_bits_for(
    decay: np.ndarray, drive: np.ndarray | None = None, threshold: np.ndarray | None = None
) -> int:
    """The fewest fractional bits, from 8 on, that keep a leak.

    A neuron that gets ``drive`` in every step settles at ``drive / (1 - decay)``, so an error of the loss
    is one of that potential. It is kept within 1.6 %, and where the exact leak lets the potential
    reach the threshold, the rounded one must, too.

    Parameters
    ----------
    decay
        What each neuron keeps of its potential per step, shape (n,).
    drive, threshold
        The most that a step can add, and what fires, shape (n,), both in the same unit; None for a
        leak that no threshold hangs on.

    Returns
    -------
    int
        From 8 to 24; 24 also where even those do not keep the leak. A loss below ``LEAST_LOSS`` is none.
    """
    loss = 1.0 - np.asarray(decay, dtype=np.float64)
    if not ((loss >= 0) & (loss <= 1)).all():
        return LEAK_BITS  # Refused later, with its name.
    leaks = loss >= LEAST_LOSS
    for bits in range(LEAK_BITS, MAX_LEAK_SHIFT):
        rounded = _leak_numerators(decay, bits)[0] / 2.0**bits
        if (np.abs(rounded - loss) > _LEAK_TOLERANCE * loss)[leaks].any():
            continue
        if drive is None or threshold is None:
            return bits
        if not (leaks & _reaches(drive, loss, threshold) & ~_reaches(drive, rounded, threshold)).any():
            return bits
    return MAX_LEAK_SHIFT


def settled(drive: np.ndarray, decay: np.ndarray) -> np.ndarray:
    """Where a constant ``drive`` per step takes a potential: float64, infinite without a leak."""
    drive, loss = np.broadcast_arrays(np.asarray(drive, dtype=np.float64), 1.0 - np.asarray(decay))
    without = np.where(drive > 0, np.inf, np.where(drive < 0, -np.inf, 0.0))
    return np.where(loss > 0, drive / np.where(loss > 0, loss, 1.0), without)


def rounded_decay(decay: np.ndarray, leak_bits: int) -> np.ndarray:
    """The decays that ``leak_bits`` hold, float64 of shape (n,), or (1,) where neurons share one."""
    return 1.0 - _leak_numerators(decay, leak_bits)[0] / 2.0**leak_bits


def _reaches(drive: np.ndarray, loss: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Where a constant drive takes the potential to the threshold in the end."""
    reached: np.ndarray = (drive > 0) & (drive >= threshold * loss)
    return reached


def _leak_numerators(decay: np.ndarray, bits: int) -> tuple[np.ndarray, bool]:
    """``1 - decay`` in steps of 2**-bits, and whether neurons share one: shape (1,), otherwise (n,)."""
    decay = np.asarray(decay, dtype=np.float64)
    same = np.allclose(decay, decay[0], rtol=0, atol=2.0 ** -(bits + 4))
    values = decay[:1] if same else decay
    return np.rint((1.0 - values) * 2**bits).astype(np.int64), same


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
        A line where rounding moved the decay by more than a tenth of the loss, or to no loss at all
        because it is out of reach of the widest leak.

    Raises
    ------
    UserError
        A decay is not from 0 to 1, or rounds to no leak at all where more leak bits would keep it.
    """
    decay = np.asarray(decay, dtype=np.float64)
    wrong = ~((decay >= 0.0) & (decay <= 1.0))
    if wrong.any():
        value = decay[np.argmax(wrong)]
        raise UserError(
            f"group {group}: {what} must be from 0 to 1, not {value:.6g}; check the convention's dt"
        )
    numerators, same = _leak_numerators(decay, leak_bits)
    values = decay[:1] if same else decay
    lost = (numerators == 0) & (values < 1.0)
    notes = []
    if (lost & (1.0 - values >= LEAST_LOSS)).any():
        value = values[np.argmax(lost & (1.0 - values >= LEAST_LOSS))]
        raise UserError(
            f"group {group}: {what} {value:.8g} rounds to 1 (no leak) with {leak_bits} leak bits; "
            f"use --leak-bits {leak_bits_for(values)}, or leave --leak-bits out"
        )
    if lost.any():
        value = values[np.argmax(lost)]
        notes.append(
            f"group {group}: {what} {value:.10g} loses {1 - value:.2g} of the potential per step, less than "
            f"{MAX_LEAK_SHIFT} leak bits, the most that there are, can hold ({LEAST_LOSS:.2g}): it does not "
            "leak here"
        )
    rounded = 1.0 - numerators / 2.0**leak_bits
    # Half a step of 1/256 is the coarsest rounding of the default; anything near it is worth a line.
    off = np.where((values < 1.0) & ~lost, np.abs(rounded - values) - 0.1 * (1.0 - values), -1.0)
    if off.max() > 0:
        worst = int(np.argmax(off))
        way = "raise --leak-bits to come closer"
        if leak_bits == MAX_LEAK_SHIFT:
            way = f"{leak_bits} leak bits are the most"
        notes.append(f"group {group}: {what} {values[worst]:.6g} became {rounded[worst]:.6g}; {way}")
    shift = leak_bits
    while shift and not (numerators % 2).any():
        numerators //= 2
        shift -= 1
    return int(numerators.max()), None if same else numerators, shift, notes


@dataclass(frozen=True)
class Reach:
    """What decides whether a group's neurons can reach their thresholds; in potential steps, shape (n,).

    Parameters
    ----------
    most
        The most that one step's spikes can add.
    bias, current_bias
        What every step adds to the potential, and to the synaptic current (None without one).
    threshold
        What fires; ignored for a readout.
    """

    most: np.ndarray
    bias: np.ndarray
    current_bias: np.ndarray | None
    threshold: np.ndarray

    def leak_bits(self, group: NeuronGroup) -> tuple[int, int]:
        """Fractional bits that keep the leaks of potential and current, see :func:`leak_bits_for`."""
        drive, fires = self.most + self.bias, None if group.threshold is None else self.threshold
        bits = LEAK_BITS
        if group.current_decay is not None and self.current_bias is not None:
            # What the current must reach for the potential to settle at the threshold.
            needed = None if fires is None else fires * (1.0 - group.decay) - self.bias
            bits = leak_bits_for(group.current_decay, self.most + self.current_bias, needed)
            drive = settled(self.most + self.current_bias, group.current_decay) + self.bias
        return leak_bits_for(group.decay, drive, fires), bits

    def highest(self, decay: np.ndarray, current_decay: np.ndarray | None) -> float:
        """Where the strongest drive takes the potential in the end, in units of the threshold."""
        return float(self.heights(decay, current_decay).max())

    def heights(self, decay: np.ndarray, current_decay: np.ndarray | None) -> np.ndarray:
        """:meth:`highest` of each neuron, float64 of shape (n,)."""
        drive = self.most + self.bias
        if current_decay is not None and self.current_bias is not None:
            drive = settled(self.most + self.current_bias, current_decay) + self.bias
        # A threshold at or below 0 is reached at rest.
        above = self.threshold > 0
        heights = settled(drive, decay) / np.where(above, self.threshold, 1)
        return np.where(above, heights, np.inf)

    def check_leak(self, group: NeuronGroup, leak_bits: int) -> None:
        """UserError where the group could fire with its exact leak, but not with ``leak_bits``."""
        current = group.current_decay
        exact = self.highest(group.decay, current)
        rounded_current = None if current is None else rounded_decay(current, leak_bits)
        rounded = self.highest(rounded_decay(group.decay, leak_bits), rounded_current)
        if exact >= 1 > rounded:
            raise UserError(
                f"group {group.name}: with {leak_bits} leak bits no input can make any neuron reach its "
                f"threshold: the highest potential settles at {rounded:.3g} of it, with the exact decay at "
                f"{exact:.3g}; leave --leak-bits out, or raise it"
            )
