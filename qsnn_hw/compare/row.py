"""A row of the table: what a network takes and gives on one target."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.compare.known import Known


@dataclass(frozen=True)
class Size:
    """Some of what a target is made of: cells, blocks, square millimetres.

    Parameters
    ----------
    used
        How much the network takes.
    available
        How much there is; None where nothing limits it or it is not known.
    """

    used: Known
    available: float | None = None


@dataclass(frozen=True)
class Row:
    """One target with one network; a figure that is not known is absent.

    Parameters
    ----------
    name
        Unique in the table; the folder of a row that was built.
    target
        The package that it comes from.
    title
        For a reader.
    accuracy
        Fraction right, 0 to 1.
    samples
        Of which the accuracy was measured; None with an absent accuracy.
    latency_us
        From a sample's first word in to its answer out, nothing else on its way.
    per_s
        Inferences a second, samples back to back.
    energy_uj, spike_nj
        Of an inference, and that shared by its spikes.
    per_watt
        Inferences a second and watt.
    sizes
        Unit (with its name, such as ICESTORM_LC or mm2) -> how much of it.
    use
        What such a target is for, in a few words.
    caveat
        What a reader must know of these figures, in a sentence or two.
    """

    name: str
    target: str
    title: str
    use: str
    caveat: str
    accuracy: Known = field(default_factory=Known)
    samples: int | None = None
    latency_us: Known = field(default_factory=Known)
    per_s: Known = field(default_factory=Known)
    energy_uj: Known = field(default_factory=Known)
    spike_nj: Known = field(default_factory=Known)
    per_watt: Known = field(default_factory=Known)
    sizes: Mapping[str, Size] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an accuracy that is no fraction, or of no samples.

        Raises
        ------
        ValueError
            Says so.
        """
        if (self.accuracy.typical is None) != (self.samples is None):
            raise ValueError(f"{self.name}: accuracy and the samples it is of go together")
        if self.accuracy.high is not None and self.accuracy.high > 1:
            raise ValueError(f"{self.name}: accuracy must be at most 1, not {self.accuracy.high}")
        if self.samples is not None and self.samples < 1:
            raise ValueError(f"{self.name}: samples must be at least 1, not {self.samples}")
