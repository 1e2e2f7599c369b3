"""Words inside frames: events, bitmaps, ticks, pixels, weights to the board, answers from it.

The two highest bits of a word's first byte say what it is::

    00 aaaaaa  a...   event: an address, highest bits first, as many bytes as the stream's addresses need
    01 cccccc         control, always one byte: 40 tick, 41 last tick, 42 end of frame, 60 + r row r of the
                      board's table
    10 aaaaaa  a...   bitmap: the byte strings behind it name the addresses from a down
    11 nnnnnn  n...   weights: n + 1 bytes for the loader follow

From the board an answer of a readout is an event whose address is the class, and its first byte has the
highest bit set when no output neuron spiked.

A bitmap begins at an address that ends in binary 111 and goes down to the next multiple of
``1 << run_bits(size)``; each byte covers eight addresses, bit i the one that ends in i. The board sends its
events highest address first.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from qsnn_hw.host.frames import END, MAX_PAYLOAD
from qsnn_hw.host.identity import TABLE_ROWS
from qsnn_hw.host.protocol import PIXEL_BITS, Word, address_bits
from qsnn_hw.support.errors import UserError

TICK, LAST_TICK, ROW = 0x40, 0x41, 0x60
BITMAP, WEIGHTS, SILENT = 0x80, 0xC0, 0x80

_FIRST_BITS = 6
_RUN_BITS = 10


def word_bytes(size: int) -> int:
    """Bytes of an event of a stream with ``size`` addresses."""
    return 1 + -(-max(0, address_bits(size) - _FIRST_BITS) // 8)


def run_bits(size: int) -> int:
    """A bitmap ends at a multiple of 2 to the power of this; a run of weights is at most so long."""
    return min(_RUN_BITS, _FIRST_BITS + 8 * (word_bytes(size) - 1))


def _word(kind: int, number: int, size: int) -> bytes:
    encoded = bytearray(number.to_bytes(word_bytes(size), "big"))
    encoded[0] |= kind
    return bytes(encoded)


def event(address: int, size: int) -> bytes:
    """The word of an event."""
    if not 0 <= address < size:
        raise UserError(f"address must be from 0 to {size - 1}, not {address}")
    return _word(0, address, size)


def step(addresses: np.ndarray, size: int) -> list[bytes]:
    """The events of one time step, block by block as bitmap or one by one, whichever is shorter.

    Parameters
    ----------
    addresses
        Integers, in any order; one that stands twice is two events.
    size
        Addresses of the stream.
    """
    values = np.sort(np.asarray(addresses, dtype=np.int64))
    if len(values) and not 0 <= values[0] <= values[-1] < size:
        wrong = values[0] if values[0] < 0 else values[-1]
        raise UserError(f"address must be from 0 to {size - 1}, not {wrong}")
    parts: list[bytes] = []
    bits = run_bits(size)
    for block in np.unique(values >> bits):
        inside = values[values >> bits == block]
        unique, counts = np.unique(inside, return_counts=True)
        base, top = int(block) << bits, int(unique[-1]) | 7
        if word_bytes(size) * (len(unique) - 1) > (top - base + 1) // 8:
            parts.append(_bitmap(unique, base, top, size))
            inside = np.repeat(unique, counts - 1)
        parts += [_word(0, address, size) for address in inside.tolist()]
    return parts


def _bitmap(addresses: np.ndarray, base: int, top: int, size: int) -> bytes:
    marks = np.zeros(top - base + 1, dtype=np.uint8)
    marks[addresses - base] = 1
    return _word(BITMAP, top, size) + np.packbits(marks, bitorder="little").tobytes()[::-1]


def sample(counts: np.ndarray, addresses: np.ndarray, size: int) -> list[bytes]:
    """A sample's words: integer counts of shape (time, neurons), the address of each neuron."""
    if not len(counts):
        raise UserError("spikes must have at least one time step: a sample ends with a tick")
    parts: list[bytes] = []
    for row in counts:
        fired = np.flatnonzero(row)
        parts += step(np.repeat(addresses[fired], row[fired].astype(np.int64)), size)
        parts.append(bytes([TICK]))
    parts[-1] = bytes([LAST_TICK])
    return parts


def pixels(values: np.ndarray, addresses: np.ndarray, size: int) -> list[bytes]:
    """A sample of pixels, 0 to 255 and as many as addresses, of ``size`` addresses.

    By ascending address, the order in which the encoder "rate" draws its numbers; zeros are left out.
    """
    flat = np.asarray(values).reshape(-1)
    if len(flat) != len(addresses):
        raise UserError(f"a sample must have {len(addresses)} pixels, not {len(flat)}")
    if flat.dtype.kind not in "ui":
        # An image with values from 0 to 1 would pass as a black one.
        raise UserError(f"pixels must be integers from 0 to 255, not {flat.dtype}")
    if len(flat) and (flat.min() < 0 or flat.max() > 255):
        raise UserError(f"pixels must be from 0 to 255, not {flat.min()} to {flat.max()}")
    ascending = np.argsort(addresses)
    shown = ascending[flat[ascending] != 0]
    words = (addresses[shown].astype(np.int64) << PIXEL_BITS | flat[shown].astype(np.int64)).tolist()
    return [*(event(word, size << PIXEL_BITS) for word in words), bytes([LAST_TICK])]


def weights(data: bytes, size: int) -> list[bytes]:
    """Bytes of ``06_weights.bin``; ``size`` of the input stream's words (of pixels, 256 times the inputs)."""
    most = min(1 << run_bits(size), MAX_PAYLOAD - 1 - word_bytes(size))
    pieces = [data[k : k + most] for k in range(0, len(data), most)]
    return [_word(WEIGHTS, len(piece) - 1, size) + piece for piece in pieces]


def table_request() -> bytes:
    """The payload that asks for the whole table, row by row."""
    return bytes([*range(ROW, ROW + TABLE_ROWS), END])


def packed(parts: Iterable[bytes]) -> list[bytes]:
    """Payloads of as few frames as hold the words in order, each ended."""
    payloads: list[bytes] = []
    held = bytearray()
    for part in parts:
        if len(held) + len(part) >= MAX_PAYLOAD:
            payloads.append(bytes(held) + bytes([END]))
            held.clear()
        held += part
    return [*payloads, bytes(held) + bytes([END])] if held else payloads


def read_payload(payload: bytes, size: int) -> list[Word]:
    """What a board makes of a payload: events and ticks, weights left out. For a model of the board.

    Raises
    ------
    UserError
        A word is cut off, unknown, or no END is there.
    """
    words: list[Word] = []
    place, count, bits = 0, word_bytes(size), run_bits(size)
    while place < len(payload):
        first = payload[place]
        kind = first & 0xC0
        if kind == 0x40:
            if first == END:
                return words
            if first in (TICK, LAST_TICK):
                words.append(Word(True, first & 1))
            elif first < ROW:
                raise UserError(f"control byte must be 40, 41, 42 or 60 and above, not {first:02x}")
            place += 1
            continue
        number = int.from_bytes(bytes([first & 0x3F]) + payload[place + 1 : place + count], "big")
        place += count
        if kind == 0:
            words.append(Word(False, number))
            continue
        low = number % (1 << bits)
        run = payload[place : place + (low // 8 + 1 if kind == BITMAP else low + 1)]
        place += len(run)
        if kind == BITMAP:
            marks = np.unpackbits(np.frombuffer(run, dtype=np.uint8))
            words += [Word(False, number - int(k)) for k in np.flatnonzero(marks)]
    raise UserError("payload must end with 42")


def answers(payload: bytes, size: int) -> list[Word]:
    """Events and ticks of a reply's payload.

    Raises
    ------
    UserError
        It is no sequence of whole words: the board's design has another size.
    """
    words: list[Word] = []
    place, count = 0, word_bytes(size)
    while place < len(payload):
        first = payload[place]
        if first in (TICK, LAST_TICK):
            words.append(Word(True, first & 1))
            place += 1
            continue
        number = int.from_bytes(payload[place : place + count], "big")
        if first & 0xC0 or len(payload) - place < count or number >= size:
            raise UserError(f"answer must be words of {size} addresses, not {payload[place:].hex()}")
        words.append(Word(False, number))
        place += count
    return words


def ends_sample(payload: bytes, size: int) -> bool:
    """Whether a reply's last word is a last tick; words are never cut between frames."""
    place, last = 0, False
    while place < len(payload):
        last = payload[place] == LAST_TICK
        place += 1 if payload[place] & 0xC0 == TICK else word_bytes(size)
    return last


def class_answer(payload: bytes, classes: int) -> tuple[int, bool]:
    """Class of a readout's answer, and whether no output neuron spiked."""
    plain = bytes([payload[0] & 0x7F]) + payload[1:] if payload else b""
    number = int.from_bytes(plain, "big")
    if len(payload) != word_bytes(classes) or number >= classes:
        raise UserError(f"answer must be one of {classes} classes, not {payload.hex() or 'nothing'}")
    return number, bool(payload[0] & SILENT)


def reply_payload(words: Sequence[Word], size: int) -> bytes:
    """The inverse of :func:`answers`; for a model of the board."""
    return b"".join(
        bytes([TICK | word.address]) if word.tick else event(word.address, size) for word in words
    )
