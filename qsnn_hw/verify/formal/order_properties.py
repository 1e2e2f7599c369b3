"""What becomes of one event: the step it comes out in, and the slots it may come out in."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value

from qsnn_hw.rtl.stream.step_delay import StepDelay
from qsnn_hw.verify.formal.properties import Harness, moves, slots_of


class DelayContent(Harness):
    """An event leaves a delay once, ``steps`` steps late, or never where its sample ends before.

    The solver chooses an address that one event has, so that the address alone tells it.
    """

    def __init__(self, dut: StepDelay, steps: int, ahead: bool, most: int) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._steps, self._ahead, self._most = steps, ahead, most
        self._its = Signal(len(dut.i.payload.address), name="its_address")
        self.ports.append(self._its)

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, steps = self._dut, self._steps
        i, o = dut.i.payload, dut.o.payload
        begun, before, marked = Signal(), Signal.like(self._its), Signal()
        m.d.sync += [begun.eq(1), before.eq(self._its)]
        its = ~i.tick & (i.address == self._its)
        m.d.comb += [
            Assume(~begun | (before == self._its)),
            Assume(~dut.i.valid | ~its | ~marked),
        ]
        # As the plan proves it: so many words in a step at most.
        count = Signal(range(self._most + 1))
        with m.If(moves(dut.i)):
            m.d.sync += count.eq(Mux(i.tick, 0, count + 1))
        m.d.comb += Assume(~dut.i.valid | i.tick | (count < self._most))

        # Ticks that are to leave before it: those inside, and one for each step of delay.
        waiting, ahead, kept = Signal(5, init=self._ahead), Signal(5), Signal(range(steps + 1))
        ticks_in, ticks_out = moves(dut.i) & i.tick, moves(dut.o) & o.tick
        inside, dropped, seen = Signal(), Signal(), Signal()
        m.d.sync += waiting.eq(waiting + ticks_in - ticks_out)
        enters = moves(dut.i) & its
        found = moves(dut.o) & ~o.tick & (o.address == self._its)
        with m.If(enters):
            m.d.sync += [
                marked.eq(1),
                inside.eq(1),
                kept.eq(steps),
                ahead.eq(waiting - ticks_out + steps - self._ahead),
            ]
        with m.If(inside):
            with m.If(ticks_in & (kept != 0)):
                m.d.sync += [kept.eq(kept - 1), dropped.eq(Value.cast(i)[0])]
                with m.If(Value.cast(i)[0]):
                    m.d.sync += inside.eq(0)
            with m.If(ticks_out):
                m.d.sync += ahead.eq(ahead - 1)
                # The tick behind its step: it must have gone.
                with m.If((ahead == 0) & (kept == 0)):
                    m.d.comb += Assert(seen)
                    m.d.sync += inside.eq(0)
        with m.If(found):
            m.d.sync += seen.eq(1)
            m.d.comb += [Assert(inside & ~seen & ~dropped), Assert(ahead == 0)]


class RouteOrder(Harness):
    """An event reaches a destination of its source once, in its step, at its own place among the addresses.

    The solver chooses source, address and word; no other word of the source has the address.
    """

    def __init__(
        self, dut: Any, sizes: list[int], routes: list[tuple[int, int, int]], destinations: int
    ) -> None:
        inputs = [getattr(dut, f"i{k}") for k in range(len(sizes))]
        outputs = [getattr(dut, f"o{k}") for k in range(destinations)]
        super().__init__(dut, inputs, outputs)
        self._sizes, self._routes = sizes, routes
        self._its = Signal(range(max(2, *sizes)), name="its_address")
        self._route = Signal(range(max(2, len(routes))), name="its_route")
        self.ports += [self._its, self._route]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        begun, marked, seen = Signal(), Signal(), Signal()
        its, route = self._its, self._route
        was, taken = Signal.like(its), Signal.like(route)
        m.d.sync += [begun.eq(1), was.eq(its), taken.eq(route)]
        m.d.comb += [Assume(~begun | ((was == its) & (taken == route))), Assume(route < len(self._routes))]
        for stream, size in zip(self._inputs, self._sizes, strict=True):
            m.d.comb += Assume(stream.payload.tick | (stream.payload.address < size))
        for number, (source, destination, offset) in enumerate(self._routes):
            inward, outward = self._inputs[source], self._outputs[destination]
            i, o = inward.payload, outward.payload
            with m.If(route == number):
                here = inward.valid & ~i.tick & (i.address == its)
                gone = Signal(name=f"gone{number}")
                with m.If(here & inward.ready):
                    m.d.sync += gone.eq(1)
                m.d.comb += Assume(~here | ~gone)
                # Ticks between source and destination; those in front of the event, from its first offer on:
                # it may be at the destination before the source lets go of it.
                inside = Signal(4, name=f"inside{number}")
                ahead = Signal(4, name=f"ahead{number}")
                ticks_in = moves(inward) & i.tick
                ticks_out = moves(outward) & o.tick
                m.d.sync += inside.eq(inside + ticks_in - ticks_out)
                with m.If(here & ~marked):
                    m.d.sync += [marked.eq(1), ahead.eq(inside - ticks_out)]
                with m.Elif(ticks_out):
                    m.d.sync += ahead.eq(ahead - 1)
                    # The tick behind it may not overtake it.
                    m.d.comb += Assert(~marked | (ahead != 0) | seen)
                with m.If(moves(outward) & ~o.tick & (o.address == its + offset)):
                    m.d.sync += seen.eq(1)
                    m.d.comb += Assert(marked & ~seen & (ahead == 0))


class EncoderSlots(Harness):
    """Of what is left of a mask every slot takes the lowest lane whose address is its own; then the tick."""

    def __init__(self, dut: Any, neurons: int, lanes: int, slots: int, *, aligned: bool) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._neurons, self._lanes, self._slots, self._aligned = neurons, lanes, slots, aligned

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, lanes, slots = self._dut, self._lanes, self._slots
        mask, offered = dut.i.payload.mask, dut.i.payload.base
        step = lanes if self._aligned else min(lanes, slots)
        m.d.comb += Assume(offered % step == 0)
        left, base = Signal(lanes), Signal.like(offered, name="its_base")
        tick, last = Signal(), Signal()
        sent = Signal(lanes)
        out = dut.o.payload
        for number, slot in enumerate(slots_of(dut.o, slots)):
            free = Signal(name=f"free{number}")
            chosen: list[Value] = []
            for lane in range(lanes):
                own = left[lane] & ((base + lane) % slots == number)
                first = own & ~Cat(chosen).any() if chosen else own
                chosen.append(first)
                with m.If(first):
                    m.d.comb += [free.eq(1), sent[lane].eq(1)]
                    with m.If(dut.o.valid):
                        full = (base + lane)[: len(base)]
                        m.d.comb += Assert(slot.address * slots + number == full)
            m.d.comb += Assert(~dut.o.valid | (slot.present == free))
        rest, tick_after = Signal(lanes), Signal()
        m.d.comb += [rest.eq(left & ~sent), tick_after.eq(tick & (left != 0))]
        leaves, enters = moves(dut.o), moves(dut.i)
        with m.If(leaves):
            m.d.sync += [left.eq(rest), tick.eq(tick_after)]
        with m.If(enters):
            m.d.sync += [left.eq(mask), base.eq(offered), tick.eq(dut.i.payload.tick)]
            m.d.sync += last.eq(dut.i.payload.last)
            # Nothing is overwritten.
            m.d.comb += Assert(Mux(leaves, (rest == 0) & ~tick_after, (left == 0) & ~tick))
        m.d.comb += [
            Assert(dut.o.valid == ((left != 0) | tick)),
            Assert(dut.o.valid | dut.i.ready),
            Assert(base % step == 0),
            Assert(~dut.o.valid | (out.tick == (left == 0))),
            Assert(~(dut.o.valid & out.tick) | (Value.cast(out)[0] == last)),
            Assert(registers["pending"] == Cat(left, base, tick, last)),
        ]
