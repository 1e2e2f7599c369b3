"""Frames from the host: taken whole, checked, and only then there."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.frames import ESCAPE, FLAG, FLIP, NONCE_BYTES, SLOT_BYTES, SLOTS
from qsnn_hw.rtl.counting import plus_one
from qsnn_hw.rtl.io.frame_check import FrameCheck
from qsnn_hw.rtl.io.spi import SpiReceiver
from qsnn_hw.rtl.io.uart import UartReceiver

SPI_IN = ("rise", "last", "bit")

SLOT_BITS, PLACE_BITS = ceil_log2(SLOTS), ceil_log2(SLOT_BYTES)


class FrameReceiver(wiring.Component):
    """A serial line to frames in a memory; docs/host_link.md says which are taken.

    A frame is written where nobody reads yet, behind those that wait: slot ``expected % SLOTS``, which is
    always free. Only its last flag decides: ``expected`` moves on, and with it what may be read, or nothing
    changes but the marks ``heard`` and ``refused``. Handshake: ``write`` is a memory's port. Latency: a frame
    counts in the cycle after its flag (while ``hold`` is set, behind that). Throughput: a byte in 9 cycles.

    Parameters
    ----------
    divisor
        Clock cycles per bit of a UART; None: the line is SPI.

    Members
    -------
    rx : In(1, init=1)
        Of a UART.
    rise, last, bit : In(1)
        Of SPI, as ``SpiPins`` gives them.
    key : In(8 * NONCE_BYTES), session : In(1)
        The session's nonce, and whether there is one.
    freed : In(SLOT_BITS)
        Frames worked off, modulo ``SLOTS``.
    hold : In(1)
        ``expected`` is being read bit by bit and must not change; for fewer than 30 cycles on end.
    expected : Out(7)
        Sequence number of the next frame.
    write_enable : Out(1), write_address : Out(SLOT_BITS + PLACE_BITS), write_data : Out(8)
    heard : Out(1)
        In this cycle a frame has ended that is no good HELLO.
    bad, refused : Out(1)
        With ``heard``: its CRC was wrong; it was not taken, for this or another reason.
    restart : Out(1)
        In this cycle a good HELLO has ended; its slot is ``expected % SLOTS`` of this cycle.
    """

    def __init__(self, divisor: int | None) -> None:
        self._divisor = divisor
        uart = {"rx": In(1, init=1)}
        super().__init__(
            {
                **(uart if divisor is not None else dict.fromkeys(SPI_IN, In(1))),
                "key": In(8 * NONCE_BYTES),
                "session": In(1),
                "freed": In(SLOT_BITS),
                "hold": In(1),
                "expected": Out(7),
                "write_enable": Out(1),
                "write_address": Out(SLOT_BITS + PLACE_BITS),
                "write_data": Out(8),
                "heard": Out(1),
                "bad": Out(1),
                "refused": Out(1),
                "restart": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = SpiReceiver() if self._divisor is None else UartReceiver(self._divisor)
        m.submodules.receiver = line
        m.submodules.check = check = FrameCheck()
        came = Signal()
        is_flag = Signal()
        is_escape = Signal()
        byte = Signal(8)
        first = Signal(init=1)
        escaped = Signal()
        hello = Signal()
        in_turn = Signal()
        ended = Signal()
        # Bytes behind the first one; the highest bit says that they are more than a slot holds.
        place = Signal(PLACE_BITS + 1)
        take = Signal()
        pins = SPI_IN if self._divisor is None else ("rx",)
        m.d.comb += [getattr(line, name).eq(getattr(self, name)) for name in pins]
        m.d.comb += [
            line.o.ready.eq(1),
            is_flag.eq(line.o.payload == FLAG),
            is_escape.eq(line.o.payload == ESCAPE),
            byte.eq(line.o.payload ^ Mux(escaped, FLIP, 0)),
            take.eq(line.o.valid & ~is_flag & ~is_escape),
            came.eq(line.o.valid & is_flag & ~first),
        ]
        with m.If(line.o.valid):
            m.d.sync += [escaped.eq(is_escape), first.eq(is_flag | first & is_escape)]
        with m.If(take & first):
            m.d.sync += [
                hello.eq(byte[7]),
                in_turn.eq(byte[:7] == self.expected),
                place.eq(0),
            ]
        with m.Elif(take & ~place[-1]):
            m.d.sync += place.eq(place + 1)
        m.d.comb += [
            self.write_enable.eq(take & ~first),
            self.write_address.eq(Cat(place[:PLACE_BITS], self.expected[:SLOT_BITS])),
            self.write_data.eq(byte),
        ]
        self._check(m, check, take, first, byte)
        self._decide(m, check.good, ended, came, hello, in_turn, place[-1])
        return m

    def _check(self, m: Module, check: FrameCheck, take: Signal, first: Signal, byte: Signal) -> None:
        """Bits of each byte into the CRC, one a cycle, while the next byte comes over the line."""
        bits = Signal(8)
        left = Signal(4)
        m.d.comb += [
            check.key.eq(self.key),
            check.start.eq(take & first),
            check.plain.eq(byte[7]),
            check.bit.eq(bits[0]),
            check.step.eq(left[3]),
        ]
        with m.If(take):
            m.d.sync += [bits.eq(byte), left.eq(8)]
        with m.Elif(left[3]):
            # From 8 up to 15, then 0.
            m.d.sync += [bits.eq(bits[1:]), left.eq(plus_one(left))]

    def _decide(
        self,
        m: Module,
        good: Signal,
        ended: Signal,
        came: Signal,
        hello: Signal,
        in_turn: Signal,
        overlong: Signal,
    ) -> None:
        """What becomes of a frame that has ended."""
        room = Signal()
        taken = Signal()
        now = Signal()
        with m.If(came):
            m.d.sync += ended.eq(1)
        with m.Elif(now):
            m.d.sync += ended.eq(0)
        m.d.comb += [
            now.eq(ended & ~self.hold),
            room.eq(plus_one(self.expected[:SLOT_BITS]) != self.freed),
            taken.eq(good & ~overlong & (hello | self.session & in_turn & room)),
            self.restart.eq(now & taken & hello),
            self.heard.eq(now & ~self.restart),
            self.bad.eq(now & ~good),
            self.refused.eq(now & ~taken),
        ]
        with m.If(now & taken):
            m.d.sync += self.expected.eq(self.expected + 1)
