"""What quantization did to each neuron group, float against integer: what is measured, kept and reported."""

from dataclasses import dataclass
from itertools import pairwise

from qsnn_hw.support.records import StoredRecord
from qsnn_hw.support.values import Number, check_counts, check_numbers, count, number, put

LARGE_DRIFT = 0.2
"""A spike rate that moves by more than this share of the float network's is a warning."""


@dataclass(frozen=True)
class GroupDiagnosis:
    """One neuron group, float against integer, over the same samples.

    Parameters
    ----------
    name, neurons
        The group and its size.
    float_rate, integer_rate
        Spikes per neuron and time step; both None for a readout, which never fires.
    drift
        ``integer_rate / float_rate - 1``; None for a readout and where the float group is silent.
    dead
        The whole group fires in the float network and never in integers.
    dead_neurons
        Neurons that fire in the float network and never in integers, ascending.
    saturating_neurons, saturations
        Neurons whose potential or current met its clamp, ascending, and how often that happened.
    spikes_differ
        Fraction of (step, sample, neuron) whose spikes differ; None for a readout.
    v_bits, v_bits_used
        Width of the potential as built, and as these samples needed it.
    decay_error
        Largest absolute difference between a rounded and a wanted decay.
    stuck_below, stuck_real
        Potentials from 0 to here no longer leak, in potential steps and as a real value; None for a
        group without leak.
    leakless
        ``stuck_below`` reaches a threshold: some neuron never leaks before it fires.
    histogram_edges, histogram
        Potentials in units of the threshold (of 1 for a readout): edges (bins + 1,), counts (bins,).
    """

    name: str
    neurons: int
    float_rate: Number | None
    integer_rate: Number | None
    drift: Number | None
    dead: bool
    dead_neurons: tuple[int, ...]
    saturating_neurons: tuple[int, ...]
    saturations: int
    spikes_differ: Number | None
    v_bits: int
    v_bits_used: int
    decay_error: Number
    stuck_below: int | None
    stuck_real: Number | None
    histogram_edges: tuple[float, ...]
    histogram: tuple[int, ...]
    leakless: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no count or number, neurons outside the group, and a histogram out of shape.

        Raises
        ------
        ValueError
            Names the group, the field and its value.
        """
        where = f"diagnosis of {self.name!r}"
        for name in ("neurons", "saturations", "v_bits", "v_bits_used", "decay_error"):
            if getattr(self, name) is None:
                raise ValueError(f"{where}: {name} must be a number, not None")
        check_counts(self, where, "neurons", "saturations", "v_bits", "v_bits_used", "stuck_below")
        check_numbers(self, where, "float_rate", "integer_rate", "decay_error", "stuck_real")
        put(
            self,
            drift=number(f"{where}.drift", self.drift, -1),
            spikes_differ=number(f"{where}.spikes_differ", self.spikes_differ, 0, 1),
        )
        if (self.float_rate is None) != (self.integer_rate is None):
            raise ValueError(f"{where}: float_rate and integer_rate must be given together")
        for name in ("dead_neurons", "saturating_neurons"):
            which = getattr(self, name)
            if list(which) != sorted(set(which)) or not all(0 <= n < self.neurons for n in which):
                raise ValueError(f"{where}: {name} must ascend within 0 to {self.neurons - 1}, not {which!r}")
        self._check_histogram(where)

    def _check_histogram(self, where: str) -> None:
        put(
            self,
            histogram=tuple(count(f"{where}.histogram", n) for n in self.histogram),
            histogram_edges=tuple(number(f"{where}.histogram_edges", edge) for edge in self.histogram_edges),
        )
        if None in self.histogram or None in self.histogram_edges:
            raise ValueError(f"{where}: histogram and histogram_edges must not hold null")
        edges = self.histogram_edges
        if not self.histogram or len(edges) != len(self.histogram) + 1:
            raise ValueError(f"{where}: {len(self.histogram)} histogram bins cannot have {len(edges)} edges")
        if any(low >= high for low, high in pairwise(edges)):
            raise ValueError(f"{where}: histogram_edges must ascend")

    @property
    def readout(self) -> bool:
        """Whether the group never fires by design."""
        return self.float_rate is None

    @property
    def awakened(self) -> bool:
        """Whether the group fires in integers and never in the float network, so that no drift exists."""
        return self.drift is None and bool(self.integer_rate)

    @property
    def drifts(self) -> bool:
        """Whether its spike rate moved by more than :data:`LARGE_DRIFT`."""
        return self.awakened or (self.drift is not None and abs(self.drift) > LARGE_DRIFT)


@dataclass(frozen=True)
class Sensitivity:
    """The score, 0 to 1, with one group's weights at ``bits``; None where that cannot be built."""

    group: str
    bits: int
    score: Number | None

    def __post_init__(self) -> None:
        """Refuse a score outside 0 to 1 and a width that is no count."""
        where = f"sensitivity of {self.group!r}"
        if not count(f"{where}.bits", self.bits):
            raise ValueError(f"{where}.bits must be at least 1, not {self.bits!r}")
        put(self, bits=int(self.bits), score=number(f"{where}.score", self.score, 0, 1))


@dataclass(frozen=True)
class Diagnostics(StoredRecord, form="diagnostics 1"):
    """Every group's diagnosis, and how the score depends on each group's width.

    Parameters
    ----------
    samples
        Samples behind the diagnoses.
    groups
        In the network's order.
    sensitivity
        One row a group and width; empty when it was not asked for.
    float_score, score_samples
        The float network's own score, and the samples behind it and ``sensitivity``; None when unknown.
    """

    samples: int
    groups: tuple[GroupDiagnosis, ...]
    sensitivity: tuple[Sensitivity, ...] = ()
    float_score: Number | None = None
    score_samples: int | None = None

    def __post_init__(self) -> None:
        """Refuse counts and scores out of range, repeated groups, and scores of an unknown group.

        Raises
        ------
        ValueError
            Names the field and its value.
        """
        if self.samples is None:
            raise ValueError("diagnostics.samples must be a number, not None")
        check_counts(self, "diagnostics", "samples", "score_samples")
        put(self, float_score=number("diagnostics.float_score", self.float_score, 0, 1))
        names = [group.name for group in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"diagnostics.groups must have different names, not {names!r}")
        for row in self.sensitivity:
            if row.group not in names:
                raise ValueError(f"diagnostics.sensitivity names {row.group!r}, which is none of {names!r}")
