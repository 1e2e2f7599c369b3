"""Counts of hardware, in bits."""

from dataclasses import dataclass, fields


@dataclass
class Counts:
    """Counts of one piece of hardware; bits unless said otherwise.

    Parameters
    ----------
    adders
        Result bits of adders, subtractors and comparators.
    muxes
        Bits of two-way multiplexers and gates beside them.
    depth_muxes
        The same, between the blocks of a deep memory: large trees of nothing else.
    computed, copied
        Register bits behind logic of their own, and those that take another register or memory as it
        is.
    control
        Address, row and fold bits that counters and comparisons handle.
    luts
        LUTs of constant tables.
    saves, deep_saves
        LUTs of sums in carry-save form; of those, the ones beyond the seventh bit of a column.
    distributed
        Cells of distributed RAM.
    groups, lanes
        Number of groups, an encoder being one, and of neuron lanes.
    links
        1 for a serial host link, with the board around it.
    blocks, sprams, dsps
        Whole memory blocks and multipliers.
    """

    adders: float = 0
    muxes: float = 0
    depth_muxes: float = 0
    computed: float = 0
    copied: float = 0
    control: float = 0
    luts: float = 0
    saves: float = 0
    deep_saves: float = 0
    distributed: float = 0
    groups: float = 0
    lanes: float = 0
    links: float = 0
    blocks: int = 0
    sprams: int = 0
    dsps: int = 0

    def add(self, other: "Counts", times: float = 1) -> None:
        """Take in another piece, ``times`` over."""
        for entry in fields(self):
            value = getattr(self, entry.name) + getattr(other, entry.name) * times
            setattr(self, entry.name, value)
