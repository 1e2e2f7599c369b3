"""What a bench sends into a design in one run out of reset: the words, when, and when it takes no answer.

One file serves every bench: the program of ``sim/bench.cpp`` reads it, and so do the tests of cocotb. Words
are payloads of the design's own streams, whatever they mean there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.verify.case import Case
from qsnn_hw.verify.layout import StreamLayout

FORMAT = 0x51534E4E_01

LONGEST_GAP = 64
"""Most cycles of one idle gap: enough to run every buffer of the design dry."""

LONGEST_STALL = 256
"""Most cycles without ``ready``: longer than most time steps, so that blocking reaches the input."""

_OPEN = 0.6
"""Probability that an event of the stress pass takes the next word that has room for it."""

_STALLS = 4096
"""Pairs of runs drawn; they are repeated in a longer run."""

_LIMB = 32


@dataclass(frozen=True)
class Stimulus:
    """One run.

    Parameters
    ----------
    words
        uint32, shape (words, limbs): the payloads, lowest 32 bits first.
    gaps
        uint8, shape (words,): cycles without an offer ahead of each.
    ends
        int64, shape (samples,): words up to the end of each sample.
    marks
        int64, shape (samples,): marks that have left the design when a sample has.
    every_word
        Whether every word that leaves is a mark; else those with their highest bit set, the ticks.
    alone
        Whether a sample waits until the one before it has left.
    weights, weight_gaps
        uint8: bytes for the stream ``load``, and the cycles ahead of each; none where no such stream is.
    weights_first
        Whether the first word waits until the design has loaded them.
    stalls
        int32: cycles with ``ready`` at 1, at 0, at 1 and so on, from the second cycle on and repeated; empty
        for always 1.
    before, after
        Cycles between reset and the first word, and from the last mark to the end.
    hang_cycles
        Cycles without any progress after which the design counts as hung.
    """

    words: np.ndarray
    gaps: np.ndarray
    ends: np.ndarray
    marks: np.ndarray
    every_word: bool
    alone: bool
    weights: np.ndarray
    weight_gaps: np.ndarray
    weights_first: bool
    stalls: np.ndarray
    before: int
    after: int
    hang_cycles: int

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return int(self.ends.size)

    def payloads(self, sample: int) -> list[int]:
        """The words of one sample as integers."""
        first = int(self.ends[sample - 1]) if sample else 0
        return as_integers(self.words[first : int(self.ends[sample])])

    def gaps_of(self, sample: int) -> list[int]:
        """The gaps of one sample's words."""
        first = int(self.ends[sample - 1]) if sample else 0
        return [int(gap) for gap in self.gaps[first : int(self.ends[sample])].tolist()]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        head = [
            FORMAT,
            self.samples,
            len(self.words),
            self.words.shape[1],
            self.weights.size,
            self.stalls.size,
        ]
        head += [int(self.alone), int(self.every_word), self.before, self.after, self.hang_cycles]
        head += [int(self.weights_first)]
        parts = [
            (np.array(head), "<i8"),
            (self.ends, "<i8"),
            (self.marks, "<i8"),
            (self.words, "<u4"),
            (self.stalls, "<i4"),
            (self.gaps, "u1"),
            (self.weights, "u1"),
            (self.weight_gaps, "u1"),
        ]
        with files.replacing(path) as temporary, temporary.open("wb") as stream:
            for values, dtype in parts:
                stream.write(np.ascontiguousarray(values, dtype=dtype).data)

    @classmethod
    def load(cls, path: Path) -> "Stimulus":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        data = path.read_bytes()
        at = 0

        def take(dtype: str, count: int) -> np.ndarray:
            nonlocal at
            values = np.frombuffer(data, dtype, count, at)
            at += values.nbytes
            return values

        try:
            head = [int(n) for n in take("<i8", 12)]
            if head[0] != FORMAT:
                raise UserError(f"{path} holds no stimulus of this version")
            _, samples, words, limbs, size, stalls, alone, every, before, after, hang, first = head
            ends, marks = take("<i8", samples), take("<i8", samples)
            payloads, runs = take("<u4", words * limbs).reshape(words, limbs), take("<i4", stalls)
            gaps, weights, weight_gaps = take("u1", words), take("u1", size), take("u1", size)
        except ValueError as error:
            raise UserError(f"{path} is no stimulus: {error}") from error
        return cls(
            payloads,
            gaps,
            ends,
            marks,
            bool(every),
            bool(alone),
            weights,
            weight_gaps,
            bool(first),
            runs,
            before,
            after,
            hang,
        )


def network_stimulus(case: Case, name: str, first: int) -> Stimulus:
    """What one pass over the samples of ``case`` sends into the network; the same whenever it is asked for.

    Parameters
    ----------
    name
        "alone", "stress" or "stream", see ``sim/network.py``.
    first
        Number of the case's first sample in the whole test set: keeps the parts of one run apart.
    """
    stress, alone = name == "stress", name == "alone"
    chance = np.random.default_rng([case.seed, first, int(stress)])
    inputs = np.ascontiguousarray(case.inputs.transpose(1, 0, 2))
    words, ends = input_words(inputs, case.input_stream, chance if stress else None)
    idle = case.idle if stress else 0.0
    settle = 64 + 4 * sum(group.trace.rows for group in case.groups)
    return Stimulus(
        words=words,
        gaps=draw_gaps(chance, len(words), idle),
        ends=ends,
        marks=case.steps * np.arange(1, case.samples + 1),
        every_word=False,
        alone=alone,
        weights=case.weights,
        weight_gaps=draw_gaps(chance, case.weights.size, idle),
        # Under stress words are offered from the start, and must wait for the weights.
        weights_first=not stress,
        stalls=draw_stalls(chance, case.backpressure if stress else 0.0),
        # Out of reset every group first sweeps its memory. Latencies are those of a design at rest;
        # the other passes offer words from the first cycle on.
        before=settle if alone else 1,
        after=settle,
        hang_cycles=case.hang_cycles,
    )


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
        Its addresses and slots.
    chance
        Puts the events of each step in random order and leaves room in words at random; neither may matter.
        Without it events come by ascending address, in as few words as can be.

    Returns
    -------
    words, ends
        As of :class:`Stimulus`.
    """
    samples, steps, size = inputs.shape
    counts = inputs.reshape(-1)
    place = np.flatnonzero(counts)
    repeated = counts[place]
    if repeated.max(initial=0) > 1:
        place = np.repeat(place, repeated)
    row, address = place // size, stream.addresses[place % size]
    slots = stream.slots
    slot = address % slots
    lane = row * slots + slot
    if chance is not None:
        order = np.argsort(lane + chance.random(lane.size))
    elif slots == 1 and (np.diff(stream.addresses) > 0).all():
        order = np.arange(lane.size)
    else:
        order = np.lexsort((address, lane))
    row, address, slot, lane = row[order], address[order], slot[order], lane[order]
    rank = _ranks(lane, chance if slots > 1 else None)
    # Words of a step that some event is in, counted on behind one another; behind them its tick.
    rows = samples * steps
    most = int(rank.max(initial=-1)) + 1
    used = np.zeros((rows, most + 1), dtype=bool)
    used[row, rank] = True
    used[:, most] = True
    number = np.cumsum(used.reshape(-1)) - 1
    word = number[row * (most + 1) + rank]
    tick = number[np.arange(1, rows + 1) * (most + 1) - 1]
    words = np.zeros((int(tick[-1]) + 1, limbs_of(stream.tick.bit_length())), dtype=np.uint32)
    for k in range(slots):
        mine = slot == k
        put_bits(words, word[mine], address[mine] // slots, k * stream.slot_bits)
        if slots > 1:
            put_bits(words, word[mine], np.ones(int(mine.sum()), np.int64), slots * stream.slot_bits + k)
    put_bits(words, tick, np.ones(rows, np.int64), stream.tick.bit_length() - 1)
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


def _ranks(lane: np.ndarray, chance: np.random.Generator | None) -> np.ndarray:
    """Of events sorted by ``lane`` the position within their lane; with ``chance`` some are left out."""
    steps = np.ones(lane.size, dtype=np.int64)
    if chance is not None:
        steps += chance.random(lane.size) >= _OPEN
    total = np.cumsum(steps)
    starts = np.flatnonzero(np.diff(lane, prepend=-1))
    before = np.repeat(total[starts] - steps[starts], np.diff(starts, append=lane.size))
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
