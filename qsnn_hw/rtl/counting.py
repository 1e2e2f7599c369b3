"""Counting and comparing without a carry chain, where that takes less logic.

A chain takes a cell of its own to begin with on iCE40, and two cells for two bits on ECP5; and what stands
in it takes in no other logic.
"""

from amaranth.hdl import Cat, Const, Value

_CHAIN_BITS = 5
"""From so many bits on a carry chain is the smaller one."""


def plus_one(value: Value) -> Value:
    """``value + 1``, as wide as ``value``: after the highest comes 0."""
    if len(value) >= _CHAIN_BITS:
        return (value + 1)[: len(value)]
    return Cat(bit ^ value[:place].all() for place, bit in enumerate(value))


def minus_one(value: Value) -> Value:
    """``value - 1``, as wide as ``value``: after 0 comes the highest."""
    if len(value) >= _CHAIN_BITS:
        return (value - 1)[: len(value)]
    return Cat(bit ^ ~value[:place].any() for place, bit in enumerate(value))


def at_least(value: Value, least: int) -> Value:
    """Whether the signed ``value`` is ``least`` or more, found bit by bit from the lowest up."""
    width = len(value)
    if not -(1 << width - 1) <= least < 1 << width - 1:
        return Const(least < 0, 1)
    answer: Value = Const(1, 1)
    for place in range(width):
        # The sign counts the other way round.
        sign = place == width - 1
        bit = value[place] ^ sign
        answer = bit & answer if bool(least >> place & 1) ^ sign else bit | answer
    return answer


__all__ = ["at_least", "minus_one", "plus_one"]
