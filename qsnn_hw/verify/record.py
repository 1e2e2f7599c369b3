"""What a verification run found and measured."""

from dataclasses import dataclass, field
from statistics import fmean

from qsnn_hw.support.records import StoredRecord


@dataclass(frozen=True)
class GroupActivity:
    """What one group did in the cycles counted, counted in the simulated RTL.

    Parameters
    ----------
    busy_cycles
        Cycles in which a synapse operation is taken, or the sweep that updates the neurons runs, or
        both: never more than the cycles counted.
    operation_cycles, sweep_cycles
        The two by themselves. Where sums are in registers they overlap.
    synapse_reads
        Words of synapse memory that were read and added, over all banks.
    synapse_enables
        Cycles in which a bank's read port was enabled, over all banks: what a block RAM pays for. More
        than ``synapse_reads`` where a bank also reads what nothing adds.
    synapse_bits
        Bits of one such word of one bank.
    state_reads, state_writes
        Words read from and written to the memories of potentials, currents and sums; 0 where all of
        them are in registers.
    state_bits_read, state_bits_written
        Bits of all those words together.
    parameter_reads
        Cycles in which a memory of a neuron parameter was read, over all such memories.
    words_in, words_out
        Words that the group took from and gave to the router, ticks included.
    """

    busy_cycles: int
    operation_cycles: int
    sweep_cycles: int
    synapse_reads: int
    synapse_enables: int
    synapse_bits: int
    state_reads: int
    state_writes: int
    state_bits_read: int
    state_bits_written: int
    parameter_reads: int
    words_in: int
    words_out: int


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What the counters of the traced form showed of the network's activity.

    Parameters
    ----------
    activity_pass
        Which pass ``groups`` and ``toggles`` were counted in: "stream", or "alone" where that was not
        run; empty when nothing was counted.
    activity_cycles, activity_samples
        Cycles and samples over which they were counted, from the edge that takes the first sample's
        first word to the edge on which the last one's last tick leaves; 0 when nothing was counted.
    groups
        What each group did in these cycles, by its name in the network; empty when nothing was counted.
    toggles
        Bits of state that switched per cycle, mean of these cycles, of each group and of what is
        "around" them (router, weight loader): all registers of the Verilog, the read registers of its
        memories not included. None when not measured.
    toggle_bits
        How many bits were watched for that; 0 when none was.
    rest_cycles, rest_groups, rest_toggles
        As ``activity_cycles``, ``groups`` and ``toggles``, of cycles at the end of that pass in which nothing
        was left to do: what the design does while it waits. 0, empty and None when not counted.
    """

    activity_pass: str = ""
    activity_cycles: int = 0
    activity_samples: int = 0
    groups: dict[str, GroupActivity] = field(default_factory=dict)
    toggles: dict[str, float] | None = None
    toggle_bits: int = 0
    rest_cycles: int = 0
    rest_groups: dict[str, GroupActivity] = field(default_factory=dict)
    rest_toggles: dict[str, float] | None = None


@dataclass(frozen=True)
class Verification(Counted, StoredRecord, form="verification 5"):
    """RTL against golden: a run that found no difference; what it counted of activity is :class:`Counted`'s.

    Parameters
    ----------
    simulator
        Name and version of what simulated; the name alone when the tool states no version.
    samples, distinct_samples
        Samples of the test set that were compared, each counted once however many passes took it.
    spikes_compared, potentials_compared
        Spikes and potentials of these samples that were equal, each counted once. Neurons that are
        silent in a time step are compared as well; only spikes are counted.
    spikes_by_group
        ``spikes_compared`` group by group, by the groups' names in the network: compared as spikes, in
        the words that the group gave to the router.
    repeated_samples, repeated_spikes, repeated_potentials
        What further passes compared of the same samples again, in whole; not in the figures above.
    mismatches
        Differences found: 0, for any difference raises ``MismatchError`` instead.
    cycles_per_sample
        For each sample, clock cycles from the edge that takes its first word to the edge on which
        its last tick leaves; alone in the design, no idle gaps, no backpressure. Empty when that
        pass was not run.
    stream_samples, stream_cycles
        How many samples were sent back to back at full speed, and the cycles they took together;
        0 when that pass was not run.
    stress_samples, stress_cycles
        The same with random idle gaps and backpressure.
    input_events, output_events
        AER events of all samples (ticks aside) into and out of the design, once each.
    seed
        Of the stress pass.
    seconds
        Wall time of building and simulating.
    answers
        Samples whose way through encoder and readout on the chip was compared, twice each; 0 where
        the design has neither.
    answer_cycles_per_sample
        For each sample, cycles from the edge that takes its first word (pixels, or events where there is
        no encoder) to the edge on which its answer leaves (the last tick where there is no readout),
        alone in the design with encoder and readout. Empty where the design has neither.
    answer_stream_samples, answer_stream_cycles
        How many samples were sent back to back into that design, and the cycles from the first one's
        first word to the last one's answer; 0 where it has neither.
    cocotb
        Version of cocotb where it drove the simulation; None where a program of its own did.
    matched_registers, matched_memory_bits
        Bits of registers and memories of the network in the board's design that have their counterpart in
        what was simulated (``same_network``); 0 when that was not compared.
    """

    simulator: str
    samples: int
    spikes_compared: int
    potentials_compared: int
    mismatches: int
    cycles_per_sample: tuple[int, ...]
    stream_samples: int
    stream_cycles: int
    stress_samples: int
    stress_cycles: int
    input_events: int
    output_events: int
    seed: int
    seconds: float
    distinct_samples: int = 0
    spikes_by_group: dict[str, int] = field(default_factory=dict)
    repeated_samples: int = 0
    repeated_spikes: int = 0
    repeated_potentials: int = 0
    answers: int = 0
    answer_cycles_per_sample: tuple[int, ...] = ()
    answer_stream_samples: int = 0
    answer_stream_cycles: int = 0
    cocotb: str | None = None
    matched_registers: int = 0
    matched_memory_bits: int = 0

    @property
    def cycles_per_sample_mean(self) -> float | None:
        """Mean latency in cycles; None when it was not measured."""
        return fmean(self.cycles_per_sample) if self.cycles_per_sample else None

    @property
    def cycles_per_sample_max(self) -> int | None:
        """Worst latency in cycles; None when it was not measured."""
        return max(self.cycles_per_sample) if self.cycles_per_sample else None

    @property
    def stream_cycles_per_sample(self) -> float | None:
        """Cycles per sample at full speed, back to back: the inverse of the throughput; None likewise."""
        return self.stream_cycles / self.stream_samples if self.stream_samples else None

    @property
    def activity(self) -> dict[str, float]:
        """Group -> share of ``activity_cycles`` in which it is busy, 0 to 1.

        Raises
        ------
        ValueError
            It was not counted.
        """
        if not self.activity_cycles:
            raise ValueError("Activity needs the pass alone or the pass stream: neither was run")
        return {name: group.busy_cycles / self.activity_cycles for name, group in self.groups.items()}
