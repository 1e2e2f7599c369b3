"""The model: the words that must enter the design for a sample."""

import numpy as np

from qsnn_hw.host_protocol import address_bits


def input_words(spikes: np.ndarray, shuffle: np.random.Generator | None = None) -> list[int]:
    """The payloads of one sample, ``address`` in the low bits and ``tick`` on top.

    Parameters
    ----------
    spikes
        0/1, shape (time, address).
    shuffle
        Puts the events of each step in random order, which must not matter; ascending without.
    """
    steps, size = spikes.shape
    tick = 1 << address_bits(size)
    words: list[int] = []
    for step in range(steps):
        addresses = np.flatnonzero(spikes[step])
        if shuffle is not None:
            shuffle.shuffle(addresses)
        words += addresses.tolist()
        words.append(tick | int(step == steps - 1))
    return words
