"""What a network answers: output spikes or potentials to one class a sample. The only definition there is.

``infer``, calibration, fine-tuning, the report and the readouts on the chip all answer by one of three
kinds: "count", the class with the most spikes; "first", the class that spikes first; "membrane", the class
with the highest potential after the sample's last step. Among equals the lowest class wins, as with
``numpy.argmax``.

Arrays have the shape (time, sample, class). The ``..._class`` functions return the class of each sample,
int64, and whether the sample was silent, bool; the class of a silent sample is 0.
"""

from collections.abc import Mapping

import numpy as np

from qsnn_hw.support.choices import READOUTS, ReadoutKind
from qsnn_hw.support.errors import UserError

READOUT_WORDS: Mapping[str, str] = {
    "count": "most spikes",
    "first": "first spike",
    "membrane": "highest potential after the last step",
}
"""Each kind in words, to stand beside an accuracy."""


def count_class(spikes: np.ndarray, *, count_bits: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The class with the most spikes; with ``count_bits``, counters stop at ``2**count_bits - 1``."""
    counts = spikes.sum(axis=0, dtype=np.int64)
    if count_bits is not None:
        counts = np.minimum(counts, (1 << count_bits) - 1)
    return counts.argmax(axis=1), ~counts.any(axis=1)


def first_class(spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class that spikes first; of several in that step, the lowest."""
    steps, samples, classes = spikes.shape
    # Steps before classes: the first place with a spike is the earliest step's lowest class.
    flat = spikes.transpose(1, 0, 2).reshape(samples, steps * classes) != 0
    silent = ~flat.any(axis=1)
    return np.where(silent, 0, flat.argmax(axis=1) % classes), silent


def membrane_class(potentials: np.ndarray, *, every_step: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The class with the highest potential after the last step, or after any; never silent."""
    highest = potentials.max(axis=0) if every_step else potentials[-1]
    return highest.argmax(axis=1), np.zeros(highest.shape[0], dtype=bool)


def default_readout(fires: bool) -> ReadoutKind:
    """What answers where nothing was asked for: spike counts, or potentials of a group that never fires."""
    return "count" if fires else "membrane"


def chosen_readout(asked: str | None, group: str, *, fires: bool) -> ReadoutKind:
    """The kind asked for, or the default of the output group ``group``.

    Raises
    ------
    UserError
        There is no such kind, or it needs spikes and ``group`` never fires.
    """
    if asked is None:
        return default_readout(fires)
    for kind in READOUTS:
        if kind == asked:
            if kind != "membrane" and not fires:
                raise UserError(f"--readout {kind} needs spikes, and group {group} has none: give membrane")
            return kind
    raise UserError(f"--readout must be one of {', '.join(READOUTS)}, not {asked!r}")


def answers(kind: ReadoutKind, read: np.ndarray) -> np.ndarray:
    """Each sample's class, int64 of shape (sample,).

    Parameters
    ----------
    kind
        Which readout.
    read
        What it reads, shape (time, sample, class): spikes for "count" and "first", potentials (integers
        of one scale, or real numbers) for "membrane".
    """
    if kind == "count":
        return count_class(read)[0]
    if kind == "first":
        return first_class(read)[0]
    return membrane_class(read)[0]
