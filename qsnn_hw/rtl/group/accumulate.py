"""The sums that events make: accumulators between synapse operations and the update sweep."""

import itertools

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.rtl.group.choose import gather, select
from qsnn_hw.rtl.group.links import load_members, operation_signature, sweep_signature
from qsnn_hw.rtl.group.neuron_memory import NeuronMemory
from qsnn_hw.rtl.group.synapse_memory import Style, SynapseSums, check_style
from qsnn_hw.rtl.stream.rests import pass_on


def _extended(value: Signal, bits: int) -> Value:
    return Cat(value, value[-1].replicate(bits - len(value)))


def _members(plan: GroupPlan) -> dict[str, wiring.Member]:
    """The ports of both kinds of accumulators."""
    members = {"i": In(operation_signature(plan)), "link": Out(sweep_signature(plan))}
    return members | load_members(plan)


def _words(value: Value, width: int) -> list[Value]:
    return [value[start : start + width] for start in range(0, len(value), width)]


class RegisterAccumulators(wiring.Component):
    """Accumulators of one fold in registers, and a second rank of them that the sweep reads.

    A tick flows down the same pipeline as the operations; at its end the accumulators go to the
    second rank and start again from 0, in one cycle. The operations of the next step run on beside
    the sweep. The next tick waits at the entrance until that sweep has ended (after reset: until the
    silent sweep has), and with it all that is behind it.

    Latency: a step's ``start`` is offered ``SynapseSums.latency + 1`` cycles after its tick was
    taken. Throughput: one operation per cycle, one cycle for a tick.

    Parameters
    ----------
    plan
        A group with accumulators in "registers".
    style
        Of the synapse memory, see :class:`SynapseBanks`.

    Members
    -------
    i : In(operation_signature(plan))
    link : Out(sweep_signature(plan))
    load : In(load_signature(plan)), only where the synapse store is "ram"
    """

    def __init__(self, plan: GroupPlan, *, style: Style = "block") -> None:
        if plan.accumulators != "registers":
            raise ValueError(f"Accumulators must be 'registers', not {plan.accumulators!r}")
        if plan.folds != 1:
            raise ValueError(f"Group with accumulators in registers must have one fold, not {plan.folds!r}")
        self._plan = plan
        check_style(plan, style)
        self._style: Style = style
        super().__init__(_members(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, link, operation = self._plan, self.link, self.i.payload
        m.submodules.sums = sums = SynapseSums(plan, style=self._style)
        if plan.synapse_store == "ram":
            wiring.connect(m, wiring.flipped(self.load), sums.load)
        m.d.comb += [sums.i.eq(operation), sums.en.eq(self.i.valid)]

        # One tick at a time: from the entrance until the sweep takes it, then while that sweep runs.
        held = Signal()
        last = Signal()
        m.d.comb += [
            self.i.ready.eq(~operation.tick | ~(held | link.busy)),
            link.start.payload.last.eq(last),
        ]
        ticks = [Signal(name=f"tick{stage}") for stage in range(sums.latency + 1)]
        m.d.comb += ticks[0].eq(self.i.valid & operation.tick & self.i.ready)
        for before, tick in itertools.pairwise(ticks):
            m.d.sync += tick.eq(before)
        copy = ticks[-1]
        # What was under way when a reset came is cleared away as it arrives: the sums need no reset.
        clears = [ticks[0], *(Signal(name=f"clear{stage}", init=1) for stage in range(1, len(ticks)))]
        for before, clear in itertools.pairwise(clears):
            m.d.sync += clear.eq(before)
        with m.If(link.start.valid & link.start.ready):
            m.d.sync += [held.eq(0), link.start.valid.eq(0)]
        with m.If(ticks[0]):
            m.d.sync += [held.eq(1), last.eq(operation.last)]
        with m.If(copy):
            m.d.sync += link.start.valid.eq(1)

        second = Signal(plan.lanes * plan.acc_bits, reset_less=True)
        widths = [plan.acc_bits] * plan.lanes if plan.acc_lane_bits is None else plan.acc_lane_bits.tolist()
        accumulators = [
            Signal(signed(width), name=f"acc{lane}", reset_less=True) for lane, width in enumerate(widths)
        ]
        for lane, acc in enumerate(accumulators):
            m.d.sync += acc.eq(acc + getattr(sums, f"sum{lane}"))
            with m.If(clears[-1]):
                m.d.sync += acc.eq(0)
        with m.If(copy):
            # Sign bits beyond an accumulator's own width are copies; synthesis keeps one register for all.
            m.d.sync += second.eq(Cat(_extended(acc, plan.acc_bits) for acc in accumulators))

        rows = _words(second, plan.update_lanes * plan.acc_bits)
        if len(rows) == 1:
            # Nothing changes it until the next step's start.
            m.d.comb += link.x.eq(second)
        else:
            # The row to read next, one bit each: nothing to decode before all these words.
            chosen = Signal(len(rows), init=1)
            x = Signal(len(link.x), reset_less=True)
            m.d.comb += link.x.eq(x)
            with m.If(link.read_en):
                m.d.sync += [chosen.eq(chosen.rotate_left(1)), x.eq(gather(rows, chosen))]
        return m


class MemoryAccumulators(wiring.Component):
    """Accumulators that keep the stored value; events and sweep take turns.

    Several folds live in a memory of one word per fold with a read and a write port, never used on
    the same word in one cycle; one fold lives in registers. No operation is taken while ``busy`` is
    1, so none before the silent sweep after reset; a tick waits until the operations before it are
    written, and is taken in the cycle in which the sweep takes ``start``.

    In a sweep the update rows must be read in ascending order, each once; a word is read with the
    first of its rows and written with the last. ``x`` of one fold shows the row's accumulators as
    they are, so it changes when that row is written.

    Latency: a tick alone starts the sweep in the cycle in which it comes. Throughput: one operation
    per cycle; with several folds two operations on the same fold need one cycle between them.

    Parameters
    ----------
    plan
        A group with accumulators in "memory".
    style
        Of the synapse memory, see :class:`SynapseBanks`.

    Members
    -------
    i : In(operation_signature(plan))
    link : Out(sweep_signature(plan))
    load : In(load_signature(plan)), only where the synapse store is "ram"
    """

    def __init__(self, plan: GroupPlan, *, style: Style = "block") -> None:
        if plan.accumulators != "memory":
            raise ValueError(f"Accumulators must be 'memory', not {plan.accumulators!r}")
        self._plan = plan
        check_style(plan, style)
        self._style: Style = style
        super().__init__(_members(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, link, operation = self._plan, self.link, self.i.payload
        m.submodules.sums = sums = self._sums()
        if plan.synapse_store == "ram":
            wiring.connect(m, wiring.flipped(self.load), sums.load)

        # Stage s holds what was taken s cycles ago; nothing behind the entrance ever waits.
        taken, folds = [Signal(name="taken0")], [operation.fold]
        for stage in range(1, sums.latency + 1):
            taken.append(Signal(name=f"taken{stage}"))
            folds.append(Signal.like(operation.fold, name=f"fold{stage}"))
            m.d.sync += taken[stage].eq(taken[stage - 1])
            passed = [folds[stage].eq(folds[stage - 1])]
            pass_on(m, passed, rests=plan.crossbar, word=taken[stage - 1])
        empty = ~Cat(taken[1:]).any()
        # A fold's word can be read in the cycle after it is written.
        clear = ~(taken[1] & (folds[1] == operation.fold)) if plan.folds > 1 else Const(1)
        m.d.comb += [
            link.start.valid.eq(self.i.valid & operation.tick & empty),
            link.start.payload.last.eq(operation.last),
            # Not by ``busy``, which is 1 with the tick that starts a sweep: what is ready soon decides late.
            self.i.ready.eq(link.start.ready & Mux(operation.tick, empty, clear)),
            taken[0].eq(self.i.valid & ~operation.tick & link.start.ready & clear),
            sums.i.eq(operation),
            sums.en.eq(taken[0]),
        ]
        build = self._registers if plan.folds == 1 else self._memory
        build(m, sums, taken, folds)
        return m

    def _sums(self) -> SynapseSums:
        """The synapse memory and what comes out of it."""
        return SynapseSums(self._plan, style=self._style)

    def _stores(self, sums: SynapseSums, taken: Value) -> Value:
        """Whether what an operation in its last stage adds has to be written."""
        return taken

    def _added(self, word: Value, sums: SynapseSums) -> Value:
        plan = self._plan
        lanes = zip(_words(word, plan.acc_bits), range(plan.lanes), strict=True)
        return Cat(
            (acc.as_signed() + (getattr(sums, f"sum{lane}") << plan.neuron.fractional_bits))[: plan.acc_bits]
            for acc, lane in lanes
        )

    def _registers(self, m: Module, sums: SynapseSums, taken: list[Signal], folds: list[Value]) -> None:
        plan, link = self._plan, self.link
        word = Signal(plan.lanes * plan.acc_bits)
        rows = _words(word, plan.update_lanes * plan.acc_bits)
        with m.If(taken[-1]):
            m.d.sync += word.eq(self._added(word, sums))
        for index, row in enumerate(rows):
            with m.If(link.write_en & (link.write_row == index)):
                m.d.sync += row.eq(link.write_data)
        shown = Signal.like(link.read_row)
        with m.If(link.read_en):
            m.d.sync += shown.eq(link.read_row)
        m.d.comb += link.x.eq(select(rows, shown))

    def _memory(self, m: Module, sums: SynapseSums, taken: list[Signal], folds: list[Value]) -> None:
        plan, link = self._plan, self.link
        width = plan.update_lanes * plan.acc_bits
        parts = plan.lanes // plan.update_lanes
        m.submodules.neurons = neurons = NeuronMemory(
            plan.lanes * plan.acc_bits, plan.folds, plan.neuron_memory, chip=plan.crossbar
        )
        read_fold, read_part = self._split(m, "read", link.read_en, link.read_row)
        write_fold, write_part = self._split(m, "write", link.write_en, link.write_row)
        shown = Signal.like(read_part)
        collected = Signal((parts - 1) * width)
        with m.If(link.read_en):
            m.d.sync += shown.eq(read_part)
        with m.If(link.write_en):
            m.d.sync += collected.eq(Cat(collected, link.write_data)[width:])
        m.d.comb += [
            neurons.read_en.eq(Mux(link.busy, link.read_en & (read_part == 0), taken[-2])),
            neurons.read_fold.eq(Mux(link.busy, read_fold, folds[-2])),
            link.x.eq(select(_words(neurons.read_data, width), shown)),
            neurons.write_en.eq(
                Mux(link.busy, link.write_en & (write_part == parts - 1), self._stores(sums, taken[-1]))
            ),
            neurons.write_fold.eq(Mux(link.busy, write_fold, folds[-1])),
            neurons.write_data.eq(
                Mux(link.busy, Cat(collected, link.write_data), self._added(neurons.read_data, sums))
            ),
        ]

    def _split(self, m: Module, name: str, en: Value, row: Value) -> tuple[Value, Value]:
        """The fold that an update row is in, and which part of its word it is."""
        plan = self._plan
        parts = plan.lanes // plan.update_lanes
        bits = ceil_log2(parts)
        if parts == 1 << bits:
            return row[bits:], row[:bits]
        # Not powers of two: counters instead of a division.
        fold = Signal(ceil_log2(plan.folds), name=f"{name}_fold")
        part = Signal(bits, name=f"{name}_part")
        with m.If(en):
            m.d.sync += part.eq(part + 1)
            with m.If(part == parts - 1):
                # A sweep may follow at once: the last row leads back to the first.
                m.d.sync += [fold.eq(Mux(fold == plan.folds - 1, 0, fold + 1)), part.eq(0)]
        return fold, part
