"""What goes over the serial line, for the host's side of the link.

AER words
---------
A word is always as many bytes as its stream's address needs. The first byte has its top bit set,
the others have it clear, so both sides find the start of a word again after a lost byte::

    first   1 t a a a a a a     t: 1 for a tick; a: the highest address bits
    others  0 a a a a a a a     seven further address bits each, highest first

A tick's address is 1 when it ends the sample and 0 otherwise.

Which address an input or output neuron has is ``space.addresses()`` of the hardware plan's
``input_space`` and ``output_space``: counted through in a flat space, fields of row, column and channel
in a grid. :func:`sample_words` and :func:`sample_spikes` go from arrays to words and back.

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

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qsnn_hw.support.errors import UserError

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


class Space(Protocol):
    """The addresses of a stream; ``HardwarePlan.input_space`` and ``output_space`` are such."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one time step's array: (n,) or (channels, height, width)."""

    @property
    def size(self) -> int:
        """One more than the highest address."""

    def addresses(self) -> np.ndarray:
        """int64, shape (neurons,): the address of each, in the array's C order."""


def sample_words(spikes: np.ndarray, space: Space) -> list[Word]:
    """One sample's stream: events of each step by ascending address, then its tick.

    Parameters
    ----------
    spikes
        How often each input spikes in each step, usually 0 or 1; integers or booleans of shape
        (time, ...) or (time, neurons), in C order: one sample of the data, as the network takes it.
    space
        The stream's addresses.

    Raises
    ------
    UserError
        The array has another shape, values that are no counts, or no step.
    """
    try:
        counts = np.asarray(spikes)
    except ValueError as error:
        raise UserError(f"spikes must be one array: {error}") from error
    neurons = len(space.addresses())
    wanted = f"(time, {', '.join(map(str, space.shape))})"
    if counts.ndim < 2 or not _same(counts.shape[1:], space.shape, neurons):
        raise UserError(f"spikes must have shape {wanted}, not {counts.shape}")
    return step_words(counts.reshape(len(counts), neurons), space.addresses())


def _same(shape: tuple[int, ...], wanted: tuple[int, ...], neurons: int) -> bool:
    """Whether arrays of both shapes hold the same neurons in the same order."""
    if int(np.prod(shape)) != neurons:
        return False
    # A flat space has the network's own order, whatever the shape; a grid's axes must not be exchanged, but
    # one of them may stand as several, as before a Flatten node.
    return len(wanted) == 1 or len(shape) == 1 or _ends(wanted) <= _ends(shape)


def _ends(shape: tuple[int, ...]) -> set[int]:
    """Neurons up to and with each axis, counted from the first."""
    return {int(np.prod(shape[: axis + 1])) for axis in range(len(shape))}


def step_words(spikes: np.ndarray, addresses: np.ndarray) -> list[Word]:
    """As :func:`sample_words`, of counts of shape (time, neurons) and the address of each neuron."""
    if not len(spikes):
        raise UserError("spikes must have at least one time step: a sample ends with a tick")
    if spikes.dtype.kind not in "uib":
        raise UserError(f"spikes must be integers or booleans, not {spikes.dtype}")
    if spikes.dtype.kind == "i" and spikes.size and spikes.min() < 0:
        raise UserError(f"spikes must be counts of 0 and more, not {spikes.min()}")
    words = []
    for step, row in enumerate(spikes):
        fired = np.flatnonzero(row)
        events = np.sort(np.repeat(addresses[fired], row[fired].astype(np.int64)))
        words += [Word(False, address) for address in events.tolist()]
        words.append(Word(True, int(step == len(spikes) - 1)))
    return words


def sample_spikes(words: Iterable[Word], space: Space) -> np.ndarray:
    """The inverse of :func:`sample_words`: int64 of shape (time, ...), counts.

    Several samples stand one behind the other. Events behind the last tick are left out: their step is
    not over.

    Raises
    ------
    UserError
        An event has an address that nobody has.
    """
    owner = np.full(space.size, -1, dtype=np.int64)
    owner[space.addresses()] = np.arange(len(space.addresses()))
    steps: list[np.ndarray] = []
    events: list[int] = []
    for word in words:
        if word.tick:
            steps.append(np.bincount(owner[events], minlength=len(space.addresses())))
            events = []
        elif 0 <= word.address < space.size and owner[word.address] >= 0:
            events.append(word.address)
        else:
            raise UserError(f"no neuron has address {word.address}")
    spikes = np.array(steps, dtype=np.int64).reshape(len(steps), *space.shape)
    return spikes


def check_size(size: int) -> None:
    """UserError where a stream cannot have so many addresses."""
    if size < 1:
        raise UserError(f"number of addresses must be at least 1, not {size}")


def check_word(word: Word, size: int) -> None:
    """UserError where a stream with ``size`` addresses has no such word."""
    if word.tick and word.address not in (0, 1):
        raise UserError(f"address of a tick must be 0 or 1, not {word.address}")
    if not word.tick and not 0 <= word.address < size:
        raise UserError(f"address must be from 0 to {size - 1}, not {word.address}")


def encode_words(words: Iterable[Word], size: int) -> bytes:
    """The bytes of AER words for a stream with ``size`` addresses.

    Raises
    ------
    UserError
        An address is not one of the stream's.
    """
    check_size(size)
    count = bytes_per_word(address_bits(size))
    encoded = bytearray()
    for word in words:
        check_word(word, size)
        rest = [word.address >> (_NEXT_BITS * k) & 0x7F for k in reversed(range(count - 1))]
        first = word.address >> (_NEXT_BITS * (count - 1))
        encoded += bytes([0x80 | word.tick << 6 | first, *rest])
    return bytes(encoded)


def decode_words(data: Iterable[int], size: int, *, strict: bool = False) -> list[Word]:
    """The AER words in received bytes.

    A word that lost a byte is left out, and so are bytes without a first one: the words around are right
    all the same, which is what a line needs.

    Parameters
    ----------
    strict
        Refuse what would be left out, and addresses the stream does not have.

    Raises
    ------
    UserError
        ``data`` are no bytes; with ``strict``, a word is cut short or its address beyond the last.
    """
    check_size(size)
    count = bytes_per_word(address_bits(size))
    words = []
    tick, address, missing = False, 0, 0
    received = _bytes(data)
    for position, byte in enumerate(received):
        if byte & 0x80:
            if strict and missing:
                raise UserError(
                    f"byte {position}: a word begins where {missing} bytes of another are missing"
                )
            tick, address, missing = bool(byte & 0x40), byte & 0x3F, count - 1
        elif missing:
            address, missing = address << _NEXT_BITS | byte, missing - 1
        elif strict:
            raise UserError(f"byte {position}: a word must begin with a byte of 0x80 and more, not {byte:#x}")
        else:
            continue
        if not missing:
            words.append(Word(tick, address))
            if strict:
                check_word(words[-1], size)
    if strict and missing:
        raise UserError(f"the last word is cut short: {missing} of its {count} bytes are missing")
    return words


def _bytes(data: Iterable[int]) -> bytes:
    if not isinstance(data, int | str):
        try:
            return bytes(data)
        except (TypeError, ValueError):
            pass
    raise UserError(f"received data must be bytes or integers from 0 to 255, not {data!r:.60}")


def encode_pixels(pixels: np.ndarray, addresses: np.ndarray, size: int) -> bytes:
    """The bytes of one sample for a design with an encoder.

    Parameters
    ----------
    pixels
        Integers from 0 to 255 in the order of the network's input; any shape.
    addresses
        Their addresses on the input stream: ``input_space.addresses()`` of the hardware plan.
    size
        Addresses of that stream: its ``input_size``.
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
        if not word.tick and word.address >> PIXEL_BITS < size:
            pixels[word.address >> PIXEL_BITS] = word.address & 0xFF
        elif word.tick and word.address:
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
    if width < 1:
        raise UserError(f"rows must be at least 1 bit wide, not {width}")
    encoded = bytearray()
    for row in rows:
        if not 0 <= row < 1 << width:
            raise UserError(f"row must be from 0 to {(1 << width) - 1}, not {row}")
        encoded += int(row).to_bytes(-(-width // 8), "little")
    return bytes(encoded)
