"""Samples as the words of a network's streams, and back."""

from collections import Counter

import numpy as np

from qsnn_hw.host.protocol import address_bits
from qsnn_hw.host.stream_words import pack_events, pack_tick
from qsnn_hw.plan import AddressSpace, HardwarePlan


def packed(spikes: np.ndarray, space: AddressSpace, slots: int, rng: np.random.Generator) -> list[int]:
    """The words of one sample, events of a step in random order; ``spikes`` (time, neuron) are counts."""
    addresses = space.addresses()
    words = []
    for step, row in enumerate(spikes):
        events = np.repeat(addresses, row)
        rng.shuffle(events)
        queues: list[list[int]] = [[] for _ in range(slots)]
        for event in events.tolist():
            queues[event % slots].append(event)
        while any(queues):
            words.append(pack_events([queue.pop() for queue in queues if queue], space.size, slots))
        words.append(pack_tick(step == len(spikes) - 1, space.size, slots))
    return words


def by_step(words: list[int], plan: HardwarePlan) -> list[tuple[Counter[int], int]]:
    """(events, last) of every step of the output stream."""
    assert plan.output_lanes == 1
    bits = address_bits(plan.output_addresses)
    found, events = [], Counter[int]()
    for word in words:
        address = word & ((1 << bits) - 1)
        if word >> bits:
            found.append((events, address))
            events = Counter()
        else:
            events[address] += 1
    assert not events
    return found
