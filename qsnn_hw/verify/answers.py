"""What a bench needs to send samples through encoder and readout, as plain arrays in one file."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from qsnn_hw.host.protocol import PIXEL_BITS, address_bits
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.verify.drawn_words import draw_gaps, draw_stalls, input_words, limbs_of, put_bits
from qsnn_hw.verify.layout import StreamLayout
from qsnn_hw.verify.stimulus import Stimulus

SETTLE = 2000
"""Cycles in which a word too many has time to come out."""


@dataclass(frozen=True)
class AnswerCase(StoredRecord, form="answer case 1"):
    """One verification of encoder and readout: what is sent, and how many words answer it.

    Parameters
    ----------
    inputs
        uint8: with an encoder pixels, shape (sample, input), else events, shape (time, sample, input).
    addresses
        int64: of each input.
    slots
        Pixels or events in a word.
    rows
        Rows of the encoder's pixel memory; 0 without an encoder.
    answers
        int64, shape (samples,): words that have left when a sample's answer has.
    weights
        uint8: the bytes that fill the synapse memories; none where they are ROMs.
    seed, idle, backpressure
        As of ``Case``.
    hang_cycles
        Cycles without a word after which the design counts as hung.
    """

    inputs: np.ndarray
    addresses: Annotated[np.ndarray, Array("i", "input")]
    slots: int
    rows: int
    answers: Annotated[np.ndarray, Array("i", "sample")]
    weights: Annotated[np.ndarray, Array("u", "byte")]
    seed: int
    idle: float
    backpressure: float
    hang_cycles: int

    @property
    def words_each(self) -> int:
        """How many words a sample takes, about."""
        return self.inputs.shape[1] if self.rows else int(self.inputs[:, :1].sum()) + len(self.inputs)

    def stimulus(self, name: str, first: int, stop: int) -> Stimulus:
        """What pass ``name`` sends of samples ``first`` to ``stop - 1``; always the same."""
        stress = name == "stress"
        chance = np.random.default_rng([self.seed, first, int(stress)])
        if self.rows:
            words, ends = pixel_words(self.inputs[first:stop], self.addresses, self.slots, self.rows)
        else:
            events = np.ascontiguousarray(self.inputs[:, first:stop].transpose(1, 0, 2))
            words, ends = input_words(events, StreamLayout(self.addresses, self.slots))
        idle = self.idle if stress else 0.0
        before = int(self.answers[first - 1]) if first else 0
        return Stimulus(
            words=words,
            gaps=draw_gaps(chance, len(words), idle),
            ends=ends,
            marks=self.answers[first:stop] - before,
            every_word=True,
            alone=name == "alone",
            weights=self.weights,
            weight_gaps=draw_gaps(chance, self.weights.size, idle),
            weights_first=not stress,
            stalls=draw_stalls(chance, self.backpressure if stress else 0.0),
            before=1,
            after=SETTLE,
            hang_cycles=self.hang_cycles,
        )


def pixel_words(
    pixels: np.ndarray, addresses: np.ndarray, slots: int, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Samples of pixels, uint8 (sample, input), as payloads of the encoder's stream; zeros are left out.

    A word holds a row's pixels, the row, and the mark of a sample's last word; a black sample is nothing but
    that mark.

    Returns
    -------
    words, ends
        As of :class:`Stimulus`.
    """
    samples = len(pixels)
    sample, place = np.nonzero(pixels)
    row, slot = np.divmod(addresses[place], slots)
    used = np.zeros((samples, rows), dtype=bool)
    used[sample, row] = True
    # A black sample sends row 0, all zeros.
    used[~used.any(axis=1), 0] = True
    number = (np.cumsum(used.reshape(-1)) - 1).reshape(samples, rows)
    ends = number[:, -1] + 1
    values, row_bits = PIXEL_BITS * slots, address_bits(rows)
    words = np.zeros((int(ends[-1]), limbs_of(values + row_bits + 1)), dtype=np.uint32)
    for k in range(slots):
        mine = slot == k
        value = pixels[sample[mine], place[mine]].astype(np.int64)
        put_bits(words, number[sample[mine], row[mine]], value, PIXEL_BITS * k)
    which, shown = np.nonzero(used)
    put_bits(words, number[which, shown], shown, values)
    put_bits(words, ends - 1, np.ones(samples, dtype=np.int64), values + row_bits)
    return words, ends
