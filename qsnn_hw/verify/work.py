"""How much work the spikes of a run are for the hardware: bounds, and words of synapse memory."""

from collections.abc import Mapping

import numpy as np

from qsnn_hw.plan import HOST, GroupPlan, HardwarePlan, ProjectionPlan

# What a group may spend per time step beyond its events and its sweep: pipelines, buffers, router.
_STEP_SLACK = 64


def event_operations(group: GroupPlan) -> np.ndarray:
    """int64, shape (sources,): synapse operations, so cycles, of one event of each input address.

    An address that no source uses counts 0.
    """
    operations = np.zeros(group.sources, dtype=np.int64)
    for projection in group.projections:
        part = slice(projection.offset, projection.offset + projection.size)
        operations[part] = _projection_operations(projection, group.folds)
    return operations


def _projection_operations(projection: ProjectionPlan, folds: int) -> np.ndarray | int:
    if projection.kind == "sparse":
        assert projection.counts is not None
        return projection.counts
    if projection.kind == "dense":
        return folds
    space, rows, columns = projection.space, projection.rows, projection.columns
    assert space is not None
    assert rows is not None
    assert columns is not None
    address = space.addresses()
    row = address >> (space.column_bits + space.channel_bits)
    column = address >> space.channel_bits & (1 << space.column_bits) - 1
    operations = np.zeros(projection.size, dtype=np.int64)
    operations[address] = rows.count[row] * columns.count[column] * projection.channel_folds
    return operations


def step_cycles(plan: HardwarePlan, input_max: int) -> int:
    """Cycles that no time step can exceed while nothing outside makes the design wait.

    Every neuron and input fires as often as it can, every operation waits for the one before, every spike
    leaves in a word of its own, and no two groups work at the same time.

    Parameters
    ----------
    input_max
        The most events of one input address in one step.
    """
    total = 0
    for group in plan.groups:
        operations = event_operations(group)
        # An event without an operation still takes a cycle.
        most = 1 + int(operations.max(initial=0))
        for route in plan.routes:
            if route.destination == group.name:
                total += most * 2 * _senders(plan, route.source) * _most(plan, route.source, input_max)
        total += (
            group.update_rows + group.folds + group.neurons * _most(plan, group.name, input_max) + _STEP_SLACK
        )
    return total


def _senders(plan: HardwarePlan, name: str) -> int:
    """How many neurons or inputs a source has; of a grid they are fewer than its addresses."""
    return plan.input_space.neurons if name == HOST else plan.group(name).neurons


def _most(plan: HardwarePlan, name: str, input_max: int) -> int:
    """The most spikes of one neuron or input in one step."""
    if name == HOST:
        return max(1, input_max)
    return max(1, plan.group(name).neuron.max_count)


def synapse_reads(plan: HardwarePlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> dict[str, int]:
    """For each group (by its name in the network), the words of synapse memory that its events need.

    One for each operation of each event that reaches it, whatever events travel together in a word: what
    the counters of the traced form must show.

    Parameters
    ----------
    inputs
        Events of each input, shape (time, sample, input).
    spikes
        Group -> golden spikes of the same samples, shape (time, sample, neuron).
    """
    needed = {}
    for group in plan.groups:
        operations = event_operations(group)
        needed[group.group] = sum(
            int(events.sum(axis=(0, 1), dtype=np.int64) @ operations[addresses])
            for addresses, events in _arrivals(plan, group, inputs, spikes)
        )
    return needed


def _arrivals(
    plan: HardwarePlan, group: GroupPlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each route into the group: its addresses, and the events of each, shape (time, sample, address)."""
    steps = inputs.shape[0]
    arrived = []
    for route in plan.routes:
        if route.destination != group.name:
            continue
        if route.source == HOST:
            events, space = inputs, plan.input_space
        else:
            source = plan.group(route.source)
            events, space = spikes[source.group], source.space
        # What a sample's last steps sent into a delay never arrives.
        arrived.append((space.addresses() + route.offset, events[: max(0, steps - route.delay)]))
    return arrived


SHORT_CYCLES = 8_000_000
"""Up to here a bench that is compiled without optimisation has sooner done. With g++ 12, of digits 64-32-10:
``simulate`` of 20 samples on the iCEBreaker, 7.8 million by this bound, takes 14.4 processor seconds
(optimised: 17.3), of 100 on the ULX3S, 3.5 million, 16.9 (20.4).
"""


def is_short(plan: HardwarePlan, inputs: np.ndarray, samples: int) -> bool:
    """Whether so many samples take at most ``SHORT_CYCLES``, were every step as slow as it can be.

    Parameters
    ----------
    inputs
        uint8 events, shape (time, sample, ...).
    samples
        Of all passes.
    """
    return samples * len(inputs) * step_cycles(plan, int(inputs.max(initial=1))) <= SHORT_CYCLES
