"""Which synapse operations a walker makes of an event, against the plan's own words for it."""

from typing import Any, NamedTuple

from amaranth.hdl import Assert, Assume, Const, Module, Mux, Signal, Value

from qsnn_hw.plan import GroupPlan, ProjectionPlan
from qsnn_hw.rtl.stream.aer import AerLayout
from qsnn_hw.verify.formal.properties import Harness, moves, own_addresses, slots_of


class Operation(NamedTuple):
    """One row of one bank of synapse memory into one fold."""

    bank: int
    row: int
    fold: int


def operations(plan: GroupPlan, projection: ProjectionPlan, address: int) -> list[Operation]:
    """What an event reads, enumerated as the docstring of ``ProjectionPlan`` says it."""
    inside, lanes = address - projection.offset, plan.event_lanes
    first = projection.first_row
    if projection.kind == "dense":
        steps = [
            (fold, first + fold * projection.rows_per_fold + inside // lanes * projection.rows_per_source)
            for fold in range(plan.folds)
        ]
        return [Operation(inside % lanes, row, fold) for fold, row in steps]
    if projection.kind == "sparse":
        assert projection.starts is not None
        assert projection.counts is not None
        assert projection.row_folds is not None
        start, count = int(projection.starts[inside]), int(projection.counts[inside])
        return [
            Operation(0, row, int(projection.row_folds[row - first])) for row in range(start, start + count)
        ]
    space, rows, columns = projection.space, projection.rows, projection.columns
    assert space is not None
    assert rows is not None
    assert columns is not None
    channel = inside & (1 << space.channel_bits) - 1
    y, x = inside >> space.channel_bits + space.column_bits, inside >> space.channel_bits
    x &= (1 << space.column_bits) - 1
    found = []
    for r in range(int(rows.start[y]), int(rows.start[y] + rows.count[y])):
        for c in range(int(columns.start[x]), int(columns.start[x] + columns.count[x])):
            for k in range(projection.channel_folds):
                row = (
                    first + channel * projection.rows_per_channel + int(rows.row[r]) + int(columns.row[c]) + k
                )
                found.append(Operation(0, row, int(rows.fold[r]) + int(columns.fold[c]) + k))
    return found


def addresses(projection: ProjectionPlan) -> list[int]:
    """The event addresses of a projection's source."""
    if projection.space is None:
        return list(range(projection.offset, projection.offset + projection.size))
    return [projection.offset + int(address) for address in projection.space.addresses()]


class WalkOrder(Harness):
    """A walker of one projection sends a word's operations in the order of the enumeration, and no others.

    One word, chosen by the solver, is followed: behind all that the words before it send come its own
    operations, one by one, or the tick that it is. So nothing is lost, doubled, invented or put into another
    step: all that follows would be out of place.
    """

    def __init__(self, dut: Any, plan: GroupPlan) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._plan = plan
        self._mark = Signal(name="mark")
        self.ports.append(self._mark)

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        plan, dut = self._plan, self._dut
        projection = plan.projections[0]
        operation, tick = dut.o.payload, dut.i.payload.tick
        lists = {address: operations(plan, projection, address) for address in addresses(projection)}
        most = max(1, *(len(found) for found in lists.values()))
        address = dut.i.payload.address
        known, count = Signal(), Signal(range(most + 1))
        for its, found in lists.items():
            with m.If(address == its):
                m.d.comb += [known.eq(1), count.eq(len(found))]
        with m.If(tick):
            m.d.comb += count.eq(1)
        m.d.comb += Assume(~dut.i.valid | tick | known)

        # Words that are still to leave, of all that have come; of them those in front of the followed one's.
        waiting, ahead = Signal(range(8 * most)), Signal(range(8 * most))
        left, leaves = Signal.like(waiting), moves(dut.o)
        followed, number = Signal(), Signal(range(most + 1))
        word = Signal.like(Value.cast(dut.i.payload), name="word")
        own = Signal(range(most + 1), name="own")
        m.d.comb += left.eq(waiting - leaves)
        m.d.sync += waiting.eq(left + Mux(moves(dut.i), count, 0))
        with m.If(moves(dut.i) & self._mark & ~followed):
            m.d.sync += [followed.eq(1), ahead.eq(left), word.eq(dut.i.payload), own.eq(count)]
        with m.Elif(leaves & (ahead != 0)):
            m.d.sync += ahead.eq(ahead - 1)
        with m.Elif(leaves & followed & (number != own)):
            m.d.sync += number.eq(number + 1)
        m.d.comb += [
            Assert(~dut.o.valid | (waiting != 0)),
            Assert(~dut.o.valid | (operation.tick == ~operation.present)),
        ]
        marked = Signal(AerLayout(plan.sources), name="marked")
        m.d.comb += Value.cast(marked).eq(word)
        with m.If(dut.o.valid & followed & (ahead == 0) & (number != own)):
            m.d.comb += Assert(operation.tick == marked.tick)
            with m.If(marked.tick):
                m.d.comb += Assert(operation.last == word[0])
            for its, found in lists.items():
                for place, wanted in enumerate(found):
                    with m.If(~marked.tick & (marked.address == its) & (number == place)):
                        m.d.comb += Assert((operation.row0 == wanted.row) & (operation.fold == wanted.fold))


class WalkExact(Harness):
    """Before a tick leaves, exactly the operations of the events before it have left.

    The solver chooses one operation (bank, row, fold) and one tick: as many of these operations leave
    before the tick does as events that need it come before the tick. That holds for every operation there
    is in the memory, so none is lost, doubled, invented or put into another step.
    """

    def __init__(self, dut: Any, plan: GroupPlan) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._plan = plan
        self._mark = Signal(name="mark")
        operation = dut.o.payload
        self._key = (
            Signal(range(max(2, plan.event_lanes)), name="its_bank"),
            *(Signal(len(operation[name]), name=f"its_{name}") for name in ("row0", "fold")),
        )
        self.ports += [self._mark, *self._key]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        plan, dut = self._plan, self._dut
        operation = dut.o.payload
        begun = Signal()
        m.d.sync += begun.eq(1)
        for signal in self._key:
            before = Signal.like(signal, name="before")
            m.d.sync += before.eq(signal)
            m.d.comb += Assume(~begun | (signal == before))
        bank, row, fold = self._key

        # How many of a word's events need the operation.
        tick = dut.i.payload.tick
        own_addresses(m, dut.i, plan.sources, plan.event_lanes)
        known, needs = Signal(plan.event_lanes), Signal(plan.event_lanes)
        for index, slot in enumerate(slots_of(dut.i, plan.event_lanes)):
            full = slot.address * plan.event_lanes + index
            for projection in plan.projections:
                for address in addresses(projection):
                    if address % plan.event_lanes != index:
                        continue
                    here = slot.present & (full == address)
                    with m.If(here):
                        m.d.comb += known[index].eq(1)
                    for its in operations(plan, projection, address):
                        wanted = (bank == its.bank) & (row == its.row) & (fold == its.fold)
                        with m.If(here & wanted):
                            m.d.comb += needs[index].eq(1)
            m.d.comb += Assume(~slot.present | known[index])

        came, left = Signal(4), Signal(4)
        need, done = Signal(), Signal()
        m.d.comb += [
            need.eq(moves(dut.i) & ~tick & needs.any()),
            done.eq(moves(dut.o) & ~operation.tick & self._here(bank, row, fold)),
        ]
        # The marked tick: "entered", and the ticks that leave before it does; whether it was the last.
        entered, gone, last = Signal(), Signal(), Signal()
        ahead = Signal(4)
        enters = moves(dut.i) & tick & self._mark & ~entered
        leaves = moves(dut.o) & operation.tick
        exits = entered & ~gone & leaves & (ahead == 0)
        with m.If(~entered):
            m.d.sync += [came.eq(came + need), ahead.eq(ahead + (moves(dut.i) & tick & ~enters) - leaves)]
        with m.Elif(leaves & (ahead != 0)):
            m.d.sync += ahead.eq(ahead - 1)
        with m.If(enters):
            m.d.sync += [entered.eq(1), last.eq(Value.cast(dut.i.payload)[0])]
        with m.If(~gone):
            m.d.sync += left.eq(left + done)
        with m.If(exits):
            m.d.sync += gone.eq(1)
            m.d.comb += [Assert(left == came), Assert(operation.last == last)]
        m.d.comb += [
            Assert(~(leaves & ~entered) | (ahead != 0)),
            Assert(~dut.o.valid | (operation.tick == (operation.present == 0))),
        ]

    def _here(self, bank: Value, row: Value, fold: Value) -> Value:
        plan, operation = self._plan, self._dut.o.payload
        found: Value = Const(0, 1)
        for number in range(plan.event_lanes):
            found = Mux(bank == number, operation.present[number] & (operation[f"row{number}"] == row), found)
        return found & (operation.fold == fold)
