"""An asynchronous serial port, 8 data bits, no parity, 1 stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from qsnn_hw.families.boards import MIN_DIVISOR


def _check_divisor(divisor: int) -> int:
    if divisor < MIN_DIVISOR:
        raise ValueError(f"Divisor must be at least {MIN_DIVISOR}, not {divisor!r}")
    return divisor


class UartReceiver(wiring.Component):
    """Serial line to bytes.

    Latency: 9.5 bits from the start bit's edge. Throughput: one byte per 10 bits. The line cannot
    wait: a byte that finds ``o`` not ready is lost and raises ``overflow``, which stays up.

    Parameters
    ----------
    divisor
        Clock cycles per bit, at least 4.

    Members
    -------
    rx : In(1, init=1)
    o : Out(stream.Signature(8))
    overflow : Out(1)
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _check_divisor(divisor)
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(unsigned(8))), "overflow": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self._divisor))
        # Bits still to come: start bit, 8 data bits, stop bit.
        count = Signal(range(11))
        shift = Signal(9)
        done = Signal()
        with m.If(count == 0):
            with m.If(~line):
                m.d.sync += [count.eq(10), timer.eq(self._divisor // 2 - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self._divisor - 1), count.eq(count - 1), shift.eq(Cat(shift[1:], line))]
            with m.If((count == 10) & line):
                # The start bit did not last: a glitch, not a byte.
                m.d.sync += count.eq(0)
            # A stop bit of 0 is a framing error; the byte is dropped.
            m.d.comb += done.eq((count == 1) & line)
        # o.valid is a pulse in the cycle of the stop bit's sample; ``held`` keeps the stream rules.
        held = Signal()
        held_byte = Signal(8)
        m.d.comb += [self.o.valid.eq(held), self.o.payload.eq(held_byte)]
        with m.If(done):
            m.d.sync += [held.eq(1), held_byte.eq(shift[1:])]
            with m.If(held & ~self.o.ready):
                m.d.sync += [self.overflow.eq(1), held_byte.eq(held_byte)]
        with m.Elif(self.o.ready):
            m.d.sync += held.eq(0)
        return m


class UartTransmitter(wiring.Component):
    """Bytes to serial line.

    Latency: 1 cycle to the start bit. Throughput: one byte per 10 bits.

    Parameters
    ----------
    divisor
        Clock cycles per bit, at least 4.

    Members
    -------
    i : In(stream.Signature(8))
    tx : Out(1, init=1)
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _check_divisor(divisor)
        super().__init__({"i": In(stream.Signature(unsigned(8))), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self._divisor))
        count = Signal(range(11))
        shift = Signal(10, init=0x3FF)
        m.d.comb += [self.i.ready.eq(count == 0), self.tx.eq(shift[0])]
        with m.If(count == 0):
            with m.If(self.i.valid):
                m.d.sync += [shift.eq(Cat(Const(0, 1), self.i.payload, Const(1, 1)))]
                m.d.sync += [count.eq(10), timer.eq(self._divisor - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [
                timer.eq(self._divisor - 1),
                count.eq(count - 1),
                shift.eq(Cat(shift[1:], Const(1, 1))),
            ]
        return m
