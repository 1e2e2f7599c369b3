"""What the plan promised before any tool or simulation ran."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.report.words import figure
from qsnn_hw.support.values import Number, check_counts, check_numbers, count, put

_CYCLES = ("cycles_per_sample_mean", "simulated_mean", "network_cycles_mean", "network_simulated_mean")


@dataclass(frozen=True)
class Prediction:
    """Predicted figures, to be held against what the tools and the simulation say.

    Parameters
    ----------
    resources
        Units of the device under the place-and-route tool's own names.
    cycles_per_sample_mean
        Clock cycles of a sample sent alone to the design as built, with encoder and readout, predicted
        from its spikes; over the first ``samples``.
    simulated_mean
        Of the same samples in simulation; None without one.
    samples
        How many that is.
    samples_differ
        Of how many of them the simulation took another number of cycles; None without one.
    network_cycles_mean, network_simulated_mean
        As the first two, of the network alone; None where that is the design.
    """

    resources: Mapping[str, int] = field(default_factory=dict)
    cycles_per_sample_mean: Number | None = None
    simulated_mean: Number | None = None
    samples: int | None = None
    samples_differ: int | None = None
    network_cycles_mean: Number | None = None
    network_simulated_mean: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts and numbers."""
        put(self, resources={name: count(f"prediction.{name}", n) for name, n in self.resources.items()})
        check_numbers(self, "prediction", *_CYCLES)
        check_counts(self, "prediction", "samples", "samples_differ")

    def cycles_in_words(self) -> str | None:
        """Predicted cycles of a sample, the network alone beside them; None where nothing was predicted."""
        if self.cycles_per_sample_mean is None:
            return None
        words = f"{figure(self.cycles_per_sample_mean)} cycles"
        if self.network_cycles_mean is None:
            return words
        return f"{words}, the network alone {figure(self.network_cycles_mean)}"
