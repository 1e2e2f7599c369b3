"""What the commonest pieces of hardware take: constant tables, memories, products, sums."""

import functools

import numpy as np

from qsnn_hw.cost.counts import Counts
from qsnn_hw.families.family import Fabric
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.placement import block_shape, memory_blocks
from qsnn_hw.quantize.integers import signed_bits


def bits(count: int) -> int:
    """Bits that number ``count`` things."""
    return max(0, (int(count) - 1).bit_length())


def varying_bits(words: np.ndarray) -> int:
    """Bits of a constant table that are not the same in all rows; synthesis keeps only these."""
    changed = np.bitwise_or.reduce(words ^ words[:1], axis=0) & (1 << signed_bits(words)) - 1
    return sum(int(word).bit_count() for word in changed)


def table_luts(words: np.ndarray, *, wide: bool) -> int:
    """LUTs of a constant table, shape (rows,) or (rows, lanes), looked up by the row's number.

    Equal bits are made once, and a bit takes as many LUTs as the bits of the row's number that decide
    it want; one that is such a bit itself is a wire.

    Parameters
    ----------
    wide
        The device has multiplexers between LUTs; otherwise those take LUTs, too, two for four.
    """
    if not words.size:
        return 0
    return _table_luts(words.astype(np.int64).tobytes(), len(words), wide)


@functools.lru_cache(maxsize=1024)
def _table_luts(words: bytes, depth: int, wide: bool) -> int:
    """Of int64; a search for a design asks for the same few tables again and again."""
    values = np.frombuffer(words, dtype=np.int64).reshape(depth, -1)
    shifts = np.arange(signed_bits(values))
    columns = np.unique((values[:, :, None] >> shifts & 1).reshape(depth, -1).T, axis=0)
    row = np.arange(depth)
    decided = np.zeros(len(columns), dtype=np.int64)
    for bit in range(bits(depth)):
        # The rows without this bit, beside those that have it and else the same.
        low = row[(row >> bit & 1 == 0) & (row + (1 << bit) < depth)]
        decided += (columns[:, low] != columns[:, low + (1 << bit)]).any(axis=1)
    blocks = 1 << np.maximum(decided[decided > 1] - 4, 0)
    return int((blocks if wide else blocks + -(-2 * (blocks - 1) // 3)).sum())


def columns(depth: int, width: int) -> int:
    """Of the bits of a ROM's word in LUTs, those that can differ: synthesis makes equal ones once."""
    return min(width, (1 << depth) - 2) if depth < width.bit_length() + 1 else width


def _random_luts(depth: int, *, wide: bool) -> int:
    """LUTs of one bit of a ROM of which nothing is known; of two words it is the row's number."""
    if depth < 3:
        return 0
    # Muxes between LUTs of their own skip what is not there; in LUTs the tree is a whole one.
    blocks = -(-depth // 16) if wide else 1 << max(0, bits(depth) - 4)
    return blocks if wide else blocks + -(-2 * (blocks - 1) // 3)


def add_memory(
    counts: Counts,
    limits: Limits,
    depth: int,
    width: int,
    *,
    style: str = "",
    rom: bool = False,
    words: np.ndarray | None = None,
) -> None:
    """A memory with a registered read port, in the form that synthesis gives it.

    Parameters
    ----------
    style
        "block", "distributed" or "spram" where the design insists on such RAM, else "".
    rom
        It has no write port.
    words
        What a ROM holds, where that is known: shape (depth,) or (depth, lanes).
    """
    if not width:
        return
    if style == "spram" and limits.spram is not None:
        deep, _ = limits.spram.shapes[0]
        counts.sprams += limits.spram.blocks(depth, width)
        # One port: the loader's row and the walker's pass a multiplexer.
        counts.muxes += bits(depth)
        counts.depth_muxes += width * (-(-depth // deep) - 1)
        return
    blocks = 0
    if style != "distributed":
        blocks = memory_blocks(limits, depth, width, rom=rom, block=style == "block")
    counts.blocks += blocks
    if blocks:
        counts.depth_muxes += width * (block_shape(limits, depth, width)[1] - 1)
        return
    if rom:
        wide = limits.family.fabric.wide_multiplexers
        if words is None:
            width = columns(depth, width)
            counts.luts += width * _random_luts(depth, wide=wide)
        else:
            counts.luts += table_luts(words, wide=wide)
        counts.computed += width
        return
    counts.copied += width
    distributed = limits.family.fabric.distributed
    if distributed is not None:
        counts.distributed += distributed.cells(depth, width)
    else:
        counts.copied += depth * width
        counts.muxes += depth * width


def add_product(counts: Counts, width: int, number: int) -> None:
    """A value of ``width`` bits times a constant: copies at the digits of the constant, summed.

    A column of more than two bits takes two LUTs for each more. Beyond its own bits a copy is its sign,
    and synthesis puts equal bits of a column together: there all that are added are one, and all that
    are taken off.
    """
    triple = 3 * number
    added, taken = (triple & ~number) >> 1, (number & ~triple) >> 1
    places = [place for place in range(triple.bit_length()) if (added | taken) >> place & 1]
    if len(places) < 2:
        return
    total = width + number.bit_length()
    # Below the second copy the first one passes.
    counts.adders += total - places[1]
    for column in range(total):
        copies = sum(place <= column < place + width for place in places)
        beyond = (1 << max(0, column - width + 1)) - 1
        signs = bool(added & beyond) + bool(taken & beyond)
        counts.saves += 2 * max(0, copies + signs - 2)
        # So many levels are no longer merged into LUTs but taken apart for speed.
        counts.deep_saves += 2 * max(0, copies + signs - 7)


def add_sum(counts: Counts, width: int, terms: int) -> None:
    """A sum of ``terms``; more than two go in carry-save form: two LUTs a bit, then one addition."""
    if terms > 1:
        counts.adders += width
        counts.saves += 2 * width * (terms - 2)


def add_multiplication(counts: Counts, fabric: Fabric, wide: int, narrow: int) -> None:
    """A product of two values of so many bits, cut into pieces that multipliers take, and their sum.

    A piece of a bit, or with too short a result, is multiplied in LUTs.
    """
    first = _cut(wide, fabric.multiplier_bits)
    second = _cut(narrow, fabric.multiplier_bits)
    counts.adders += sum(piece + narrow for piece in first[1:])
    for one in first:
        counts.adders += sum(one + piece for piece in second[1:])
        for piece in second:
            if min(one, piece) > 1 and one + piece >= fabric.least_product_bits:
                counts.dsps += 1
                continue
            counts.adders += (min(one, piece) - 1) * max(one, piece)
            counts.muxes += max(one, piece)


def _cut(width: int, most: int) -> list[int]:
    """Pieces of at most ``most`` bits; the last is what is left."""
    whole = max(0, width - 1) // most
    return [most] * whole + [width - whole * most]
