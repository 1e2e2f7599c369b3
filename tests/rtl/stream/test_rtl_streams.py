# amaranth: UnusedElaboratable=no
"""Encoder, buffer, multicast, merge and router: every word once, in order, at every pace."""

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from qsnn_hw.host.protocol import Word, address_bits
from qsnn_hw.rtl.group.encoder import FiredLayout, SpikeEncoder
from qsnn_hw.rtl.stream.aer import AerLayout, aer_signature
from qsnn_hw.rtl.stream.router import AerRouter, ElasticBuffer, Multicast, TickMerge
from tests.support.streams import PACES, Pace, aer, clocked, exchange, from_aer, transfers

paces = pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])


def numbers(count: int, bits: int, seed: int = 0) -> list[int]:
    chance = random.Random(seed)
    return [chance.getrandbits(bits) for _ in range(count)]


def fired_word(neurons: int, lanes: int, mask: int, base: int, tick: bool, last: bool) -> int:
    bits = address_bits(neurons)
    return mask | base << lanes | int(tick) << (lanes + bits) | int(last) << (lanes + bits + 1)


@paces
@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize(("neurons", "lanes"), [(1, 1), (2, 1), (5, 2), (8, 8), (11, 4), (40, 33)])
def test_encoder(neurons: int, lanes: int, spare: bool, pace: Pace) -> None:
    chance = random.Random(neurons)
    folds = -(-neurons // lanes)
    masks, wanted = [], []
    for step in range(12):
        density = chance.choice([0.0, 0.2, 1.0])
        for fold in range(folds):
            base = fold * lanes
            mask = sum(1 << k for k in range(min(lanes, neurons - base)) if chance.random() < density)
            final, last = fold == folds - 1, step % 5 == 4
            masks.append(fired_word(neurons, lanes, mask, base, final, last))
            wanted += [Word(False, base + k) for k in range(lanes) if mask >> k & 1]
            if final:
                wanted.append(Word(True, int(last)))
    dut = SpikeEncoder(neurons, lanes, spare=spare)
    (words,) = exchange(dut, [(dut.i, masks)], [(dut.o, len(wanted))], pace)
    assert from_aer(words, neurons) == wanted


@pytest.mark.parametrize("spare", [False, True])
def test_encoder_takes_one_cycle_a_word(spare: bool) -> None:
    dut = SpikeEncoder(8, 4, spare=spare)
    words = [
        fired_word(8, 4, mask, base, tick, False)
        for mask, base, tick in [(5, 0, 0), (0, 4, 1), (0, 0, 0), (15, 4, 1)]
    ]
    cycles: list[int] = []

    watch = transfers((dut.o, cycles))
    exchange(dut, [(dut.i, words)], [(dut.o, 8)], Pace(), watch=watch)
    # The empty mask without a tick costs its own cycle only where nothing hides it: in front of an
    # idle output.
    assert [c - cycles[0] for c in cycles] == [0, 1, 2, 4, 5, 6, 7, 8]


@paces
@pytest.mark.parametrize("depth", [1, 2, 3, 16])
@pytest.mark.parametrize("size", [1, 2, 300])
def test_buffer(depth: int, size: int, pace: Pace) -> None:
    layout = AerLayout(size)
    dut = ElasticBuffer(layout, depth)
    words = numbers(50, layout.size)
    assert exchange(dut, [(dut.i, words)], [(dut.o, 50)], pace) == [words]


@paces
def test_a_buffer_that_rests_gives_the_same_and_keeps_its_words_still(pace: Pace) -> None:
    layout = AerLayout(300)
    dut = ElasticBuffer(layout, 2, rests=True)
    words = numbers(50, layout.size)
    assert exchange(dut, [(dut.i, words)], [(dut.o, 50)], pace) == [words]
    idle = ElasticBuffer(layout, 2, rests=True)
    shown: list[int] = []

    async def bench(ctx: Any) -> None:
        # Payloads without valid, and nobody who minds.
        for payload in words:
            ctx.set(idle.i.payload.as_value(), payload)
            await ctx.tick()
            shown.append(ctx.get(idle.o.payload.as_value()))

    simulator = clocked(idle)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(set(shown)) == 1


@paces
def test_an_encoder_that_rests_gives_the_same(pace: Pace) -> None:
    masks = [
        fired_word(8, 4, mask, base, base == 4, False) for mask in (0, 5, 15, 0, 0, 9) for base in (0, 4)
    ]
    wanted: list[Word] = []
    for mask in (0, 5, 15, 0, 0, 9):
        wanted += [Word(False, base + k) for base in (0, 4) for k in range(4) if mask >> k & 1]
        wanted.append(Word(True, 0))
    dut = SpikeEncoder(8, 4, rests=True)
    (words,) = exchange(dut, [(dut.i, masks)], [(dut.o, len(wanted))], pace)
    assert from_aer(words, 8) == wanted


@pytest.mark.parametrize(("depth", "latency", "period"), [(1, 1, 2), (2, 1, 1), (3, 2, 1), (16, 2, 1)])
def test_buffer_latency_throughput_and_capacity(depth: int, latency: int, period: int) -> None:
    dut = ElasticBuffer(AerLayout(16), depth)
    inward: list[int] = []
    outward: list[int] = []

    watch = transfers((dut.i, inward), (dut.o, outward))
    exchange(dut, [(dut.i, numbers(40, 5))], [(dut.o, 40)], Pace(), watch=watch)
    assert outward[0] - inward[0] == latency
    assert outward[-1] - outward[-11] == 10 * period
    # A receiver that never takes: the buffer holds exactly its depth.
    blocked = ElasticBuffer(AerLayout(16), depth)
    inward.clear()

    async def count(ctx: Any) -> None:
        while True:
            _, _, into = await ctx.tick().sample(blocked.i.valid & blocked.i.ready)
            inward.extend([0] if into else [])

    with pytest.raises(TimeoutError, match=r"after 60 cycles 0 of 40 words had come"):
        exchange(
            blocked, [(blocked.i, numbers(40, 5))], [(blocked.o, 40)], Pace(stall=1.1), watch=count, limit=60
        )
    assert len(inward) == depth


@paces
@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_multicast(outputs: int, pace: Pace) -> None:
    dut = Multicast(AerLayout(9), outputs)
    words = numbers(40, 5)
    received = exchange(dut, [(dut.i, words)], [(o, 40) for o in dut.o], pace)
    assert received == [words] * outputs


def source_words(chance: random.Random, size: int, steps: int) -> list[Word]:
    """A source's stream: random events, the last tick marked."""
    words = []
    for step in range(steps):
        words += [Word(False, chance.randrange(size)) for _ in range(chance.choice([0, 0, 1, 3, 6]))]
        words.append(Word(True, int(step == steps - 1)))
    return words


def steps_of(words: Sequence[Word]) -> list[list[int]]:
    """Events between ticks."""
    steps: list[list[int]] = [[]]
    for word in words:
        if word.tick:
            steps.append([])
        else:
            steps[-1].append(word.address)
    assert steps[-1] == [], "events after the last tick"
    return steps[:-1]


def check_merged(
    out: Sequence[Word], sources: Sequence[Sequence[Word]], offsets: Sequence[int], sizes: Sequence[int]
) -> None:
    """Each step holds exactly every source's events, each source's in its own order."""
    merged = steps_of(out)
    split = [steps_of(source) for source in sources]
    assert len(merged) == len(split[0])
    for step, events in enumerate(merged):
        assert len(events) == sum(len(s[step]) for s in split)
        for own, offset, size in zip(split, offsets, sizes, strict=True):
            mine = [e - offset for e in events if offset <= e < offset + size]
            assert mine == own[step]
    assert [w.address for w in out if w.tick] == [w.address for w in sources[0] if w.tick]


@paces
@pytest.mark.parametrize("sizes", [[1], [4], [3, 5], [2, 9, 1]])
def test_merge(sizes: list[int], pace: Pace) -> None:
    chance = random.Random(5)
    offsets = [sum(sizes[:k]) for k in range(len(sizes))]
    total = sum(sizes)
    sources = [source_words(chance, size, 8) for size in sizes]
    dut = TickMerge(sizes, offsets, total)
    puts = [(getattr(dut, f"i{k}"), aer(words, sizes[k])) for k, words in enumerate(sources)]
    count = sum(len(s) for s in sources) - (len(sizes) - 1) * 8
    (received,) = exchange(dut, puts, [(dut.o, count)], pace)
    check_merged(from_aer(received, total), sources, offsets, sizes)


class TwoPaces(wiring.Component):
    """A merge whose second input starts long after its first."""

    def __init__(self) -> None:
        super().__init__({"o": Out(aer_signature(4)), "waited": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.merge = merge = TickMerge([2, 2], [0, 2], 4)
        wiring.connect(m, merge.o, wiring.flipped(self.o))
        count = Signal(6)
        m.d.sync += count.eq(count + ~count.all())
        m.d.comb += [
            merge.i0.valid.eq(1),
            merge.i0.payload.tick.eq(1),
            merge.i1.valid.eq(count.all()),
            merge.i1.payload.tick.eq(1),
            self.waited.eq(count.all()),
        ]
        return m


def test_merge_holds_a_tick_back() -> None:
    dut = TwoPaces()

    async def watch(ctx: Any) -> None:
        while True:
            _, _, valid, waited = await ctx.tick().sample(dut.o.valid, dut.waited)
            assert valid == waited

    (words,) = exchange(dut, [], [(dut.o, 3)], Pace(), watch=watch, tail=0)
    assert from_aer(words, 4) == [Word(True, 0)] * 3


def random_routes(chance: random.Random) -> tuple[list[int], list[int], list[tuple[int, int, int]]]:
    """Sources and destinations with at least one route each; one pair may have two routes."""
    sources = [chance.randint(1, 6) for _ in range(chance.randint(1, 3))]
    count = chance.randint(1, 3)
    inward = [[s for s in range(len(sources)) if chance.random() < 0.6] for _ in range(count)]
    for destination in inward:
        if not destination:
            destination.append(chance.randrange(len(sources)))
    for source in range(len(sources)):
        if all(source not in destination for destination in inward):
            chance.choice(inward).append(source)
    if chance.random() < 0.3:
        inward[0].append(inward[0][0])
    routes = []
    sizes = []
    for index, destination in enumerate(inward):
        offset = 0
        for source in destination:
            routes.append((source, index, offset))
            offset += sources[source]
        sizes.append(offset)
    return sources, sizes, routes


@pytest.mark.parametrize("seed", range(16))
def test_router(seed: int) -> None:
    chance = random.Random(seed)
    sources, destinations, routes = random_routes(chance)
    depth = chance.choice([1, 2, 3, 5])
    pace = PACES[seed % len(PACES)]
    dut = AerRouter(sources, destinations, routes, depth)
    streams = [source_words(chance, size, 5) for size in sources]
    puts = [(getattr(dut, f"i{k}"), aer(words, sources[k])) for k, words in enumerate(streams)]
    inward = [[(s, offset) for s, d, offset in routes if d == k] for k in range(len(destinations))]
    gets = [
        (getattr(dut, f"o{k}"), sum(len(streams[s]) - 5 for s, _ in into) + 5)
        for k, into in enumerate(inward)
    ]
    received = exchange(dut, puts, gets, pace)
    for words, into, size in zip(received, inward, destinations, strict=True):
        check_merged(
            from_aer(words, size),
            [streams[s] for s, _ in into],
            [o for _, o in into],
            [sources[s] for s, _ in into],
        )


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: AerLayout(0), "Number of addresses must be at least 1, not 0"),
        (lambda: ElasticBuffer(AerLayout(4), 0), "Depth must be at least 1, not 0"),
        (lambda: Multicast(AerLayout(4), 0), "Number of outputs must be at least 1, not 0"),
        (lambda: TickMerge([], [], 4), "Sizes and offsets must be as many and at least 1, not [] and []"),
        (
            lambda: TickMerge([1, 2], [0], 4),
            "Sizes and offsets must be as many and at least 1, not [1, 2] and [0]",
        ),
        (lambda: TickMerge([3], [2], 4), "Addresses must lie within 4, not 2 to 4"),
        (lambda: TickMerge([3], [-1], 4), "Addresses must lie within 4, not -1 to 1"),
        (
            lambda: AerRouter([2, 2], [2], [(0, 0, 0)], 2),
            "Every source must have a route, not 1: its stream would block",
        ),
        (
            lambda: AerRouter([2], [2, 2], [(0, 0, 0)], 2),
            "Every destination must have a route, not 1: it would starve",
        ),
    ],
)
def test_constructor_errors(build: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        build()


def test_layouts() -> None:
    assert AerLayout(5).size == 4
    assert AerLayout(1).size == 2
    assert FiredLayout(10, 4).size == 4 + 4 + 2
