"""What a bank of synapse memory is built of, whatever the device."""

BLOCK_BITS = 1024
"""A memory of fewer bits is smaller in LUTs than it is worth in block RAM."""


def pieces(shape: tuple[int, ...], depth: int, width: int) -> list[tuple[int, int, int, int]]:
    """(first row, first bit, rows, bits) of each memory of ``shape`` that a bank is built of."""
    deep, wide = shape or (depth, width)
    return [
        (row, bit, min(deep, depth - row), min(wide, width - bit))
        for row in range(0, depth, deep)
        for bit in range(0, width, wide)
    ]


def levels_of(shape: tuple[int, ...], depth: int) -> int:
    """How many memories of ``shape`` stand one above the other."""
    return -(-depth // shape[0]) if shape else 1


def abreast(words: list[int], deep: int, width: int) -> list[int]:
    """The words of one memory in which the levels of a bank stand side by side.

    Bit ``b`` of level ``l`` is bit ``b * levels + l``: what a multiplexer chooses among lies in one block.

    Parameters
    ----------
    words
        Of the bank, of ``width`` bits each.
    deep
        Rows of a level; missing ones of the last are 0.
    """
    levels = levels_of((deep,), len(words))
    texts = [f"{word:0{width}b}" for word in words] + ["0" * width] * (levels * deep - len(words))
    return [
        int("".join("".join(bits) for bits in zip(*reversed(texts[row::deep]), strict=True)), 2)
        for row in range(deep)
    ]
