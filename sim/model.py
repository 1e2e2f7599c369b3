"""The model: the words that must enter the design for a sample."""

from collections.abc import Iterable

import numpy as np

from qsnn_hw.verify.layout import StreamLayout

_OPEN = 0.6
"""Probability that a word of the stress pass waits for a further event."""


def input_words(
    spikes: np.ndarray, stream: StreamLayout, shuffle: np.random.Generator | None = None
) -> list[int]:
    """The payloads of one sample, the tick's bit on top.

    Parameters
    ----------
    spikes
        Events of each input in each step, shape (time, input).
    stream
        Its addresses and slots.
    shuffle
        Puts the events of each step in random order and closes words at random before they are full;
        neither may matter. Without it events come by ascending address, in as few words as can be.
    """
    steps = spikes.shape[0]
    words: list[int] = []
    for step in range(steps):
        addresses = np.sort(np.repeat(stream.addresses, spikes[step]))
        if shuffle is None:
            packed = _fewest(addresses, stream.slots)
        else:
            shuffle.shuffle(addresses)
            packed = _at_random(addresses, stream.slots, shuffle)
        words += (_word(events, stream) for events in packed)
        words.append(stream.tick | int(step == steps - 1))
    return words


def _word(addresses: Iterable[int], stream: StreamLayout) -> int:
    """One word with events for different slots."""
    word = 0
    for address in addresses:
        slot = address % stream.slots
        word |= address // stream.slots << slot * stream.slot_bits
        if stream.slots > 1:
            word |= 1 << (stream.slots * stream.slot_bits + slot)
    return word


def _fewest(addresses: np.ndarray, slots: int) -> list[list[int]]:
    """Word number k holds the k-th event of every slot."""
    queues = [addresses[addresses % slots == slot].tolist() for slot in range(slots)]
    count = max(len(queue) for queue in queues)
    return [[queue[k] for queue in queues if k < len(queue)] for k in range(count)]


def _at_random(addresses: np.ndarray, slots: int, chance: np.random.Generator) -> list[list[int]]:
    """In the order given; a word ends at an event whose slot it has already, or at random."""
    packed: list[list[int]] = []
    held: set[int] = set(range(slots))
    for address, stays in zip(addresses.tolist(), chance.random(addresses.size) < _OPEN, strict=True):
        if address % slots in held or not stays:
            packed.append([])
            held = set()
        packed[-1].append(address)
        held.add(address % slots)
    return packed
