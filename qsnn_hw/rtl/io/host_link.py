"""The network's streams over a serial line, in frames; docs/host_link.md has the format."""

from amaranth.hdl import Cat, DomainRenamer, Module, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.frames import SLOT_BYTES, SLOTS
from qsnn_hw.host.identity import Identity
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.rtl.counting import plus_one
from qsnn_hw.rtl.io.board_table import BoardTable
from qsnn_hw.rtl.io.frame_reader import FrameReader
from qsnn_hw.rtl.io.frame_receiver import SLOT_BITS, SPI_IN, FrameReceiver
from qsnn_hw.rtl.io.frame_sender import FrameSender, answer_layout
from qsnn_hw.rtl.io.spi import SpiPins
from qsnn_hw.rtl.stream.aer import AerLayout
from qsnn_hw.rtl.text.memory_style import memory_attributes


def line_members(divisor: int | None) -> dict[str, wiring.Member]:
    """The pins of the line: of a UART of so many cycles a bit, or, of None, of SPI."""
    if divisor is not None:
        return {"rx": In(1, init=1), "tx": Out(1, init=1)}
    return {"sck": In(1), "cs": In(1, init=1), "mosi": In(1), "miso": Out(1)}


class HostLink(wiring.Component):
    """A serial line, UART or SPI, on one side, the network's streams on the other.

    Two clock domains of one clock: "link", which only configuration, a break or the button resets, holds
    what arrives; "sync", which whoever makes the domains also resets in the cycle behind ``restart``, holds
    the rest of the link and the network. So a session begins as after configuration.

    Handshake: ``o``, ``i`` and ``load`` are streams. Nothing that has come over the line is lost, however
    long ``o`` waits: the host is told what there is room for. Latency: a frame's words follow its last
    flag. Throughput: that of the line, or of the network.

    Parameters
    ----------
    space
        Addresses of the network's input.
    output_size
        Addresses of the output stream; classes of a readout.
    divisor
        Clock cycles per bit of a UART; None: the line is SPI.
    identity
        What the table says.
    registered
        A second register behind the frames' memory, whose clock-to-output is the slow part of block RAM.
    value_bits
        Bits below the address that belong to it: of a pixel, its value.

    Members
    -------
    rx : In(1, init=1), tx : Out(1, init=1)
        Of a UART.
    sck : In(1), cs : In(1, init=1), mosi : In(1), miso : Out(1)
        Of SPI, mode 0, highest bit first; ``cs`` is active low.
    restart : Out(1)
        A session begins: reset "sync" in the next cycle. What "sync" does until then changes nothing of the
        new session: no frame waits for it.
    ignored : Out(1)
        An event had an address that nobody has, or came before the weights; stays up in the session.
    lost : In(1)
        An answer was lost on the chip; stays up.
    beat : Out(1)
        Changes every 2**23 cycles.
    load : Out(stream.Signature(8)), loaded : In(1)
        Only where the identity says that weights are loaded.
    o : Out(stream.Signature(AerLayout(space.size << value_bits)))
        To the network.
    i : In(stream.Signature(answer_layout(output_size)))
        From the network; where the identity has a readout each word answers a sample.
    """

    def __init__(
        self,
        space: AddressSpace,
        output_size: int,
        divisor: int | None,
        identity: Identity,
        *,
        registered: bool = False,
        value_bits: int = 0,
    ) -> None:
        self._space, self._value_bits, self._output_size = space, value_bits, output_size
        self._divisor, self._identity, self._registered = divisor, identity, registered
        members: dict[str, wiring.Member] = {
            **line_members(divisor),
            "restart": Out(1),
            "ignored": Out(1),
            "lost": In(1),
            "beat": Out(1),
            "o": Out(stream.Signature(AerLayout(space.size << value_bits))),
            "i": In(stream.Signature(answer_layout(output_size))),
        }
        if identity.loads:
            members |= {"load": Out(stream.Signature(unsigned(8))), "loaded": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        identity = self._identity
        m.submodules.inbound = receiver = DomainRenamer("link")(FrameReceiver(self._divisor))
        m.submodules.reader = reader = FrameReader(
            self._space, self._value_bits, loads=identity.loads, registered=self._registered
        )
        m.submodules.outbound = sender = FrameSender(
            self._output_size, self._divisor, per_sample=identity.readout
        )
        m.submodules.table = table = BoardTable(identity.pack(), registered=self._registered)
        self._line(m, receiver, sender)
        freed = Signal(SLOT_BITS)
        self._frames(m, receiver, reader, freed)
        m.d.comb += [
            receiver.key.eq(reader.nonce),
            receiver.session.eq(reader.session),
            receiver.freed.eq(freed),
            receiver.hold.eq(sender.hold),
            reader.hold.eq(sender.hold),
            self.restart.eq(receiver.restart),
            sender.key.eq(reader.nonce),
            sender.heard.eq(receiver.heard),
            sender.refused.eq(receiver.refused),
            sender.freed.eq(reader.done),
            sender.expected.eq(receiver.expected),
            sender.slot.eq(freed),
            sender.lost.eq(self.lost),
            sender.ignored.eq(self.ignored),
            sender.loaded.eq(self.loaded if identity.loads else 1),
            sender.wanted.eq(reader.wanted),
            reader.served.eq(sender.served),
            table.wanted.eq(reader.wanted),
            table.row.eq(reader.row),
            table.part.eq(sender.table_part),
            self.beat.eq(table.beat),
        ]
        with m.If(reader.ignored):
            m.d.sync += self.ignored.eq(1)
        if identity.loads:
            wiring.connect(m, reader.load, wiring.flipped(self.load))
            m.d.comb += reader.loaded.eq(self.loaded)
        self._counted(m, receiver, reader, sender, table)
        return m

    def _line(self, m: Module, receiver: FrameReceiver, sender: FrameSender) -> None:
        """The pins, and who reads and drives them."""
        if self._divisor is not None:
            m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(sender.tx)]
            return
        # No new session resets it: both ways keep to the host's bytes.
        m.submodules.pins = pins = DomainRenamer("link")(SpiPins())
        m.d.comb += [getattr(pins, name).eq(getattr(self, name)) for name in ("sck", "cs", "mosi")]
        m.d.comb += [getattr(receiver, name).eq(getattr(pins, name)) for name in SPI_IN]
        m.d.comb += [sender.rise.eq(pins.rise), sender.last.eq(pins.last), self.miso.eq(sender.miso)]

    def _frames(self, m: Module, receiver: FrameReceiver, reader: FrameReader, freed: Signal) -> None:
        """The memory of frames, and which of them are worked off."""
        m.submodules.frames = frames = memory.Memory(
            shape=8, depth=SLOTS * SLOT_BYTES, init=[], attrs=memory_attributes("ram", "block")
        )
        write = frames.write_port(domain="link")
        read = frames.read_port()
        # A cycle late, so that no path goes from the counters through the reader into the network. A frame
        # that is worked off ends it at once, and so does a session that begins.
        waiting = Signal()
        m.d.link += waiting.eq((receiver.expected[:SLOT_BITS] != freed) & ~reader.done & ~receiver.restart)
        m.d.comb += [
            reader.waiting.eq(waiting),
            write.en.eq(receiver.write_enable),
            write.addr.eq(receiver.write_address),
            write.data.eq(receiver.write_data),
            read.addr.eq(Cat(reader.address, freed)),
        ]
        if self._registered:
            m.d.sync += reader.data.eq(read.data)
        else:
            m.d.comb += reader.data.eq(read.data)
        with m.If(receiver.restart):
            # The frame that begins the session is the first one to read.
            m.d.link += freed.eq(receiver.expected)
        with m.Elif(reader.done):
            m.d.link += freed.eq(plus_one(freed))

    def _counted(
        self, m: Module, receiver: FrameReceiver, reader: FrameReader, sender: FrameSender, table: BoardTable
    ) -> None:
        """Words between link and network, and what they count; a word waits until its kind is counted."""
        ready = Signal()
        passes = Signal()
        tick_in, tick_out = reader.o.payload.tick, self.i.payload.tick
        if self._identity.readout:
            tick_out = Signal()
        m.d.comb += [
            passes.eq(~(table.busy[0] & ~tick_in) & ~(table.busy[1] & tick_in)),
            self.o.payload.eq(reader.o.payload),
            self.o.valid.eq(reader.o.valid & passes),
            reader.o.ready.eq(self.o.ready & passes),
            ready.eq(reader.o.valid & reader.o.ready),
            sender.i.payload.eq(self.i.payload),
            # Busy only begins with a word that goes, so an offered word stays on offer.
            sender.i.valid.eq(self.i.valid & ~table.busy[2] & ~table.busy[3]),
            self.i.ready.eq(sender.i.ready),
        ]
        out = sender.i.valid & sender.i.ready
        m.d.comb += [
            table.count.eq(
                Cat(
                    ready & ~tick_in,
                    ready & tick_in,
                    out & ~tick_out,
                    out & tick_out,
                    receiver.bad,
                    receiver.refused & ~receiver.bad,
                    reader.ignored,
                )
            ),
            sender.table.payload.eq(table.o.payload),
            sender.table.valid.eq(table.o.valid),
            table.o.ready.eq(sender.table.ready),
        ]


__all__ = ["HostLink", "line_members"]
