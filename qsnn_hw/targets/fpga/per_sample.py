"""What a sample takes on the board: bytes on its serial line, and how many go through in a second."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.host.frames import CRC_BYTES, HEADER_BYTES, MAX_PAYLOAD
from qsnn_hw.host.protocol import PIXEL_BITS
from qsnn_hw.host.words import run_bits, word_bytes
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.verify.design_cycles import DesignCycles

_FRAME_BYTES = 2 + 1 + 1 + CRC_BYTES
"""To the board beside the words: flags, sequence number, end mark, CRC."""

_REPLY_BYTES = HEADER_BYTES + CRC_BYTES + 1
"""From the board beside the answers: header, CRC, flag."""

_ACKNOWLEDGED = 2
"""Frames from the board for one to it: it is there, and it is worked off."""


@dataclass(frozen=True)
class LinkBytes:
    """Bytes on the serial line, int64, shape (steps, samples) each, and the words that a mean sample sends.

    One step alone where pixels or a class go over the line: these belong to the sample as a whole. A step has
    arrived with the frame that holds its tick, so the bytes of a frame count for the first step in it that
    is complete; and so do the acknowledgements of frames. Escapes are left out: two bytes of 256 need one.
    """

    sent: np.ndarray
    received: np.ndarray
    words_in_mean: float

    @classmethod
    def of(cls, plan: HardwarePlan, data: Dataset, run: GoldenRun) -> "LinkBytes":
        """Of the test samples, each in frames of its own as docs/host_link.md has them."""
        if plan.encoder is None:
            counts = data.input.reshape(data.steps, data.samples, -1)
            payload = step_bytes(counts, plan.input_space.addresses(), plan.input_addresses)
            words = counts.sum(axis=(0, 2), dtype=np.int64) + data.steps
        else:
            assert data.pixels is not None
            # Pixels of value 0 stay at home; the last tick goes.
            shown = np.count_nonzero(data.pixels.reshape(data.samples, -1), axis=1)
            payload = (shown * word_bytes(plan.encoder.space.size << PIXEL_BITS) + 1)[np.newaxis]
            words = shown + 1
        sent, frames = framed(payload)
        if plan.readout is None:
            spikes = run.spikes[plan.output_group.group].sum(axis=2, dtype=np.int64)
            received = spikes * word_bytes(plan.output_addresses) + 1
        else:
            received = np.full((1, data.samples), word_bytes(plan.readout.classes))
        if len(frames) != len(received):
            # A sample that goes, or is answered, as a whole: acknowledgements come before its first answer.
            whole = frames.sum(axis=0)
            frames = np.zeros_like(received)
            frames[0] = whole
        received = received + _ACKNOWLEDGED * _REPLY_BYTES * frames
        received[-1] += _REPLY_BYTES
        return cls(sent, received, float(words.mean()))


def framed(payload: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bytes on the line, and frames that end, by the step that they bring; from bytes of words a step."""
    room = MAX_PAYLOAD - 1
    ends = np.cumsum(payload, axis=0)
    frames = -(-ends // room)
    line = np.minimum(frames * room, ends[-1]) + _FRAME_BYTES * frames
    first = np.zeros((1, payload.shape[1]), np.int64)
    return np.diff(line, axis=0, prepend=first), np.diff(frames, axis=0, prepend=first)


def step_bytes(counts: np.ndarray, addresses: np.ndarray, size: int) -> np.ndarray:
    """Bytes of each step's words, shape (steps, samples): what ``words.step`` makes, and the tick.

    Parameters
    ----------
    counts
        Spikes, (steps, samples, neurons).
    addresses
        Of each neuron.
    """
    total = np.ones(counts.shape[:2], dtype=np.int64)
    bits, each = run_bits(size), word_bytes(size)
    for block in np.unique(addresses >> bits):
        inside = np.flatnonzero(addresses >> bits == block)
        inside = inside[np.argsort(addresses[inside])]
        part = counts[..., inside]
        fired = part > 0
        unique = fired.sum(axis=2, dtype=np.int64)
        # The highest address that fired decides how long the bitmap is.
        highest = len(inside) - 1 - np.argmax(fired[..., ::-1], axis=2)
        marks = ((addresses[inside][highest] | 7) - (block << bits) + 1) // 8
        events = each * part.sum(axis=2, dtype=np.int64)
        total += np.where(each * (unique - 1) > marks, events - each * unique + each + marks, events)
    return total


def host_us(moved: LinkBytes, byte_us: float, core_us: float) -> float:
    """Mean time from a sample's first bit to its answer's last, in microseconds.

    Parameters
    ----------
    byte_us
        Of one byte on the line.
    core_us
        Of a sample in the core; each step takes an equal share.
    """
    steps = max(len(moved.sent), len(moved.received))
    arrived = np.cumsum(moved.sent, axis=0) * byte_us
    ready = sent = np.zeros(moved.sent.shape[1])
    for step in range(steps):
        # Where the sample goes as a whole, no step begins before all of it is there.
        ready = np.maximum(ready, arrived[min(step, len(arrived) - 1)]) + core_us / steps
        if len(moved.received) == steps:
            sent = np.maximum(sent, ready) + moved.received[step] * byte_us
    if len(moved.received) != steps:
        sent = ready + moved.received[0] * byte_us
    return float(sent.mean())


def link_us(moved: LinkBytes, byte_us: float) -> tuple[float, float]:
    """Microseconds that a mean sample's bytes take to the board and from it, ``byte_us`` each."""
    sent, received = (float(count.sum(axis=0).mean()) for count in (moved.sent, moved.received))
    return sent * byte_us, received * byte_us


@dataclass(frozen=True)
class Rates:
    """Samples a second, one behind the other without a gap; None where not measured.

    Parameters
    ----------
    on_chip_per_s
        With words that are always there.
    link_per_s
        Through the serial link.
    limited_by
        "link" or "core": the slower of the two, which decides ``link_per_s``.
    """

    on_chip_per_s: float | None = None
    link_per_s: float | None = None
    limited_by: str | None = None


def rates(clock_mhz: float, cycles: DesignCycles, link_us_mean: float | None) -> Rates:
    """Rates of a design on a board.

    Parameters
    ----------
    clock_mhz
        The board's clock.
    link_us_mean
        What a mean sample occupies the serial link for; None: not known.
    """
    if cycles.stream is None:
        return Rates()
    core_us = cycles.stream / clock_mhz
    if link_us_mean is None:
        return Rates(1e6 / core_us)
    longer = max(core_us, link_us_mean)
    return Rates(1e6 / core_us, 1e6 / longer, "link" if link_us_mean > core_us else "core")
