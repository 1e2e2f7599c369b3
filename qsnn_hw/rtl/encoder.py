"""Fired lanes to address events."""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.rtl.aer import address_bits, aer_signature


class FiredLayout(data.StructLayout):
    """What a sweep says about one fold.

    ``mask`` has bit k set when lane k fired, ``base`` is the address of lane 0, ``tick`` is set on
    the last fold of the step, ``last`` when that step ends the sample.
    """

    def __init__(self, neurons: int, lanes: int) -> None:
        members: dict[str, ShapeLike] = {"mask": lanes, "base": address_bits(neurons), "tick": 1, "last": 1}
        super().__init__(members)


class SpikeEncoder(wiring.Component):
    """Turns masks of fired lanes into AER events, lowest lane first, then the tick.

    Latency: 1 cycle from a mask to its first event. Throughput: one event or tick per cycle; a mask
    that is empty and carries no tick costs nothing. A new mask is taken in the cycle in which the
    last word of the old one leaves.

    Parameters
    ----------
    neurons
        Addresses of the output stream.
    lanes
        Bits of the mask.

    Members
    -------
    i : In(stream.Signature(FiredLayout(neurons, lanes)))
        One word for each fold of a sweep.
    o : Out(aer_signature(neurons))
        Events and ticks.
    """

    def __init__(self, neurons: int, lanes: int) -> None:
        self._lanes = lanes
        super().__init__(
            {"i": In(stream.Signature(FiredLayout(neurons, lanes))), "o": Out(aer_signature(neurons))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pending = Signal(FiredLayout.cast(self.i.payload.shape()), name="pending")
        index = Signal(address_bits(self._lanes))
        for lane in reversed(range(self._lanes)):
            with m.If(pending.mask[lane]):
                m.d.comb += index.eq(lane)
        # Clearing the lowest set bit: x & (x - 1).
        rest = Signal(self._lanes)
        m.d.comb += rest.eq(pending.mask & (pending.mask - 1)[: self._lanes])

        spiking = pending.mask.any()
        m.d.comb += [
            self.o.valid.eq(spiking | pending.tick),
            self.o.payload.tick.eq(~spiking),
            self.o.payload.address.eq(Mux(spiking, pending.base + index, pending.last)),
            self.i.ready.eq(~self.o.valid | (self.o.ready & Mux(spiking, ~rest.any() & ~pending.tick, 1))),
        ]
        with m.If(self.i.ready):
            m.d.sync += Cat(pending.mask, pending.tick).eq(0)
            with m.If(self.i.valid):
                m.d.sync += pending.eq(self.i.payload)
        with m.Elif(self.o.ready):
            m.d.sync += pending.mask.eq(rest)
        return m
