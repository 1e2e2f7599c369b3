"""Registers that rest where no word passes."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Value


def pass_on(m: Module, statements: Sequence[Any], *, rests: bool, word: Value) -> None:
    """Let ``statements`` happen in ``sync`` where they stand, with ``rests`` only if there is a ``word``.

    Nothing reads what they set without a word. A chip saves clock where they rest; an FPGA, whose clock runs
    anyway, would pay a LUT.
    """
    if rests:
        with m.If(word):
            m.d.sync += statements
    else:
        m.d.sync += statements
