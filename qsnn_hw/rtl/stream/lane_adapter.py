"""From the slots of one AER stream to the slots of another."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.rtl.stream.aer import aer_signature


def aligned(source_slots: int, offset: int, slots: int) -> bool:
    """Whether every slot keeps its events: then a route is address arithmetic only."""
    return source_slots == slots and offset % slots == 0


class LaneAdapter(wiring.Component):
    """Raises the addresses of an AER stream and puts its events into the slots they now belong to.

    With as many slots on both sides and an offset that is a multiple of them, words pass as they
    are, with ``offset // slots`` added in every slot. Otherwise each event becomes a word of its own,
    the lowest slot of a word first, in slot ``(address + offset) % slots``; the word is taken with its
    last event. Ticks pass with their mark.

    Latency: 0 cycles. Throughput: one word per cycle where slots agree, else one event per cycle.
    ``o`` is a function of ``i`` and of which events of the word have gone, so an offered event stays
    on offer.

    Parameters
    ----------
    source_size, source_slots
        Addresses and slots of the input.
    offset
        Added to every address.
    size, slots
        Addresses and slots of the output.

    Members
    -------
    i : In(aer_signature(source_size, source_slots))
    o : Out(aer_signature(size, slots))
    """

    def __init__(self, source_size: int, source_slots: int, offset: int, size: int, slots: int) -> None:
        if offset < 0 or offset + source_size > size:
            raise ValueError(f"Addresses must lie within {size}, not {offset} to {offset + source_size - 1}")
        self._source_slots, self._offset, self._slots = source_slots, offset, slots
        super().__init__(
            {"i": In(aer_signature(source_size, source_slots)), "o": Out(aer_signature(size, slots))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        tick, last = i.payload.tick, Value.cast(i.payload)[0]
        m.d.comb += o.payload.tick.eq(tick)
        if aligned(self._source_slots, self._offset, self._slots):
            m.d.comb += [o.valid.eq(i.valid), i.ready.eq(o.ready)]
            pairs = zip(_addresses(i, self._slots), _addresses(o, self._slots), strict=True)
            for index, (inward, outward) in enumerate(pairs):
                raised = inward + self._offset // self._slots
                m.d.comb += outward.eq(Mux(tick, 0 if index else last, raised))
            if self._slots > 1:
                m.d.comb += o.payload.present.eq(i.payload.present)
            return m

        address, others = self._next_event(m)
        m.d.comb += [o.valid.eq(i.valid), i.ready.eq(o.ready & (tick | ~others))]
        raised = Signal(range(self._offset + (1 << len(address))))
        m.d.comb += raised.eq(address + self._offset)
        low = ceil_log2(self._slots)
        for index, outward in enumerate(_addresses(o, self._slots)):
            m.d.comb += outward.eq(Mux(tick, 0 if index else last, raised[low:]))
        if self._slots > 1:
            m.d.comb += o.payload.present.eq(Mux(tick, 0, Const(1, self._slots) << raised[:low]))
        return m

    def _next_event(self, m: Module) -> tuple[Value, Value]:
        """Address of the word's lowest event that has not gone, and whether there are others."""
        i = self.i
        if self._source_slots == 1:
            return i.payload.address, Const(0, 1)
        gone = Signal(self._source_slots)
        left, rest = (Signal(self._source_slots, name=name) for name in ("left", "rest"))
        m.d.comb += [left.eq(i.payload.present & ~gone), rest.eq(left & (left - 1))]
        with m.If(i.valid & self.o.ready & ~i.payload.tick):
            m.d.sync += gone.eq(Mux(rest.any(), gone | (left & ~rest), 0))
        address = Signal(len(i.payload.address0) + ceil_log2(self._source_slots))
        for index, slot in reversed(list(enumerate(_addresses(i, self._source_slots)))):
            with m.If(left[index]):
                m.d.comb += address.eq(Cat(Const(index, ceil_log2(self._source_slots)), slot))
        return address, rest.any()


def _addresses(stream: Any, slots: int) -> list[Value]:
    """The address field of every slot."""
    payload = stream.payload
    return [payload.address] if slots == 1 else [payload[f"address{k}"] for k in range(slots)]


__all__ = ["LaneAdapter", "aligned"]
