# amaranth: UnusedElaboratable=no
"""The weight loader writes every row of every bank once, in order, and says when."""

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsnn_hw.host.protocol import encode_rows
from qsnn_hw.rtl.group.links import LoadSignature
from qsnn_hw.rtl.io.weight_loader import WeightLoader
from tests.support.streams import clocked

Write = tuple[int, int, int, int]
"""(memory, bank mask, row, data)"""


def contents(memories: Sequence[LoadSignature], seed: int) -> tuple[list[Write], bytes]:
    """What to write, and the bytes that say so."""
    chance = random.Random(seed)
    writes: list[Write] = []
    sent = b""
    for k, loaded in enumerate(memories):
        for bank in range(loaded.banks):
            rows = [chance.getrandbits(loaded.width) for _ in range(loaded.rows)]
            writes += [(k, 1 << bank, row, word) for row, word in enumerate(rows)]
            sent += encode_rows(rows, loaded.width)
    assert len(sent) == sum(loaded.banks * loaded.rows * loaded.row_bytes for loaded in memories)
    return writes, sent


def load(
    memories: Sequence[LoadSignature], sent: bytes, idle: float, restart_after: int | None = None
) -> tuple[list[Write], list[int], list[int], list[int]]:
    """Writes, their cycles, the cycles in which a byte was taken, those in which ``done`` was 1.

    One byte more than ``sent`` is offered; ``restart_after`` bytes the loader is started again and
    everything is sent once more.
    """
    dut: Any = WeightLoader(memories)
    writes: list[Write] = []
    cycles: list[int] = []
    taken: list[int] = []
    done: list[int] = []
    chance = random.Random(2)

    async def bench(ctx: Any) -> None:
        queue = list(sent) if restart_after is None else [*sent[:restart_after], *sent]
        queue.append(0x5A)
        restarted = restart_after is None
        cycle = quiet = 0
        while quiet < 8:
            restart = not restarted and len(taken) == restart_after
            restarted |= restart
            ctx.set(dut.restart, restart)
            ctx.set(dut.i.valid, bool(queue) and chance.random() >= idle)
            ctx.set(dut.i.payload, queue[0] if queue else 0)
            _, _, moves, is_done = await ctx.tick().sample(dut.i.valid & dut.i.ready, dut.done)
            if moves:
                queue.pop(0)
                taken.append(cycle)
            done.extend([cycle] if is_done else [])
            quiet = quiet + 1 if is_done and len(queue) == 1 else 0
            cycle += 1
            assert cycle < 5000, f"{len(taken)} bytes taken, {len(queue)} left, and not done"

    async def watch(ctx: Any) -> None:
        cycle = 0
        loads = [getattr(dut, f"load{k}") for k in range(len(memories))]
        ports = [port for load in loads for port in (load.en, load.row, load.data)]
        while True:
            _, _, *values = await ctx.tick().sample(*ports)
            for k in range(len(memories)):
                mask, row, word = values[3 * k : 3 * k + 3]
                if mask:
                    writes.append((k, int(mask), int(row), int(word)))
                    cycles.append(cycle)
            cycle += 1

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    return writes, cycles, taken, done


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 40)), min_size=1, max_size=3),
    st.sampled_from([0.0, 0.6]),
    st.integers(0, 999),
)
@example([(1, 2, 8), (2, 1, 40)], 0.0, 1)
def test_every_row_once(sizes: list[tuple[int, int, int]], idle: float, seed: int) -> None:
    memories = [LoadSignature(*size) for size in sizes]
    wanted, sent = contents(memories, seed)
    writes, cycles, taken, done = load(memories, sent, idle)
    assert writes == wanted
    # The extra byte stays outside; the last row is written with its last byte, then it is done.
    assert len(taken) == len(sent)
    assert cycles[-1] == taken[-1]
    assert done[0] == cycles[-1] + 1
    assert done == list(range(done[0], done[-1] + 1))
    if not idle:
        assert taken == list(range(len(sent)))


@pytest.mark.parametrize("after", [1, 5, 11, 15])
def test_restart(after: int) -> None:
    memories = [LoadSignature(1, 2, 12), LoadSignature(2, 3, 9)]
    wanted, sent = contents(memories, 4)
    assert len(sent) == 16
    writes, _, taken, done = load(memories, sent, 0.0, restart_after=after)
    # What was written before the restart is written again, all of it.
    assert writes == wanted[: after // 2] + wanted
    assert len(taken) == after + len(sent)
    assert done[0] == taken[-1] + 1


def test_restart_when_done() -> None:
    memories = [LoadSignature(1, 2, 8)]
    wanted, sent = contents(memories, 1)
    dut: Any = WeightLoader(memories)
    states: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        for cycle in range(12):
            ctx.set(dut.restart, cycle == 6)
            _, _, is_done = await ctx.tick().sample(dut.done)
            states.append(int(is_done))

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()
    # Bytes in cycles 0 and 1; the restart in 6; bytes in 7 and 8.
    assert len(wanted) == len(sent) == 2
    assert states == [0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        ((0, 1, 1), "Banks must be at least 1, not 0"),
        ((1, 0, 1), "Rows must be at least 1, not 0"),
        ((1, 1, -1), "Width must be at least 1, not -1"),
    ],
)
def test_a_bad_size_is_refused(size: tuple[int, int, int], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        LoadSignature(*size)


def test_no_memories() -> None:
    with pytest.raises(ValueError, match=r"^Memories must be at least one, not \[\]$"):
        WeightLoader([])
