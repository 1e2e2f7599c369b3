"""Whole networks of every feature in Amaranth's simulator: every spike and potential is golden's."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden import run_clocked
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.host.stream_words import pack_events, pack_tick
from qsnn_hw.plan import AddressSpace, GroupPlan, HardwarePlan
from qsnn_hw.plan.group_plan import Accumulators
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.support.errors import UserError
from tests.support.streams import PACES, Pace, exchange
from tests.support.wide_networks import FEATURES, random_network


def packed(spikes: np.ndarray, space: AddressSpace, slots: int, rng: np.random.Generator) -> list[int]:
    """The words of one sample, events of a step in random order; ``spikes`` (time, neuron) are counts."""
    addresses = space.addresses()
    words = []
    for step, row in enumerate(spikes):
        events = np.repeat(addresses, row)
        rng.shuffle(events)
        queues: list[list[int]] = [[] for _ in range(slots)]
        for event in events.tolist():
            queues[event % slots].append(event)
        while any(queues):
            words.append(pack_events([queue.pop() for queue in queues if queue], space.size, slots))
        words.append(pack_tick(step == len(spikes) - 1, space.size, slots))
    return words


def by_step(words: list[int], plan: HardwarePlan) -> list[tuple[Counter[int], int]]:
    """(events, last) of every step of the output stream."""
    assert plan.output_lanes == 1
    bits = address_bits(plan.output_size)
    found, events = [], Counter[int]()
    for word in words:
        address = word & ((1 << bits) - 1)
        if word >> bits:
            found.append((events, address))
            events = Counter()
        else:
            events[address] += 1
    assert not events
    return found


def potentials(traced: list[tuple[int, int]], plan: GroupPlan) -> np.ndarray:
    """Trace words as potentials, shape (steps, neurons)."""
    assert [row for row, _ in traced] == list(range(plan.update_rows)) * (len(traced) // plan.update_rows)
    mask, sign = (1 << plan.neuron.v_bits) - 1, 1 << (plan.neuron.v_bits - 1)
    values = [
        ((word >> (lane * plan.neuron.v_bits) & mask) ^ sign) - sign
        for _, word in traced
        for lane in range(plan.update_lanes)
    ]
    slots = np.array(values, dtype=np.int64).reshape(-1, plan.slots)
    found = np.zeros((slots.shape[0], plan.neurons), dtype=np.int64)
    used = plan.neuron_of_slot >= 0
    found[:, plan.neuron_of_slot[used]] = slots[:, used]
    return found


def compare(network: QuantizedNetwork, options: PlanOptions, pace: Pace, inputs: np.ndarray) -> None:
    """The network in hardware against golden on ``inputs``, shape (time, sample, ...)."""
    rng = np.random.default_rng(pace.seed)
    steps, samples = inputs.shape[:2]
    golden = run_clocked(network, inputs, record=[g.name for g in network.groups])
    plan = make_plan(network, options)
    dut = SpikingNetwork(plan, trace=True)
    flat = inputs.reshape(steps, samples, -1)
    sent = [
        word
        for sample in range(samples)
        for word in packed(flat[:, sample], plan.input_space, plan.input_lanes, rng)
    ]
    out = golden.spikes[network.output]
    addresses = plan.output_space.addresses().tolist()
    wanted = [
        (
            Counter({a: int(n) for a, n in zip(addresses, out[step, sample], strict=True) if n}),
            int(step == steps - 1),
        )
        for sample in range(samples)
        for step in range(steps)
    ]
    count = int(out.sum(dtype=np.int64)) + steps * samples
    traced: dict[str, list[tuple[int, int]]] = {g.name: [] for g in plan.groups}
    ports = [(getattr(dut, f"trace_{g.name}"), traced[g.name]) for g in plan.groups]

    async def watch(ctx: Any) -> None:
        signals = [s for port, _ in ports for s in (port.valid, port.row, port.v)]
        while True:
            _, _, *values = await ctx.tick().sample(*signals)
            for index, (_, into) in enumerate(ports):
                valid, row, word = values[3 * index : 3 * index + 3]
                if valid:
                    into.append((int(row), int(word)))

    # A group that nobody hears may end after the output has.
    (words,) = exchange(dut, [(dut.i, sent)], [(dut.o, count)], pace, watch=watch, limit=40_000, tail=300)
    for group in plan.groups:
        expected = golden.potentials[group.group].transpose(1, 0, 2).reshape(steps * samples, -1)
        got = potentials(traced[group.name], group)
        assert got.shape == expected.shape
        different = np.argwhere(got != expected)
        assert not different.size, (
            f"{group.group}: step {different[0][0]}, neuron {different[0][1]}: "
            f"{got[tuple(different[0])]} instead of {expected[tuple(different[0])]}"
        )
    assert by_step(words, plan) == wanted


def make(
    seed: int, features: list[str], loops: bool, delays: bool
) -> tuple[QuantizedNetwork, np.ndarray] | None:
    """A random network that can be quantized, and input for it."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, features, loops, delays)
    most = int(rng.integers(1, 3))
    options = QuantizeOptions(
        weight_bits=int(rng.integers(3, 7)), fractional_bits=int(rng.integers(0, 3)), input_max=most
    )
    try:
        quantized = quantize(network, options)
    except UserError:
        return None
    shape = (4, 2, *network.input_shape)
    inputs = (rng.integers(1, most + 1, shape) * (rng.random(shape) < 0.4)).astype(np.uint8)
    return quantized, inputs


def shapes(seed: int, network: QuantizedNetwork) -> PlanOptions:
    """Random lanes of all kinds that every group of the network can have."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        lanes, update, events = [], [], []
        styles: list[Accumulators] = []
        for group in network.groups:
            registers = rng.random() < 0.4
            lanes.append(group.size if registers else int(rng.integers(1, group.size + 1)))
            styles.append("registers" if registers else "memory")
            update.append(int(rng.integers(1, 5)))
            events.append(int(rng.choice([1, 1, 2, 4])))
        # ECP5 plans have registers behind block RAM, others not.
        limits = load_board("ulx3s-85f").limits if rng.random() < 0.5 else None
        options = PlanOptions(
            lanes, update, events, styles, buffer_depth=int(rng.integers(1, 4)), limits=limits
        )
        try:
            make_plan(network, options)
        except UserError:
            continue
        return options
    return PlanOptions(lanes=[2])


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature(feature: str) -> None:
    seed = 0
    while (made := make(seed, [feature, "plain"], False, False)) is None:
        seed += 1
    network, inputs = made
    for pace in (PACES[0], PACES[3]):
        compare(network, shapes(seed, network), pace, inputs)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3),
    loops=st.booleans(),
    delays=st.booleans(),
    pace=st.sampled_from(PACES),
)
def test_random_networks(seed: int, features: list[str], loops: bool, delays: bool, pace: Pace) -> None:
    made = make(seed, features, loops, delays)
    if made is not None:
        compare(made[0], shapes(seed, made[0]), pace, made[1])
