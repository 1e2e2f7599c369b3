"""What a Monte-Carlo found, as a file keeps it."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.support.records import StoredRecord

DROPS_PP = (0.5, 1.0, 2.0, 5.0)
"""Losses of accuracy, percentage points, at which a yield is said."""


@dataclass(frozen=True)
class Cost:
    """What one effect alone costs, without remedies, percentage points of accuracy.

    Parameters
    ----------
    mean_pp, spread_pp, worst_pp
        Over the chips; the spread is a standard deviation. Of "levels" it is the ideal chip against golden.
    """

    effect: str
    chips: int
    samples: int
    mean_pp: float
    spread_pp: float
    worst_pp: float


@dataclass(frozen=True)
class Gain:
    """What one remedy alone gains with all effects on, against none, on the same chips.

    Parameters
    ----------
    on
        Whether it is one of those chosen.
    mean_pp, error_pp
        Percentage points, and their standard error over the chips.
    """

    remedy: str
    on: bool
    chips: int
    samples: int
    mean_pp: float
    error_pp: float


@dataclass(frozen=True)
class Chips(StoredRecord, form="analog chips 1", again="run the build again"):
    """Many chips of one network.

    Parameters
    ----------
    labelled
        Accuracies are against labels; False: against the golden model's answers.
    golden, ideal
        Accuracy of the golden model and of the ideal chip on the same samples, fractions.
    remedies
        Those that are on.
    calibrated_on
        Which spikes calibration saw.
    on, off
        Accuracy of each chip with these remedies, and of the same chips with none.
    """

    chips: int
    samples: int
    labelled: bool
    seed: int
    golden: float
    ideal: float
    remedies: tuple[str, ...]
    calibrated_on: str
    on: tuple[float, ...]
    off: tuple[float, ...]
    costs: tuple[Cost, ...]
    gains: tuple[Gain, ...]

    def lost_pp(self, which: str) -> np.ndarray:
        """Loss of each chip against golden, percentage points; ``which`` is "on" or "off"."""
        return 100 * (self.golden - np.array(self.on if which == "on" else self.off))

    def yields(self, which: str) -> tuple[float, ...]:
        """Share of chips that lose at most each of :data:`DROPS_PP`."""
        lost = self.lost_pp(which)
        return tuple(float(np.mean(lost <= drop + 1e-9)) for drop in DROPS_PP)
