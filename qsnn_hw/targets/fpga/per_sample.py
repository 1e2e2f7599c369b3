"""What a sample takes on the board: bytes on its serial line, and how many go through in a second."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.host.protocol import PIXEL_BITS, address_bits, bytes_per_word
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.verify.design_cycles import DesignCycles

_BITS_PER_BYTE = 10
"""On the line: 8N1, a start bit, eight of data, a stop bit."""


@dataclass(frozen=True)
class LinkBytes:
    """Bytes on the serial line, int64, shape (steps, samples) each, and the words that a mean sample sends.

    One step alone where pixels or a class go over the line: these belong to the sample as a whole.
    """

    sent: np.ndarray
    received: np.ndarray
    words_in_mean: float

    @classmethod
    def of(cls, plan: HardwarePlan, data: Dataset, run: GoldenRun) -> "LinkBytes":
        """Of the test samples, in the format of ``qsnn_hw/host/protocol.py``."""
        if plan.encoder is None:
            words = data.input.reshape(data.steps, data.samples, -1).sum(axis=2, dtype=np.int64) + 1
            size = plan.input_size
        else:
            assert data.pixels is not None
            # Pixels of value 0 stay at home; the last tick goes.
            words = np.count_nonzero(data.pixels.reshape(data.samples, -1), axis=1)[np.newaxis] + 1
            size = plan.input_size << PIXEL_BITS
        sent, words_in = words * bytes_per_word(address_bits(size)), float(words.sum(axis=0).mean())
        if plan.readout is None:
            spikes = run.spikes[plan.output_group.group]
            words, size = spikes.sum(axis=2, dtype=np.int64) + 1, plan.output_size
        else:
            words, size = np.ones((1, data.samples), dtype=np.int64), plan.readout.classes
        return cls(sent, words * bytes_per_word(address_bits(size)), words_in)


def byte_us(baud: float) -> float:
    """Microseconds of one byte on a line of ``baud`` bits a second."""
    return _BITS_PER_BYTE * 1e6 / baud


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


def link_us(moved: LinkBytes, baud: float) -> tuple[float, float]:
    """Microseconds that a mean sample's bytes take to the board and from it."""
    sent, received = (float(count.sum(axis=0).mean()) for count in (moved.sent, moved.received))
    return sent * byte_us(baud), received * byte_us(baud)


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
