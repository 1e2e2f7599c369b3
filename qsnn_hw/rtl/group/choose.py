"""One word of several, small where LUTs have four inputs."""

import functools
import operator

from amaranth.hdl import Const, Mux, Value


def select(words: list[Value], index: Value) -> Value:
    """``words[index]``, small where LUTs have four inputs.

    Pairs of words pass through a two-way multiplexer that is gated by its own decoded index, then
    all are ORed: 11 LUTs for 16 words, where a tree of multiplexers takes 15.
    """
    if len(words) == 1:
        return words[0]
    gated = []
    for pair in range(0, len(words), 2):
        word = Mux(index[0], words[pair + 1], words[pair]) if pair + 1 < len(words) else words[pair]
        here = index[1:] == pair // 2 if len(words) > 2 else Const(1)
        gated.append(word & here.replicate(len(word)))
    return functools.reduce(operator.or_, gated)


def gather(words: list[Value], select: Value) -> Value:
    """The one of ``words`` whose bit in ``select`` is set."""
    gated = [word & bit.replicate(len(word)) for word, bit in zip(words, select, strict=True)]
    return functools.reduce(operator.or_, gated)
