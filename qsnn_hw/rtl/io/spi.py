"""A synchronous serial port: the board is an SPI peripheral, of mode 0, highest bit first.

SPI moves a byte each way at once, whether there is one or not, so one octet means "nothing" on it (``FILL``):
the receiver leaves it out, and the transmitter sends it while there is nothing else and escapes it, as flags
and escapes are, where it is meant. So the same frames go over it as over a UART (docs/host_link.md).
"""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.frames import ESCAPE, FLIP
from qsnn_hw.host.spi_bytes import FILL
from qsnn_hw.rtl.io.uart import BIT


class SpiPins(wiring.Component):
    """The pins of a host that is the controller, in the design's clock.

    No handshake: the host sets the pace. Latency: 3 cycles from an edge at the pin. Throughput: a bit in
    ``SCK_CYCLES`` cycles (``families/serial_rates.py``). A byte begins where ``cs`` falls and behind every
    eighth bit; one that ``cs`` cuts off counts for nothing.

    Members
    -------
    sck : In(1), cs : In(1, init=1), mosi : In(1)
        ``cs`` is active low.
    rise : Out(1)
        ``sck`` has risen: a bit each way.
    last : Out(1)
        With ``rise``: the eighth bit of its byte.
    bit : Out(1)
        With ``rise``: from the host.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                **{"sck": In(1), "cs": In(1, init=1), "mosi": In(1)},
                **{"rise": Out(1), "last": Out(1), "bit": Out(1)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        clock, chosen, data = Signal(), Signal(init=1), Signal()
        before = Signal()
        place = Signal(3)
        m.submodules.clock = FFSynchronizer(self.sck, clock)
        m.submodules.chosen = FFSynchronizer(self.cs, chosen, init=1)
        m.submodules.data = FFSynchronizer(self.mosi, data)
        m.d.sync += before.eq(clock)
        m.d.comb += [
            self.rise.eq(clock & ~before & ~chosen),
            self.last.eq(place.all()),
            self.bit.eq(data),
        ]
        with m.If(chosen):
            m.d.sync += place.eq(0)
        with m.Elif(self.rise):
            m.d.sync += place.eq(place + 1)
        return m


class SpiReceiver(wiring.Component):
    """Bits from :class:`SpiPins` to bytes.

    Handshake: the host does not wait, so whoever takes ``o`` has to be ready in every cycle; a byte is there
    for one. Latency: 0 cycles from a byte's last bit. Throughput: a byte in eight bits.

    Members
    -------
    rise, last, bit : In(1)
    o : Out(stream.Signature(8))
    """

    def __init__(self) -> None:
        bits = {"rise": In(1), "last": In(1), "bit": In(1)}
        super().__init__({**bits, "o": Out(stream.Signature(unsigned(8)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shift = Signal(7)
        byte = Cat(self.bit, shift)
        m.d.comb += [self.o.payload.eq(byte), self.o.valid.eq(self.rise & self.last & (byte != FILL))]
        with m.If(self.rise):
            m.d.sync += shift.eq(byte)
        return m


class SpiTransmitter(wiring.Component):
    """Bits of bytes to ``miso``, with an escape in front of bytes that need one.

    Handshake: that of a stream of bits, eight a byte, lowest first. Latency: a byte leaves behind the one
    that is under way when its eighth bit is taken. Throughput: a byte in eight bits of the line, an escaped
    one in twice that; ``FILL`` goes where no byte is there in time. ``miso`` changes 1 cycle behind ``rise``
    and is steady until the next one, so the host may take it at the next rising edge.

    Members
    -------
    i : In(stream.Signature(BIT))
    index : Out(3)
        Which bit of its byte ``i`` hands over next.
    rise, last : In(1)
    miso : Out(1)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                **{"i": In(stream.Signature(BIT)), "index": Out(3)},
                **{"rise": In(1), "last": In(1), "miso": Out(1)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The byte that is collected or waits, and the one that leaves.
        byte, leaves = Signal(8), Signal(8, init=FILL)
        full, raw, escaped = Signal(), Signal(), Signal()
        index = Signal(3)
        escapes = Signal()
        m.d.comb += [
            self.miso.eq(leaves[-1]),
            self.index.eq(index),
            self.i.ready.eq(~full),
            # Escape, flag and FILL: 011111ab but for 01111100.
            escapes.eq((byte[2:] == ESCAPE >> 2) & byte[:2].any() & ~raw & ~escaped),
        ]
        with m.If(self.i.valid & ~full):
            m.d.sync += [byte.eq(Cat(byte[1:], self.i.payload.bit)), index.eq(index + 1)]
            with m.If(index.all()):
                m.d.sync += [full.eq(1), raw.eq(self.i.payload.raw)]
        with m.If(self.rise & ~self.last):
            m.d.sync += leaves.eq(leaves << 1)
        with m.If(self.rise & self.last):
            flipped = byte ^ Mux(escaped, FLIP, 0)
            m.d.sync += leaves.eq(Mux(full, Mux(escapes, ESCAPE, flipped), FILL))
            with m.If(full):
                m.d.sync += [full.eq(escapes), escaped.eq(escapes)]
        return m
