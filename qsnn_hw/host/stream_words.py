"""AER words as payloads of the network's own streams, with several events in a word.

``qsnn_hw/rtl/stream/aer.py`` defines the bits. This is for whoever feeds ``06_network.v`` or
``06_axi.v``, in a simulation or beside a processor; ``qsnn_hw/host/protocol.py`` is for the serial line.
"""

from collections.abc import Iterable, Sequence

from qsnn_hw.host.protocol import Word, address_bits, check_size, check_word
from qsnn_hw.support.errors import UserError


def pack_words(words: Iterable[Word], size: int, lanes: int = 1) -> list[int]:
    """Payloads of the stream ``i`` of ``06_network.v`` (``s_axis_tdata`` of ``06_axi.v``).

    In as few words as can be: word k of a step holds the k-th event of each slot. ``AerLayout`` in
    ``qsnn_hw/rtl/stream/aer.py`` has the bits.

    Parameters
    ----------
    size, lanes
        Addresses of the stream and events per word: ``input_addresses`` and ``input_lanes`` of the plan.
    """
    packed: list[int] = []
    slots: list[list[int]] = [[] for _ in range(lanes)]
    for word in words:
        check_word(word, size)
        if not word.tick:
            slots[word.address % lanes].append(word.address)
            continue
        for k in range(max(map(len, slots))):
            packed.append(pack_events([slot[k] for slot in slots if k < len(slot)], size, lanes))
        packed.append(pack_tick(bool(word.address), size, lanes))
        slots = [[] for _ in range(lanes)]
    if any(slots):
        raise UserError("the last word must be a tick: events before none end no time step")
    return packed


def pack_events(addresses: Sequence[int], size: int, lanes: int = 1) -> int:
    """One payload with these events, at most one for each slot ``address % lanes``."""
    bits = slot_bits(size, lanes)
    for address in addresses:
        check_word(Word(False, address), size)
    if len({address % lanes for address in addresses}) < len(addresses):
        raise UserError(f"a word must hold at most one event of each slot, not {list(addresses)}")
    payload = 0
    for address in addresses:
        slot = address % lanes
        payload |= address // lanes << slot * bits
        if lanes > 1:
            payload |= 1 << lanes * bits + slot
    return payload


def pack_tick(last: bool, size: int, lanes: int = 1) -> int:
    """The payload of a tick; ``last`` when it ends the sample."""
    return 1 << tick_bit(size, lanes) | last


def slot_bits(size: int, lanes: int) -> int:
    """Width of one slot's address field."""
    check_size(size)
    if lanes < 1 or lanes & (lanes - 1):
        raise UserError(f"events per word must be a power of two, not {lanes}")
    return address_bits(-(-size // lanes))


def tick_bit(size: int, lanes: int) -> int:
    """Number of the bit that makes a payload a tick: the highest."""
    return lanes * slot_bits(size, lanes) + (lanes if lanes > 1 else 0)


def beat_bits(size: int, lanes: int) -> int:
    """Width of ``tdata`` in ``06_axi.v``: the payload in whole bytes."""
    return -(-(tick_bit(size, lanes) + 1) // 8) * 8


def unpack_words(payloads: Iterable[int], size: int, lanes: int = 1) -> list[Word]:
    """The inverse of :func:`pack_words`, for stream ``o``; the events of a word by ascending slot.

    Raises
    ------
    UserError
        A payload is wider than the stream.
    """
    bits, tick = slot_bits(size, lanes), tick_bit(size, lanes)
    words = []
    for payload in payloads:
        if not 0 <= payload < 2 << tick:
            raise UserError(f"payload must have at most {tick + 1} bits, not {payload:#x}")
        if payload >> tick:
            words.append(Word(True, payload & 1))
            continue
        for slot in range(lanes):
            if lanes == 1 or payload >> lanes * bits + slot & 1:
                field = payload >> slot * bits & (1 << bits) - 1
                words.append(Word(False, field * lanes + slot))
    return words
