"""What the readouts answer, against the text of ``qsnn_hw/model/readouts.py``."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value

from qsnn_hw.plan import ReadoutPlan
from qsnn_hw.verify.formal.properties import Harness, moves, own_addresses, slots_of


def highest(values: Sequence[Value]) -> tuple[Value, Value]:
    """The greatest of ``values`` and the lowest index that has it, as ``numpy.argmax`` says."""
    best: Value = values[0]
    label: Value = Const(0)
    for index, value in enumerate(values[1:], 1):
        label = Mux(value > best, index, label)
        best = Mux(value > best, value, best)
    return best, label


class _Spikes(Harness):
    """What both readouts of spikes share: an answer for each sample, in order, right, and in time.

    A subclass says in which cycles a sample is decided, and how.
    """

    def __init__(self, dut: Any, plan: ReadoutPlan) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._plan = plan

    def _events(self) -> list[Value]:
        """Of each class, whether the word that moves has an event of it."""
        plan, i = self._plan, self._dut.i
        found = []
        for number in range(plan.classes):
            slot = slots_of(i, plan.slots)[number % plan.slots]
            found.append(moves(i) & slot.present & (slot.address == number // plan.slots))
        return found

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        plan, i, o = self._plan, self._dut.i, self._dut.o
        own_addresses(m, i, plan.classes, plan.slots)
        tick = moves(i) & i.payload.tick
        last = tick & Value.cast(i.payload)[0]
        decided, label, silent = self._decided(m, self._events(), tick, last)
        # Answers that are due, the oldest in front.
        due = Signal(range(3))
        fields = [Signal(Value.cast(o.payload).shape(), name=f"due{k}") for k in range(2)]
        answer = Signal.like(fields[0], name="answer")
        m.d.comb += answer.eq(Cat((label + Const(0, 1))[: len(o.payload.label)], silent))
        leaves = moves(o)
        after = Signal(range(3))
        m.d.comb += [after.eq(due - leaves), Assert(~o.valid | (due != 0))]
        m.d.comb += Assert(~o.valid | (Value.cast(o.payload) == fields[0]))
        with m.If(leaves):
            m.d.sync += fields[0].eq(fields[1])
        with m.If(decided):
            m.d.sync += [field.eq(answer) for k, field in enumerate(fields) if k == 1]
            with m.If(after == 0):
                m.d.sync += fields[0].eq(answer)
        m.d.comb += Assert(~decided | (after < 2))
        m.d.sync += due.eq(after + decided)
        # It is offered as soon as the docstring says.
        late = Signal(range(8))
        m.d.sync += late.eq(Mux((due != 0) & ~o.valid, late + 1, 0))
        m.d.comb += Assert(late < plan.latency)

    def _decided(
        self, m: Module, events: list[Value], tick: Value, last: Value
    ) -> tuple[Value, Value, Value]:
        """(a sample is decided in this cycle, its class, whether it was silent)."""
        raise NotImplementedError


class CountExact(_Spikes):
    """The class with the most spikes of the sample, the lowest among equals; counters stop at their top."""

    def _decided(
        self, m: Module, events: list[Value], tick: Value, last: Value
    ) -> tuple[Value, Value, Value]:
        counts = [Signal(self._plan.count_bits, name=f"spikes{k}") for k in range(self._plan.classes)]
        for count, event in zip(counts, events, strict=True):
            m.d.sync += count.eq(Mux(last, 0, Mux(count.all(), count, count + event)))
        best, label = highest(counts)
        return last, label, best == 0


class FirstExact(_Spikes):
    """The class that spikes in the earliest step, the lowest of that step's; given early where it may be."""

    def _decided(
        self, m: Module, events: list[Value], tick: Value, last: Value
    ) -> tuple[Value, Value, Value]:
        # Of this step, and of the first step with a spike once it is over.
        now = Signal(len(events))
        known, label, given = Signal(), Signal(range(max(2, len(events)))), Signal()
        _, lowest = highest(list(now))
        m.d.sync += now.eq(Mux(tick, 0, now | Cat(events)))
        found = known | now.any()
        chosen = Mux(known, label, lowest)
        with m.If(tick):
            m.d.sync += [known.eq(found & ~last), label.eq(chosen)]
        decided = tick & ~given & (last | (found if self._plan.early else Const(0)))
        with m.If(tick):
            m.d.sync += given.eq((given | decided) & ~last)
        return decided, Mux(found, chosen, 0), ~found


class MembraneExact(Harness):
    """The class with the highest potential in a sample's last step, or in any step; the lowest among equals.

    Rows come as a sweep shows them, in order, with gaps; padding holds anything. An answer that finds the
    one before it not taken is lost, which is said.
    """

    def __init__(self, dut: Any, plan: ReadoutPlan) -> None:
        super().__init__(dut, [], [dut.o])
        self._plan = plan
        self.ports += [dut.i.valid, dut.i.row, dut.i.v, dut.i.last]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, plan = self._dut, self._plan
        i, rows = dut.i, plan.rows
        row, first, last = Signal(range(rows + 1)), Signal(init=1), Signal()
        m.d.comb += Assume(~i.valid | ((i.row == row) & ((row == 0) | (i.last == last))))
        with m.If(i.valid):
            m.d.sync += [row.eq(Mux(row == rows - 1, 0, row + 1)), last.eq(i.last)]
        ends = i.valid & i.last & (row == rows - 1)

        # The highest potential of each class so far, with this row.
        held = [Signal(plan.v_bits, name=f"highest{k}") for k in range(plan.classes)]
        shown = []
        for number, value in enumerate(held):
            lane = i.v.word_select(number % plan.lanes, plan.v_bits).as_signed()
            here = i.valid & (row == number // plan.lanes)
            fresh = first | (lane > value.as_signed()) if plan.every_step else Const(1)
            shown.append(Mux(here & fresh, lane, value.as_signed()).as_signed())
            m.d.sync += value.eq(shown[-1])
        with m.If(i.valid & (row == rows - 1)):
            m.d.sync += first.eq(i.last)
        _, label = highest(shown)

        # So many cycles later it is offered, or lost.
        stages = [(ends, label)]
        for stage in range(plan.latency - 1):
            flag = Signal(name=f"answers{stage}")
            name = Signal(len(dut.o.payload.label), name=f"class{stage}")
            m.d.sync += [flag.eq(stages[-1][0]), name.eq(stages[-1][1])]
            stages.append((flag, name))
        comes, found = stages[-1]
        waits, answer, lost = Signal(), Signal(len(dut.o.payload.label), name="waiting"), Signal()
        free = ~waits | dut.o.ready
        m.d.sync += [waits.eq(comes | (waits & ~dut.o.ready)), lost.eq(lost | (comes & ~free))]
        with m.If(comes & free):
            m.d.sync += answer.eq(found)
        m.d.comb += [
            Assert(dut.o.valid == waits),
            Assert(~waits | (dut.o.payload.label == answer)),
            Assert(~dut.o.payload.silent),
            Assert(dut.lost == lost),
        ]
