"""The figures a report is made of; an absent one is None.

Units are in the names; accuracies are fractions from 0 to 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.support.values import Number, check_counts, check_numbers, count, number, put


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
class Framework:
    """The framework's own output, where the data hold it, beside that of the float network.

    Parameters
    ----------
    values
        How many output values were compared, time steps x samples x neurons; None where none were.
    differ
        How many of them are not equal.
    what
        "spikes" or "potentials".
    reason
        Why nothing was compared.
    tolerance
        Potentials count as equal up to this part of the framework's largest; None where values are
        equal to the last bit.
    greatest_difference, largest
        The greatest difference between two potentials, and the framework's largest absolute potential, in
        the model's own unit; None for spikes.
    """

    values: int | None = None
    differ: int | None = None
    what: str = "spikes"
    reason: str | None = None
    tolerance: Number | None = None
    greatest_difference: Number | None = None
    largest: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts, and more differences than values."""
        check_counts(self, "verification.framework", "values", "differ")
        check_numbers(self, "verification.framework", "tolerance", "greatest_difference", "largest")
        if self.values is not None and self.differ is not None and self.differ > self.values:
            raise ValueError(
                f"verification.framework.differ must be at most {self.values}, not {self.differ}"
            )


@dataclass(frozen=True)
class Verification:
    """How much of the RTL was compared with the golden model, and what differed.

    Parameters
    ----------
    samples, distinct_samples
        Samples compared, each counted once however often it was simulated.
    spikes_compared, potentials_compared
        Of these samples, each counted once.
    spikes_by_group
        Group -> how many of the spikes are its own.
    repeated_samples, repeated_spikes, repeated_potentials
        What was compared again, under random gaps and backpressure and back to back; not in the above.
    mismatches
        Differences of any kind in any of it.
    simulator
        Name and version.
    answers
        Samples compared end to end, through encoder and readout on the chip.
    matched_registers, matched_memory_bits
        Bits of the network in the board's design, each with its counterpart in what was simulated.
    framework
        Of the float network, not of the hardware; None where no network was run.
    """

    samples: int | None = None
    spikes_compared: int | None = None
    potentials_compared: int | None = None
    mismatches: int | None = None
    simulator: str | None = None
    answers: int | None = None
    distinct_samples: int | None = None
    spikes_by_group: Mapping[str, int] = field(default_factory=dict)
    repeated_samples: int | None = None
    repeated_spikes: int | None = None
    repeated_potentials: int | None = None
    matched_registers: int | None = None
    matched_memory_bits: int | None = None
    framework: Framework | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "verification", "samples", "spikes_compared", "potentials_compared")
        check_counts(self, "verification", "mismatches", "answers", "distinct_samples")
        check_counts(self, "verification", "repeated_samples", "repeated_spikes", "repeated_potentials")
        check_counts(self, "verification", "matched_registers", "matched_memory_bits")
        spikes = {
            name: count(f"verification.spikes_by_group.{name}", n) for name, n in self.spikes_by_group.items()
        }
        put(self, spikes_by_group=spikes)

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
class Files:
    """Names of what a user takes away, relative to the folder of the report.

    ``weights``: the bytes that the host sends before the first sample, where weights are loaded.
    """

    verilog: str | None = None
    bitstream: str | None = None
    weights: str | None = None
