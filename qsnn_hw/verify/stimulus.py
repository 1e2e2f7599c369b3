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
from qsnn_hw.verify.drawn_words import as_integers, draw_gaps, draw_stalls, input_words

FORMAT = 0x51534E4E_01


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
