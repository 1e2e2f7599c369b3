"""Sums of a group's accumulators: every operation adds once, to its own fold, in its own step."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value, signed

from qsnn_hw.plan import GroupPlan
from qsnn_hw.verify.formal.properties import Harness, moves

_SPARE_BITS = 3
"""By how much a sum that must be exact is wider here than in the hardware."""


def _weight(plan: GroupPlan, bank: int, lane: int, synapse_row: Value) -> Value:
    """The plan's weight of one lane in a synapse row, by comparing the row with each."""
    found: Value = Const(0, signed(plan.weight_bits))
    for number, weights in enumerate(plan.synapses[bank].tolist()):
        found = Mux(synapse_row == number, Const(weights[lane], signed(plan.weight_bits)), found)
    return found.as_signed()


class _Sums(Harness):
    """What both kinds of accumulators share: operations in, and a sweep that reads as a sweep must.

    One slot, chosen by the solver, is followed: a lane of a fold. ``added`` is what an accepted operation
    adds to it. With ``once`` nothing is assumed of sums but what the plan proves their width from: each row
    comes at most once in a step. Then the sums that a sweep reads must be those of unlimited width.
    """

    def __init__(self, dut: Any, plan: GroupPlan, *, once: bool = False) -> None:
        super().__init__(dut, [dut.i], [])
        self._plan, self._once = plan, once
        self._bits = plan.acc_bits + (_SPARE_BITS if once else 0)
        self._lane = Signal(range(max(2, plan.lanes)), name="its_lane")
        self._fold = Signal(range(max(2, plan.folds)), name="its_fold")
        self._reads, self._ends = Signal(name="reads"), Signal(name="ends")
        self.ports += [self._lane, self._fold, self._reads, self._ends]

    def _slot(self, m: Module) -> tuple[Value, Value]:
        """Whether an operation is taken for the slot's fold, and what it adds; which slot is constant."""
        plan, operation = self._plan, self._dut.i.payload
        begun, lane, fold = Signal(), Signal.like(self._lane), Signal.like(self._fold)
        m.d.sync += [begun.eq(1), lane.eq(self._lane), fold.eq(self._fold)]
        m.d.comb += [
            Assume(~begun | ((lane == self._lane) & (fold == self._fold))),
            Assume((self._lane < plan.lanes) & (self._fold < plan.folds)),
            # What a walker sends.
            Assume(operation.fold < plan.folds),
            Assume(operation.tick == (operation.present == 0)),
            *(Assume(operation[f"row{k}"] < plan.synapse_rows) for k in range(plan.event_lanes)),
        ]
        total: Value = Const(0)
        for bank in range(plan.event_lanes):
            weight: Value = Const(0, signed(plan.weight_bits))
            for index in range(plan.lanes):
                own = _weight(plan, bank, index, operation[f"row{bank}"])
                weight = Mux(self._lane == index, own, weight).as_signed()
            total = total + Mux(operation.present[bank], weight, 0).as_signed()
        added = Signal(signed(plan.weight_bits + plan.event_lanes), name="added")
        m.d.comb += added.eq(total)
        here = moves(self._dut.i) & ~operation.tick & (operation.fold == self._fold)
        return here, added

    def _each_once(self, m: Module) -> None:
        """No row of a bank comes twice between two ticks."""
        plan, operation, moving = self._plan, self._dut.i.payload, moves(self._dut.i)
        for bank in range(plan.event_lanes):
            used = Signal(plan.synapse_rows, name=f"used{bank}")
            bit = used.bit_select(operation[f"row{bank}"], 1)
            with m.If(moving & operation.present[bank]):
                m.d.comb += Assume(~bit)
                m.d.sync += bit.eq(1)
            with m.If(moving & operation.tick):
                m.d.sync += used.eq(0)

    def _update_row(self) -> tuple[Value, Value]:
        """The update row that the slot is in, and its place in the row."""
        plan = self._plan
        slot = self._fold * plan.lanes + self._lane
        place: Value = Const(0)
        row: Value = Const(0)
        for number in range(plan.slots):
            here = slot == number
            row = Mux(here, number // plan.update_lanes, row)
            place = Mux(here, number % plan.update_lanes, place)
        return row, place


class MemorySums(_Sums):
    """Where events add onto the stored value: what a sweep reads of a slot is what the sweep before wrote

    and every operation taken since, each once; no tick is taken before they are in, none is taken in a
    sweep. Rows are read in order and written in order, a row after it was read, as the sweep does.
    """

    def __init__(self, dut: Any, plan: GroupPlan, stored: tuple[int, int] | None = None) -> None:
        """``stored``: the least and the greatest value that a sweep writes, where sums are to be exact."""
        super().__init__(dut, plan, once=stored is not None)
        self._stored = stored
        self.ports += [dut.link.start.ready, dut.link.write_data]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        plan, link, operation = self._plan, self._dut.link, self._dut.i.payload
        here, added = self._slot(m)
        rows = plan.update_rows
        running, read, written = Signal(init=1), Signal(range(rows + 1)), Signal(range(rows + 1))
        starts = moves(link.start)
        reading = running & self._reads & (read != rows)
        # Not before it is shown.
        writing = running & self._ends & (written < read)
        last = Signal()
        m.d.comb += [
            Assume(link.start.ready == ~running),
            link.busy.eq(running | starts),
            link.read_en.eq(reading),
            link.read_row.eq(read),
            link.write_en.eq(writing),
            link.write_row.eq(written),
            last.eq(writing & (written == rows - 1)),
            # A tick starts a sweep in the cycle in which it is taken, and nothing else does.
            Assert(starts == (moves(self._dut.i) & operation.tick)),
            Assert(~running | ~moves(self._dut.i)),
            Assert(~starts | (link.start.payload.last == operation.last)),
        ]
        m.d.sync += [read.eq(read + reading), written.eq(written + writing)]
        with m.If(last):
            m.d.sync += running.eq(0)
        with m.If(starts):
            m.d.sync += [running.eq(1), read.eq(0), written.eq(0)]

        row, place = self._update_row()
        value, known = Signal(signed(self._bits)), Signal()
        written_value = link.write_data.word_select(place, plan.acc_bits).as_signed()
        if self._stored is not None:
            self._each_once(m)
            m.d.comb += Assume((written_value >= self._stored[0]) & (written_value <= self._stored[1]))
        with m.If(here):
            m.d.sync += value.eq(value + (added << plan.neuron.fractional_bits))
        with m.If(writing & (written == row)):
            m.d.sync += [value.eq(written_value), known.eq(1)]
        visible = Signal()
        with m.If(reading):
            m.d.sync += visible.eq(read == row)
        with m.If(starts):
            m.d.sync += visible.eq(0)
        x = link.x.word_select(place, plan.acc_bits).as_signed()
        unwritten = written <= row
        m.d.comb += Assert(~(running & visible & known & unwritten) | (x == value))


class RegisterSums(_Sums):
    """Where a step's sum is apart: what a sweep reads of a slot is the sum of the operations between two

    ticks, each once, also while the next step's are added beside the sweep; one start for each tick.
    """

    def __init__(self, dut: Any, plan: GroupPlan, *, once: bool = False) -> None:
        super().__init__(dut, plan, once=once)
        self.ports += [dut.link.start.ready]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        plan, link, operation = self._plan, self._dut.link, self._dut.i.payload
        here, added = self._slot(m)
        rows = plan.update_rows
        running, read = Signal(init=1), Signal(range(rows + 1))
        starts = moves(link.start)
        reading = running & self._reads & (read != rows)
        m.d.comb += [
            Assume(link.start.ready == ~running),
            link.busy.eq(running | (link.start.valid & ~running)),
            link.read_en.eq(reading),
            link.read_row.eq(read),
        ]
        m.d.sync += read.eq(read + reading)
        with m.If(running & (read == rows) & self._ends):
            m.d.sync += running.eq(0)
        with m.If(starts):
            m.d.sync += [running.eq(1), read.eq(0)]

        # The sum of the step that comes in, of the one whose tick is in, and of the one that is swept.
        tick = moves(self._dut.i) & operation.tick
        incoming, ended, swept = (Signal(signed(self._bits), name=n) for n in ("incoming", "ended", "swept"))
        waiting, mark, known = Signal(), Signal(), Signal()
        with m.If(here):
            m.d.sync += incoming.eq(incoming + added)
        with m.If(tick):
            m.d.sync += [ended.eq(incoming), incoming.eq(0), mark.eq(operation.last)]
        with m.If(starts):
            m.d.sync += [swept.eq(ended), known.eq(1)]
        m.d.sync += waiting.eq((waiting | tick) & ~starts)
        late = Signal(range(8))
        m.d.sync += late.eq(Mux(waiting & ~link.start.valid, late + 1, 0))
        m.d.comb += [
            Assert(~tick | ~waiting),
            Assert(~link.start.valid | waiting),
            Assert(~starts | (link.start.payload.last == mark)),
            # Every tick starts a sweep, and soon.
            Assert(late <= plan.synapse_latency),
        ]
        row, place = self._update_row()
        # A single row needs no reading.
        visible = Signal(init=rows == 1)
        if rows > 1:
            with m.If(reading):
                m.d.sync += visible.eq(read == row)
            with m.If(starts):
                m.d.sync += visible.eq(0)
        x = link.x.word_select(place, plan.acc_bits).as_signed()
        m.d.comb += Assert(~(running & visible & known) | (x == swept))
        if self._once:
            self._each_once(m)
        else:
            m.d.comb += Assume(~here | _small(incoming + added, self._own_bits()))

    def _own_bits(self) -> Value:
        """The width of the slot's accumulator, which the plan proves enough."""
        widths = self._plan.acc_lane_bits
        found: Value = Const(self._plan.acc_bits)
        if widths is not None:
            for lane, width in enumerate(widths.tolist()):
                found = Mux(self._lane == lane, width, found)
        return found


def _small(value: Value, bits: Value) -> Value:
    """Whether a signed value needs no more than ``bits``."""
    wide = Cat(value, value[-1])
    fits: Value = Const(1)
    for width in range(1, len(value) + 1):
        rest = wide[width - 1 :]
        fits = Mux(bits == width, rest.all() | ~rest.any(), fits)
    return fits
