"""A controller at the SPI pins of a simulated design, whose exchanges a driver can call."""

import random
from collections.abc import Callable
from typing import Any

from amaranth.sim import Simulator

HALF = 3
"""Clock cycles that ``sck`` is high, and low: the fewest that the design takes."""


class Controller:
    """Moves bytes at ``sck``, ``cs``, ``mosi`` and ``miso`` of ``pins``; mode 0, highest bit first.

    Parameters
    ----------
    pins
        What has these members.
    cycle
        Coroutine of one clock cycle.
    gap
        Cycles at most between two bytes, with ``cs`` up in some of them; at random.
    """

    def __init__(self, ctx: Any, pins: Any, cycle: Callable[[], Any], gap: int = 0) -> None:
        self._ctx, self._pins, self._cycle, self._gap = ctx, pins, cycle, gap
        self._chance = random.Random(gap)

    async def rest(self, cycles: int) -> None:
        for _ in range(cycles):
            await self._cycle()

    async def byte(self, value: int, bits: int = 8) -> int:
        """Send a byte, or its first bits, and what came meanwhile."""
        ctx, pins = self._ctx, self._pins
        came = 0
        ctx.set(pins.cs, 0)
        for k in reversed(range(8 - bits, 8)):
            ctx.set(pins.mosi, value >> k & 1)
            await self.rest(HALF)
            came = came << 1 | ctx.get(pins.miso)
            ctx.set(pins.sck, 1)
            await self.rest(HALF)
            ctx.set(pins.sck, 0)
        return came

    async def exchange(self, data: bytes) -> bytes:
        """Send bytes; as many that came."""
        came = bytearray()
        for value in data:
            came.append(await self.byte(value))
            if self._gap:
                await self.rest(self._chance.randrange(self._gap))
                self._ctx.set(self._pins.cs, self._chance.random() < 0.5)
                await self.rest(HALF)
        await self.rest(HALF)
        self._ctx.set(self._pins.cs, 1)
        await self.rest(HALF)
        return bytes(came)


async def board_cycle(ctx: Any, board: Any) -> None:
    """One clock cycle of a whole board's design."""
    ctx.set(board.clk, 0)
    await ctx.delay(1e-6)
    ctx.set(board.clk, 1)
    await ctx.delay(1e-6)


class Exchanger:
    """``exchange`` of a controller in a simulation that goes on only while it is called."""

    def __init__(
        self, dut: Any, controller: Callable[[Any], Controller], *, domain: str | None = None
    ) -> None:
        self._asked: list[bytes] = []
        self._came: list[bytes] = []
        self._simulator = Simulator(dut)
        if domain is not None:
            self._simulator.add_clock(1e-6, domain=domain)

        async def bench(ctx: Any) -> None:
            moves = controller(ctx)
            await moves.rest(600)
            while True:
                while not self._asked:
                    await moves.rest(1)
                self._came.append(await moves.exchange(self._asked.pop()))

        self._simulator.add_testbench(bench, background=True)

    def __call__(self, data: bytes) -> bytes:
        self._asked.append(data)
        while not self._came:
            self._simulator.advance()
        return self._came.pop()
