"""Addresses that nobody has."""

from qsnn_hw.plan.address_space import AddressSpace


def compared_bits(space: AddressSpace, width: int) -> int:
    """Bits of an address of ``width`` that ``known_address`` compares: of fields with codes of nobody."""
    fields = [(width, space.shape[0])]
    if space.grid:
        channels, rows, columns = space.shape
        low, middle = space.channel_bits, space.channel_bits + space.column_bits
        fields = [(low, channels), (middle - low, columns), (width - middle, rows)]
    return sum(field for field, count in fields if count < 1 << field)
