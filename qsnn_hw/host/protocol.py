"""Arrays as words of the network's streams and back, and weights as bytes, whatever carries them.

A tick's address is 1 when it ends the sample and 0 otherwise. Which address an input or output neuron has is
``space.addresses()`` of the hardware plan's ``input_space`` and ``output_space``: counted through in a flat
space, fields of row, column and channel in a grid.

``frames.py`` and ``words.py`` carry them over the serial line, ``stream_words.py`` over parallel streams.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qsnn_hw.support.errors import UserError

PIXEL_BITS = 8
"""Bits of a pixel's value."""


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
