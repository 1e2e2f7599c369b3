# amaranth: UnusedElaboratable=no
"""The update sweep with accumulators in the test bench, against the golden model's recurrence."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from qsnn_hw.golden.neuron import GroupState
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import update_stages
from qsnn_hw.quantize.network import QuantizedGroup
from qsnn_hw.rtl.group.encoder import SpikeEncoder
from qsnn_hw.rtl.group.sweep import Sweep
from tests.support.plans import RESETS, group_plan, plain_group, random_group
from tests.support.streams import PACES, Pace, clocked, take
from tests.support.thinned import thinned

Step = tuple[np.ndarray, bool]
"""Weighted input of every neuron, in weight steps, and whether the step ends its sample."""


def steps_of(rng: np.random.Generator, group: QuantizedGroup, lengths: list[int]) -> list[Step]:
    """Samples of ``lengths`` steps with random input."""
    return [
        (rng.integers(-20, 45, group.size) * rng.integers(0, 2, group.size), step == length - 1)
        for length in lengths
        for step in range(length)
    ]


def golden(plan: GroupPlan, group: QuantizedGroup, steps: list[Step]) -> tuple[list[Any], list[np.ndarray]]:
    """Per step the sorted addresses and the mark of the last; and the potentials of every neuron."""
    addresses = plan.space.addresses()
    expected, traces = [], []
    state = GroupState(group, 1)
    for x, last in steps:
        counts = state.step(x[None] << group.fractional_bits)[0].astype(np.int64)
        expected.append((sorted(np.repeat(addresses, counts).tolist()), last))
        traces.append(state.v[0].astype(np.int64).copy())
        if last:
            state = GroupState(group, 1)
    return expected, traces


class Accumulators:
    """What the sweep link's other side must do, in Python."""

    def __init__(self, plan: GroupPlan, steps: list[Step], pace: Pace) -> None:
        self._plan, self._steps = plan, steps
        self._chance = random.Random(pace.seed)
        self._idle = pace.idle
        self.rows: np.ndarray | None = None
        self.writes: list[int] = []
        self.cycles: list[int] = []
        """Cycles with ``busy`` of each sweep, the silent one first."""

    def add(self, x: np.ndarray) -> None:
        """A step's input, by slot."""
        plan = self._plan
        slots = np.where(plan.neuron_of_slot >= 0, x[plan.neuron_of_slot], 0)
        if plan.accumulators == "memory":
            assert self.rows is not None
            slots = (slots << plan.neuron.fractional_bits) + self.rows.reshape(-1)
        self.rows = slots.reshape(plan.update_rows, plan.update_lanes)

    def _ended(self, reads: list[int]) -> None:
        """Every row was read and, in memory, written once and in order."""
        rows = list(range(self._plan.update_rows))
        assert reads == rows
        assert self._plan.accumulators == "registers" or self.writes == rows

    async def serve(self, ctx: Any, link: Any) -> None:
        """Starts and reads; the row of the last read shows garbage before the first."""
        plan = self._plan
        waiting = list(self._steps)
        offered = False
        written = np.zeros((plan.update_rows, plan.update_lanes), np.int64)
        row: int | None = None
        reads: list[int] = []
        self.cycles.append(0)
        mask = (1 << plan.acc_bits) - 1
        while True:
            # In memory the events of a step need the accumulators that the sweep gives back.
            free = plan.accumulators == "registers" or not ctx.get(link.busy)
            if free and not offered and waiting and self._chance.random() >= self._idle:
                ctx.set(link.start.payload.last, waiting[0][1])
                ctx.set(link.start.valid, 1)
                offered = True
            moved = offered and bool(ctx.get(link.start.ready))
            if moved:
                self._ended(reads)
                reads, self.writes = [], []
                self.rows = written.copy()
                self.add(waiting.pop(0)[0])
                self.cycles.append(0)
                offered = False
            busy = bool(ctx.get(link.busy))
            assert busy or not moved
            self.cycles[-1] += busy
            if ctx.get(link.read_en):
                row = int(ctx.get(link.read_row))
                reads.append(row)
                assert busy
            if plan.accumulators == "memory" and ctx.get(link.write_en):
                at = int(ctx.get(link.write_row))
                self.writes.append(at)
                assert busy
                assert at in reads
                word = int(ctx.get(link.write_data))
                for lane in range(plan.update_lanes):
                    value = word >> (lane * plan.acc_bits) & mask
                    written[at, lane] = value - ((value & 1 << (plan.acc_bits - 1)) << 1)
            await ctx.tick()
            if moved:
                ctx.set(link.start.valid, 0)
            if row is not None:
                shown = self._chance.getrandbits(plan.update_lanes * plan.acc_bits)
                if self.rows is not None:
                    shown = sum((int(v) & mask) << (k * plan.acc_bits) for k, v in enumerate(self.rows[row]))
                ctx.set(link.x, shown)


def decode(words: list[int], plan: GroupPlan) -> list[Any]:
    """Payload bits of the output stream as sorted addresses per step, and the mark of the last."""
    slots, size = plan.output_lanes, plan.space.size
    bits = address_bits(size if slots == 1 else -(-size // slots))
    found: list[Any] = []
    step: list[int] = []
    for word in words:
        fields = [word >> (k * bits) & ((1 << bits) - 1) for k in range(slots)]
        present = 1 if slots == 1 else word >> (slots * bits) & ((1 << slots) - 1)
        if word >> (slots * bits + (slots if slots > 1 else 0)):
            assert slots == 1 or present == 0
            found.append((sorted(step), bool(fields[0] & 1)))
            step = []
        else:
            assert present
            step += [fields[k] * slots + k for k in range(slots) if present >> k & 1]
    assert not step, "spikes behind the last tick"
    return found


def run_sweep(
    plan: GroupPlan, group: QuantizedGroup, steps: list[Step], pace: Pace = PACES[0]
) -> tuple[Accumulators, list[int]]:
    """Sweep every step, compare spikes, ticks and traces; return what the link saw and the words."""
    expected, traces = golden(plan, group, steps)
    dut = Sweep(plan, trace=True)
    link = Accumulators(plan, steps, pace)
    words: list[int] = []
    rows: list[tuple[int, list[int]]] = []

    async def watch(ctx: Any) -> None:
        bits = plan.neuron.v_bits
        async for _, _, valid, row, v in ctx.tick().sample(dut.trace.valid, dut.trace.row, dut.trace.v):
            if valid:
                lanes = [int(v) >> (k * bits) & ((1 << bits) - 1) for k in range(plan.update_lanes)]
                rows.append((int(row), [x - ((x & 1 << (bits - 1)) << 1) for x in lanes]))

    async def receive(ctx: Any) -> None:
        while sum(_is_tick(w, plan) for w in words) < len(steps):
            await take(ctx, dut.o, words, len(words) + 1, pace)
        for _ in range(20 + plan.update_rows):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            assert not valid

    async def serve(ctx: Any) -> None:
        await link.serve(ctx, dut.link)

    async def timeout(ctx: Any) -> None:
        for _ in range(8000):
            await ctx.tick()
        raise TimeoutError(f"{len(words)} words after 8000 cycles")

    simulator: Simulator = clocked(dut)
    simulator.add_testbench(receive)
    for background in (watch, serve, timeout):
        simulator.add_testbench(background, background=True)
    simulator.run()
    assert decode(words, plan) == expected
    assert [row for row, _ in rows] == list(range(plan.update_rows)) * len(steps)
    seen = np.array([v for _, v in rows]).reshape(len(steps), plan.slots)
    for number, trace in enumerate(traces):
        filled = plan.neuron_of_slot >= 0
        assert (seen[number][filled] == trace[plan.neuron_of_slot[filled]]).all(), f"step {number}"
    assert len(link.cycles) == len(steps) + 1
    return link, words


def _is_tick(word: int, plan: GroupPlan) -> bool:
    slots = plan.output_lanes
    bits = address_bits(-(-plan.space.size // slots))
    return bool(word >> (slots * bits + (slots if slots > 1 else 0)))


SHAPES = [
    # neurons, lanes, update_lanes, output_lanes
    (1, 1, 1, 1),
    (3, 1, 1, 1),
    (4, 4, 4, 2),
    (5, 2, 2, 1),
    (5, 3, 3, 1),
    (7, 4, 2, 4),
    (9, 8, 4, 4),
]


@pytest.mark.parametrize(
    ("reset", "accumulators"), thinned([(r, a) for r in RESETS for a in ("registers", "memory")], 3)
)
@settings(max_examples=3, phases=(Phase.generate,), deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), shape=st.sampled_from(SHAPES), pace=st.sampled_from(PACES))
def test_sweep_equals_golden(
    reset: str, accumulators: Any, seed: int, shape: tuple[int, int, int, int], pace: Pace
) -> None:
    rng = np.random.default_rng(seed)
    neurons, lanes, update_lanes, output_lanes = shape
    group = random_group(rng, neurons, reset)
    plan = group_plan(
        group,
        accumulators=accumulators,
        lanes=lanes,
        update_lanes=update_lanes,
        output_lanes=output_lanes,
        leak_unit="multiplier" if rng.integers(2) else "shift-add",
        neuron_memory="block" if rng.integers(2) else "auto",
    )
    run_sweep(plan, group, steps_of(rng, group, [3, 1, 2]), pace)


GRIDS = [
    # channels, height, width, lanes, update_lanes, output_lanes
    (1, 2, 3, 1, 1, 1),
    (3, 2, 3, 4, 4, 1),
    (3, 3, 2, 3, 3, 1),
    (4, 2, 2, 4, 2, 2),
    (5, 1, 3, 2, 1, 4),
    (2, 3, 3, 2, 2, 4),
    (6, 2, 1, 6, 2, 2),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("accumulators", ["registers", "memory"])
def test_grid_addresses(grid: tuple[int, ...], accumulators: Any) -> None:
    """Fields of row, column and channel, also where channels need several folds or padding."""
    rng = np.random.default_rng(sum(grid))
    space = AddressSpace(grid[:3])
    group = random_group(rng, space.neurons, "subtract", bias=np.full(space.neurons, 6))
    plan = group_plan(
        group,
        accumulators=accumulators,
        space=space,
        lanes=grid[3],
        update_lanes=grid[4],
        output_lanes=grid[5],
    )
    _, words = run_sweep(plan, group, steps_of(rng, group, [3, 2]), PACES[grid[0] % 4])
    assert len(words) > 5


@pytest.mark.parametrize("accumulators", ["registers", "memory"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 1, 1), (8, 4, 2), (4, 4, 4)])
def test_cycles_of_a_sweep(shape: tuple[int, int, int], accumulators: Any) -> None:
    """As the docstring says: without spikes, with one spike a row, and with all lanes of all rows."""
    neurons, lanes, update_lanes = shape
    group = plain_group(neurons, leak_numerator=0)
    plan = group_plan(group, accumulators=accumulators, lanes=lanes, update_lanes=update_lanes)
    quiet, all_fire = np.zeros(neurons, np.int64), np.full(neurons, 10)
    one = np.where(np.arange(neurons) % update_lanes == 0, 10, 0)
    # Rows without spikes pass while those of the first row still leave.
    row = np.where(np.arange(neurons) < update_lanes, 10, 0)
    steps = [(quiet, False), (one, False), (all_fire, False), (row, False), (quiet, True)]
    link, _ = run_sweep(plan, group, steps)
    least = plan.update_rows + len(update_stages(plan)) + 2
    # Of the last row's spikes all but the first wait in the encoder when the sweep has ended.
    more = (plan.update_rows - 1) * (update_lanes - 1)
    assert link.cycles == [least - 1, least, least, least + more, least, least]


@pytest.mark.parametrize("output_lanes", [1, 2, 4])
def test_events_per_word(output_lanes: int) -> None:
    """All lanes fire: as many events leave in a word as it has slots."""
    group = plain_group(8)
    plan = group_plan(group, lanes=8, update_lanes=4, output_lanes=output_lanes)
    _, words = run_sweep(plan, group, [(np.full(8, 10), True)])
    assert len(words) == 8 // output_lanes + 1


def test_several_spikes_take_a_cycle_each_and_stop_at_255() -> None:
    group = plain_group(
        2, max_spikes=255, v_bits=14, threshold=np.full(2, 20), reset_amount=np.array([19, 20])
    )
    plan = group_plan(group, lanes=2, update_lanes=2)
    x = np.array([2600, 45])
    link, words = run_sweep(plan, group, [(np.array([0, 45]), False), (x, False), (np.array([0, 0]), True)])
    expected, _ = golden(plan, group, [(np.array([0, 45]), False), (x, False), (np.array([0, 0]), True)])
    assert [len(addresses) for addresses, _ in expected][:2] == [4, 255 + 4]
    least = plan.update_rows + len(update_stages(plan)) + 2
    assert link.cycles[1] == least + 3
    # 254 further masks, and four times a second event from the same mask.
    assert link.cycles[2] == least + 254 + 4
    assert len(words) >= 263


@pytest.mark.parametrize("most", [2, 3, 4, 7])
def test_a_limit_of_spikes_leaves_the_rest_for_the_next_step(most: int) -> None:
    """Nine amounts of input in one step: as many spikes as are allowed, the others in later steps."""
    group = plain_group(2, max_spikes=most, fractional_bits=0, leak_numerator=0)
    plan = group_plan(group, lanes=2, update_lanes=2)
    assert plan.counts_spikes
    steps = [(np.array([185, 45]), False), *(3 * [(np.zeros(2, int), False)]), (np.zeros(2, int), True)]
    _, words = run_sweep(plan, group, steps)
    expected, _ = golden(plan, group, steps)
    counts = [addresses.count(0) for addresses, _ in expected]
    assert counts == [min(most, max(0, 9 - most * step)) for step in range(5)]
    # A limit that no potential can meet takes no counter.
    held = replace(plan.neuron, v_low=-1, v_high=20 * most - 1)
    assert not replace(plan, neuron=held).counts_spikes
    assert words


def test_what_the_sweep_refuses() -> None:
    group = plain_group(5)
    plan = group_plan(group, lanes=3)
    with pytest.raises(ValueError, match=r"^Threshold of a slot without a neuron must be above 0$"):
        Sweep(replace(plan, neuron=replace(plan.neuron, threshold=np.array([20, 20, 20, 20, 20, 0]))))
    grid = group_plan(plain_group(4), space=AddressSpace((2, 2, 1)), lanes=4, update_lanes=4)
    with pytest.raises(ValueError, match=r"^Output lanes must share the 2 channels of a grid, not 4$"):
        Sweep(replace(grid, output_lanes=4))
    with pytest.raises(ValueError, match=r"^Slots must divide the 6 lanes or be a multiple of them, not 4$"):
        SpikeEncoder(12, 6, 4)
    with pytest.raises(ValueError, match=r"^Lanes of aligned masks must be a power of two, not 3$"):
        SpikeEncoder(12, 3, aligned=True)
