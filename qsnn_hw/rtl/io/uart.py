"""An asynchronous serial port, 8 data bits, no parity, 1 stop bit; the sender stuffs frames as it goes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from qsnn_hw.families.serial_rates import MIN_DIVISOR
from qsnn_hw.host.frames import ESCAPE, FLIP
from qsnn_hw.rtl.counting import minus_one, plus_one

_STOP = 9
"""Place of the stop bit: 0 is the start bit's, 1 to 8 are the data's."""

BIT = data.StructLayout({"bit": 1, "raw": 1})
"""A bit of a byte, lowest first; ``raw`` with the last bit of a byte that is sent as it is (a flag)."""


def _check_divisor(divisor: int) -> int:
    if divisor < MIN_DIVISOR:
        raise ValueError(f"Divisor must be at least {MIN_DIVISOR}, not {divisor!r}")
    return divisor


class UartReceiver(wiring.Component):
    """Serial line to bytes.

    Handshake: the line cannot wait, so whoever takes ``o`` has to be ready in every cycle; a byte is there
    for one.
    Latency: 9.5 bits from the start bit's edge. Throughput: one byte per 10 bits. A stop bit of 0 is a
    framing error: the byte is dropped.

    Parameters
    ----------
    divisor
        Clock cycles per bit, at least 4.

    Members
    -------
    rx : In(1, init=1)
    o : Out(stream.Signature(8))
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _check_divisor(divisor)
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(unsigned(8)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self._divisor))
        # Bits still to come: start bit, 8 data bits, stop bit.
        count = Signal(range(11))
        shift = Signal(8)
        m.d.comb += self.o.payload.eq(shift)
        with m.If(count == 0):
            with m.If(~line):
                m.d.sync += [count.eq(10), timer.eq(self._divisor // 2 - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(minus_one(timer))
        with m.Else():
            m.d.sync += [timer.eq(self._divisor - 1), count.eq(minus_one(count))]
            with m.If(count == 1):
                m.d.comb += self.o.valid.eq(line)
            with m.Else():
                m.d.sync += shift.eq(Cat(shift[1:], line))
            with m.If((count == 10) & line):
                # The start bit did not last: a glitch, not a byte.
                m.d.sync += count.eq(0)
        return m


class StuffingTransmitter(wiring.Component):
    """Bits of bytes to a serial line, with an escape in front of bytes that need one.

    Handshake: that of a stream of bits, eight a byte, lowest first. Latency: a byte's start bit follows its
    eighth bit by a cycle. Throughput: a byte per 10 bits of the line and one cycle, an escaped one twice
    that; the bits of the next byte go in while the last data bit and the stop bit are on the line. After a
    reset the line rests for a byte's time, in which whoever was in the middle of a byte finds its end.

    Parameters
    ----------
    divisor
        Clock cycles per bit, at least 4.

    Members
    -------
    i : In(stream.Signature(BIT))
    index : Out(3)
        Which bit of its byte ``i`` hands over next.
    tx : Out(1, init=1)
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _check_divisor(divisor)
        super().__init__({"i": In(stream.Signature(BIT)), "index": Out(3), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The byte that waits or leaves; what it starts with is the rest after a reset.
        byte = Signal(8, init=0xFF)
        full = Signal(init=1)
        raw = Signal()
        place = Signal(range(_STOP + 1), init=1)
        timer = Signal(range(self._divisor))
        escaping = Signal()
        escaped = Signal()
        line = Signal(init=1)
        index = Signal(3)
        put = Signal()
        m.d.comb += [
            self.tx.eq(line),
            self.index.eq(index),
            self.i.ready.eq(~full),
            put.eq(self.i.valid & ~full),
        ]
        shift = Signal()
        with m.If(put | shift):
            m.d.sync += byte.eq(Cat(byte[1:], self.i.payload.bit))
        with m.If(put):
            m.d.sync += index.eq(plus_one(index))
            with m.If(index == 7):
                m.d.sync += [full.eq(1), raw.eq(self.i.payload.raw)]
        # Flag and escape are the two bytes 011111ab with a other than b.
        needs = (byte[2:] == ESCAPE >> 2) & (byte[0] ^ byte[1])
        mark = (Const(ESCAPE << 1, 10) >> place)[0]
        flip = escaped & (place == FLIP.bit_length())
        with m.If(timer != 0):
            m.d.sync += timer.eq(minus_one(timer))
        with m.Elif((place != 0) | full):
            m.d.sync += [
                timer.eq(self._divisor - 1),
                place.eq(Mux(place == _STOP, 0, plus_one(place))),
                line.eq((place == _STOP) | (place != 0) & Mux(escaping, mark, byte[0] ^ flip)),
            ]
            with m.If(place == 0):
                m.d.sync += escaping.eq(needs & ~raw & ~escaped)
            with m.Elif((place != _STOP) & ~escaping):
                m.d.comb += shift.eq(1)
            with m.If(place == _STOP - 1):
                m.d.sync += [full.eq(escaping), escaped.eq(escaping)]
        return m
