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
