"""Addresses that nobody has: a host may send them, and the synapse memories hold no row for them."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.rtl.stream.aer import aer_signature

BAD_WORDS_BITS = 8
"""Width of the counter of words with such an address; it stays at its highest value."""


def known_address(space: AddressSpace, address: Value) -> Value:
    """1 where ``address`` is one of the space's; the constant 1 where every code is.

    A grid's fields are compared one by one: between its rows and columns there are codes of nobody.
    """
    if space.grid:
        low, middle = space.channel_bits, space.channel_bits + space.column_bits
        channels, rows, columns = space.shape
        fields = [(address[:low], channels), (address[low:middle], columns), (address[middle:], rows)]
    else:
        fields = [(address, space.shape[0])]
    known: Value = Const(1, 1)
    for field, count in fields:
        if count < 1 << len(field):
            known = known & (field < count)
    return known


class AddressGuard(wiring.Component):
    """Leaves out the events whose address nobody has, and counts the words that held one.

    What passes is as it was: ticks, events of others, and the word around them. A word in which no event
    is left is taken and goes no further. Latency: 0 cycles. Throughput: one word per cycle. Handshake:
    ``o`` is a function of ``i``, so an offered word stays on offer.

    Parameters
    ----------
    space
        Addresses of both streams.
    slots
        Events per word of both.

    Members
    -------
    i : In(aer_signature(space.size, slots))
    o : Out(aer_signature(space.size, slots))
    bad_words : Out(BAD_WORDS_BITS)
        Words since reset in which an event had an address that nobody has; stays at the highest value.
    """

    def __init__(self, space: AddressSpace, slots: int = 1) -> None:
        self._space, self._slots = space, slots
        signature = aer_signature(space.size, slots)
        super().__init__({"i": In(signature), "o": Out(signature), "bad_words": Out(BAD_WORDS_BITS)})

    def _known(self, slot: int, code: Value) -> Value:
        """Whether a slot's field is an address of the space."""
        codes = np.arange(1 << len(code), dtype=np.int64) * self._slots + slot
        if np.isin(codes, self._space.addresses()).all():
            return Const(1, 1)
        if self._space.grid:
            return known_address(self._space, Cat(Const(slot, ceil_log2(self._slots)), code))
        # The whole address is below the number of neurons where the field is below this.
        return code < -(-(self._space.shape[0] - slot) // self._slots)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, tick = self.i.payload, self.i.payload.tick
        codes = [word.address] if self._slots == 1 else [word[f"address{k}"] for k in range(self._slots)]
        known = Cat(self._known(slot, code) for slot, code in enumerate(codes))
        m.d.comb += self.o.payload.eq(word)
        if all(isinstance(part, Const) for part in known.parts):
            m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready)]
            return m
        present = Const(1, 1) if self._slots == 1 else word.present
        bad = Signal()
        passes = Signal()
        m.d.comb += [
            bad.eq(~tick & (present & ~known).any()),
            passes.eq(tick | (present & known).any()),
            self.o.valid.eq(self.i.valid & passes),
            self.i.ready.eq(self.o.ready | ~passes),
        ]
        if self._slots > 1:
            m.d.comb += self.o.payload.present.eq(present & known & ~tick.replicate(self._slots))
        with m.If(self.i.valid & self.i.ready & bad & ~self.bad_words.all()):
            m.d.sync += self.bad_words.eq(self.bad_words + 1)
        return m


__all__ = ["BAD_WORDS_BITS", "AddressGuard", "known_address"]
