"""What the events of one projection read: the walkers of the three kinds of projection."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import AxisTable, GroupPlan, ProjectionPlan
from qsnn_hw.plan.pieces import BLOCK_BITS
from qsnn_hw.rtl.counting import plus_one
from qsnn_hw.rtl.group.constant_product import times
from qsnn_hw.rtl.group.links import operation_signature
from qsnn_hw.rtl.stream.aer import aer_signature
from qsnn_hw.rtl.stream.rests import pass_on
from qsnn_hw.rtl.text.memory_style import memory_attributes


def _constants(m: Module, name: str, words: Sequence[int], width: int, index: Value) -> Value:
    """``words[index]`` in the same cycle, from LUTs."""
    if len(set(words)) == 1:
        return Const(words[0], width)
    # With a register behind it, synthesis would take this for block RAM if it were left alone.
    m.submodules[name] = table = memory.Memory(
        shape=width, depth=len(words), init=words, attrs=memory_attributes("rom", "logic")
    )
    read = table.read_port(domain="comb")
    m.d.comb += read.addr.eq(index)
    return read.data


def _looked_up(m: Module, name: str, words: Sequence[int], width: int, index: Value, en: Value) -> Value:
    """``words[index]`` in the cycle after ``en``, unchanged until the next ``en``."""
    if len(set(words)) == 1:
        return Const(words[0], width)
    attributes = memory_attributes("rom", "block" if len(words) * width >= BLOCK_BITS else "auto")
    m.submodules[name] = table = memory.Memory(shape=width, depth=len(words), init=words, attrs=attributes)
    read = table.read_port()
    m.d.comb += [read.addr.eq(index), read.en.eq(en)]
    return read.data


class ProjectionWalker(wiring.Component):
    """The operations of one projection's events; base of the three kinds.

    Stream rules as in ``rtl/stream/aer.py``; the output is a register. Ticks pass in order. In a tick
    ``present`` is 0, and row and fold mean nothing; ``last`` means nothing in an event's operation.

    Parameters
    ----------
    plan, projection
        The group, and which of its projections, as ``Walker`` has checked them; only addresses of
        its range may come.

    Members
    -------
    i : In(aer_signature(plan.sources, plan.event_lanes))
    o : Out(operation_signature(plan))
    """

    def __init__(self, plan: GroupPlan, projection: ProjectionPlan) -> None:
        self._plan, self._projection = plan, projection
        super().__init__(
            {"i": In(aer_signature(plan.sources, plan.event_lanes)), "o": Out(operation_signature(plan))}
        )

    def _relative(self) -> Value:
        """The event's address within the projection's range."""
        bits = max(1, ceil_log2(self._projection.size))
        return (self.i.payload.address - self._projection.offset)[:bits]

    def _stages(self, m: Module, final: Value) -> tuple[list[Signal], list[Signal]]:
        """Valid flags and "takes the next word" of the stages lookup, walk, add and output.

        A word with its ``final`` operation in the walk stage makes room for the next.
        """
        valid = [Signal(name=f"valid_{name}") for name in ("lookup", "walk", "add")] + [self.o.valid]
        take = [Signal(name=f"take_{name}") for name in ("lookup", "walk", "add", "output")]
        m.d.comb += [
            take[3].eq(~valid[3] | self.o.ready),
            take[2].eq(~valid[2] | take[3]),
            take[1].eq(~valid[1] | (take[2] & final)),
            take[0].eq(~valid[0] | take[1]),
            self.i.ready.eq(take[0]),
        ]
        for stage, before in enumerate([self.i.valid, *valid[:-1]]):
            with m.If(take[stage]):
                m.d.sync += valid[stage].eq(before)
        return valid, take

    def _wakes(self, takes: Value, word: Value) -> Value:
        """Whether a stage takes data: of a crossbar tile only with a ``word``, so that they rest without."""
        return takes & word if self._plan.crossbar else takes

    def _ticks(self, m: Module, valid: list[Signal], take: list[Signal]) -> list[Signal]:
        """The tick's marks, ``last`` in bit 1, from the input to the output stage."""
        before: Value = Cat(self.i.payload.tick, self.i.payload.address[0])
        ticks = []
        words = [self.i.valid, *valid[:-1]]
        for stage, (taken, word) in enumerate(zip(take, words, strict=True)):
            ticks.append(Signal(2, name=f"tick{stage}"))
            with m.If(self._wakes(taken, word)):
                m.d.sync += ticks[stage].eq(before)
            before = ticks[stage]
        operation = self.o.payload
        m.d.comb += [
            operation.tick.eq(ticks[3][0]),
            operation.last.eq(ticks[3][1]),
            # Also 0 without a word: banks that read nothing rest.
            operation.present.eq(~ticks[3][0] & valid[3]),
        ]
        return ticks


class DenseWalker(ProjectionWalker):
    """Every event goes to every fold; the row grows fold by fold.

    Latency: 1 cycle. Throughput: one operation per cycle, ``folds`` operations per word, whatever the
    number of events in it; one cycle for a tick.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, projection = self._plan, self._projection
        word, operation = self.i.payload, self.o.payload
        slots = (
            [word.address]
            if plan.event_lanes == 1
            else [word[f"address{k}"] for k in range(plan.event_lanes)]
        )
        rows = [operation[f"row{k}"] for k in range(plan.event_lanes)]
        final = operation.tick | (operation.fold == plan.folds - 1) if plan.folds > 1 else Const(1)
        m.d.comb += self.i.ready.eq(~self.o.valid | (self.o.ready & final))
        with m.If(self.i.ready):
            step = projection.rows_per_source
            first = projection.first_row - projection.offset // plan.event_lanes * step
            starts = slots if step == 1 else [times(slot, step) for slot in slots]
            m.d.sync += [
                self.o.valid.eq(self.i.valid),
                # Also 0 without a word: banks that read nothing rest.
                operation.present.eq(
                    (~word.tick if plan.event_lanes == 1 else word.present)
                    & self.i.valid.replicate(plan.event_lanes)
                ),
            ]
            taken = [
                *(row.eq(slot + first) for row, slot in zip(rows, starts, strict=True)),
                operation.fold.eq(0),
                operation.tick.eq(word.tick),
                operation.last.eq(slots[0][0]),
            ]
            pass_on(m, taken, rests=plan.crossbar, word=self.i.valid)
        with m.Elif(self.o.ready):
            m.d.sync += [row.eq(row + projection.rows_per_fold) for row in rows]
            m.d.sync += operation.fold.eq(plus_one(operation.fold))
        return m


class SparseWalker(ProjectionWalker):
    """Every event reads its own run of rows; a second table says where each goes.

    Latency: 4 cycles. Throughput: one operation per cycle without a gap between events; a tick or an
    event without rows takes one cycle.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        projection, operation = self._projection, self.o.payload
        assert projection.starts is not None
        assert projection.counts is not None
        assert projection.row_folds is not None
        starts, counts = projection.starts.tolist(), projection.counts.tolist()
        row_bits, left_bits = len(operation.row0), max(1, ceil_log2(max(1, *counts)))

        left = Signal(left_bits)
        row = Signal(row_bits)
        final = Signal()
        valid, take = self._stages(m, final)
        ticks = self._ticks(m, valid, take)
        m.d.comb += final.eq(ticks[1][0] | (left == 0))

        # One word per address: first row, rows beyond the first, whether there are none.
        words = [
            start | max(0, count - 1) << row_bits | int(count == 0) << row_bits + left_bits
            for start, count in zip(starts, counts, strict=True)
        ]
        run = _looked_up(m, "runs", words, row_bits + left_bits + 1, self._relative(), take[0] & self.i.valid)
        with m.If(take[1]):
            m.d.sync += valid[1].eq(valid[0] & (ticks[0][0] | ~run[-1]))
        with m.If(self._wakes(take[1], valid[0])):
            m.d.sync += [row.eq(run[:row_bits]), left.eq(run[row_bits:-1])]
        with m.Elif(self._wakes(take[2], valid[1])):
            m.d.sync += [row.eq(row + 1), left.eq(left - 1)]

        index = (row - projection.first_row)[:row_bits]
        folds = [int(fold) for fold in projection.row_folds]
        fold = _looked_up(m, "folds", folds, len(operation.fold), index, take[2] & valid[1])
        added = Signal(row_bits)
        with m.If(self._wakes(take[2], valid[1])):
            m.d.sync += added.eq(row)
        with m.If(self._wakes(take[3], valid[2])):
            m.d.sync += [operation.row0.eq(added), operation.fold.eq(fold)]
        return m


class GridWalker(ProjectionWalker):
    """Every event visits the kernel elements and target positions that its position reaches.

    Row pairs are the outer loop, column pairs the next, channel folds the inner one.

    Latency: 4 cycles. Throughput: one operation per cycle without a gap between events; a tick or an
    event that reaches nothing takes one cycle.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        projection, operation = self._projection, self.o.payload
        space, rows, columns = projection.space, projection.rows, projection.columns
        assert space is not None
        assert rows is not None
        assert columns is not None
        row_bits = len(operation.row0)
        address = self._relative()
        channel = address[: space.channel_bits]
        at_row = address[space.channel_bits + space.column_bits :]
        at_column = address[space.channel_bits : space.channel_bits + space.column_bits]

        final = Signal()
        valid, take = self._stages(m, final)
        ticks = self._ticks(m, valid, take)

        # Lookup: which pairs, and the first row of the event's channel.
        looks = self._wakes(take[0], self.i.valid)
        vertical = self._axis(m, "rows", rows, at_row, looks)
        horizontal = self._axis(m, "columns", columns, at_column, looks)
        base = Signal(row_bits)
        with m.If(looks):
            m.d.sync += base.eq(projection.first_row + times(channel, projection.rows_per_channel))

        # Walk: three nested counters.
        y = Signal.like(vertical[0])
        y_left = Signal.like(vertical[1])
        x = Signal.like(horizontal[0])
        x_left = Signal.like(horizontal[1])
        x_first = Signal.like(x)
        x_count = Signal.like(x_left)
        inner = Signal(max(1, ceil_log2(projection.channel_folds)))
        walked = Signal(row_bits)
        inner_final = Signal()
        x_final = Signal()
        m.d.comb += [
            inner_final.eq(inner == projection.channel_folds - 1 if projection.channel_folds > 1 else 1),
            x_final.eq(inner_final & (x_left == 0)),
            final.eq(ticks[1][0] | (x_final & (y_left == 0))),
        ]
        with m.If(take[1]):
            m.d.sync += valid[1].eq(valid[0] & (ticks[0][0] | ~(vertical[2] | horizontal[2])))
        with m.If(self._wakes(take[1], valid[0])):
            m.d.sync += [
                walked.eq(base),
                *(y.eq(vertical[0]), y_left.eq(vertical[1])),
                *(x.eq(horizontal[0]), x_left.eq(horizontal[1])),
                *(x_first.eq(horizontal[0]), x_count.eq(horizontal[1])),
                inner.eq(0),
            ]
        with m.Elif(self._wakes(take[2], valid[1])):
            m.d.sync += inner.eq(Mux(inner_final, 0, inner + 1))
            with m.If(x_final):
                m.d.sync += [x.eq(x_first), x_left.eq(x_count), y.eq(y + 1), y_left.eq(y_left - 1)]
            with m.Elif(inner_final):
                m.d.sync += [x.eq(x + 1), x_left.eq(x_left - 1)]

        looked, added = self._wakes(take[2], valid[1]), self._wakes(take[3], valid[2])
        self._add(m, looked, added, y, x, inner, walked)
        return m

    def _add(
        self, m: Module, looked: Value, added: Value, y: Signal, x: Signal, inner: Signal, walked: Signal
    ) -> None:
        """Add, in two steps: base and row pair, column pair and channel fold; then their sums."""
        projection, operation = self._projection, self.o.payload
        assert projection.rows is not None
        assert projection.columns is not None
        row_bits, fold_bits = len(operation.row0), len(operation.fold)
        offsets = [Signal(row_bits, name=f"row_term{k}") for k in range(2)]
        folds = [Signal(fold_bits, name=f"fold_term{k}") for k in range(2)]
        terms = [
            (projection.rows, "y", y, walked, Const(0)),
            (projection.columns, "x", x, inner, inner),
        ]
        for (table, name, pair, to_row, to_fold), offset, fold in zip(terms, offsets, folds, strict=True):
            row_words = [int(row) % (1 << row_bits) for row in table.row]
            fold_words = [int(f) % (1 << fold_bits) for f in table.fold]
            row_term = _constants(m, f"{name}_row", row_words, row_bits, pair)
            fold_term = _constants(m, f"{name}_fold", fold_words, fold_bits, pair)
            with m.If(looked):
                m.d.sync += [offset.eq(to_row + row_term), fold.eq(to_fold + fold_term)]
        with m.If(added):
            m.d.sync += [operation.row0.eq(offsets[0] + offsets[1]), operation.fold.eq(folds[0] + folds[1])]

    def _axis(
        self, m: Module, name: str, table: AxisTable, position: Value, take: Value
    ) -> tuple[Signal, Signal, Signal]:
        """First pair, pairs beyond the first, and "there are none" of a position, registered."""
        first = Signal(max(1, ceil_log2(len(table.row))), name=f"{name}_first")
        left = Signal(max(1, ceil_log2(max(1, int(np.max(table.count))))), name=f"{name}_left")
        empty = Signal(name=f"{name}_empty")
        words = [
            int(start) % (1 << len(first))
            | max(0, int(count) - 1) << len(first)
            | int(count == 0) << len(first) + len(left)
            for start, count in zip(table.start, table.count, strict=True)
        ]
        word = _constants(m, f"{name}_table", words, len(first) + len(left) + 1, position)
        with m.If(take):
            m.d.sync += Cat(first, left, empty).eq(word)
        return first, left, empty
