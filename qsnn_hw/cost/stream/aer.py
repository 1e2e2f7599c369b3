"""The words of a stream."""

from qsnn_hw.host.stream_words import tick_bit


def word_bits(size: int, lanes: int) -> int:
    """Bits of a stream's payload."""
    return tick_bit(size, lanes) + 1
