"""The figures a report is made of; an absent one is None.

Units are in the names; accuracies are fractions from 0 to 1.
"""

from dataclasses import dataclass, field

import numpy as np

from qsnn_hw.report.values import Number, check_counts, check_numbers, number, put


@dataclass(frozen=True)
class Accuracy:
    """Fractions from 0 to 1 of correctly classified samples; ``float_model`` is written as ``float``.

    Parameters
    ----------
    float_model, quantized
        The fractions.
    readout
        What answered, in words.
    standard_error_pp
        Of the difference between the two on the same samples, in percentage points.
    """

    float_model: Number | None = field(default=None, metadata={"json": "float"})
    quantized: Number | None = None
    readout: str | None = None
    standard_error_pp: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but a fraction."""
        put(
            self,
            float_model=number("accuracy.float", self.float_model, 0, 1),
            quantized=number("accuracy.quantized", self.quantized, 0, 1),
            standard_error_pp=number("accuracy.standard_error_pp", self.standard_error_pp, 0),
        )

    @property
    def change_pp(self) -> float | None:
        """Quantized less float, in percentage points; negative is a loss."""
        if self.float_model is None or self.quantized is None:
            return None
        return 100.0 * (self.quantized - self.float_model)

    def change_text(self) -> str | None:
        """:attr:`change_pp` with its standard error, in words; None where either accuracy is unknown."""
        if self.change_pp is None:
            return None
        error = "" if self.standard_error_pp is None else f", standard error {self.standard_error_pp:.2f}"
        return f"{self.change_pp:+.2f} pp{error}"


@dataclass(frozen=True)
class Calibration:
    """What the integers chosen on calibration samples score there; fractions from 0 to 1.

    Parameters
    ----------
    samples
        How many.
    labelled
        The scores are accuracies; False: how often the float network's own answers were given.
    float_model, quantized, standard_error_pp
        As in :class:`Accuracy`.
    """

    samples: int
    labelled: bool
    float_model: Number | None = field(default=None, metadata={"json": "float"})
    quantized: Number | None = None
    standard_error_pp: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but fractions and counts."""
        check_counts(self, "calibration", "samples")
        put(
            self,
            float_model=number("calibration.float", self.float_model, 0, 1),
            quantized=number("calibration.quantized", self.quantized, 0, 1),
            standard_error_pp=number("calibration.standard_error_pp", self.standard_error_pp, 0),
        )

    def text(self) -> str:
        """In words."""
        change = Accuracy(
            self.float_model, self.quantized, standard_error_pp=self.standard_error_pp
        ).change_text()
        what = "" if self.labelled else " agreement with the float network"
        return f"{change}{what} on {self.samples:,} calibration samples"


@dataclass(frozen=True)
class Verification:
    """How much of the RTL was compared with the golden model, and what differed.

    ``answers``: samples compared end to end, through encoder and readout on the chip.
    """

    samples: int | None = None
    spikes_compared: int | None = None
    potentials_compared: int | None = None
    mismatches: int | None = None
    simulator: str | None = None
    answers: int | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        names = ("samples", "spikes_compared", "potentials_compared", "mismatches", "answers")
        check_counts(self, "verification", *names)

    @property
    def passed(self) -> bool | None:
        """True when something was compared and nothing differed; None when nothing was compared."""
        if self.mismatches:
            return False
        compared = (self.spikes_compared or 0) + (self.potentials_compared or 0)
        return True if self.mismatches == 0 and compared else None


@dataclass(frozen=True)
class Resource:
    """Cells of one kind: used by the design and available on the device."""

    used: int | None = None
    available: int | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "resource", "used", "available")


@dataclass(frozen=True)
class Timing:
    """Clock frequencies in MHz: what the tool reached and what it was asked for."""

    fmax_mhz: Number | None = None
    constraint_mhz: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite frequencies."""
        check_numbers(self, "timing", "fmax_mhz", "constraint_mhz")

    @property
    def met(self) -> bool | None:
        """Whether Fmax reaches the constraint; None when either is unknown."""
        if self.fmax_mhz is None or self.constraint_mhz is None:
            return None
        return self.fmax_mhz >= self.constraint_mhz


@dataclass(frozen=True)
class Latency:
    """Clock cycles per sample from simulation, and microseconds at Fmax."""

    cycles_per_sample_mean: Number | None = None
    cycles_per_sample_max: Number | None = None
    us_per_sample_mean: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and a mean above the maximum."""
        names = ("cycles_per_sample_mean", "cycles_per_sample_max", "us_per_sample_mean")
        check_numbers(self, "latency", *names)
        mean, most = self.cycles_per_sample_mean, self.cycles_per_sample_max
        if mean is not None and most is not None and mean > most:
            raise ValueError(f"latency.cycles_per_sample_mean must be at most the maximum {most}, not {mean}")

    @classmethod
    def of(cls, cycles: np.ndarray, clock_mhz: float | None) -> "Latency":
        """The latency of ``cycles``, shape (samples,), at a clock in MHz (None: cycles only)."""
        values = np.asarray(cycles)
        if values.ndim != 1 or not values.size:
            raise ValueError(f"cycles must have shape (samples,) with samples > 0, not {values.shape!r}")
        mean = float(values.mean())
        return cls(mean, int(values.max()), None if clock_mhz is None else mean / clock_mhz)


@dataclass(frozen=True)
class PowerMw:
    """Device power in milliwatts: an estimate and its bounds."""

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_numbers(self, "power_mw", "low", "typical", "high")
        known = [value for value in (self.low, self.typical, self.high) if value is not None]
        if known != sorted(known):
            raise ValueError(f"power_mw must have low <= typical <= high, not {tuple(known)!r}")


@dataclass(frozen=True)
class Energy:
    """Energy of one sample in microjoules and of one spike in nanojoules."""

    per_sample_uj: Number | None = None
    per_spike_nj: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "energy", "per_sample_uj", "per_spike_nj")

    @classmethod
    def of(cls, power_mw: Number | None, us_per_sample: Number | None, spikes: Number | None) -> "Energy":
        """Power times time (mW x us = nJ), divided by the sample's ``spikes``; None where one is unknown."""
        if power_mw is None or us_per_sample is None:
            return cls()
        per_sample_nj = power_mw * us_per_sample
        return cls(per_sample_nj / 1000.0, per_sample_nj / spikes if spikes else None)


@dataclass(frozen=True)
class OperatingPoint:
    """The clock the board really runs at: power and energy hold there, and so does this latency."""

    clock_mhz: Number | None = None
    us_per_sample_mean: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "operating_point", "clock_mhz", "us_per_sample_mean")


@dataclass(frozen=True)
class Files:
    """Names of what a user takes away, relative to the folder of the report.

    ``weights``: the bytes that the host sends before the first sample, where weights are loaded.
    """

    verilog: str | None = None
    bitstream: str | None = None
    weights: str | None = None
