# amaranth: UnusedElaboratable=no
"""Readouts give, sample for sample, the class that their golden twins give."""

import random
import re
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.model.readouts import count_class, first_class, membrane_class
from qsnn_hw.plan.io_plan import ReadoutPlan
from qsnn_hw.rtl.io.readout import ClassLayout, make_readout
from qsnn_hw.rtl.stream.aer import AerLayout
from tests.support.streams import PACES, Pace, clocked, exchange, transfers

paces = pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])


def answers(labels: np.ndarray, silent: np.ndarray, classes: int) -> list[int]:
    layout = ClassLayout(classes)
    return [
        layout.const({"label": int(label), "silent": int(s)}).as_bits()
        for label, s in zip(labels, silent, strict=True)
    ]


def random_spikes(seed: int, steps: int, samples: int, classes: int, density: float) -> np.ndarray:
    chance = np.random.default_rng(seed)
    spikes = (chance.random((steps, samples, classes)) < density) * chance.integers(1, 3, (1, samples, 1))
    # Silent samples, in front and behind others.
    spikes[:, 0 :: max(1, samples // 2)] = 0
    return spikes


def stream_words(spikes: np.ndarray, slots: int, seed: int = 0) -> list[int]:
    """The words of all samples; the order of the events in a step is random."""
    steps, samples, classes = spikes.shape
    layout = AerLayout(classes, slots)
    chance = random.Random(seed)
    sent = []
    for sample in range(samples):
        for step in range(steps):
            events = [c for c in range(classes) for _ in range(int(spikes[step, sample, c]))]
            chance.shuffle(events)
            while events:
                word: dict[str, int] = {} if slots > 1 else {"address": events.pop()}
                # Now and then a word that is not as full as it could be.
                for k in range(slots) if slots > 1 else ():
                    own = [e for e in events if e % slots == k]
                    if own and (not word or chance.random() < 0.8):
                        events.remove(own[0])
                        word |= {f"address{k}": own[0] // slots, "present": word.get("present", 0) | 1 << k}
                sent.append(layout.const(word).as_bits())
            mark = int(step == steps - 1)
            sent.append(layout.const({"tick": 1, "address" if slots == 1 else "address0": mark}).as_bits())
    return sent


def check_spikes(plan: ReadoutPlan, spikes: np.ndarray, pace: Pace) -> None:
    if plan.kind == "count":
        wanted = answers(*count_class(spikes, count_bits=plan.count_bits), plan.classes)
    else:
        wanted = answers(*first_class(spikes), plan.classes)
    dut = make_readout(plan)
    words = stream_words(spikes, plan.slots)
    (got,) = exchange(dut, [(dut.i, words)], [(dut.o, len(wanted))], pace)  # type: ignore[attr-defined]
    assert got == wanted


SPIKE_PLANS = {
    "count": ReadoutPlan("count", 10),
    "count 4 slots": ReadoutPlan("count", 10, slots=4),
    "count saturates": ReadoutPlan("count", 5, slots=2, count_bits=2),
    "count one": ReadoutPlan("count", 1),
    "first": ReadoutPlan("first", 10),
    "first 4 slots": ReadoutPlan("first", 10, slots=4),
    "first early": ReadoutPlan("first", 10, early=True),
    "first early 2 slots": ReadoutPlan("first", 3, slots=2, early=True),
    "first one": ReadoutPlan("first", 1, slots=2),
}


@paces
@pytest.mark.parametrize("name", SPIKE_PLANS)
def test_spike_readout(name: str, pace: Pace) -> None:
    plan = SPIKE_PLANS[name]
    for density in (0.05, 0.9):
        check_spikes(plan, random_spikes(3, 5, 6, plan.classes, density), pace)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_spike_readout(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["count", "first"]))
    own: dict[str, Any] = (
        {"count_bits": data.draw(st.integers(1, 8))}
        if kind == "count"
        else {"early": data.draw(st.booleans())}
    )
    plan = ReadoutPlan(
        kind, data.draw(st.integers(1, 12)), slots=data.draw(st.sampled_from([1, 2, 4])), **own
    )
    density = data.draw(st.sampled_from([0.02, 0.2, 0.9]))
    spikes = random_spikes(
        data.draw(st.integers(0, 999)), data.draw(st.integers(1, 5)), 5, plan.classes, density
    )
    check_spikes(plan, spikes, data.draw(st.sampled_from(PACES)))


@pytest.mark.parametrize(
    ("plan", "latency", "answering"),
    [
        (ReadoutPlan("count", 4), 2, 7),
        (ReadoutPlan("first", 4), 1, 7),
        # The tick of the first step with a spike is word 3.
        (ReadoutPlan("first", 4, early=True), 1, 3),
    ],
)
def test_latency_and_throughput(plan: ReadoutPlan, latency: int, answering: int) -> None:
    spikes = np.zeros((4, 3, 4), dtype=np.uint8)
    spikes[1, :, 2], spikes[2, :, 1], spikes[2, :, 2] = 1, 1, 1
    spikes[3, :, 3] = 1
    dut: Any = make_readout(plan)
    into: list[int] = []
    out: list[int] = []

    watch = transfers((dut.i, into), (dut.o, out))
    words = stream_words(spikes, 1)
    assert len(words) == 24
    (got,) = exchange(dut, [(dut.i, words)], [(dut.o, 3)], Pace(), watch=watch)
    assert got == [2, 2, 2]
    assert into == list(range(into[0], into[0] + 24))
    tick = 2 if answering == 3 else 7
    assert [c - into[0] for c in out] == [8 * sample + tick + latency for sample in range(3)]


def potential_rows(plan: ReadoutPlan, potentials: np.ndarray, seed: int) -> list[tuple[int, int, int]]:
    """(row, bits, last) for every row of every sweep; padding lanes hold anything."""
    steps, samples, classes = potentials.shape
    chance = np.random.default_rng(seed)
    rows = -(-classes // plan.lanes)
    low, high = -(1 << (plan.v_bits - 1)), (1 << (plan.v_bits - 1)) - 1
    sent = []
    for sample in range(samples):
        for step in range(steps):
            padded = chance.integers(low, high + 1, rows * plan.lanes)
            padded[:classes] = potentials[step, sample]
            for row in range(rows):
                bits = 0
                for k, v in enumerate(padded[row * plan.lanes : (row + 1) * plan.lanes].tolist()):
                    bits |= (v & (1 << plan.v_bits) - 1) << (k * plan.v_bits)
                sent.append((row, bits, int(step == steps - 1)))
    return sent


def membrane_run(
    plan: ReadoutPlan, rows: list[tuple[int, int, int]], idle: float, ready: bool = True
) -> tuple[list[tuple[int, int]], list[int], int]:
    """(cycle, word) of every answer, the cycles of rows, and ``lost`` at the end."""
    dut: Any = make_readout(plan)
    got: list[tuple[int, int]] = []
    sent: list[int] = []
    lost = 0
    chance = random.Random(1)

    async def bench(ctx: Any) -> None:
        nonlocal lost
        ctx.set(dut.o.ready, ready)
        queue = list(rows)
        cycle = 0
        while queue or cycle < sent[-1] + 12:
            send = bool(queue) and chance.random() >= idle
            ctx.set(dut.i.valid, send)
            row, bits, last = queue.pop(0) if send else (chance.getrandbits(1), 0, chance.getrandbits(1))
            if send or row < -(-plan.classes // plan.lanes):
                ctx.set(dut.i.row, row)
            ctx.set(dut.i.v, bits)
            ctx.set(dut.i.last, last)
            sent.extend([cycle] if send else [])
            _, _, valid, word = await ctx.tick().sample(dut.o.valid, Value.cast(dut.o.payload))
            if valid:
                got.append((cycle, int(word)))
            cycle += 1
        lost = int(ctx.get(dut.lost))

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()
    return got, sent, lost


def random_potentials(seed: int, plan: ReadoutPlan, steps: int = 3, samples: int = 4) -> np.ndarray:
    chance = np.random.default_rng(seed)
    top = 1 << (plan.v_bits - 1)
    spread = chance.choice([2, top])
    return chance.integers(-min(spread, top), min(spread, top), (steps, samples, plan.classes))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_membrane_readout(data: st.DataObject) -> None:
    plan = ReadoutPlan(
        "membrane",
        data.draw(st.integers(1, 11)),
        lanes=data.draw(st.sampled_from([1, 2, 3, 4, 8])),
        v_bits=data.draw(st.sampled_from([2, 5, 16])),
        every_step=data.draw(st.booleans()),
    )
    seed = data.draw(st.integers(0, 999))
    potentials = random_potentials(seed, plan)
    got, _, lost = membrane_run(
        plan, potential_rows(plan, potentials, seed), data.draw(st.sampled_from([0.0, 0.6]))
    )
    wanted = answers(*membrane_class(potentials, every_step=plan.every_step), plan.classes)
    assert [word for _, word in got] == (wanted if not lost else None)


@pytest.mark.parametrize(("lanes", "latency"), [(1, 3), (2, 3), (4, 4), (8, 5)])
def test_membrane_latency(lanes: int, latency: int) -> None:
    plan = ReadoutPlan("membrane", 8, lanes=lanes, v_bits=6)
    rows = potential_rows(plan, random_potentials(1, plan, samples=1), 1)
    got, sent, _ = membrane_run(plan, rows, 0.0)
    assert got[0][0] - sent[-1] == latency


def test_an_answer_nobody_takes_stays_and_the_next_is_lost() -> None:
    plan = ReadoutPlan("membrane", 4, lanes=2, v_bits=6)
    potentials = np.array([[[0, 9, 2, 3], [9, 0, 2, 3]]])
    got, _, lost = membrane_run(plan, potential_rows(plan, potentials, 1), 0.0, ready=False)
    assert {word for _, word in got} == {1}
    assert lost == 1
    _, _, lost = membrane_run(plan, potential_rows(plan, potentials, 1), 0.0)
    assert lost == 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "vote"}, "Readout must be count, first or membrane, not 'vote'"),
        ({"classes": 0}, "Number of classes must be at least 1, not 0"),
        ({"slots": 6}, "Number of slots must be a power of two, not 6"),
        ({"count_bits": 0}, "Counter width must be at least 1, not 0"),
        ({"early": True}, "Early decision must be False with readout count, not True"),
        ({"lanes": 4}, "Row width must be 1 with readout count, not 4"),
        ({"kind": "membrane", "slots": 2}, "Number of slots must be 1 with readout membrane, not 2"),
        (
            {"kind": "first", "every_step": True},
            "Maximum over every step must be False with readout first, not True",
        ),
    ],
)
def test_a_bad_plan_is_refused(change: dict[str, Any], text: str) -> None:
    arguments: dict[str, Any] = {"kind": "count", "classes": 10}
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        ReadoutPlan(**(arguments | change))
