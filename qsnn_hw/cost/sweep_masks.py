"""What the sweep of a group finds in each step: the update rows with spikes, and the words that they make."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from qsnn_hw.plan.group_plan import GroupPlan

Addresses = tuple[int, ...]
"""The events of a word."""
Mask = tuple[int, Sequence[Addresses]]
"""What a sweep finds in an update row: rows since the mask before, and the words it makes."""


def masks(plan: GroupPlan, spikes: np.ndarray) -> list[list[Mask]]:
    """Of every step, the update rows with spikes, and the last row, which sends the tick.

    Parameters
    ----------
    spikes
        Of every neuron, shape (time, neuron).
    """
    used = plan.neuron_of_slot >= 0
    slot_of = np.zeros(plan.neurons, dtype=np.int64)
    slot_of[plan.neuron_of_slot[used]] = np.flatnonzero(used)
    neuron_address = plan.space.addresses()
    steps, neurons = np.nonzero(spikes)
    slots = slot_of[neurons]
    order = np.lexsort((slots, steps))
    steps, slots = steps[order], slots[order]
    addresses = neuron_address[neurons][order].tolist()
    counts = spikes[steps, neurons[order]].tolist()
    lanes, final = plan.update_lanes, plan.update_rows - 1
    rows, slots = (slots // lanes).tolist(), slots.tolist()
    ends = np.searchsorted(steps, np.arange(len(spikes) + 1)).tolist()
    row_masks: list[list[Mask]] = []
    for first, end in pairwise(ends):
        step: list[Mask] = []
        before, k = 0, first
        while k < end:
            row, low = rows[k], k
            while k < end and rows[k] == row:
                k += 1
            if k - low == 1 and counts[low] == 1:
                step.append((row - before, ((addresses[low],),)))
            else:
                most = max(counts[low:k])
                for repeat in range(most):
                    left = [n for n in range(low, k) if counts[n] > repeat]
                    words = _words([(slots[n], addresses[n]) for n in left], lanes, plan.output_lanes)
                    step.append((1 if repeat else row - before, words))
            before = row
        if before != final or not step:
            step.append((final - before, ()))
        row_masks.append(step)
    return row_masks


def _words(spiking: Sequence[tuple[int, int]], lanes: int, output_lanes: int) -> tuple[tuple[int, ...], ...]:
    """The words of one mask, of (slot, address): in each the lowest remaining lane of every residue."""
    if output_lanes == 1:
        return tuple((address,) for _, address in spiking)
    if output_lanes > lanes:
        return (tuple(address for _, address in spiking),)
    queues: dict[int, list[int]] = {}
    for slot, address in spiking:
        queues.setdefault(slot % lanes % output_lanes, []).append(address)
    longest = max(len(queue) for queue in queues.values())
    return tuple(tuple(q[k] for q in queues.values() if k < len(q)) for k in range(longest))
