"""A host link in a simulation, with a loop in place of the network, and a host at its pins."""

from collections.abc import Callable, Iterable
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.sim import Simulator

from qsnn_hw.host.frames import Deframer, Reply, hello, read_replies
from qsnn_hw.host.identity import Identity
from qsnn_hw.plan import AddressSpace
from qsnn_hw.rtl.io.host_link import HostLink
from tests.support.serial_line import serial_bits

DIVISOR = 4


def identity(size: int, **others: Any) -> Identity:
    fields: dict[str, Any] = {
        "encoder": False,
        "readout": False,
        "loads": False,
        "steps": 0,
        "inputs": size,
        "outputs": size,
        "weight_bytes": 0,
        "clock_hz": 12_000_000,
        "digest": bytes(range(16)),
        "version": "1",
    }
    return Identity(**{**fields, **others})


class Loop(Elaboratable):
    """The link with its words led back, ``open`` cycles of every eight; ``taken`` counts them."""

    def __init__(
        self, size: int, *, open_cycles: int = 8, registered: bool = False, divisor: int | None = DIVISOR
    ) -> None:
        self.link = HostLink(AddressSpace((size,)), size, divisor, identity(size), registered=registered)
        self.reset = Signal()
        self.stuck = Signal()
        self._open = open_cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.link = ClockDomain()
        m.domains.sync = ClockDomain()
        m.domains.clock = ClockDomain(reset_less=True)
        reset = Signal(init=1)
        m.d.clock += reset.eq(self.reset | self.link.restart)
        m.submodules.link = link = self.link
        phase = Signal(3)
        m.d.sync += phase.eq(phase + 1)
        # A word passes in the first cycles of eight; one that is offered then stays.
        held = Signal()
        passes = ((phase < self._open) | held) & ~self.stuck
        m.d.sync += held.eq(link.i.valid & ~link.i.ready)
        m.d.comb += [
            *(ClockSignal(name).eq(ClockSignal("clock")) for name in ("sync", "link")),
            ResetSignal("link").eq(self.reset),
            ResetSignal("sync").eq(reset),
            link.i.payload.address.eq(link.o.payload.address),
            link.i.payload.tick.eq(link.o.payload.tick),
            link.i.valid.eq(link.o.valid & passes),
            link.o.ready.eq(link.i.ready & passes),
        ]
        return m


class Pins:
    """A host at ``rx`` and ``tx``: what it sends, bit by bit, and the bytes it hears meanwhile."""

    def __init__(self, ctx: Any, rx: Any, tx: Any, tick: Callable[[], Any]) -> None:
        self._ctx, self._rx, self._tx, self._tick = ctx, rx, tx, tick
        self._place, self._byte = 0, 0
        self.heard = bytearray()

    async def cycle(self) -> None:
        """One clock cycle."""
        await self._tick()
        level = self._ctx.get(self._tx)
        if not self._place:
            self._place, self._byte = int(not level), 0
            return
        bit, phase = divmod(self._place, DIVISOR)
        if phase == DIVISOR // 2 and 1 <= bit <= 8:
            self._byte |= level << bit - 1
        self._place += 1
        if bit == 9 and phase == DIVISOR // 2:
            if level:
                self.heard.append(self._byte)
            self._place = 0

    async def rest(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.cycle()

    async def send(self, data: bytes, gap: int = 0) -> None:
        for level in serial_bits(data, DIVISOR, gap):
            self._ctx.set(self._rx, level)
            await self.cycle()

    def taken(self) -> bytes:
        """The bytes heard since the last call."""
        data = bytes(self.heard)
        self.heard.clear()
        return data


class Host:
    """A host of one session at a time: opens it, reads replies."""

    def __init__(self, pins: Pins) -> None:
        self.pins, self.nonce, self._deframer = pins, 0, Deframer()

    async def open(self, nonce: int) -> Reply:
        """Begin a session; its first reply."""
        self.nonce = nonce
        await self.pins.send(hello(nonce))
        await self.pins.rest(DIVISOR * 10 * 24)
        replies = [reply for reply in self.replies() if reply is not None]
        assert replies, "no answer to HELLO"
        return replies[0]

    def replies(self) -> list[Reply | None]:
        """What came since; None for what is not of the session."""
        return read_replies(self._deframer.feed(self.pins.taken()), self.nonce)

    async def ask(self, data: bytes, cycles: int = 0) -> list[Reply]:
        """Send bytes, wait for as long as answers of their size take, and the replies that pass."""
        await self.pins.send(data)
        await self.pins.rest(cycles or DIVISOR * 10 * (len(data) + 30))
        return [reply for reply in self.replies() if reply is not None]


def run_loop(dut: Loop, bench: Callable[[Any, Host], Any]) -> None:
    """Run ``bench(ctx, host)`` with the clock going."""

    async def process(ctx: Any) -> None:
        pins = Pins(ctx, dut.link.rx, dut.link.tx, lambda: ctx.tick("clock"))
        ctx.set(dut.link.rx, 1)
        await pins.rest(80)
        pins.taken()
        await bench(ctx, Host(pins))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6, domain="clock")
    simulator.add_testbench(process)
    simulator.run()


def joined(replies: Iterable[Reply]) -> bytes:
    """Their payloads, one behind the other."""
    return b"".join(reply.payload for reply in replies)
