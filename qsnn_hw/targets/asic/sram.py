"""Area and energy of SRAM: not from any tool, but from macros that others published, with a range.

Published are the macros of sky130 that OpenRAM made (VLSIDA, sky130_sram_macros): sizes from their LEF files,
energy from their Liberty files of TT, 1.8 V, 25 C, which OpenRAM's own model wrote and no chip has confirmed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from qsnn_hw.support.ranges import Range

NODE_NM = 130
SOURCE = "OpenRAM's macros of sky130, published sizes and Liberty files (TT, 1.8 V, 25 C)"


@dataclass(frozen=True)
class Published:
    """A published macro: one port for reads and writes, one for reads.

    Parameters
    ----------
    name
        As the PDK has it.
    depth, width
        Words, and bits of each.
    area_um2
        Width times height.
    edge_pj
        Energy that its Liberty file states for an edge of the clock, of two of which an access consists.
    """

    name: str
    depth: int
    width: int
    area_um2: float
    edge_pj: float

    @property
    def bits(self) -> int:
        """Of all words."""
        return self.depth * self.width


MACROS = (
    Published("sky130_sram_1kbyte_1rw1r_8x1024_8", 1024, 8, 455.3 * 446.46, 9.389),
    Published("sky130_sram_1kbyte_1rw1r_32x256_8", 256, 32, 479.78 * 397.5, 9.589),
    Published("sky130_sram_2kbyte_1rw1r_32x512_8", 512, 32, 683.1 * 416.54, 13.808),
)


@dataclass(frozen=True)
class Sized:
    """A memory built of published macros side by side and one above the other.

    Parameters
    ----------
    macro
        Of which.
    across, down
        How many side by side, and one above the other.
    """

    macro: Published
    across: int
    down: int

    @property
    def area_um2(self) -> float:
        """Of all of them."""
        return self.across * self.down * self.macro.area_um2


def built_of(depth: int, width: int) -> Sized:
    """The published macros of least area that hold ``depth`` words of ``width`` bits."""
    ways = [Sized(macro, -(-width // macro.width), -(-depth // macro.depth)) for macro in MACROS]
    return min(ways, key=lambda way: (way.area_um2, way.macro.name))


def area_um2(memories: Iterable[tuple[int, int, int]]) -> Range:
    """Square micrometres, at 130 nm, of memories (count, depth, width).

    Low: bits alone, as dense as the densest published macro. High: whole published macros, with the words
    and bits of them that stay empty. Typical: bits as dense as the mean of the published macros.
    """
    memories = list(memories)
    bits = sum(count * depth * width for count, depth, width in memories)
    each = [macro.area_um2 / macro.bits for macro in MACROS]
    whole = sum(count * built_of(depth, width).area_um2 for count, depth, width in memories)
    low, typical = bits * min(each), bits * sum(each) / len(each)
    return Range(low, typical, max(whole, typical))


def access_pj(bits: float) -> Range:
    """Picojoule of reading or writing so many bits at 130 nm, 1.8 V.

    Low: one edge of the widest macro's clock for each of its bits. High: both edges of the least dense one.
    """
    each = [macro.edge_pj / macro.width for macro in MACROS if macro.width == 32]
    return Range(min(each), 2 * min(each), 2 * max(each)).times(bits)
