"""What must hold of the parts of a single route: adapter and delay."""

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value

from qsnn_hw.rtl.stream.lane_adapter import LaneAdapter
from qsnn_hw.rtl.stream.step_delay import StepDelay
from qsnn_hw.verify.formal.properties import Harness, moves, own_addresses, slots_of


class AdaptOnce(Harness):
    """An adapter that serializes emits every event of a word exactly once, and ticks as they are."""

    def __init__(
        self, dut: LaneAdapter, source_size: int, source_slots: int, offset: int, slots: int
    ) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._size, self._source_slots = source_size, source_slots
        self._offset, self._out_slots = offset, slots

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, source_slots, out_slots = self._dut, self._source_slots, self._out_slots
        own_addresses(m, dut.i, self._size, source_slots)
        present = Cat(slot.present for slot in slots_of(dut.i, source_slots))
        served, now = Signal(source_slots), Signal(source_slots)
        tick = dut.i.payload.tick
        m.d.comb += [Assert(dut.o.valid == dut.i.valid)]
        with m.If(dut.o.valid):
            m.d.comb += Assert(dut.o.payload.tick == tick)
            with m.If(tick):
                m.d.comb += Assert(Value.cast(dut.o.payload)[0] == Value.cast(dut.i.payload)[0])
        outgoing = Cat(slot.present for slot in slots_of(dut.o, out_slots))
        with m.If(moves(dut.o) & ~tick):
            m.d.comb += Assert((outgoing != 0) & ((outgoing & (outgoing - 1)) == 0))
            for index, slot in enumerate(slots_of(dut.i, source_slots)):
                raised = slot.address * source_slots + index + self._offset
                hit = [
                    out.present & (out.address * out_slots + number == raised)
                    for number, out in enumerate(slots_of(dut.o, out_slots))
                ]
                m.d.comb += now[index].eq(slot.present & Cat(hit).any())
            # Which event it is: one of this word, and not one that has gone.
            m.d.comb += Assert((now != 0) & ((now & (now - 1)) == 0) & ((now & served) == 0))
        m.d.sync += served.eq(Mux(moves(dut.i), 0, served | now))
        with m.If(moves(dut.i)):
            m.d.comb += [Assert(moves(dut.o)), Assert(tick | ((served | now) == present))]
        if "gone" in registers:
            m.d.comb += Assert(registers["gone"] == served)
        with m.If(served != 0):
            m.d.comb += Assert(dut.i.valid & ~tick & ((served & ~present) == 0) & (served != present))


class DelayRoom(Harness):
    """With the capacity of ``delay_words`` a delay only ever holds its input back to emit.

    Nothing is overwritten, only whole steps are read, and one tick leaves for each that comes.

    Parameters
    ----------
    most
        Words of a step at most: the solver keeps to it, as the plan proves it.
    """

    def __init__(self, dut: StepDelay, steps: int, ahead: bool, most: int) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._marks, self._ahead, self._most = steps - ahead, ahead, most

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, most = self._dut, self._most
        tick = dut.i.payload.tick
        count = Signal(range(most + 1))
        with m.If(moves(dut.i)):
            m.d.sync += count.eq(Mux(tick, 0, count + 1))
        m.d.comb += Assume(~dut.i.valid | tick | (count < most))
        due, read, end, write = (registers[name] for name in ("due", "read", "end", "write"))
        # What the whole proof is for: when nothing is due, every word is taken.
        m.d.comb += Assert(~dut.i.valid | due | dut.i.ready)

        def between(first: Signal, then: Signal) -> Value:
            return (then - first)[: len(first)]

        level = between(read, write)
        m.d.comb += Assert(level <= dut.capacity)
        marks = [registers[f"mark{k}"] for k in range(self._marks)]
        ends = [*reversed(marks), write]
        dropping = due & registers["last"] if "last" in registers else Signal(name="never")
        start = Signal.like(read)
        m.d.comb += start.eq(Mux(due, end, read))
        total = between(read, start)
        m.d.comb += Assert(~due | (between(read, end) <= most))
        for index, (first, then) in enumerate(zip([start, *ends], ends, strict=False)):
            span = between(first, then)
            total = total + span
            # Behind a last tick everything up to the sample's end waits to be dropped.
            wide = self._marks * most if index == 0 and self._marks else most
            m.d.comb += Assert(span <= Mux(dropping, wide, most))
        m.d.comb += [Assert(total == level), Assert(between(ends[-2] if marks else start, write) == count)]
        if marks:
            with m.If(dropping):
                m.d.comb += [Assert(mark == marks[0]) for mark in marks]

        # Nothing of a sample is emitted in the next: the first ticks find no events.
        age, young = Signal(range(self._marks + 2)), Signal(init=self._ahead)
        with m.If(moves(dut.i) & tick):
            ends_sample = Value.cast(dut.i.payload)[0]
            m.d.sync += age.eq(Mux(ends_sample, 0, age + (age < self._marks)))
            m.d.sync += young.eq((age < self._marks) | (ends_sample & self._ahead))
        m.d.comb += Assert(~(due & young) | (read == end))
        m.d.comb += Assert(age <= self._marks)
        for number, mark in enumerate(marks):
            with m.If(age <= number):
                m.d.comb += Assert(mark == marks[-1])
        if marks:
            with m.If((age < self._marks) & ~dropping):
                m.d.comb += Assert(start == marks[-1])

        fetched, leaving, word = (registers[name] for name in ("fetched", "leaving", "word"))
        waiting = Signal(3, init=self._ahead)
        m.d.sync += waiting.eq(waiting + (moves(dut.i) & tick) - (moves(dut.o) & dut.o.payload.tick))
        inside = due + (fetched & registers["fetched_tick"]) + (leaving & word[-1])
        m.d.comb += Assert(waiting == inside)
        if self._ahead:
            m.d.comb += Assert(~(dut.o.valid & dut.o.payload.tick & Value.cast(dut.o.payload)[0]))
            m.d.comb += Assert(~registers["fetched_last"])
