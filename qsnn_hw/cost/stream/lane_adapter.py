"""Words of one number of events made of words of another."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import bits


def add_adapter(counts: Counts, size: int, own: int, lanes: int) -> None:
    """Words of ``own`` events to words of ``lanes``."""
    counts.muxes += 3 * own + own * bits(size) + 2 * lanes
    counts.computed += own
