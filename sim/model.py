"""The model: the words that must enter the design for a sample."""

import numpy as np

from qsnn_hw.host_protocol import step_words
from qsnn_hw.stream_words import pack_events, pack_tick, pack_words
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
    words = step_words(spikes, stream.addresses)
    if shuffle is None:
        return pack_words(words, stream.size, stream.slots)
    payloads: list[int] = []
    events: list[int] = []
    for word in words:
        if not word.tick:
            events.append(word.address)
            continue
        addresses = np.array(events, dtype=np.int64)
        shuffle.shuffle(addresses)
        packed = _at_random(addresses, stream.slots, shuffle)
        payloads += (pack_events(group, stream.size, stream.slots) for group in packed)
        payloads.append(pack_tick(bool(word.address), stream.size, stream.slots))
        events = []
    return payloads


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
