"""Transactions on streams, so that a test bench reads as lists of words.

Loops here await one tick at a time: Amaranth's ``until`` and ``repeat`` cannot be collected quietly
when a run ends before they do. Words are plain integers (the payload's bits); :func:`aer` makes them
from AER words.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.sim import Simulator

from qsnn_hw.host.protocol import Word, address_bits


@dataclass(frozen=True)
class Pace:
    """How often a sender pauses and a receiver is not ready, as probabilities per cycle."""

    idle: float = 0.0
    stall: float = 0.0
    seed: int = 1


PACES = [Pace(), Pace(idle=0.6), Pace(stall=0.6), Pace(idle=0.4, stall=0.4, seed=2)]
"""Full speed, a slow sender, a slow receiver, both irregular."""


def aer(words: Sequence[Word], size: int) -> list[int]:
    """AER words as payload bits of a stream with ``size`` addresses."""
    bits = address_bits(size)
    return [int(w.tick) << bits | w.address for w in words]


def from_aer(words: Sequence[int], size: int) -> list[Word]:
    """The inverse of :func:`aer`."""
    bits = address_bits(size)
    return [Word(bool(w >> bits), w & ((1 << bits) - 1)) for w in words]


async def stream_put(ctx: Any, stream: Any, word: int) -> None:
    """Offer ``word`` until it is taken."""
    ctx.set(Value.cast(stream.payload), word)
    ctx.set(stream.valid, 1)
    taken = False
    while not taken:
        _, _, taken = await ctx.tick().sample(stream.ready)
    ctx.set(stream.valid, 0)


async def stream_get(ctx: Any, stream: Any) -> int:
    """Take one word."""
    ctx.set(stream.ready, 1)
    valid, word = False, 0
    while not valid:
        _, _, valid, word = await ctx.tick().sample(stream.valid, Value.cast(stream.payload))
    ctx.set(stream.ready, 0)
    return int(word)


async def put_all(ctx: Any, stream: Any, words: Sequence[int], pace: Pace, salt: int = 0) -> None:
    """Send ``words``, pausing at random."""
    chance = random.Random(f"put {pace.seed} {salt}")
    for word in words:
        while chance.random() < pace.idle:
            await ctx.tick()
        await stream_put(ctx, stream, word)


async def take(ctx: Any, stream: Any, into: list[int], count: int, pace: Pace, salt: int = 0) -> None:
    """Collect ``count`` words, refusing at random; fail when an offered word changes."""
    chance = random.Random(f"get {pace.seed} {salt}")
    offered: int | None = None
    while len(into) < count:
        ready = chance.random() >= pace.stall
        ctx.set(stream.ready, ready)
        _, _, valid, word = await ctx.tick().sample(stream.valid, Value.cast(stream.payload))
        if offered is not None:
            assert valid, f"word {offered:#x} was offered, refused and then withdrawn"
            assert word == offered, f"word {offered:#x} became {int(word):#x} while it waited"
        offered = int(word) if valid and not ready else None
        if valid and ready:
            into.append(int(word))
    ctx.set(stream.ready, 1)


def clocked(dut: Any) -> Simulator:
    """A simulator of ``dut`` with a clock, also where ``dut`` itself is combinational."""
    top = Module()
    top.submodules.dut = dut
    alive = Signal()
    top.d.sync += alive.eq(~alive)
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    return simulator


Bench = Callable[[Any], Awaitable[None]]


def transfers(*streams: tuple[Any, list[int]]) -> Bench:
    """A monitor for :func:`exchange`: notes the cycles, from 0, in which each stream hands a word over."""
    moving = [stream.valid & stream.ready for stream, _ in streams]

    async def watch(ctx: Any) -> None:
        cycle = 0
        while True:
            _, _, *moved = await ctx.tick().sample(*moving)
            for (_, cycles), one in zip(streams, moved, strict=True):
                cycles.extend([cycle] if one else [])
            cycle += 1

    return watch


def exchange(
    dut: Any,
    puts: Sequence[tuple[Any, Sequence[int]]],
    gets: Sequence[tuple[Any, int]],
    pace: Pace,
    *,
    watch: Bench | None = None,
    limit: int = 5_000,
    tail: int = 12,
) -> list[list[int]]:
    """Send and receive on several streams at once.

    Parameters
    ----------
    puts
        (stream, words) for each input.
    gets
        (stream, count) for each output; ``tail`` cycles later anything further is collected, too,
        so that a duplicated word shows.
    watch
        A background process, e.g. a monitor.
    limit
        Clock cycles after which the exchange has hung.
    """
    simulator = clocked(dut)
    received: list[list[int]] = [[] for _ in gets]
    for salt, (stream, words) in enumerate(puts):

        async def send(
            ctx: Any, stream: Any = stream, words: Sequence[int] = words, salt: int = salt
        ) -> None:
            await put_all(ctx, stream, words, pace, salt)

        simulator.add_testbench(send)
    for salt, (stream, count) in enumerate(gets):

        async def receive(ctx: Any, stream: Any = stream, count: int = count, salt: int = salt) -> None:
            await take(ctx, stream, received[salt], count, pace, salt)
            for _ in range(tail):
                _, _, valid, word = await ctx.tick().sample(stream.valid, Value.cast(stream.payload))
                if valid:
                    received[salt].append(int(word))

        simulator.add_testbench(receive)
    if watch is not None:
        simulator.add_testbench(watch, background=True)

    async def timeout(ctx: Any) -> None:
        for _ in range(limit):
            await ctx.tick()
        got = [f"{len(r)} of {count}" for r, (_, count) in zip(received, gets, strict=True)]
        raise TimeoutError(f"after {limit} cycles {', '.join(got)} words had come")

    simulator.add_testbench(timeout, background=True)
    simulator.run()
    return received
