"""Other work for the same hardware: nothing to do, every synapse in every step, one step.

Each is made of what simulation counted of the real work, so that the estimate of
``qsnn_hw/targets/fpga/spending.py`` takes it as it takes the real work.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.verify import Verification
from qsnn_hw.verify.record import GroupActivity
from qsnn_hw.verify.work import synapse_reads


@dataclass(frozen=True)
class Workload:
    """What a design does for one sample after the other.

    Parameters
    ----------
    counts
        As simulation would have counted it.
    cycles
        Of a sample.
    words
        That the host sends for it.
    reads
        Words of synapse memory that it reads for it, over all groups.
    """

    counts: Verification
    cycles: float
    words: float
    reads: float


def at_rest(verification: Verification) -> Verification | None:
    """What the design does while nothing is there to do, as if it were its work; None: not counted."""
    if not verification.rest_cycles:
        return None
    return replace(
        verification,
        activity_cycles=verification.rest_cycles,
        activity_samples=1,
        groups=verification.rest_groups,
        toggles=verification.rest_toggles,
    )


def every_synapse(
    plan: HardwarePlan, verification: Verification, steps: int, real_steps: int, cycles: float
) -> Workload:
    """Each input and each neuron sends one event in each of ``steps`` time steps of a sample.

    Groups read a word of synapse memory for each operation of these events, and their sums with it where they
    are in memory; sweeps stay as they are, or become as many as there are steps. A register bit switches as
    often in a busy cycle as in the real work.

    Parameters
    ----------
    verification
        What was counted of the real work.
    real_steps
        Time steps of its samples, ``steps`` or more.
    cycles
        Of a real sample, back to back: the least that one of as many steps takes.
    """
    samples = verification.activity_samples
    reads = _reads(plan, steps)
    groups, toggles, busiest = {}, {}, 0.0
    for group in plan.groups:
        real = verification.groups[group.group]
        done = _group(group, real, reads[group.group] * samples, steps / real_steps)
        groups[group.group] = done
        busiest = max(busiest, done.busy_cycles / samples)
        if verification.toggles is not None:
            switched = verification.toggles[group.group] * verification.activity_cycles
            toggles[group.group] = switched * done.busy_cycles / max(1, real.busy_cycles)
    sources = plan.input_space.neurons + sum(group.neurons for group in plan.groups)
    if verification.toggles is not None:
        sent = sum(group.words_in for group in verification.groups.values())
        around = verification.toggles["around"] * verification.activity_cycles
        toggles["around"] = around * steps * samples * sources / max(1, sent)
    total = max(busiest, cycles if steps == real_steps else 0.0)
    whole = max(1, math.ceil(total * samples))
    # No bit switches more than once in a cycle.
    most = min(1.0, verification.toggle_bits * whole / max(1.0, sum(toggles.values())))
    counts = replace(
        verification,
        activity_cycles=whole,
        groups=groups,
        toggles=None if verification.toggles is None else {k: v * most / whole for k, v in toggles.items()},
    )
    words = float(steps * (plan.input_space.neurons + 1))
    return Workload(counts, whole / samples, words, float(sum(reads.values())))


def _reads(plan: HardwarePlan, steps: int) -> dict[str, int]:
    """Words of synapse memory that each group reads where all fire in every step."""
    inputs = np.ones((steps, 1, plan.input_space.neurons), dtype=np.int64)
    spikes = {group.group: np.ones((steps, 1, group.neurons), dtype=np.int64) for group in plan.groups}
    return synapse_reads(plan, inputs, spikes)


def _group(group: GroupPlan, real: GroupActivity, reads: int, sweeps: float) -> GroupActivity:
    """A group's work with other events: ``reads`` words of synapses, ``sweeps`` times the sweeps."""
    operations = math.ceil(reads / group.event_lanes)
    swept = round(real.sweep_cycles * sweeps)
    together = group.accumulators == "registers"
    state = {}
    if group.folds > 1 and not together:
        # Each operation reads and writes a word of sums; the rest is of the sweeps.
        bits = group.lanes * group.acc_bits
        for name in ("read", "written"):
            counter = "state_reads" if name == "read" else "state_writes"
            rest = max(0, getattr(real, counter) - real.operation_cycles) * sweeps
            rest_bits = max(0, getattr(real, f"state_bits_{name}") - real.operation_cycles * bits) * sweeps
            state[counter] = round(rest) + operations
            state[f"state_bits_{name}"] = round(rest_bits) + operations * bits
    else:
        names = ("state_reads", "state_writes", "state_bits_read", "state_bits_written")
        state = {name: round(getattr(real, name) * sweeps) for name in names}
    return replace(
        real,
        busy_cycles=max(operations, swept) if together else operations + swept,
        operation_cycles=operations,
        sweep_cycles=swept,
        synapse_reads=reads,
        synapse_enables=reads + max(0, real.synapse_enables - real.synapse_reads),
        parameter_reads=round(real.parameter_reads * sweeps),
        **state,
    )
