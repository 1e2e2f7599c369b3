"""Fired lanes to address events."""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.rtl.stream.aer import address_bits, aer_signature


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

    With several ``slots`` a word takes the lowest remaining lane of each residue. Addresses of slots
    without an event, and those of a tick but for slot 0, mean nothing.

    Latency: 1 cycle from a mask to its first event. Throughput: one word per cycle, events or a
    tick; a mask that is empty and carries no tick costs nothing. A new mask is taken in the cycle in
    which the last word of the old one leaves; with ``spare`` one more is taken before that, and
    ``i.ready`` comes from a register.

    Parameters
    ----------
    neurons
        Addresses of the output stream.
    lanes
        Bits of the mask.
    slots
        Events per word of the output stream. One must divide the other of ``lanes`` and ``slots``,
        and with several slots every base must be a multiple of the smaller.
    aligned
        Every base is a multiple of ``lanes``, a power of two; the address then needs no adder.
    spare
        Room for a second mask.
    rests
        Registers change for a mask alone, which saves a chip's clock.

    Members
    -------
    i : In(stream.Signature(FiredLayout(neurons, lanes)))
        One word for each fold of a sweep.
    o : Out(aer_signature(neurons, slots))
        Events and ticks.
    """

    def __init__(
        self,
        neurons: int,
        lanes: int,
        slots: int = 1,
        *,
        aligned: bool = False,
        spare: bool = False,
        rests: bool = False,
    ) -> None:
        if lanes % slots and slots % lanes:
            raise ValueError(f"Slots must divide the {lanes} lanes or be a multiple of them, not {slots!r}")
        if aligned and lanes & (lanes - 1):
            raise ValueError(f"Lanes of aligned masks must be a power of two, not {lanes!r}")
        self._lanes, self._slots, self._aligned, self._spare = lanes, slots, aligned, spare
        self._rests = rests
        super().__init__(
            {"i": In(stream.Signature(FiredLayout(neurons, lanes))), "o": Out(aer_signature(neurons, slots))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pending = Signal(FiredLayout.cast(self.i.payload.shape()), name="pending")
        rest = Signal(self._lanes)
        room = Signal()
        spiking = pending.mask.any()
        if self._slots > self._lanes:
            self._place_all(m, pending)
        else:
            for slot in range(self._slots):
                self._choose(m, pending, rest, slot)
        m.d.comb += [
            self.o.valid.eq(spiking | pending.tick),
            self.o.payload.tick.eq(~spiking),
            room.eq(~self.o.valid | (self.o.ready & Mux(spiking, ~rest.any() & ~pending.tick, 1))),
        ]
        valid, following = self._following(m, room)
        with m.If(room & (self.o.valid | valid) if self._rests else room):
            m.d.sync += Cat(pending.mask, pending.tick).eq(0)
            with m.If(valid):
                m.d.sync += pending.eq(following)
        with m.Elif(self.o.ready & self.o.valid if self._rests else self.o.ready):
            m.d.sync += pending.mask.eq(rest)
        return m

    def _following(self, m: Module, room: Signal) -> tuple[Value, Value]:
        """Whether there is a next mask, and the mask, which is taken where there is ``room``."""
        payload = Value.cast(self.i.payload)
        if not self._spare:
            m.d.comb += self.i.ready.eq(room)
            return self.i.valid, payload
        spare = Signal(len(payload), name="spare", reset_less=True)
        spare_valid = Signal()
        m.d.comb += self.i.ready.eq(~spare_valid)
        with m.If(self.i.ready):
            m.d.sync += [spare.eq(payload), spare_valid.eq(self.i.valid & ~room)]
        with m.Elif(room):
            m.d.sync += spare_valid.eq(0)
        return spare_valid | self.i.valid, Mux(spare_valid, spare, payload)

    def _choose(self, m: Module, pending: data.View, rest: Signal, slot: int) -> None:
        """The lowest lane of one residue into its slot; ``rest`` is what remains."""
        own = pending.mask[slot :: self._slots]
        count = self._lanes // self._slots
        index = Signal(address_bits(count), name=f"index{slot}")
        for lane in reversed(range(count)):
            with m.If(own[lane]):
                m.d.comb += index.eq(lane)
        # What lies above another set bit; a short OR, for everything waits for the last spike.
        m.d.comb += rest[slot :: self._slots].eq(Cat(own[k] & own[:k].any() for k in range(count)))
        base = pending.base[(self._slots - 1).bit_length() :]
        address = base | index if self._aligned else base + index
        if self._slots > 1:
            m.d.comb += self.o.payload.present[slot].eq(own.any())
        self._address(m, pending, slot, address)

    def _place_all(self, m: Module, pending: data.View) -> None:
        """Fewer lanes than slots: the whole mask leaves at once, in the slots its base points at."""
        low, high = (self._lanes - 1).bit_length(), (self._slots - 1).bit_length()
        place = Signal(high - low)
        m.d.comb += place.eq(pending.base[low:high])
        for slot in range(self._slots):
            here = place == slot // self._lanes
            m.d.comb += self.o.payload.present[slot].eq(pending.mask[slot % self._lanes] & here)
            self._address(m, pending, slot, pending.base[high:])

    def _address(self, m: Module, pending: data.View, slot: int, address: Value) -> None:
        if slot == 0:
            # A tick carries the mark of a sample's end here.
            address = Mux(pending.mask.any(), address, pending.last)
        name = "address" if self._slots == 1 else f"address{slot}"
        m.d.comb += self.o.payload[name].eq(address)
