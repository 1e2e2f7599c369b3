"""Whole networks of every feature in Amaranth's simulator: every spike and potential is golden's."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.plan import GroupPlan
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.rtl.network import SpikingNetwork
from tests.support.sample_words import by_step, packed
from tests.support.streams import PACES, Pace, exchange
from tests.support.wide_designs import random_case, random_lanes
from tests.support.wide_networks import FEATURES


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


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature(feature: str) -> None:
    seed = 0
    while (made := random_case(seed, [feature, "plain"], False, False)) is None:
        seed += 1
    network, inputs = made
    for pace in (PACES[0], PACES[3]):
        compare(network, random_lanes(seed, network), pace, inputs)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3),
    loops=st.booleans(),
    delays=st.booleans(),
    pace=st.sampled_from(PACES),
)
def test_random_networks(seed: int, features: list[str], loops: bool, delays: bool, pace: Pace) -> None:
    made = random_case(seed, features, loops, delays)
    if made is not None:
        compare(made[0], random_lanes(seed, made[0]), pace, made[1])
