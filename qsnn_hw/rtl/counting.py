"""Counting and comparing without a carry chain, where that takes less logic.

A chain takes a cell of its own to begin with on iCE40, and two cells for two bits on ECP5; and what stands
in it takes in no other logic.
"""

from amaranth.hdl import Cat, Const, Mux, Value

_CHAIN_BITS = 5
"""From so many bits on a carry chain is the smaller one."""


def plus_one(value: Value) -> Value:
    """``value + 1``, as wide as ``value``: after the highest comes 0."""
    if len(value) >= _CHAIN_BITS:
        return (value + 1)[: len(value)]
    # The lowest bit without an xor, for which yosys would find a name of its own.
    lowest = [~value[0]] if len(value) else []
    return Cat(*lowest, *(value[place] ^ value[:place].all() for place in range(1, len(value))))


def minus_one(value: Value) -> Value:
    """``value - 1``, as wide as ``value``: after 0 comes the highest."""
    if len(value) >= _CHAIN_BITS:
        return (value - 1)[: len(value)]
    lowest = [~value[0]] if len(value) else []
    return Cat(*lowest, *(value[place] ^ (value[:place] == 0) for place in range(1, len(value))))


def at_least(value: Value, least: int) -> Value:
    """Whether the signed ``value`` is ``least`` or more, found bit by bit from the lowest up."""
    width = len(value)
    if not -(1 << width - 1) <= least < 1 << width - 1:
        return Const(least < 0, 1)
    answer: Value = Const(1, 1)
    for place in range(width - 1):
        answer = value[place] & answer if least >> place & 1 else value[place] | answer
    # The sign counts the other way round.
    return Mux(value[-1], answer if least < 0 else 0, 1 if least < 0 else answer)
