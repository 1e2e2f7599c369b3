"""AER words as bytes on the serial line, for the host's side of the link.

A word is always as many bytes as its stream's address needs. The first byte has its top bit set,
the others have it clear, so both sides find the start of a word again after a lost byte::

    first   1 t a a a a a a     t: 1 for a tick; a: the highest address bits
    others  0 a a a a a a a     seven further address bits each, highest first

A tick's address is 1 when it ends the sample and 0 otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.errors import UserError

_FIRST_BITS = 6
_NEXT_BITS = 7


def bytes_per_word(address_bits: int) -> int:
    """Bytes that carry one AER word with addresses of this many bits."""
    return 1 + -(-max(0, address_bits - _FIRST_BITS) // _NEXT_BITS)


def address_bits(size: int) -> int:
    """Width of an address among ``size`` of them; at least 1, which the last-tick mark needs."""
    return max(1, (size - 1).bit_length())


@dataclass(frozen=True)
class Word:
    """One AER word: an event's address, or a tick (address 1 when it ends the sample)."""

    tick: bool
    address: int


def encode_words(words: Iterable[Word], size: int) -> bytes:
    """The bytes of AER words for a stream with ``size`` addresses."""
    count = bytes_per_word(address_bits(size))
    encoded = bytearray()
    for word in words:
        if not 0 <= word.address < max(2, size):
            raise UserError(f"address must be from 0 to {size - 1}, not {word.address}")
        rest = [word.address >> (_NEXT_BITS * k) & 0x7F for k in reversed(range(count - 1))]
        first = word.address >> (_NEXT_BITS * (count - 1))
        encoded += bytes([0x80 | word.tick << 6 | first, *rest])
    return bytes(encoded)


def decode_words(data: Iterable[int], size: int) -> list[Word]:
    """The AER words in received bytes; an incomplete word is left out."""
    count = bytes_per_word(address_bits(size))
    words = []
    tick, address, missing = False, 0, 0
    for byte in data:
        if byte & 0x80:
            tick, address, missing = bool(byte & 0x40), byte & 0x3F, count - 1
        elif missing:
            address, missing = address << _NEXT_BITS | byte, missing - 1
        else:
            continue
        if not missing:
            words.append(Word(tick, address))
    return words


def sample_words(spikes: np.ndarray) -> list[Word]:
    """One sample's stream: events of each step by ascending address, then its tick.

    Parameters
    ----------
    spikes
        0/1, shape (time, address).
    """
    words = []
    for step, row in enumerate(spikes):
        words += [Word(False, int(address)) for address in np.flatnonzero(row)]
        words.append(Word(True, int(step == len(spikes) - 1)))
    return words


def sample_spikes(words: Sequence[Word], size: int) -> np.ndarray:
    """The inverse of :func:`sample_words`: uint8 of shape (time, address)."""
    steps = sum(word.tick for word in words)
    spikes = np.zeros((steps, size), dtype=np.uint8)
    step = 0
    for word in words:
        if word.tick:
            step += 1
        elif step < steps:
            spikes[step, word.address] = 1
    return spikes
