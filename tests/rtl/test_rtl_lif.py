# amaranth: UnusedElaboratable=no
"""LIF lane and the memories, against the golden model's tick."""

import itertools
import random
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from qsnn_hw.golden.clocked import tick
from qsnn_hw.plan import PlanOptions, make_plan
from qsnn_hw.rtl.lif import LifLane, signed_digits
from qsnn_hw.rtl.neuron_memory import NeuronMemory, ParameterMemory
from qsnn_hw.rtl.synapse_memory import SynapseMemory
from tests.golden.networks import RESETS, random_network
from tests.rtl.streams import clocked

DECAYS = [(1, 0), (1, 1), (3, 4), (13, 8), (201, 8), None]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 7, 13, 26, 201, 255, 4095])
def test_signed_digits(number: int) -> None:
    digits = signed_digits(number)
    assert sum(sign << shift for sign, shift in digits) == number
    shifts = [shift for _, shift in digits]
    assert shifts == sorted(set(shifts))
    # Canonical: no two neighbours, and the highest digit is positive.
    assert all(b - a >= 2 for a, b in itertools.pairwise(shifts))
    assert digits[-1][0] == 1


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("kind", RESETS)
@pytest.mark.parametrize("clamped", [False, True])
def test_lane_equals_tick(kind: tuple, decay: tuple[int, int] | None, clamped: bool) -> None:
    """Every potential that fits, one a cycle, with the pipeline held up at random."""
    rng = np.random.default_rng(7)
    network = random_network(
        rng,
        [4, 3],
        reset=kind[0],
        reset_delay=kind[1],
        leak=decay,
        clamped=clamped,
        fractional_bits=1,
        weight_bits=3,
    )
    group = network.groups[0]
    plan = make_plan(network, PlanOptions()).groups[0]
    interval = 2 ** (group.v_bits - 1)
    # The reachable potentials only: what leaves them would not fit the register.
    reach = sum(int(np.abs(p.weight.astype(int)).sum(axis=1).max()) << 1 for p in network.projections)
    count = 150
    neurons = rng.integers(0, 3, count)
    v = rng.integers(-min(interval, 2 * reach), min(interval, 2 * reach), count)
    one = replace(
        group,
        shape=(count,),
        bias=group.bias[neurons],
        threshold=group.threshold[neurons],
        reset_amount=group.reset_amount[neurons],
        reset_value=group.reset_value[neurons],
    )
    trace, fired, state, _ = tick(one, v)
    fits = (np.abs(trace) < interval) & (np.abs(state) < interval)
    assert fits.mean() > 0.8
    clear = rng.random(count) < 0.2
    dut = LifLane(plan, trace=True)
    chance = random.Random(3)
    got: list[tuple[int, int, int]] = []

    async def drive(ctx: Any) -> None:
        outputs: list[tuple[int, int]] = []
        for index in range(count + 2):
            while chance.random() < 0.3:
                ctx.set(dut.en, 0)
                ctx.set(dut.v, chance.randrange(-interval, interval))
                await ctx.tick()
            ctx.set(dut.en, 1)
            if index < count:
                ctx.set(dut.v, int(v[index]))
                ctx.set(dut.clear, int(clear[index]))
                ctx.set(dut.threshold, int(one.threshold[index]))
            if 1 <= index <= count:
                for name in ("reset_amount", "reset_value", "bias"):
                    ctx.set(getattr(dut, name), int(getattr(one, name)[index - 1]))
                outputs.append((ctx.get(dut.fired), ctx.get(dut.trace)))
            if index >= 2:
                got.append((*outputs[index - 2], ctx.get(dut.state)))
            await ctx.tick()

    simulator = clocked(dut)
    simulator.add_testbench(drive)
    simulator.run()
    assert len(got) == count
    for index in np.flatnonzero(fits):
        wanted_state = one.bias[index] if clear[index] else state[index]
        assert got[index] == (fired[index], trace[index], wanted_state), (
            f"v {v[index]}, neuron {neurons[index]}"
        )
    assert 0 < np.count_nonzero(fired[fits]) < fits.sum()


def test_lane_without_trace_shows_none() -> None:
    network = random_network(np.random.default_rng(1), [3, 2])
    dut = LifLane(make_plan(network, PlanOptions()).groups[0])

    async def drive(ctx: Any) -> None:
        ctx.set(dut.en, 1)
        ctx.set(dut.v, 5)
        for _ in range(3):
            await ctx.tick()
            assert ctx.get(dut.trace) == 0

    simulator = clocked(dut)
    simulator.add_testbench(drive)
    simulator.run()


def simulate(dut: Any, bench: Any) -> None:
    simulator: Simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("width", "folds"), [(1, 2), (13, 3), (40, 8), (7, 1)])
def test_neuron_memory(width: int, folds: int) -> None:
    """Random reads and writes against a list; never one word at once, as the group promises."""
    dut = NeuronMemory(width, folds)
    chance = random.Random(folds)

    async def bench(ctx: Any) -> None:
        words = [0] * folds
        shown: int | None = None
        for fold in range(folds):
            words[fold] = chance.getrandbits(width)
            ctx.set(dut.write_en, 1)
            ctx.set(dut.write_fold, fold)
            ctx.set(dut.write_data, words[fold])
            await ctx.tick()
        for _ in range(200):
            read, write = chance.random() < 0.5, chance.random() < 0.5
            from_fold, to_fold, data = (
                chance.randrange(folds),
                chance.randrange(folds),
                chance.getrandbits(width),
            )
            write = write and (folds == 1 or not (read and from_fold == to_fold))
            ctx.set(dut.read_en, read)
            ctx.set(dut.read_fold, from_fold)
            ctx.set(dut.write_en, write)
            ctx.set(dut.write_fold, to_fold)
            ctx.set(dut.write_data, data)
            if read:
                shown = words[from_fold]
            if write:
                words[to_fold] = data
            await ctx.tick()
            if folds == 1:
                shown = words[0]
            if shown is not None:
                assert ctx.get(dut.read_data) == shown

    simulate(dut, bench)


@pytest.mark.parametrize("words", [[5], [5, 5, 5], [1, 2, 3], [0, 0, 7, 0, 1]])
def test_parameter_memory(words: list[int]) -> None:
    dut = ParameterMemory(words, 3)

    async def bench(ctx: Any) -> None:
        for fold in [*range(len(words)), *reversed(range(len(words)))]:
            ctx.set(dut.en, 1)
            ctx.set(dut.fold, fold)
            await ctx.tick()
            assert ctx.get(dut.data) == words[fold]
            # Held while not enabled.
            ctx.set(dut.en, 0)
            ctx.set(dut.fold, 0)
            await ctx.tick()
            assert ctx.get(dut.data) == words[fold]

    simulate(dut, bench)


@pytest.mark.parametrize(("depth", "width"), [(1, 4), (2, 9), (7, 33), (64, 16)])
def test_synapse_memory(depth: int, width: int) -> None:
    chance = random.Random(depth)
    rows = [chance.getrandbits(width) for _ in range(depth)]
    dut = SynapseMemory(rows, width)

    async def bench(ctx: Any) -> None:
        shown = None
        for _ in range(100):
            enable, row = chance.random() < 0.7, chance.randrange(depth)
            ctx.set(dut.en, enable)
            ctx.set(dut.row, row)
            await ctx.tick()
            shown = rows[row] if enable else shown
            if shown is not None:
                assert ctx.get(dut.data) == shown

    simulate(dut, bench)


def test_constructor_error() -> None:
    with pytest.raises(ValueError, match=f"^{re.escape('Number of folds must be at least 1, not 0')}$"):
        NeuronMemory(8, 0)
