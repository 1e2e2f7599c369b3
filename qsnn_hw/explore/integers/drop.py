"""What integers cost against the float network on the same samples, with the standard error of that."""

from dataclasses import dataclass

import numpy as np


def paired(right: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """How much more often ``right`` holds than ``other``, a fraction, and its standard error.

    Both are bool, shape (sample,), over the same samples: the error is that of the mean of their
    differences, which is small where both err on the same samples. Of one sample it is infinite.
    """
    difference = right.astype(np.int64) - other.astype(np.int64)
    if difference.size < 2:
        return float(difference.mean()), float("inf")
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(difference.size))


def beats(right: np.ndarray, other: np.ndarray) -> bool:
    """Whether ``right`` holds more often than ``other`` by more than the standard error."""
    difference, error = paired(right, other)
    # A hair above, so that rounding decides nothing.
    return difference > error + 1e-12


@dataclass(frozen=True)
class Drop:
    """Float against integers on the same samples.

    Parameters
    ----------
    samples
        How many.
    labelled
        The scores are accuracies; False: how often the float network's own answers were given.
    float_score, integer_score
        Fractions from 0 to 1.
    standard_error
        Of their difference, a fraction; None for a single sample.
    """

    samples: int
    labelled: bool
    float_score: float
    integer_score: float
    standard_error: float | None

    @classmethod
    def of(cls, float_right: np.ndarray, right: np.ndarray, *, labelled: bool) -> "Drop":
        """From what each network answered rightly, bool of shape (sample,)."""
        _, error = paired(float_right, right)
        scores = float(np.mean(float_right)), float(np.mean(right))
        return cls(int(right.size), labelled, *scores, error if np.isfinite(error) else None)

    @property
    def drop(self) -> float:
        """The float score less the integers', a fraction; negative where integers do better."""
        return self.float_score - self.integer_score

    def text(self) -> str:
        """In words, without the name of the samples."""
        what = "accuracy" if self.labelled else "agreement with the float network"
        error = "not known" if self.standard_error is None else f"{100 * self.standard_error:.2f} pp"
        return (
            f"{what} {100 * self.integer_score:.2f} % (float {100 * self.float_score:.2f} %), "
            f"drop {100 * self.drop:+.2f} pp, standard error {error}, {self.samples} samples"
        )


# What is worth a warning: more than luck, and more than 8 bits cost any network here.
_LOST_ACCURACY = 0.02
_LOST_AGREEMENT = 0.05
_LOST_SPIKES = 0.3
_FEWEST_SPIKES = 20


def fall(drop: Drop, float_spikes: np.ndarray | None, spikes: np.ndarray | None) -> str | None:
    """In words, how far integers fall behind float; None where they do not fall.

    They do where the drop is more than twice its standard error and more than 2 percentage points of
    accuracy (5 of agreement, without labels); without labels, or on a single sample, also where the spike
    counts of the output neurons differ by more than 30 % of all spikes.

    Parameters
    ----------
    drop
        On the samples that were run.
    float_spikes, spikes
        Of the output, (time, sample, neuron); None for an output that never fires.
    """
    error = drop.standard_error
    least = _LOST_ACCURACY if drop.labelled else _LOST_AGREEMENT
    if error is not None and drop.drop > max(least, 2 * error):
        what = "accuracy" if drop.labelled else "answers as float gives them"
        return (
            f"{100 * drop.drop:.2f} pp of {what} lost against float on {drop.samples} samples "
            f"(standard error {100 * error:.2f} pp)"
        )
    if (drop.labelled and error is not None) or float_spikes is None or spikes is None:
        return None
    wanted = float_spikes.sum(axis=0, dtype=np.int64)
    off, total = int(np.abs(wanted - spikes.sum(axis=0, dtype=np.int64)).sum()), int(wanted.sum())
    if total < _FEWEST_SPIKES or off <= _LOST_SPIKES * total:
        return None
    return f"output spike counts differ from float's by {off} of {total:,} spikes ({drop.samples} samples)"
