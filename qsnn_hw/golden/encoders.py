"""Pixels to spikes: what the encoders on the chip send, as arrays. The text is in docs/host_link.md.

Pixels are uint8 of shape (sample, input); the result has the golden model's shape (time, sample,
input), uint8. Nothing of one sample depends on another.
"""

from typing import Protocol

import numpy as np

LFSR_BITS = 41
"""Width of the rate encoder's shift register."""

LFSR_TAP = 38
"""Bit ``t`` of its sequence is bit ``t - LFSR_BITS`` xor bit ``t - LFSR_TAP``: x^41 + x^3 + 1, which is
primitive, so the sequence repeats after 2^41 - 1 bits. Both taps lie far back, which lets the hardware
make up to 38 bits a cycle with one xor gate each."""

RANDOM_BITS = 8
"""Bits of one random number."""


class Addresses(Protocol):
    """Where the inputs are on the stream."""

    def addresses(self) -> np.ndarray:
        """int64, shape (input,)."""


class Encoder(Protocol):
    """What decides the spikes, as the functions below take it; a plan's ``EncoderPlan`` says all of it."""

    @property
    def kind(self) -> str:
        """ "rate", "latency" or "direct"."""

    @property
    def steps(self) -> int: ...
    @property
    def floor(self) -> int: ...
    @property
    def shift(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def slots(self) -> int: ...
    @property
    def space(self) -> Addresses: ...


def sent_spikes(encoder: Encoder, pixels: np.ndarray) -> np.ndarray:
    """What ``encoder`` sends for ``pixels``, uint8 (sample, input): uint8 (time, sample, input)."""
    if encoder.kind == "latency":
        return latency_spikes(pixels, encoder.steps, floor=encoder.floor)
    if encoder.kind == "direct":
        return direct_counts(pixels, encoder.steps, shift=encoder.shift)
    addresses = encoder.space.addresses()
    return rate_spikes(pixels, encoder.steps, seed=encoder.seed, addresses=addresses, slots=encoder.slots)


def lfsr_start(seed: int) -> int:
    """What the shift register starts from: ``seed`` mixed, so that a small one has ones all over.

    Bit ``LFSR_BITS - 1 - k`` is bit ``-1 - k`` of the sequence, bit 0 of the sequence the first made.
    """
    # 2^64 divided by the golden ratio, the usual constant of multiplicative hashing.
    mixed = (seed * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> (64 - LFSR_BITS)
    return mixed or 1


def lfsr_numbers(count: int, seed: int) -> np.ndarray:
    """The first ``count`` random numbers, uint8: number ``n`` is bits ``8n`` to ``8n + 7``, lowest first."""
    start = lfsr_start(seed)
    total = LFSR_BITS + count * RANDOM_BITS
    bits = np.empty(total, dtype=np.uint8)
    bits[:LFSR_BITS] = [start >> k & 1 for k in range(LFSR_BITS)]
    for first in range(LFSR_BITS, total, LFSR_TAP):
        block = np.arange(first, min(first + LFSR_TAP, total))
        bits[block] = bits[block - LFSR_BITS] ^ bits[block - LFSR_TAP]
    return np.packbits(bits[LFSR_BITS:].reshape(-1, RANDOM_BITS), axis=1, bitorder="little").reshape(-1)


def rate_spikes(
    pixels: np.ndarray, steps: int, *, seed: int = 1, addresses: np.ndarray | None = None, slots: int = 1
) -> np.ndarray:
    """Bernoulli: pixel ``p`` spikes in a step when that step's random number for it is below ``p``.

    Pixels that are not 0 queue up by ``address % slots``, by ascending address. A step draws
    ``slots`` random numbers (one for each queue) as many times as the longest queue is long; the
    ``k``-th pixel of a queue gets its queue's ``k``-th. The sequence starts anew with every sample.

    Parameters
    ----------
    pixels
        uint8, shape (sample, input).
    steps
        Time steps.
    seed
        At least 1.
    addresses
        The input's addresses on the stream; default 0, 1, 2, ...
    slots
        Events per word of the stream.
    """
    samples, inputs = pixels.shape
    at = np.arange(inputs) if addresses is None else np.asarray(addresses)
    queue = at % slots
    rank = np.zeros(pixels.shape, dtype=np.int64)
    longest = np.zeros(samples, dtype=np.int64)
    ascending = np.argsort(at)
    for k in range(slots):
        members = ascending[queue[ascending] == k]
        place = np.cumsum(pixels[:, members] != 0, axis=1)
        rank[:, members] = place - 1
        longest = np.maximum(longest, place[:, -1] if members.size else 0)
    numbers = lfsr_numbers(int(longest.max(initial=0)) * steps * slots, seed)
    spikes = np.zeros((steps, samples, inputs), dtype=np.uint8)
    sample, pixel = np.nonzero(pixels)
    for step in range(steps):
        drawn = numbers[(step * longest[sample] + rank[sample, pixel]) * slots + queue[pixel]]
        spikes[step, sample, pixel] = drawn < pixels[sample, pixel]
    return spikes


def latency_spikes(pixels: np.ndarray, steps: int, *, floor: int = 1) -> np.ndarray:
    """Time to first spike: pixel ``p`` spikes once, in step ``((255 - p) * steps) >> 8``, or never.

    Parameters
    ----------
    pixels
        uint8, shape (sample, input).
    steps
        Time steps, 1 to 256.
    floor
        Darker pixels never spike; 1 to 255.
    """
    when = (255 - pixels.astype(np.int64)) * steps >> 8
    spiking = pixels >= floor
    return np.stack([(spiking & (when == step)).astype(np.uint8) for step in range(steps)])


def direct_counts(pixels: np.ndarray, steps: int, *, shift: int = 0) -> np.ndarray:
    """The pixel itself as input of every step: ``p >> shift`` events of its address.

    Parameters
    ----------
    pixels
        uint8, shape (sample, input).
    steps
        Time steps.
    shift
        Low bits dropped, 0 to 7.
    """
    return np.broadcast_to(pixels >> shift, (steps, *pixels.shape)).copy()
