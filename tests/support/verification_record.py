"""A verification record with every measurement."""

from dataclasses import fields

from qsnn_hw.verify import Verification
from qsnn_hw.verify.record import GroupActivity


def did(busy: int, **changes: int) -> GroupActivity:
    """A group that was busy for so many cycles and read a word of synapses in each."""
    values = dict.fromkeys((item.name for item in fields(GroupActivity)), 0)
    counted = ("busy_cycles", "operation_cycles", "synapse_reads", "synapse_enables")
    return GroupActivity(**{**values, **dict.fromkeys(counted, busy), **changes})


RECORD = Verification(
    simulator="verilator 5.48",
    samples=2,
    spikes_compared=10,
    potentials_compared=100,
    mismatches=0,
    cycles_per_sample=(20, 40),
    stream_samples=2,
    stream_cycles=50,
    stress_samples=2,
    stress_cycles=100,
    input_events=5,
    output_events=3,
    seed=1,
    seconds=1.5,
    distinct_samples=2,
    spikes_by_group={"lif1": 7, "lif2": 3},
    answer_cycles_per_sample=(60, 62),
    answer_stream_samples=2,
    answer_stream_cycles=100,
    activity_pass="stream",
    activity_cycles=50,
    activity_samples=2,
    groups={"lif1": did(40, state_reads=10, state_writes=6, state_bits_read=720), "lif2": did(20)},
    toggles={"lif1": 3.0, "lif2": 1.0, "around": 1.0},
    toggle_bits=100,
)
"""Two samples, 25 cycles each back to back."""
