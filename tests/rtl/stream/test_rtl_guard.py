"""Addresses that nobody has: they change nothing, are counted, and stop nobody."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.golden import run_clocked
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.host.stream_words import pack_events, pack_tick, slot_bits, tick_bit, unpack_words
from qsnn_hw.plan import AddressSpace
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.stream.address_guard import AddressGuard, known_address
from tests.support.sample_words import by_step, packed
from tests.support.stray import CASES, plan_of, stray_payloads, with_strays
from tests.support.streams import PACES, Pace, exchange
from tests.support.thinned import slow

SHAPES = st.one_of(
    st.tuples(st.integers(1, 40)), st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
)


@given(SHAPES, st.integers(0, 2))
def test_known_addresses_are_those_of_the_space(shape: tuple[int, ...], wider: int) -> None:
    space = AddressSpace(shape)
    address = Signal(address_bits(space.size) + wider)
    m, known = Module(), Signal()
    m.d.comb += known.eq(known_address(space, address))
    found = []

    async def bench(ctx: Any) -> None:
        for code in range(1 << len(address)):
            ctx.set(address, code)
            await ctx.delay(1e-9)
            if ctx.get(known):
                found.append(code)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == sorted(space.addresses().tolist())


def bad_words(dut: Any, seen: list[int]) -> Any:
    async def watch(ctx: Any) -> None:
        while True:
            _, _, value = await ctx.tick().sample(dut.bad_words)
            seen.append(int(value))

    return watch


def kept(payload: int, space: AddressSpace, slots: int) -> int | None:
    """What must be left of a word."""
    if payload >> tick_bit(space.size, slots):
        return payload
    events = [word.address for word in unpack_words([payload], space.size, slots)]
    events = [event for event in events if event in set(space.addresses().tolist())]
    return pack_events(events, space.size, slots) if events else None


@pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])
@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("shape", [(11,), (5,), (1,), (3, 3, 5), (3, 1, 2)])
def test_guard_leaves_out_and_counts(shape: tuple[int, ...], slots: int, pace: Pace) -> None:
    space = AddressSpace(shape)
    rng = np.random.default_rng(slots)
    addresses = space.addresses().tolist()
    sent = [pack_events([int(rng.choice(addresses))], space.size, slots) for _ in range(20)]
    sent = [word for k in range(20) for word in (sent[k], pack_tick(k % 5 == 4, space.size, slots))]
    sent, bad = with_strays(sent, space, slots, rng)
    wanted = [word for word in (kept(word, space, slots) for word in sent) if word is not None]
    assert len(wanted) < len(sent)
    guard = AddressGuard(space, slots)
    seen: list[int] = []
    (received,) = exchange(
        guard, [(guard.i, sent)], [(guard.o, len(wanted))], pace, watch=bad_words(guard, seen)
    )
    # The fields of slots without an event mean nothing.
    assert [kept(word, space, slots) for word in received] == wanted
    assert seen[-1] == bad


def test_counter_stays_at_its_highest_value() -> None:
    space = AddressSpace((5,))
    guard = AddressGuard(space)
    seen: list[int] = []
    sent = [6] * 300 + [4]
    (received,) = exchange(guard, [(guard.i, sent)], [(guard.o, 1)], Pace(), watch=bad_words(guard, seen))
    assert received == [4]
    assert seen[-1] == 255


@pytest.mark.parametrize(("shape", "slots"), [((8,), 1), ((64,), 4), ((2, 4, 8), 1)])
def test_a_guard_without_work_is_wires(shape: tuple[int, ...], slots: int) -> None:
    space = AddressSpace(shape)
    assert not stray_payloads(space, slots)
    guard = AddressGuard(space, slots)
    words = list(range(1 << slot_bits(space.size, slots)))
    (received,) = exchange(guard, [(guard.i, words)], [(guard.o, len(words))], Pace())
    assert received == words


@pytest.mark.parametrize("pace", [slow(PACES[0]), PACES[3]], ids=["full", "both"])
@pytest.mark.parametrize("case", CASES)
def test_network_answers_as_if_they_had_not_come(case: str, pace: Pace) -> None:
    network, plan = plan_of(case)
    rng = np.random.default_rng(3)
    inputs = (rng.random((4, 2, *plan.input_space.shape)) < 0.4).astype(np.uint8)
    golden = run_clocked(network, inputs).spikes[network.output]
    assert golden.any()
    flat = inputs.reshape(4, 2, -1)
    sent = [w for s in range(2) for w in packed(flat[:, s], plan.input_space, plan.input_lanes, rng)]
    clean = list(sent)
    sent, bad = with_strays(sent, plan.input_space, plan.input_lanes, rng)
    assert bad > 5
    count = int(golden.sum()) + 8
    answers = []
    for words in (clean, sent):
        dut: Any = SpikingNetwork(plan)
        seen: list[int] = []
        (received,) = exchange(
            dut, [(dut.i, words)], [(dut.o, count)], pace, watch=bad_words(dut, seen), tail=100
        )
        answers.append(by_step(received, plan))
        assert seen[-1] == (bad if words is sent else 0)
    assert answers[0] == answers[1]
    spikes = [sum(events.values()) for events, _ in answers[0]]
    assert spikes == golden.transpose(1, 0, 2).sum(axis=2).reshape(-1).tolist()
