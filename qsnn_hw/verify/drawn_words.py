"""The payloads of samples, and the gaps and stalls that chance puts between them."""

import numpy as np

from qsnn_hw.verify.layout import StreamLayout

LONGEST_GAP = 64
"""Most cycles of one idle gap: enough to run every buffer of the design dry."""

LONGEST_STALL = 256
"""Most cycles without ``ready``: longer than most time steps, so that blocking reaches the input."""

_OPEN = 0.6
"""Probability that an event of the stress pass takes the next word that has room for it."""

_STALLS = 4096
"""Pairs of runs drawn; they are repeated in a longer run."""

_LIMB = 32


def as_integers(words: np.ndarray) -> list[int]:
    """Payloads of shape (words, limbs), the lowest bits first, as integers."""
    if words.shape[1] == 1:
        return [int(word) for word in words[:, 0].tolist()]
    return [int.from_bytes(word.tobytes(), "little") for word in words.astype("<u4")]


def limbs_of(bits: int) -> int:
    """How many words of 32 bits hold so many."""
    return -(-bits // _LIMB)


def input_words(
    inputs: np.ndarray, stream: StreamLayout, chance: np.random.Generator | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The payloads of samples of AER events.

    Parameters
    ----------
    inputs
        Events of each input in each step, shape (sample, time, input).
    stream
        Its addresses and event lanes.
    chance
        Puts the events of each step in random order and leaves room in words at random; neither may matter.
        Without it events come by ascending address, in as few words as can be.

    Returns
    -------
    words, ends
        As of ``Stimulus``.
    """
    samples, steps, size = inputs.shape
    counts = inputs.reshape(-1)
    place = np.flatnonzero(counts)
    repeated = counts[place]
    if repeated.max(initial=0) > 1:
        place = np.repeat(place, repeated)
    step, address = place // size, stream.addresses[place % size]
    event_lanes = stream.slots
    event_lane = address % event_lanes
    queue = step * event_lanes + event_lane
    if chance is not None:
        order = np.argsort(queue + chance.random(queue.size))
    elif event_lanes == 1 and (np.diff(stream.addresses) > 0).all():
        order = np.arange(queue.size)
    else:
        order = np.lexsort((address, queue))
    step, address, event_lane, queue = step[order], address[order], event_lane[order], queue[order]
    rank = _ranks(queue, chance if event_lanes > 1 else None)
    # Words of a step that some event is in, counted on behind one another; behind them its tick.
    all_steps = samples * steps
    most = int(rank.max(initial=-1)) + 1
    used = np.zeros((all_steps, most + 1), dtype=bool)
    used[step, rank] = True
    used[:, most] = True
    number = np.cumsum(used.reshape(-1)) - 1
    word = number[step * (most + 1) + rank]
    tick = number[np.arange(1, all_steps + 1) * (most + 1) - 1]
    words = np.zeros((int(tick[-1]) + 1, limbs_of(stream.tick.bit_length())), dtype=np.uint32)
    for k in range(event_lanes):
        mine = event_lane == k
        put_bits(words, word[mine], address[mine] // event_lanes, k * stream.slot_bits)
        if event_lanes > 1:
            present = event_lanes * stream.slot_bits + k
            put_bits(words, word[mine], np.ones(int(mine.sum()), np.int64), present)
    put_bits(words, tick, np.ones(all_steps, np.int64), stream.tick.bit_length() - 1)
    last = tick[steps - 1 :: steps]
    put_bits(words, last, np.ones(samples, np.int64), 0)
    return words, last + 1


def draw_gaps(chance: np.random.Generator, words: int, idle: float) -> np.ndarray:
    """uint8, shape (words,): a gap ahead of a word with probability ``idle``, else 0."""
    if not idle:
        return np.zeros(words, dtype=np.uint8)
    lengths = _bursts(chance, words, LONGEST_GAP) - 1
    return np.where(chance.random(words) < idle, lengths, 0).astype(np.uint8)


def draw_stalls(chance: np.random.Generator, backpressure: float) -> np.ndarray:
    """int32: runs of ``ready`` at 1 and at 0 in turn, the share ``backpressure`` of cycles at 0."""
    if not backpressure:
        return np.zeros(0, dtype=np.int32)
    ratio = (1 - backpressure) / backpressure
    open_runs = np.maximum(1, np.rint(ratio * _bursts(chance, _STALLS, LONGEST_STALL)))
    closed = _bursts(chance, _STALLS, LONGEST_STALL)
    return np.stack([open_runs, closed], axis=1).reshape(-1).astype(np.int32)


def _bursts(chance: np.random.Generator, count: int, longest: int) -> np.ndarray:
    """Random lengths from 1 to ``longest``, every order of magnitude equally likely.

    Short ones meet the corner cases of single words, long ones fill or drain whole pipelines.
    """
    return np.floor((longest + 1) ** chance.random(count)).astype(np.int64)


def _ranks(queue: np.ndarray, chance: np.random.Generator | None) -> np.ndarray:
    """Of events sorted by ``queue`` the position within their queue; with ``chance`` some are left out."""
    steps = np.ones(queue.size, dtype=np.int64)
    if chance is not None:
        steps += chance.random(queue.size) >= _OPEN
    total = np.cumsum(steps)
    starts = np.flatnonzero(np.diff(queue, prepend=-1))
    before = np.repeat(total[starts] - steps[starts], np.diff(starts, append=queue.size))
    ranks: np.ndarray = total - before - 1
    return ranks


def put_bits(words: np.ndarray, word: np.ndarray, value: np.ndarray, low: int) -> None:
    """Set ``value`` into bits ``low`` and up of these words, each named once."""
    limb, shift = divmod(low, _LIMB)
    both = value.astype(np.uint64) << np.uint64(shift)
    words[word, limb] |= (both & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    high = (both >> np.uint64(_LIMB)).astype(np.uint32)
    if high.any():
        words[word, limb + 1] |= high
