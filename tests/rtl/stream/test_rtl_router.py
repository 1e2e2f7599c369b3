# amaranth: UnusedElaboratable=no
"""Wide words, adapters, delays and recurrent routes: whole graphs against a model of time steps."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from amaranth.hdl import Value

from qsnn_hw.host.protocol import address_bits
from qsnn_hw.rtl.stream.lane_adapter import LaneAdapter
from qsnn_hw.rtl.stream.router import AerRouter, RouterRoute, TickMerge
from qsnn_hw.rtl.stream.step_delay import StepDelay, delay_words
from tests.support.streams import PACES, Pace, clocked, exchange, put_all, stream_get, transfers
from tests.support.thinned import slow

paces = pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])

Step = Sequence[int]
"""The addresses of one time step's events."""


def pack(steps: Sequence[Step], size: int, slots: int, chance: random.Random, last: bool = True) -> list[int]:
    """Words of a stream: events fill free slots of the word before or begin a new one, at random."""
    bits = address_bits(-(-size // slots))
    tick = 1 << (bits if slots == 1 else slots * (bits + 1))
    words = []
    for number, events in enumerate(steps):
        open_word: dict[int, int] = {}
        for event in [*events, None]:
            if open_word and (event is None or event % slots in open_word or chance.random() < 0.4):
                word = sum(address << slot * bits for slot, address in open_word.items())
                words.append(
                    word | (sum(1 << slot for slot in open_word) << slots * bits if slots > 1 else 0)
                )
                open_word = {}
            if event is not None:
                open_word[event % slots] = event // slots
        words.append(tick | int(last and number == len(steps) - 1))
    return words


def unpack(words: Sequence[int], size: int, slots: int) -> list[tuple[list[int], int]]:
    """(events, mark of the tick) of each time step."""
    steps: list[tuple[list[int], int]] = []
    events: list[int] = []
    for word in words:
        found, mark = unpack_word(word, size, slots)
        if mark is None:
            events += found
        else:
            steps.append((events, mark))
            events = []
    assert not events, "events behind the last tick"
    return steps


def unpack_word(word: int, size: int, slots: int) -> tuple[list[int], int | None]:
    """Events and None, or nothing and the mark of a tick."""
    bits = address_bits(-(-size // slots))
    fields = [word >> slot * bits & (1 << bits) - 1 for slot in range(slots)]
    present = 1 if slots == 1 else word >> slots * bits & (1 << slots) - 1
    if word >> (bits if slots == 1 else slots * (bits + 1)):
        assert slots == 1 or not present, "a tick with events"
        assert fields[0] <= 1
        assert not any(fields[1:])
        return [], fields[0]
    assert present, "a word without events"
    found = [fields[slot] * slots + slot for slot in range(slots) if present >> slot & 1]
    assert all(address < size for address in found)
    return found, None


def random_steps(chance: random.Random, size: int, steps: int, most: int) -> list[list[int]]:
    """Events of each step, the same address several times now and then."""
    return [
        [chance.randrange(size) for _ in range(chance.choice([0, 0, 1, most, most]))] for _ in range(steps)
    ]


@paces
@pytest.mark.parametrize(
    ("source_size", "source_slots", "offset", "size", "slots"),
    [
        (5, 1, 0, 5, 1),
        (9, 4, 8, 17, 4),
        (5, 1, 3, 8, 4),
        (10, 4, 0, 10, 1),
        (7, 2, 3, 11, 4),
        (9, 4, 2, 13, 4),
    ],
)
def test_adapter(source_size: int, source_slots: int, offset: int, size: int, slots: int, pace: Pace) -> None:
    chance = random.Random(source_size)
    steps = random_steps(chance, source_size, 8, 7)
    words = pack(steps, source_size, source_slots, chance)
    kept = source_slots == slots and offset % slots == 0
    count = len(words) if kept else sum(len(step) for step in steps) + len(steps)
    dut = LaneAdapter(source_size, source_slots, offset, size, slots)
    (received,) = exchange(dut, [(dut.i, words)], [(dut.o, count)], pace)
    found = unpack(received, size, slots)
    assert [sorted(events) for events, _ in found] == [sorted(e + offset for e in step) for step in steps]
    assert [mark for _, mark in found] == [0] * 7 + [1]


@paces
@pytest.mark.parametrize("slots", [2, 4])
def test_wide_merge(slots: int, pace: Pace) -> None:
    chance = random.Random(slots)
    sizes, offsets, size = [7, 6], [0, 8], 14
    sources = [random_steps(chance, own, 8, 6) for own in sizes]
    words = [
        pack(s, own, slots, chance, last=k == 1)
        for k, (s, own) in enumerate(zip(sources, sizes, strict=True))
    ]
    dut = TickMerge(sizes, offsets, size, slots)
    count = sum(len(w) for w in words) - 8
    (received,) = exchange(dut, [(dut.i0, words[0]), (dut.i1, words[1])], [(dut.o, count)], pace)
    found = unpack(received, size, slots)
    assert [sorted(events) for events, _ in found] == [
        sorted([*a, *(e + 8 for e in b)]) for a, b in zip(*sources, strict=True)
    ]
    assert [mark for _, mark in found] == [0] * 7 + [1]


def delayed(samples: Sequence[Sequence[Step]], steps: int, ahead: bool) -> list[tuple[list[int], int]]:
    """What a ``StepDelay`` makes of samples."""
    out: list[tuple[list[int], int]] = [([], 0)] if ahead else []
    for sample in samples:
        for k in range(len(sample)):
            final = k == len(sample) - 1
            step = k + ahead - steps
            events = list(sample[step]) if step >= 0 and not (ahead and final) else []
            out.append((events, int(final and not ahead)))
    return out


@paces
@pytest.mark.parametrize(
    ("steps", "ahead", "slots"), [(1, False, 1), (3, False, 2), (1, True, 1), (2, True, 4), (4, True, 1)]
)
def test_delay(steps: int, ahead: bool, slots: int, pace: Pace) -> None:
    chance = random.Random(steps)
    size, most = 9, 4
    samples = [random_steps(chance, size, length, most) for length in (7, 1, 2, 5, 6)]
    # One event a word, so that the order of what comes out is known.
    words = [word for sample in samples for word in pack(sample, size, slots, AlwaysClose())]
    wanted = delayed(samples, steps, ahead)
    dut = StepDelay(size, slots, steps, delay_words(steps, ahead, most), ahead)
    count = sum(len(events) + 1 for events, _ in wanted)
    (received,) = exchange(dut, [(dut.i, words)], [(dut.o, count)], pace)
    assert unpack(received, size, slots) == wanted


class AlwaysClose(random.Random):
    """Makes ``pack`` put every event into a word of its own."""

    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(("steps", "ahead"), [(2, False), (1, True)])
def test_delay_takes_one_cycle_a_word(steps: int, ahead: bool) -> None:
    chance = random.Random(1)
    samples = [[[chance.randrange(9) for _ in range(4)] for _ in range(12)]]
    words = pack(samples[0], 9, 1, chance)
    wanted = delayed(samples, steps, ahead)
    # With no room beyond the rule's, a full step waits a cycle for the first of the step before to go.
    dut = StepDelay(9, 1, steps, delay_words(steps, ahead, 4) + 1, ahead)
    cycles: list[int] = []

    watch = transfers((dut.o, cycles))
    count = sum(len(events) + 1 for events, _ in wanted)
    exchange(dut, [(dut.i, words)], [(dut.o, count)], Pace(), watch=watch)
    ticks = [cycles[index] for index, word in enumerate(_flat(wanted)) if word]
    # Five words a step go in, so a tick comes out every five cycles.
    assert [b - a for a, b in pairwise(ticks[3:-1])] == [5] * (len(ticks) - 5)


def _flat(steps: Sequence[tuple[list[int], int]]) -> list[bool]:
    """For each word, whether it is a tick."""
    return [word for events, _ in steps for word in [*([False] * len(events)), True]]


def test_delay_holds_the_input_back_rather_than_lose_a_word() -> None:
    # Less room than one step needs: it must block, and not a word may be lost before it does.
    dut = StepDelay(9, 1, 1, 2, False)
    taken: list[int] = []

    async def watch(ctx: Any) -> None:
        while True:
            _, _, moves = await ctx.tick().sample(dut.i.valid & dut.i.ready)
            taken.extend([1] if moves else [])

    with pytest.raises(TimeoutError):
        exchange(dut, [(dut.i, [1, 2, 3, 16])], [(dut.o, 4)], Pace(), watch=watch, limit=60)
    assert len(taken) == dut.capacity == 2


# Whole graphs. Endpoint 0 is the host; the others are groups, played by the test bench.

MOST = 4
"""Events a group emits in a step at most: delays of a power of two of them are filled to the brim."""


@dataclass(frozen=True)
class Graph:
    """Endpoints with sizes and slots, and routes."""

    in_sizes: tuple[int, ...]
    out_sizes: tuple[int, ...]
    in_slots: tuple[int, ...]
    out_slots: tuple[int, ...]
    routes: tuple[RouterRoute, ...]


def route(source: int, destination: int, offset: int, steps: int = 0, ahead: bool = False) -> RouterRoute:
    words = delay_words(steps, ahead, MOST) if steps else 0
    return RouterRoute(source, destination, offset, steps, ahead, words)


def fires(group: int, step: int, events: Step, size: int) -> list[int]:
    """What a group emits: any function of the step's number and the multiset of its events will do."""
    chance = random.Random(f"{group} {step} {sorted(events)}")
    return [chance.randrange(size) for _ in range(chance.choice([0, MOST, MOST, 2]))]


def model(graph: Graph, sample: Sequence[Step]) -> list[list[list[int]]]:
    """For each destination, the sorted events of each step."""
    count = len(graph.in_sizes)
    sent: list[list[Step]] = [[] for _ in range(count)]
    received: list[list[list[int]]] = [[] for _ in range(count)]
    for step, host in enumerate(sample):
        sent[0].append(host)
        # Groups are numbered in topological order of the routes without ahead; the host's side last.
        for index in [*range(1, count), 0]:
            events = []
            for source, destination, offset, steps, _, _ in graph.routes:
                if destination == index and step >= steps:
                    events += [event + offset for event in sent[source][step - steps]]
            received[index].append(sorted(events))
            if index:
                sent[index].append(fires(index, step, events, graph.in_sizes[index]))
    return received


def play(graph: Graph, samples: Sequence[Sequence[Step]], depth: int, pace: Pace) -> list[list[tuple]]:
    """What each destination receives, as (sorted events, mark) of each step."""
    dut = AerRouter(graph.in_sizes, graph.out_sizes, graph.routes, depth, graph.in_slots, graph.out_slots)
    simulator = clocked(dut)
    received: list[list[tuple]] = [[] for _ in graph.out_sizes]
    wanted = sum(len(sample) for sample in samples)

    async def host(ctx: Any) -> None:
        for number, sample in enumerate(samples):
            words = pack(sample, graph.in_sizes[0], graph.in_slots[0], random.Random(number))
            await put_all(ctx, dut.i0, words, pace, number)

    def endpoint(index: int) -> Any:
        async def run(ctx: Any) -> None:
            outward, size, slots = getattr(dut, f"o{index}"), graph.out_sizes[index], graph.out_slots[index]
            chance = random.Random(f"{pace.seed} {index}")
            events: list[int] = []
            step = 0
            while len(received[index]) < wanted:
                while chance.random() < pace.stall:
                    await ctx.tick()
                found, mark = unpack_word(await stream_get(ctx, outward), size, slots)
                events += found
                if mark is None:
                    continue
                received[index].append((sorted(events), mark))
                if index:
                    # As rough as a group may be: nothing is taken before all is sent.
                    fired = fires(index, step, events, graph.in_sizes[index])
                    words = pack([fired], graph.in_sizes[index], graph.in_slots[index], chance, bool(mark))
                    await put_all(ctx, getattr(dut, f"i{index}"), words, pace, 100 * index + step)
                events, step = [], 0 if mark else step + 1

        return run

    simulator.add_testbench(host)
    for index in range(len(graph.out_sizes)):
        simulator.add_testbench(endpoint(index))

    async def timeout(ctx: Any) -> None:
        for _ in range(6_000):
            await ctx.tick()
        raise TimeoutError(f"deadlock: {[len(steps) for steps in received]} of {wanted} steps had come")

    simulator.add_testbench(timeout, background=True)
    simulator.run()
    return received


ONES = (1, 1, 1, 1)

GRAPHS = {
    "chain": Graph((6, 5), (5, 6), (1, 1), (1, 1), (route(0, 1, 0), route(1, 0, 0))),
    "wide chain": Graph((6, 9), (9, 6), (4, 2), (2, 4), (route(0, 1, 0), route(1, 0, 0))),
    "skip over two groups": Graph(
        (6, 5, 4, 3),
        (3, 6, 5, 10),
        ONES,
        ONES,
        (route(0, 1, 0), route(1, 2, 0), route(2, 3, 0), route(0, 3, 4), route(3, 0, 0)),
    ),
    "self loop": Graph(
        (6, 5), (5, 11), (1, 1), (1, 1), (route(0, 1, 0), route(1, 1, 6, 1, True), route(1, 0, 0))
    ),
    "slow self loop, wide": Graph(
        (6, 5), (5, 13), (4, 2), (1, 4), (route(0, 1, 0), route(1, 1, 8, 4, True), route(1, 0, 0))
    ),
    "loop over two groups": Graph(
        (6, 5, 4),
        (4, 10, 5),
        ONES[:3],
        ONES[:3],
        (route(0, 1, 0), route(1, 2, 0), route(2, 1, 6, 2, True), route(2, 0, 0)),
    ),
    "two loops": Graph(
        (6, 5, 4),
        (4, 15, 9),
        ONES[:3],
        ONES[:3],
        (
            *(route(0, 1, 0), route(1, 2, 0), route(2, 1, 6, 1, True)),
            *(route(1, 1, 10, 2, True), route(2, 2, 5, 1, True), route(2, 0, 0)),
        ),
    ),
    "each the other's past": Graph(
        (6, 5, 4),
        (9, 10, 11),
        ONES[:3],
        ONES[:3],
        (
            *(route(0, 1, 0), route(0, 2, 0), route(1, 2, 6, 1, True)),
            *(route(2, 1, 6, 1, True), route(1, 0, 0), route(2, 0, 5)),
        ),
    ),
    "two into one, one to three": Graph(
        (6, 5, 4, 3),
        (3, 6, 6, 15),
        (4, 1, 2, 1),
        (1, 2, 4, 4),
        (route(0, 1, 0), route(0, 2, 0), route(1, 3, 0), route(2, 3, 5), route(0, 3, 9), route(3, 0, 0)),
    ),
    "delay of 3": Graph(
        (4, 5, 4),
        (4, 4, 9),
        ONES[:3],
        ONES[:3],
        (route(0, 1, 0), route(0, 2, 5, 3), route(1, 2, 0), route(2, 0, 0)),
    ),
    "delay and its source's present": Graph(
        (4, 5), (5, 8), (1, 1), (1, 1), (route(0, 1, 0), route(0, 1, 4, 1), route(1, 0, 0, 3))
    ),
    "recurrent delay of 3": Graph(
        (4, 5), (5, 9), (1, 1), (1, 1), (route(0, 1, 0), route(1, 1, 4, 3, True), route(1, 0, 0))
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize(
    ("depth", "pace"), [slow((1, PACES[0])), (1, PACES[3]), slow((1, PACES[1])), (3, PACES[2])], ids=str
)
def test_graph(name: str, depth: int, pace: Pace) -> None:
    graph = GRAPHS[name]
    chance = random.Random(name)
    samples = [random_steps(chance, graph.in_sizes[0], length, MOST) for length in (6, 1, 5)]
    received = play(graph, samples, depth, pace)
    answers = [model(graph, sample) for sample in samples]
    for index, steps in enumerate(received):
        wanted = [
            (events, int(step == len(sample) - 1))
            for sample, answer in zip(samples, answers, strict=True)
            for step, events in enumerate(answer[index])
        ]
        assert steps == wanted, f"destination {index}"


def test_graphs_have_events_on_every_route() -> None:
    """A route that carries nothing would prove nothing."""
    for name, graph in GRAPHS.items():
        chance = random.Random(name)
        sample = random_steps(chance, graph.in_sizes[0], 6, MOST)
        received = model(graph, sample)
        for source, destination, offset, *_ in graph.routes:
            seen = Counter(event for step in received[destination] for event in step)
            assert any(seen[offset + k] for k in range(graph.in_sizes[source])), (name, source, destination)


def test_a_wide_stream_passes_the_router_at_full_rate() -> None:
    dut = AerRouter([16], [16], [(0, 0, 0)], 2, [4], [4])
    words = pack([[*range(16)] * 4], 16, 4, random.Random(1))
    full = [w for w in words for _ in range(3)]
    cycles: list[int] = []

    watch = transfers((dut.o0, cycles))
    (received,) = exchange(dut, [(dut.i0, full)], [(dut.o0, len(full))], Pace(), watch=watch)
    assert received == full
    assert cycles[-1] - cycles[0] == len(full) - 1


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: LaneAdapter(5, 1, 4, 8, 2), "Addresses must lie within 8, not 4 to 8"),
        (lambda: LaneAdapter(5, 1, -1, 8, 2), "Addresses must lie within 8, not -1 to 3"),
        (lambda: StepDelay(5, 1, 0, 4, False), "Delay must be at least 1 time step, not 0"),
        (lambda: StepDelay(5, 1, 1, 0, True), "Number of words held must be at least 1, not 0"),
        (lambda: TickMerge([4], [2], 8, 4), "Offset must be a multiple of 4 slots, not 2"),
        (
            lambda: AerRouter([2], [2], [(0, 0, 0, 1, True, 2)], 1),
            "Every destination must have a route without ahead, not 0: it would never see a last tick",
        ),
        (
            lambda: AerRouter([2], [2], [(0, 0, 0, 0, False, 2)], 1),
            "Route without delay must have neither ahead nor words, not "
            "RouterRoute(source=0, destination=0, offset=0, steps=0, ahead=False, words=2)",
        ),
        (
            lambda: AerRouter([2, 2], [4], [(0, 0, 0), (1, 0, 2)], 1, [1]),
            "Slots must be given for each of the 2 sources, not [1]",
        ),
    ],
)
def test_constructor_errors(build: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        build()


def test_capacity_rule() -> None:
    assert delay_words(1, True, 5) == 5
    assert delay_words(1, False, 5) == 10
    assert delay_words(3, True, 5) == 15
    assert StepDelay(5, 1, 1, 5, True).capacity == 8
    assert len(Value.cast(StepDelay(5, 4, 1, 5, True).i.payload)) == 4 + 4 + 1
