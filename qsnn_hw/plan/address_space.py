"""The addresses of one stream source: flat, or fields of a grid that need no division."""

import math
from dataclasses import dataclass

import numpy as np


def _bits(count: int) -> int:
    return (count - 1).bit_length()


@dataclass(frozen=True)
class AddressSpace:
    """How the neurons (or inputs) of one source are numbered on its stream.

    A flat space numbers them as the network does. A grid space puts row, column and channel side by
    side, each in its own field, so that the hardware takes positions apart by wiring::

        address = row << (column_bits + channel_bits) | column << channel_bits | channel

    Parameters
    ----------
    shape
        (n,) for a flat space, (channels, height, width) for a grid.
    channel_field
        Width of the channel field of a grid that has some of the channels of a wider one, whose addresses
        lie between those of the others; 0 for no wider than its own channels.
    """

    shape: tuple[int, ...]
    channel_field: int = 0

    def __post_init__(self) -> None:
        if len(self.shape) not in (1, 3) or min(self.shape) < 1:
            raise ValueError(f"Shape must be (n,) or (channels, height, width), not {self.shape!r}")
        if self.channel_field and not (self.grid and self.channel_field >= _bits(self.shape[0])):
            raise ValueError(
                f"Channel field must be as wide as the channels of a grid, not {self.channel_field!r}"
            )

    @property
    def grid(self) -> bool:
        """Whether addresses are made of fields."""
        return len(self.shape) == 3

    @property
    def neurons(self) -> int:
        """Neurons or inputs; at most ``size``."""
        return math.prod(self.shape)

    @property
    def channel_bits(self) -> int:
        """Width of the channel field; 0 with one channel, and in a flat space the whole address."""
        return max(self.channel_field, _bits(self.shape[0]))

    @property
    def column_bits(self) -> int:
        """Width of the column field."""
        return _bits(self.shape[2]) if self.grid else 0

    @property
    def row_bits(self) -> int:
        """Width of the row field."""
        return _bits(self.shape[1]) if self.grid else 0

    @property
    def size(self) -> int:
        """One more than the highest address in use."""
        return int(self.addresses()[-1]) + 1

    def addresses(self) -> np.ndarray:
        """int64, shape (neurons,): the address of each, in the network's own (C) order."""
        if not self.grid:
            return np.arange(self.shape[0], dtype=np.int64)
        channel, row, column = np.indices(self.shape, dtype=np.int64)
        packed = (row << self.column_bits | column) << self.channel_bits | channel
        return packed.reshape(-1)
