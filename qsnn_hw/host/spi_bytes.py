"""What the bytes of a serial line are on SPI, which moves a byte each way whether there is one or not."""

from qsnn_hw.host.frames import ESCAPE, FLIP

FILL = 0x7F
"""No byte: sent where there is none, and left out by who receives it. Where it is meant, it is escaped."""


def to_spi(line: bytes) -> bytes:
    """Bytes of a serial line, frames and flags (``frames.py``), as SPI carries them."""
    return line.replace(bytes([FILL]), bytes([ESCAPE, FILL ^ FLIP]))


def from_spi(octets: bytes) -> bytes:
    """The bytes of a serial line among what came over SPI; what was escaped stays so, as in any frame."""
    return octets.replace(bytes([FILL]), b"")
