"""What goes over the serial line, for the host's side of the link.

AER words
---------
A word is always as many bytes as its stream's address needs. The first byte has its top bit set,
the others have it clear, so both sides find the start of a word again after a lost byte::

    first   1 t a a a a a a     t: 1 for a tick; a: the highest address bits
    others  0 a a a a a a a     seven further address bits each, highest first

A tick's address is 1 when it ends the sample and 0 otherwise.

Pixels
------
A design with an encoder takes pixels instead of AER words. A pixel goes as a word whose address is
``address << 8 | value``, so its words are those of a stream with ``256 * size`` addresses. Pixels of
value 0 are left out; the others come in the order of the network's input (C order), each once. The
word that ends the sample is a last tick; there are no other ticks, because the encoder makes them.

Classes
-------
A design with a readout answers each sample with one word of a stream with as many addresses as
there are classes: the class is its address, and its tick bit is set when no output neuron spiked
(the class is then 0).

Weights
-------
A design whose synapse memories are loaded takes bytes of weights first, all eight bits of each and
nothing between them, until every memory is full: group by group, bank by bank, row by row. A row is
``ceil(width / 8)`` bytes, the lowest first. What follows are words as above. Which of both a byte is
follows from how many came since the reset, so a host that broke off begins with a reset.

Break
-----
The line held low for at least 16 bits and 512 clock cycles resets the design.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.errors import UserError

_FIRST_BITS = 6
_NEXT_BITS = 7

PIXEL_BITS = 8
"""Bits of a pixel's value."""

RECEIVE_WORDS = 512
"""Words that the hardware holds while the network is busy (one small block RAM)."""


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


def encode_pixels(pixels: np.ndarray, addresses: np.ndarray, size: int) -> bytes:
    """The bytes of one sample for a design with an encoder.

    Parameters
    ----------
    pixels
        Integers from 0 to 255 in the order of the network's input; any shape.
    addresses
        Their addresses on the input stream.
    size
        Addresses of that stream.
    """
    values = np.asarray(pixels).reshape(-1)
    if len(values) != len(addresses):
        raise UserError(f"a sample must have {len(addresses)} pixels, not {len(values)}")
    if values.dtype.kind not in "ui":
        # An image with values from 0 to 1 would pass as a black one.
        raise UserError(f"pixels must be integers from 0 to 255, not {values.dtype}")
    if len(values) and (values.min() < 0 or values.max() > 255):
        raise UserError(f"pixels must be from 0 to 255, not {values.min()} to {values.max()}")
    words = [
        Word(False, int(address) << PIXEL_BITS | int(value))
        for address, value in zip(addresses, values, strict=True)
        if value
    ]
    return encode_words([*words, Word(True, 1)], size << PIXEL_BITS)


def decode_pixels(data: Iterable[int], size: int) -> list[np.ndarray]:
    """The samples in received bytes, uint8 of shape (size,) by address; an incomplete one is left out."""
    samples, pixels = [], np.zeros(size, dtype=np.uint8)
    for word in decode_words(data, size << PIXEL_BITS):
        if not word.tick:
            pixels[word.address >> PIXEL_BITS] = word.address & 0xFF
        elif word.address:
            samples.append(pixels)
            pixels = np.zeros(size, dtype=np.uint8)
    return samples


def encode_classes(classes: Iterable[tuple[int, bool]], count: int) -> bytes:
    """The bytes of answers, each (class, silent), of a design with ``count`` classes."""
    return encode_words([Word(silent, label) for label, silent in classes], count)


def decode_classes(data: Iterable[int], count: int) -> list[tuple[int, bool]]:
    """The answers in received bytes as (class, silent)."""
    return [(word.address, word.tick) for word in decode_words(data, count)]


def encode_rows(rows: Iterable[int], width: int) -> bytes:
    """The bytes of rows of a synapse memory, each ``width`` bits."""
    encoded = bytearray()
    for row in rows:
        if not 0 <= row < 1 << width:
            raise UserError(f"row must be from 0 to {(1 << width) - 1}, not {row}")
        encoded += row.to_bytes(-(-width // 8), "little")
    return bytes(encoded)
