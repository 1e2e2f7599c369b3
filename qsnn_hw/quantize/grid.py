"""Weights that lie on a grid already: found, and kept as the integers they are.

Weights that another quantizer trained, or that were written for another chip, are whole multiples of
one step. Rounding them to a scale taken from their largest magnitude would move them; their own
integers and their own step do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A weight stored as float32 is off by 2**-24 of itself, and so are the step it is compared with and each
# gain that was multiplied in.
_NOISE = 2.0**-21
# Random weights would lie on some grid by chance; what is expected of that must be below this.
_CHANCE = 1e-6
# Candidates are tested on this many weights first: random ones rarely pass.
_FIRST = 16
# Decays of other chips are whole multiples of 2**-12 (Loihi, Lava, SYNtzulA) or coarser.
_LEAK_BITS = 12
# A decay may come from float32 time constants: 2**-24 of it, in steps of 2**-12, and some arithmetic.
_LEAK_NOISE = 2.0**-10


@dataclass(frozen=True)
class Grid:
    """Weights as whole multiples of a step.

    Parameters
    ----------
    step
        The largest number that all are whole multiples of, > 0.
    integers
        int64, in the shape of the weights: ``weights`` is ``integers * step`` within float32 rounding.
    certain
        Random weights would not lie on such a grid.
    """

    step: float
    integers: np.ndarray
    certain: bool


def find_grid(weights: np.ndarray, bits: int) -> Grid | None:
    """The grid of ``weights``, any shape, with integers of ``bits`` signed bits; None without one.

    All of two's complement counts, -2**(bits-1) included. None for weights that are all 0 or not finite.
    """
    magnitudes = np.unique(np.abs(weights[weights != 0]).astype(np.float64))
    if not magnitudes.size or not np.isfinite(magnitudes[-1]):
        return None
    largest = 2 ** (bits - 1)
    least, most = magnitudes[0], magnitudes[-1]
    # The least magnitude is 1, 2, 3, ... steps; the first count that suits all weights has the largest step.
    counts = np.arange(1, int(largest * (1 + _NOISE) * least / most) + 1)
    few = magnitudes[np.linspace(0, magnitudes.size - 1, min(_FIRST, magnitudes.size)).astype(np.int64)]
    for count in counts[_whole(few[np.newaxis, :] * (counts[:, np.newaxis] / least)).all(axis=1)]:
        if _whole(magnitudes * (count / least)).all():
            integers = np.rint(weights * (count / least)).astype(np.int64)
            if integers.max() >= largest or integers.min() < -largest:
                return None
            # What other random weights would do: each is near a whole number by chance.
            chance = 2 * _NOISE * float(np.abs(integers).max())
            others = np.count_nonzero(weights) - 1
            step = _step_of(weights, integers)
            return Grid(step, integers, bool(largest * chance**others < _CHANCE))
    return None


def _whole(steps: np.ndarray) -> np.ndarray:
    """Which numbers of steps are whole, within float32 rounding of weight and step."""
    near: np.ndarray = np.abs(steps - np.rint(steps)) <= _NOISE * np.abs(steps)
    return near & (np.rint(steps) > 0)


def _step_of(weights: np.ndarray, integers: np.ndarray) -> float:
    """The step that gives the weights back, as exactly as their own rounding tells it."""
    k = np.abs(integers).ravel()
    w = np.abs(weights).ravel()[k > 0].astype(np.float64)
    k = k[k > 0]
    powers = (k & (k - 1)) == 0
    # A power of two times a step is not rounded; of the others the largest is rounded least.
    candidates = [w[powers][0] / k[powers][0]] if powers.any() else []
    candidates.append(w[k.argmax()] / k.max())
    for kind in (np.float64, np.float32):
        for step in candidates:
            if (kind(step * k) == kind(w)).all():
                return float(step)
    return float(candidates[-1])


@dataclass(frozen=True)
class KeptIntegers:
    """The weights of one group that keep their integers.

    Parameters
    ----------
    scale
        float64, shape (rows,): the step of each block of rows.
    integers
        int64, shape (rows, weights of a row).
    bits
        Signed bits that hold the integers.
    certain
        Random weights would not lie on such grids.
    """

    scale: np.ndarray
    integers: np.ndarray
    bits: int
    certain: bool


def keep_integers(blocks: np.ndarray, bits: int, *, by_row: bool) -> KeptIntegers | None:
    """The integers of a group's weights, shape (rows, weights of a row); None where they lie on no grid.

    Parameters
    ----------
    bits
        Signed bits that integers may have.
    by_row
        Each row may have a step of its own.
    """
    whole = find_grid(blocks, bits)
    if whole is not None:
        return _kept_integers(np.full(len(blocks), whole.step), whole.integers, whole.certain)
    if not by_row or len(blocks) == 1 or not blocks.any():
        return None
    scale = np.ones(len(blocks))
    integers = np.zeros(blocks.shape, dtype=np.int64)
    certain = []
    for row, weights in enumerate(blocks):
        grid = find_grid(weights, bits)
        if grid is not None:
            scale[row], integers[row] = grid.step, grid.integers
            certain.append(grid.certain)
        elif weights.any():
            return None
    # Rows of one or two weights tell nothing by themselves.
    return _kept_integers(scale, integers, sum(certain) * 2 > len(certain))


def _kept_integers(scale: np.ndarray, integers: np.ndarray, certain: bool) -> KeptIntegers:
    low, high = int(integers.min(initial=0)), int(integers.max(initial=0))
    bits = max(high.bit_length(), (~low).bit_length()) + 1
    return KeptIntegers(scale, integers, max(bits, 2), certain)


def on_grid(values: Sequence[np.ndarray | float | None], step: np.ndarray) -> bool:
    """Whether all values are whole numbers of steps; None and infinite ones count as such."""
    for value in values:
        if value is not None:
            steps = np.asarray(value, dtype=np.float64) / step
            steps = steps[np.isfinite(steps)]
            if (snapped(steps) != np.rint(steps)).any():
                return False
    return True


def snapped(steps: np.ndarray) -> np.ndarray:
    """Numbers of steps, those that are whole but for float32 rounding made whole."""
    rounded = np.rint(steps)
    return np.where(np.abs(steps - rounded) <= 2 * _NOISE * np.maximum(np.abs(rounded), 1), rounded, steps)


def exact_leak_bits(decay: np.ndarray) -> int | None:
    """The fewest fractional bits, at least 1, that hold every decay exactly; None where 12 do not."""
    loss = (1.0 - np.asarray(decay, dtype=np.float64)) * 2**_LEAK_BITS
    whole = np.rint(loss)
    if (np.abs(loss - whole) > _LEAK_NOISE).any() or (whole < 0).any() or (whole > 2**_LEAK_BITS).any():
        return None
    if ((whole == 0) & (loss != 0)).any():
        return None
    bits = _LEAK_BITS
    while bits > 1 and not (whole % 2).any():
        whole, bits = whole // 2, bits - 1
    return bits
