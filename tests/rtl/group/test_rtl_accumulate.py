# amaranth: UnusedElaboratable=no
"""Accumulators between random operations and a stub of the sweep, against NumPy sums."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.rtl.crossbar.columns import Columns
from qsnn_hw.rtl.group.accumulate import MemoryAccumulators, RegisterAccumulators
from qsnn_hw.rtl.group.links import SynapseOperation, operation_signature, sweep_signature
from qsnn_hw.rtl.group.synapse_memory import SynapseBanks
from tests.support.operations import Op, group_plan
from tests.support.streams import PACES, Pace, put_all
from tests.support.thinned import thinned


@dataclass(frozen=True)
class Row:
    """What the stub saw of one update row."""

    row: int
    x: int
    last: bool


class StubSweep(wiring.Component):
    """Reads every row of a sweep in order, shows what it read, and writes back a scrambled word.

    ``pause`` stops its two stages. The sweep after reset and the one of a last tick write ``clear``.
    """

    def __init__(self, plan: GroupPlan, clear: int, scramble: int) -> None:
        self._plan, self._clear, self._scramble = plan, clear, scramble
        width = plan.update_lanes * plan.acc_bits
        super().__init__(
            {
                "link": In(sweep_signature(plan)),
                "pause": In(1),
                "seen": Out(1),
                "row": Out(range(max(2, plan.update_rows))),
                "x": Out(width),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        link, rows = self.link, self._plan.update_rows
        running, silent, last = Signal(init=1), Signal(init=1), Signal(init=1)
        row, reading = Signal(range(rows + 1)), Signal()
        m.d.comb += [
            link.start.ready.eq(~running),
            link.busy.eq(running | link.start.valid),
            reading.eq(running & (row != rows)),
            link.read_en.eq(reading & ~self.pause),
            link.read_row.eq(row),
        ]
        shown, writing, write_row = Signal(), Signal(), Signal.like(row)
        word = Signal.like(link.x)
        with m.If(link.start.valid & link.start.ready):
            m.d.sync += [running.eq(1), last.eq(link.start.payload.last), row.eq(0)]
        with m.If(~self.pause):
            m.d.sync += [shown.eq(reading), writing.eq(shown), word.eq(link.x), write_row.eq(self.row)]
            with m.If(reading):
                m.d.sync += [row.eq(row + 1), self.row.eq(row)]
            with m.If(writing & (write_row == rows - 1)):
                m.d.sync += [running.eq(0), silent.eq(0)]
        m.d.comb += [self.seen.eq(shown & ~silent & ~self.pause), self.x.eq(link.x), self.last.eq(last)]
        if self._plan.accumulators == "memory":
            m.d.comb += [
                link.write_en.eq(writing & ~self.pause),
                link.write_row.eq(write_row),
                link.write_data.eq(Mux(last, self._clear, word ^ self._scramble)),
            ]
        return m


class Bench(wiring.Component):
    """Accumulators and stub; from streams to what the stub saw."""

    def __init__(self, plan: GroupPlan, style: str = "block") -> None:
        self.plan = plan
        bits = plan.update_lanes * plan.acc_bits
        chance = random.Random(f"scramble {bits}")
        self.clear, self.scramble = chance.getrandbits(bits), chance.getrandbits(bits)
        kind: Any = RegisterAccumulators if plan.accumulators == "registers" else MemoryAccumulators
        self.accumulators = Columns(plan) if plan.crossbar else kind(plan, style=style)
        self.stub = StubSweep(plan, self.clear, self.scramble)
        super().__init__({"i": In(operation_signature(plan))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.accumulators = self.accumulators
        m.submodules.stub = self.stub
        wiring.connect(m, self.accumulators.link, self.stub.link)
        wiring.connect(m, wiring.flipped(self.i), self.accumulators.i)
        return m

    def expected(self, operations: list[Op]) -> list[Row]:
        plan = self.plan
        size, bits = plan.update_lanes, plan.acc_bits
        mask = (1 << bits) - 1
        row_mask = (1 << size * bits) - 1
        clear = [self.clear >> lane * bits & mask for lane in range(size)] * plan.update_rows
        stored = list(clear) if plan.accumulators == "memory" else [0] * plan.slots
        found = []
        for operation in operations:
            if not operation.tick:
                for bank, row in operation.rows.items():
                    for lane in range(plan.lanes):
                        weight = int(plan.synapses[bank, row, lane])
                        if plan.accumulators == "memory":
                            weight <<= plan.neuron.fractional_bits
                        stored[operation.fold * plan.lanes + lane] += weight
                continue
            rows = plan.update_words(np.array([value & mask for value in stored], dtype=object), bits)
            found += [Row(index, word, operation.last) for index, word in enumerate(rows)]
            if plan.accumulators == "registers":
                stored = [0] * plan.slots
            elif operation.last:
                stored = list(clear)
            else:
                words = [(word ^ self.scramble) & row_mask for word in rows]
                stored = [word >> lane * bits & mask for word in words for lane in range(size)]
        return found

    def run(
        self,
        operations: list[Op],
        pace: Pace = PACES[0],
        *,
        load: bool = False,
        before: tuple[list[Op], int] = ([], 0),
    ) -> tuple[list[Row], int]:
        """What the stub saw, and the cycles until the last operation was taken, the sweep of reset aside.

        ``before`` are operations and the cycle in which a reset of one cycle cuts them off; what the
        stub saw until then does not count.
        """
        layout = SynapseOperation(self.plan)
        words = [operation.encode(layout) for operation in operations]
        rows = self.plan.update_rows * sum(operation.tick for operation in operations)
        seen: list[Row] = []
        cycles, counts = [0], [not before[1]]
        top = Module()
        reset = Signal()
        top.submodules.bench = ResetInserter(reset)(self)
        now = Signal(16)
        top.d.sync += now.eq(now + 1)
        simulator = Simulator(top)
        simulator.add_clock(1e-6)

        async def interrupted(ctx: Any) -> None:
            earlier, cut = [operation.encode(layout) for operation in before[0]], before[1]
            for _ in range(cut):
                ctx.set(self.i.valid, bool(earlier))
                if earlier:
                    ctx.set(self.i.payload, layout.from_bits(earlier[0]))
                _, _, ready = await ctx.tick().sample(self.i.ready)
                if ready:
                    earlier = earlier[1:]
            ctx.set(self.i.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)

        async def send(ctx: Any) -> None:
            if before[1]:
                await interrupted(ctx)
            if load:
                await self._load(ctx)
            if pace.idle == 0:
                while ctx.get(self.stub.link.busy):
                    await ctx.tick()
            cycles[0] = -int(ctx.get(now))
            await put_all(ctx, self.i, words, pace)
            cycles[0] += int(ctx.get(now))

        async def watch(ctx: Any) -> None:
            chance = random.Random(f"pause {pace.seed}")
            stub = self.stub
            count = 0
            while not counts[0] or len(seen) < rows or count < 20:
                ctx.set(stub.pause, chance.random() < pace.stall)
                values = stub.seen, stub.row, stub.x, stub.last, reset
                _, _, valid, row, x, last, resets = await ctx.tick().sample(*values)
                if resets:
                    seen.clear()
                    counts[0] = True
                elif valid:
                    seen.append(Row(int(row), int(x), bool(last)))
                count = count + 1 if len(seen) >= rows else 0

        async def timeout(ctx: Any) -> None:
            for _ in range(6000):
                await ctx.tick()
            raise TimeoutError(f"{len(seen)} of {rows} rows had come")

        simulator.add_testbench(send)
        simulator.add_testbench(watch)
        simulator.add_testbench(timeout, background=True)
        simulator.run()
        return seen, cycles[0]

    async def _load(self, ctx: Any) -> None:
        accumulators, plan = self.accumulators, self.plan
        for bank in range(plan.event_lanes):
            for row, word in enumerate(plan.synapse_words(bank)):
                ctx.set(accumulators.load.en, 1 << bank)
                ctx.set(accumulators.load.row, row)
                ctx.set(accumulators.load.data, word)
                await ctx.tick()
        ctx.set(accumulators.load.en, 0)


def plan_of(accumulators: str, folds: int, event_lanes: int = 1, rows: int = 13, **changes: Any) -> GroupPlan:
    projection = ProjectionPlan("dense", 0, rows * event_lanes, 0, rows_per_fold=rows)
    return group_plan(
        projections=(projection,),
        rows=rows,
        folds=folds,
        event_lanes=event_lanes,
        accumulators=accumulators,
        **changes,
    )


def random_operations(plan: GroupPlan, rng: random.Random, count: int, ticks: float = 0.15) -> list[Op]:
    """Operations that like to meet on one fold, ticks that like to follow each other."""
    operations = [Op.of_tick(False)]
    fold = 0
    for _ in range(count):
        if rng.random() < ticks or (operations[-1].tick and rng.random() < 0.3):
            operations.append(Op.of_tick(rng.random() < 0.3))
            continue
        fold = fold if rng.random() < 0.4 else rng.randrange(plan.folds)
        banks = [bank for bank in range(plan.event_lanes) if rng.random() < 0.6] or [0]
        operations.append(Op(fold, {bank: rng.randrange(plan.synapse_rows) for bank in banks}))
    return [*operations, Op.of_tick(False), Op.of_tick(True), Op.of_tick(False)]


SHAPES = [
    # accumulators, folds, event_lanes, lanes, update_lanes
    ("registers", 1, 1, 1, 1),
    ("registers", 1, 1, 4, 4),
    ("registers", 1, 2, 6, 2),
    ("registers", 1, 4, 5, 1),
    ("memory", 1, 1, 3, 3),
    ("memory", 1, 1, 6, 2),
    ("memory", 1, 2, 4, 1),
    ("memory", 2, 1, 2, 2),
    ("memory", 3, 1, 4, 1),
    ("memory", 5, 1, 4, 2),
    ("memory", 3, 1, 6, 2),
    ("memory", 4, 2, 5, 1),
    ("memory", 3, 4, 2, 2),
]


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(("accumulators", "folds", "event_lanes", "lanes", "update_lanes"), SHAPES)
def test_sums(
    accumulators: str, folds: int, event_lanes: int, lanes: int, update_lanes: int, pace: Pace
) -> None:
    plan = plan_of(accumulators, folds, event_lanes, lanes=lanes, update_lanes=update_lanes, acc_bits=9)
    operations = random_operations(plan, random.Random(f"{pace} {folds} {lanes}"), 60)
    bench = Bench(plan)
    seen, _ = bench.run(operations, pace)
    assert seen == bench.expected(operations)


@pytest.mark.parametrize("shape", [(16, 3), (8, 3), (4, 5), (8, 100), (2, 1)])
@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(("accumulators", "folds", "event_lanes"), [("registers", 1, 2), ("memory", 3, 1)])
def test_sums_of_banks_of_several_memories(
    accumulators: str, folds: int, event_lanes: int, registered: bool, shape: tuple[int, int]
) -> None:
    """Memories that divide neither the rows nor the bits of a bank, and one that holds all of it."""
    more = {"synapse_shape": shape, "registered_reads": registered}
    plan = plan_of(accumulators, folds, event_lanes, lanes=4, **more)
    assert plan.chooses_late == (registered and plan.synapse_rows > shape[0])
    operations = random_operations(plan, random.Random(f"{shape} {folds}"), 80)
    bench = Bench(plan)
    seen, _ = bench.run(operations)
    assert seen == bench.expected(operations)


@pytest.mark.parametrize("deep", [2, 8, 16, 32])
@pytest.mark.parametrize("pace", [PACES[0], PACES[3]])
@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(("accumulators", "folds", "event_lanes"), [("registers", 1, 2), ("memory", 3, 1)])
def test_sums_of_banks_whose_levels_stand_side_by_side(
    accumulators: str, folds: int, event_lanes: int, registered: bool, pace: Pace, deep: int
) -> None:
    shape = {"synapse_shape": (deep, 0), "synapse_abreast": True, "registered_reads": registered}
    plan = plan_of(accumulators, folds, event_lanes, lanes=4, **shape)
    operations = random_operations(plan, random.Random(f"{deep} {folds}"), 80)
    bench = Bench(plan)
    seen, _ = bench.run(operations, pace)
    assert seen == bench.expected(operations)


@pytest.mark.parametrize("storage", ["sram", "latches", "constants"])
@pytest.mark.parametrize("pace", [PACES[0], PACES[3]])
@pytest.mark.parametrize(
    ("folds", "lanes", "update_lanes", "deep", "neuron_memory"),
    [
        (1, 5, 5, 4, "distributed"),
        (1, 4, 1, 16, "macro"),
        (5, 4, 1, 8, "distributed"),
        (60, 2, 1, 2, "macro"),
    ],
)
def test_sums_of_columns(
    storage: str, pace: Pace, folds: int, lanes: int, update_lanes: int, deep: int, neuron_memory: str
) -> None:
    """Columns of a crossbar tile: several arrays, memories that promise a word for one cycle alone."""
    constant = storage == "constants"
    plan = plan_of(
        *("memory", folds),
        lanes=lanes,
        update_lanes=update_lanes,
        acc_bits=9,
        synapse_style=storage,
        synapse_store="rom" if constant else "ram",
        synapse_shape=(deep, 0),
        neuron_memory=neuron_memory,
    )
    operations = random_operations(plan, random.Random(f"{pace} {folds} {lanes}"), 60, 0.06)
    bench = Bench(plan)
    seen, _ = bench.run(operations, pace, load=not constant)
    assert seen == bench.expected(operations)


def holds_over_a_reset(plan: GroupPlan, cut: int) -> None:
    """One cycle of reset, with operations at every place of the pipeline and sweeps under way."""
    chance = random.Random(f"{cut} {plan.folds} {plan.lanes}")
    earlier = random_operations(plan, chance, 60)
    operations = random_operations(plan, chance, 12)[1:]
    bench = Bench(plan)
    seen, _ = bench.run(operations, before=(earlier, cut))
    assert seen == bench.expected(operations)


CUTS = thinned((20, 41, 42, 43, 44, 45, 46, 47), 3)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("accumulators", "folds", "event_lanes", "lanes", "update_lanes"), SHAPES)
def test_nothing_outlives_a_reset(
    accumulators: str, folds: int, event_lanes: int, lanes: int, update_lanes: int, cut: int
) -> None:
    plan = plan_of(accumulators, folds, event_lanes, lanes=lanes, update_lanes=update_lanes, acc_bits=9)
    holds_over_a_reset(plan, cut)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("accumulators", "folds"), [("registers", 1), ("memory", 3)])
def test_nothing_in_levels_side_by_side_outlives_a_reset(accumulators: str, folds: int, cut: int) -> None:
    shape = {"synapse_shape": (4, 0), "synapse_abreast": True, "registered_reads": True}
    holds_over_a_reset(plan_of(accumulators, folds, lanes=4, acc_bits=9, **shape), cut)


@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(["registers", "memory"]),
    folds=st.integers(1, 5),
    event_lanes=st.sampled_from([1, 2, 4]),
    update_lanes=st.integers(1, 3),
    parts=st.integers(1, 5),
    bits=st.integers(2, 6),
    fraction=st.integers(0, 4),
    style=st.sampled_from(["auto", "block"]),
    pace=st.sampled_from(PACES),
    seed=st.integers(0, 999),
)
def test_sums_of_any_shape(
    kind: str,
    folds: int,
    event_lanes: int,
    update_lanes: int,
    parts: int,
    bits: int,
    fraction: int,
    style: str,
    pace: Pace,
    seed: int,
) -> None:
    plan = plan_of(
        *(kind, folds if kind == "memory" else 1, event_lanes),
        lanes=update_lanes * parts,
        update_lanes=update_lanes,
        weight_bits=bits,
        fractional_bits=fraction,
        acc_bits=bits + fraction + 5,
        neuron_memory=style,
    )
    operations = random_operations(plan, random.Random(seed), 30)
    bench = Bench(plan)
    seen, _ = bench.run(operations, pace)
    assert seen == bench.expected(operations)


@pytest.mark.parametrize("style", ["block", "spram"])
@pytest.mark.parametrize(("accumulators", "folds", "event_lanes"), [("registers", 1, 2), ("memory", 3, 1)])
def test_loaded_synapses(accumulators: str, folds: int, event_lanes: int, style: str) -> None:
    plan = plan_of(accumulators, folds, event_lanes, synapse_store="ram", lanes=4)
    operations = random_operations(plan, random.Random("load"), 30)
    bench = Bench(plan, style)
    seen, _ = bench.run(operations, load=True)
    assert seen == bench.expected(operations)


def test_registers_lose_no_cycle_while_the_sweep_keeps_up() -> None:
    plan = plan_of("registers", 1, lanes=4, update_lanes=2)
    # Two rows take five cycles from start to end, the pipeline in front of them four.
    step = [Op(0, {0: row}) for row in range(9)]
    operations = [*step, Op.of_tick(False)] * 4
    bench = Bench(plan)
    seen, cycles = bench.run(operations)
    assert seen == bench.expected(operations)
    assert cycles == len(operations)


def test_registers_hold_the_next_tick_until_the_sweep_has_ended() -> None:
    plan = plan_of("registers", 1, lanes=4, update_lanes=1)
    operations = [Op.of_tick(False), Op(0, {0: 3}), Op.of_tick(False)]
    bench = Bench(plan)
    seen, cycles = bench.run(operations)
    assert seen == bench.expected(operations)
    # Tick in cycle 0, start in 3, rows 4 to 7, the last write in 9.
    assert cycles == 11


@pytest.mark.parametrize(
    ("folds", "gaps"), [([0, 1, 2, 0, 1], 0), ([0, 1, 0, 1], 0), ([1, 1, 1], 2), ([2, 0, 0, 1], 1)]
)
def test_memory_waits_only_for_the_same_fold(folds: list[int], gaps: int) -> None:
    plan = plan_of("memory", 3)
    operations = [Op(fold, {0: row}) for row, fold in enumerate(folds)]
    bench = Bench(plan)
    _, cycles = bench.run(operations)
    assert cycles == len(folds) + gaps


def test_memory_of_one_fold_never_waits() -> None:
    bench = Bench(plan_of("memory", 1))
    _, cycles = bench.run([Op(0, {0: row}) for row in range(9)])
    assert cycles == 9


@pytest.mark.parametrize(
    ("kind", "changes", "text"),
    [
        (RegisterAccumulators, {"accumulators": "memory"}, "Accumulators must be 'registers', not 'memory'"),
        (MemoryAccumulators, {"accumulators": "registers"}, "Accumulators must be 'memory', not 'registers'"),
        (
            RegisterAccumulators,
            {"accumulators": "registers", "folds": 2},
            "Group with accumulators in registers must have one fold, not 2",
        ),
        (
            lambda plan: SynapseBanks(plan, style="spram"),
            {"accumulators": "memory"},
            "Store must be 'ram' for single-port memory, not 'rom'",
        ),
        (
            lambda plan: SynapseBanks(plan, style="huge"),
            {"accumulators": "memory"},
            "Style must be 'block' or 'spram', not 'huge'",
        ),
        (
            SynapseBanks,
            {"accumulators": "memory", "synapse_store": "ram", "synapse_shape": (4, 4)},
            "Store must be 'rom' for banks of several memories, not 'ram'",
        ),
    ],
)
def test_what_a_part_refuses(kind: Any, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        kind(plan_of(**({"folds": 1} | changes)))


def test_only_a_ram_has_load_ports() -> None:
    rom, ram = plan_of("memory", 2), plan_of("memory", 2, synapse_store="ram")
    assert "load" not in MemoryAccumulators(rom).signature.members
    load = MemoryAccumulators(ram).load
    assert Value.cast(load.data).shape().width == ram.lanes * ram.weight_bits
