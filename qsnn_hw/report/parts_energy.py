"""What a design spends: power by term, energy by sample and spike, and what it does for that.

Absent is None. Estimates are low, typical and high: every coefficient at its low end at once, and so on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.support.values import Number, check_numbers, number, put

VERDICTS = ("kept", "not kept", "depends")


@dataclass(frozen=True)
class Bounds:
    """A low, a typical and a high end."""

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_bounds(self, "estimate")


def check_bounds(record: object, where: str) -> None:
    """Refuse negative or non-finite values, and bounds out of order.

    Raises
    ------
    ValueError
        ``where`` is in the message.
    """
    check_numbers(record, where, "low", "typical", "high")
    ends = [getattr(record, name) for name in ("low", "typical", "high")]
    known = [value for value in ends if value is not None]
    if known != sorted(known):
        raise ValueError(f"{where} must have low <= typical <= high, not {tuple(known)!r}")


@dataclass(frozen=True)
class PowerTerm:
    """One term of the power estimate in milliwatts.

    Parameters
    ----------
    part
        "static": always; "clock": while the clock runs; "work": only with a sample's work.
    source
        Where the coefficient comes from.
    assumed
        Whether no measurement or data sheet stands behind the coefficient, or the activity it is
        multiplied with was not measured.
    activity
        What is assumed of that activity; None where it was measured or plays no part.
    """

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None
    part: str | None = None
    source: str | None = None
    assumed: bool | None = None
    activity: str | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_bounds(self, "power_mw.terms")


@dataclass(frozen=True)
class PowerMw:
    """Power of the FPGA's core supply in milliwatts, and the terms that it is the sum of."""

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None
    terms: Mapping[str, PowerTerm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_bounds(self, "power_mw")


@dataclass(frozen=True)
class Energy:
    """Energy of the core supply.

    Parameters
    ----------
    per_sample_uj, per_spike_nj
        Of a sample that the core works on without waiting for the link, and that shared by its spikes.
    static_uj, dynamic_uj
        The two parts of ``per_sample_uj``: leakage in the sample's time, and clock tree and work.
    static_per_spike_nj, dynamic_per_spike_nj
        The same of ``per_spike_nj``.
    static_share
        Of the typical energy, 0 to 1.
    link_per_sample_uj, link_per_spike_nj
        The same for a sample that comes through the serial link: leakage and clock go on meanwhile.
    per_spike_target, link_per_spike_target
        Whether a spike costs less than 1 uJ: "kept" over the whole range, "not kept" anywhere in it, or
        it "depends" on where in the range the truth lies.
    """

    per_sample_uj: Bounds = field(default_factory=Bounds)
    per_spike_nj: Bounds = field(default_factory=Bounds)
    static_uj: Bounds = field(default_factory=Bounds)
    dynamic_uj: Bounds = field(default_factory=Bounds)
    static_share: Number | None = None
    link_per_sample_uj: Bounds = field(default_factory=Bounds)
    link_per_spike_nj: Bounds = field(default_factory=Bounds)
    per_spike_target: str | None = None
    link_per_spike_target: str | None = None
    static_per_spike_nj: Bounds = field(default_factory=Bounds)
    dynamic_per_spike_nj: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1 and an unknown verdict."""
        put(self, static_share=number("energy.static_share", self.static_share, 0, 1))
        for name in ("per_spike_target", "link_per_spike_target"):
            value = getattr(self, name)
            if value is not None and value not in VERDICTS:
                raise ValueError(f"energy.{name} must be one of {', '.join(VERDICTS)}, not {value!r}")


@dataclass(frozen=True)
class Metrics:
    """What one sample makes the network do, from the integer network's spikes.

    Parameters
    ----------
    synaptic_operations_per_sample
        Additions of a non-zero weight that a spike causes, over all projections.
    spikes_per_sample
        Input, hidden and output spikes together.
    spike_efficiency
        The first divided by the second: how many synapses a mean spike drives.
    """

    synaptic_operations_per_sample: Number | None = None
    spikes_per_sample: Number | None = None
    spike_efficiency: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(
            self, "metrics", "synaptic_operations_per_sample", "spikes_per_sample", "spike_efficiency"
        )


@dataclass(frozen=True)
class GroupActivity:
    """What one neuron group does for a sample, counted in the simulated network back to back at full speed.

    Parameters
    ----------
    busy_share
        Share of the clock cycles in which it adds synapses or updates neurons, 0 to 1.
    busy_cycles
        These cycles, of one sample.
    synapse_reads, state_reads, state_writes
        Words of synapse memory and of the memories of potentials, of one sample.
    """

    busy_share: Number | None = None
    busy_cycles: Number | None = None
    synapse_reads: Number | None = None
    state_reads: Number | None = None
    state_writes: Number | None = None

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1 and negative or non-finite values."""
        put(self, busy_share=number("activity.busy_share", self.busy_share, 0, 1))
        check_numbers(self, "activity", "busy_cycles", "synapse_reads", "state_reads", "state_writes")
