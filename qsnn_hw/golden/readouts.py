"""Output spikes or potentials to classes: what the readouts on the chip answer.

Arrays have the golden model's shape (time, sample, class). Every function returns the class of each
sample, int64, and whether the sample was silent, bool; the class of a silent sample is 0. Among equals
the lowest class wins, as with ``numpy.argmax``.
"""

import numpy as np


def count_class(spikes: np.ndarray, *, count_bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The class with the most spikes; counters stop at ``2**count_bits - 1``."""
    counts = np.minimum(spikes.sum(axis=0, dtype=np.int64), (1 << count_bits) - 1)
    return counts.argmax(axis=1), ~counts.any(axis=1)


def first_class(spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class that spikes first; of several in that step, the lowest."""
    steps, samples, classes = spikes.shape
    # Steps before classes: the first place with a spike is the earliest step's lowest class.
    flat = spikes.transpose(1, 0, 2).reshape(samples, steps * classes) != 0
    silent = ~flat.any(axis=1)
    return np.where(silent, 0, flat.argmax(axis=1) % classes), silent


def membrane_class(potentials: np.ndarray, *, every_step: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The class with the highest potential in the last step, or in any; never silent."""
    highest = potentials.max(axis=0) if every_step else potentials[-1]
    return highest.argmax(axis=1), np.zeros(highest.shape[0], dtype=bool)
