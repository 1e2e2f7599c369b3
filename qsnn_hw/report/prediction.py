"""What the plan promised before any tool or simulation ran."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.support.values import Number, check_counts, check_numbers, count, put


@dataclass(frozen=True)
class Prediction:
    """Predicted figures, to be held against what the tools and the simulation say.

    Parameters
    ----------
    resources
        Units of the device under the place-and-route tool's own names.
    cycles_per_sample_mean
        Clock cycles of a sample sent alone, predicted from its spikes; over the first ``samples``.
    simulated_mean
        Of the same samples in simulation; None without one.
    samples
        How many that is.
    samples_differ
        Of how many of them the simulation took another number of cycles; None without one.
    """

    resources: Mapping[str, int] = field(default_factory=dict)
    cycles_per_sample_mean: Number | None = None
    simulated_mean: Number | None = None
    samples: int | None = None
    samples_differ: int | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts and numbers."""
        put(self, resources={name: count(f"prediction.{name}", n) for name, n in self.resources.items()})
        check_numbers(self, "prediction", "cycles_per_sample_mean", "simulated_mean")
        check_counts(self, "prediction", "samples", "samples_differ")
