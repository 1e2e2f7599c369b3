"""Neuron group and network: every spike and every potential equal to the golden model."""

import random
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked
from qsnn_hw.host_protocol import Word, sample_words
from qsnn_hw.plan import GroupPlan, HardwarePlan, PlanOptions, make_plan
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.rtl import neuron_memory
from qsnn_hw.rtl.neuron_group import NeuronGroup
from qsnn_hw.rtl.top import SpikingNetwork
from tests.golden.networks import RESETS, random_input, random_network
from tests.rtl.streams import PACES, Bench, Pace, aer, exchange, from_aer


def shuffled(words: list[Word], chance: random.Random) -> list[Word]:
    """The events of each step in another order."""
    mixed: list[Word] = []
    step: list[Word] = []
    for word in words:
        if word.tick:
            chance.shuffle(step)
            mixed += [*step, word]
            step = []
        else:
            step.append(word)
    return mixed


def tracer(trace: Any, plan: GroupPlan, into: list[tuple[int, list[int]]]) -> Bench:
    """A monitor of a trace port: (fold, potentials of all lanes)."""

    async def watch(ctx: Any) -> None:
        while True:
            _, _, valid, fold, word = await ctx.tick().sample(trace.valid, trace.fold, trace.v)
            if valid:
                fields = [int(word) >> (k * plan.v_bits) & (2**plan.v_bits - 1) for k in range(plan.lanes)]
                into.append((int(fold), [f - (f >> (plan.v_bits - 1) << plan.v_bits) for f in fields]))

    return watch


def potentials(traced: list[tuple[int, list[int]]], plan: GroupPlan) -> np.ndarray:
    """Traces as int64 (tick, neuron)."""
    assert [fold for fold, _ in traced] == list(range(plan.folds)) * (len(traced) // plan.folds)
    rows = np.array([v for _, v in traced], dtype=np.int64)
    return rows.reshape(-1, plan.folds * plan.lanes)[:, : plan.neurons]


def active_network(seed: int, sizes: list[int], **options: Any) -> QuantizedNetwork:
    """The first random network from ``seed`` on in which some neurons of each group fire, not all always."""
    for number in range(seed, seed + 200):
        network = random_network(np.random.default_rng(number), sizes, **options)
        inputs = random_input(np.random.default_rng(9), network, 6, 2, rate=0.35)
        rates = [s.mean() for s in run_clocked(network, inputs).spikes.values()]
        if all(0.05 < rate < 0.8 for rate in rates):
            return network
    raise AssertionError(f"no network of {sizes} fires with {options}")


def check_group(
    network: QuantizedNetwork, lanes: int, pace: Pace, *, steps: int = 6, samples: int = 2
) -> None:
    """Drive one group alone and compare everything."""
    rng = np.random.default_rng(9)
    inputs = random_input(rng, network, steps, samples, rate=0.35)
    golden = run_clocked(network, inputs, record=["g1"])
    plan = make_plan(network, PlanOptions(lanes=[lanes])).groups[0]
    dut = NeuronGroup(plan, trace=True)
    chance = random.Random(4)
    sent: list[Word] = []
    wanted: list[Word] = []
    for sample in range(samples):
        sent += shuffled(sample_words(inputs[:, sample]), chance)
        wanted += sample_words(golden.spikes["g1"][:, sample])
    traced: list[tuple[int, list[int]]] = []
    watch = tracer(dut.trace, plan, traced)
    (words,) = exchange(dut, [(dut.i, aer(sent, plan.sources))], [(dut.o, len(wanted))], pace, watch=watch)
    assert from_aer(words, plan.neurons) == wanted
    # (time, sample, neuron) -> (sample, time) flattened, as the stream runs.
    expected = golden.potentials["g1"].transpose(1, 0, 2).reshape(steps * samples, -1)
    assert np.array_equal(potentials(traced, plan), expected)
    assert golden.spikes["g1"].any()


@pytest.mark.parametrize("kind", RESETS)
@pytest.mark.parametrize("folds", [1, 2, 3, 8])
def test_group_equals_golden(kind: tuple, folds: int) -> None:
    for index, (decay, clamped) in enumerate(
        [((3, 4), False), (None, True), ((1, 0), False), ((201, 8), True)]
    ):
        # Padded in the last fold, but for one fold and one lane.
        neurons, lanes = {1: (3, 3), 2: (5, 3), 3: (8, 3), 8: (8, 1)}[folds]
        network = active_network(
            1000 * folds + index,
            [4, neurons],
            weight_bits=3 + index,
            reset=kind[0],
            reset_delay=kind[1],
            leak=decay,
            clamped=clamped,
            fractional_bits=index,
            threshold_span=8,
            uniform=index == 0,
        )
        check_group(network, lanes, PACES[index])


@pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])
@pytest.mark.parametrize(("sources", "neurons", "lanes"), [(1, 1, 1), (1, 4, 2), (9, 2, 1), (5, 12, 12)])
def test_group_sizes(sources: int, neurons: int, lanes: int, pace: Pace) -> None:
    network = active_network(
        sources + neurons, [sources, neurons], weight_bits=5, threshold_span=4, bias_span=3
    )
    check_group(network, lanes, pace, steps=10, samples=3)


def test_neurons_that_all_fire_every_step() -> None:
    network = random_network(np.random.default_rng(2), [2, 7], bias_span=0)
    group = network.groups[0]
    network = replace(network, groups=(replace(group, bias=group.threshold.copy(), v_bits=group.v_bits + 2),))
    for pace in PACES:
        check_group(network, 3, pace)


@pytest.mark.parametrize("folds", [1, 2, 3, 8])
def test_power_up_contents_do_not_matter(folds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block RAM may hold anything: the silent first sweep sets every potential."""
    chance = random.Random(folds)
    filled: list[int] = []

    class Noisy(neuron_memory.memory.Memory):
        def __init__(self, *, shape: int, depth: int, init: list[int], **rest: Any) -> None:
            # ROMs come with contents, the neuron memory without.
            if not init:
                init = [chance.getrandbits(shape) for _ in range(depth)]
                filled.append(depth)
            super().__init__(shape=shape, depth=depth, init=init, **rest)

    source = types.SimpleNamespace(Memory=Noisy)
    monkeypatch.setattr(neuron_memory, "memory", source)
    network = active_network(folds, [4, 2 * folds], bias_span=3)
    check_group(network, 2, Pace())
    assert filled == ([folds] if folds > 1 else [])


class Cycles:
    """When words moved on a group's ports; a monitor."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self.taken: list[int] = []
        self.given: list[int] = []
        self.offered: list[int] = []

    async def watch(self, ctx: Any) -> None:
        cycle = 0
        dut = self._dut
        while True:
            _, _, valid, ready, out = await ctx.tick().sample(
                dut.i.valid, dut.i.ready, dut.o.valid & dut.o.ready
            )
            if valid:
                self.offered.append(cycle)
            if valid and ready:
                self.taken.append(cycle)
            if out:
                self.given.append(cycle)
            cycle += 1


def silent_plan(folds: int, lanes: int = 2) -> GroupPlan:
    """A group whose thresholds are never reached in a few steps."""
    network = random_network(np.random.default_rng(0), [3, folds * lanes], bias_span=0)
    group = network.groups[0]
    high = np.full(group.size, 2 ** (group.v_bits + 3) - 1)
    network = replace(network, groups=(replace(group, threshold=high, v_bits=group.v_bits + 4),))
    return make_plan(network, PlanOptions(lanes=[lanes])).groups[0]


@pytest.mark.parametrize("folds", [1, 2, 3, 8])
def test_documented_cycles_of_a_silent_group(folds: int) -> None:
    plan = silent_plan(folds)
    dut = NeuronGroup(plan)
    words = [
        Word(False, 0),
        Word(False, 1),
        Word(False, 2),
        Word(True, 0),
        Word(False, 1),
        Word(True, 0),
        Word(True, 1),
    ]
    cycles = Cycles(dut)
    exchange(dut, [(dut.i, aer(words, 3))], [(dut.o, 3)], Pace(), watch=cycles.watch)
    taken = cycles.taken
    # The silent sweep after reset, then an event every ``folds`` cycles.
    start = folds + NeuronGroup.OVERHEAD
    assert taken[:3] == [start + folds - 1, start + 2 * folds - 1, start + 3 * folds - 1]
    # A tick is taken ``folds`` cycles after it was first shown; the next event waits for the drain.
    assert taken[3] - taken[2] == folds
    assert taken[4] - taken[3] == NeuronGroup.OVERHEAD + folds
    assert taken[6] - taken[5] == NeuronGroup.OVERHEAD + folds
    # Offered ``folds + 2`` cycles after it was first shown, in the cycle after the last event.
    assert cycles.given[0] - (taken[2] + 1) == folds + 2
    assert cycles.given[1] - (taken[4] + 1) == folds + 2


@pytest.mark.parametrize("folds", [1, 2, 3])
@pytest.mark.parametrize("spikes", [1, 2, 4])
def test_documented_cycles_of_a_tick_with_spikes(folds: int, spikes: int) -> None:
    """``spikes`` neurons fire in every fold, all output taken at once."""
    network = random_network(np.random.default_rng(0), [3, folds * 4], bias_span=0, reset="value")
    group = network.groups[0]
    firing = np.tile(np.arange(4) < spikes, folds)
    bias = np.where(firing, group.threshold, 0)
    network = replace(network, groups=(replace(group, bias=bias, reset_value=np.zeros_like(bias)),))
    plan = make_plan(network, PlanOptions(lanes=[4])).groups[0]
    dut = NeuronGroup(plan)
    cycles = Cycles(dut)
    words = [Word(True, 0)] * 6
    exchange(dut, [(dut.i, aer(words, 3))], [(dut.o, 6 * (folds * spikes + 1))], Pace(), watch=cycles.watch)
    periods = np.diff(cycles.taken)
    wanted = tick_cycles(folds, spikes)
    assert set(periods[1:].tolist()) == {wanted}


def tick_cycles(folds: int, spikes: int) -> int:
    """The documented cycles of a tick when every fold fires ``spikes`` times."""
    return folds + NeuronGroup.OVERHEAD + folds * (spikes - 1) + 1


def run_network(
    network: QuantizedNetwork, options: PlanOptions, pace: Pace, steps: int, samples: int
) -> None:
    """The whole network against golden, traces of all groups included."""
    rng = np.random.default_rng(12)
    inputs = random_input(rng, network, steps, samples, rate=0.4)
    names = [g.name for g in network.groups]
    golden = run_clocked(network, inputs, record=names)
    plan: HardwarePlan = make_plan(network, options)
    dut = SpikingNetwork(plan, trace=True)
    sent: list[Word] = []
    wanted: list[Word] = []
    for sample in range(samples):
        sent += sample_words(inputs[:, sample])
        wanted += sample_words(golden.spikes[network.output][:, sample])
    traced: dict[str, list[tuple[int, list[int]]]] = {g.name: [] for g in plan.groups}
    monitors = [(getattr(dut, f"trace_{g.name}"), g, traced[g.name]) for g in plan.groups]

    async def watch(ctx: Any) -> None:
        signals = [s for port, _, _ in monitors for s in (port.valid, port.fold, port.v)]
        while True:
            _, _, *values = await ctx.tick().sample(*signals)
            for index, (_, group, into) in enumerate(monitors):
                valid, fold, word = values[3 * index : 3 * index + 3]
                if valid:
                    fields = [
                        int(word) >> (k * group.v_bits) & (2**group.v_bits - 1) for k in range(group.lanes)
                    ]
                    into.append((int(fold), [f - (f >> (group.v_bits - 1) << group.v_bits) for f in fields]))

    puts = [(dut.i, aer(sent, plan.input_size))]
    (words,) = exchange(dut, puts, [(dut.o, len(wanted))], pace, watch=watch, limit=20_000)
    assert from_aer(words, plan.output_size) == wanted
    for group in plan.groups:
        expected = golden.potentials[group.group].transpose(1, 0, 2).reshape(steps * samples, -1)
        assert np.array_equal(potentials(traced[group.name], group), expected)


Maker = Callable[[int], QuantizedNetwork]
NETWORKS: list[tuple[Maker, PlanOptions]] = [
    (lambda seed: active_network(seed, [5, 6, 3]), PlanOptions(lanes=[2], buffer_depth=1)),
    (
        lambda seed: active_network(seed, [3, 4, 5, 2], reset_delay=True),
        PlanOptions(lanes=[1, 5, 2], buffer_depth=2),
    ),
    (
        lambda seed: active_network(seed, [4, 5, 3], skips=[(0, 2)], reset="value"),
        PlanOptions(lanes=[2], buffer_depth=1),
    ),
    (
        lambda seed: active_network(seed, [3, 4, 3, 4], skips=[(0, 2), (0, 3), (1, 3)], clamped=True),
        PlanOptions(lanes=[3], buffer_depth=3),
    ),
    (lambda seed: active_network(seed, [4, 5], skips=[(0, 1)]), PlanOptions(lanes=[2], buffer_depth=1)),
]


@pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])
@pytest.mark.parametrize("case", range(len(NETWORKS)))
def test_network_equals_golden(case: int, pace: Pace) -> None:
    make, options = NETWORKS[case]
    run_network(make(1000 * case), options, pace, steps=6, samples=2)
