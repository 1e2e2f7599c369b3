"""AER streams over a serial line; the byte format stands in ``qsnn_hw/host/protocol.py``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.protocol import RECEIVE_WORDS, bytes_per_word
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.rtl.io.uart import UartReceiver, UartTransmitter
from qsnn_hw.rtl.stream.address_guard import known_address
from qsnn_hw.rtl.stream.aer import AerLayout, address_bits, aer_signature


class WordAssembler(wiring.Component):
    """Bytes to AER words.

    Latency: 0 cycles after the last byte. Throughput: one byte per cycle. A continuation byte without
    a first byte is skipped, a first byte starts over, and an event whose address nobody has is dropped.

    Parameters
    ----------
    space
        Addresses of the stream.
    value_bits
        Bits below the address that belong to it: of a pixel, its value.

    Members
    -------
    i : In(stream.Signature(8))
    o : Out(aer_signature(space.size << value_bits))
    bad : Out(1)
        An event is being dropped in this cycle.
    """

    def __init__(self, space: AddressSpace, value_bits: int = 0) -> None:
        self._space, self._value_bits = space, value_bits
        self._size = space.size << value_bits
        super().__init__(
            {"i": In(stream.Signature(unsigned(8))), "o": Out(aer_signature(self._size)), "bad": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = address_bits(self._size)
        count = bytes_per_word(bits)
        byte = self.i.payload
        tick = Signal()
        missing = Signal(range(max(2, count)))
        collected = Signal(7 * (count - 1))
        word = Signal(6 + 7 * (count - 1))
        complete = Signal()
        is_tick = Signal()
        passes = Signal()
        m.d.comb += [
            word.eq(Mux(byte[7], byte[:6], Cat(byte[:7], collected))),
            is_tick.eq(Mux(byte[7], byte[6], tick)),
            complete.eq(byte[7] if count == 1 else ~byte[7] & (missing == 1)),
            passes.eq(is_tick | known_address(self._space, word[self._value_bits :])),
            self.o.valid.eq(self.i.valid & complete & passes),
            self.bad.eq(self.i.valid & complete & ~passes),
            self.i.ready.eq(~self.o.valid | self.o.ready),
            self.o.payload.tick.eq(is_tick),
            self.o.payload.address.eq(word[:bits]),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [collected.eq(word), tick.eq(is_tick)]
            with m.If(byte[7]):
                m.d.sync += missing.eq(count - 1)
            with m.Elif(missing != 0):
                m.d.sync += missing.eq(missing - 1)
        return m


class ReceiveBuffer(wiring.Component):
    """A large first-in first-out buffer in block RAM, with few gates around it.

    Latency: 2 cycles, 3 with ``registered``. Throughput: one word per cycle. No address is read in the
    cycle that writes it.

    Parameters
    ----------
    width
        Bits of a word.
    depth
        Words held, a power of two; one more waits at ``o``.
    registered
        A second register behind the memory, whose clock-to-output is the slow part of block RAM; it
        holds a word, too.

    Members
    -------
    i : In(stream.Signature(width))
    o : Out(stream.Signature(width))
    """

    def __init__(self, width: int, depth: int, *, registered: bool = False) -> None:
        if depth < 1 or depth & (depth - 1):
            raise ValueError(f"Depth must be a power of two, not {depth!r}")
        self._width, self._depth, self._registered = width, depth, registered
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = words = memory.Memory(shape=self._width, depth=self._depth, init=[])
        write = words.write_port()
        read = words.read_port()
        # One bit more than an address: equal means empty, equal but for that bit means full.
        ahead = Signal(range(2 * self._depth))
        behind = Signal(range(2 * self._depth))
        # Whether the memory shows a word, and whether that goes on.
        shown = Signal()
        moves = Signal()
        m.d.comb += [
            self.i.ready.eq((ahead ^ behind) != self._depth),
            write.en.eq(self.i.valid & self.i.ready),
            write.addr.eq(ahead),
            write.data.eq(self.i.payload),
            read.en.eq((ahead != behind) & (~shown | moves)),
            read.addr.eq(behind),
        ]
        m.d.sync += [ahead.eq(ahead + write.en), behind.eq(behind + read.en)]
        with m.If(~shown | moves):
            m.d.sync += shown.eq(read.en)
        if not self._registered:
            m.d.comb += [self.o.payload.eq(read.data), self.o.valid.eq(shown), moves.eq(self.o.ready)]
            return m
        m.d.comb += moves.eq(~self.o.valid | self.o.ready)
        with m.If(moves):
            m.d.sync += [self.o.payload.eq(read.data), self.o.valid.eq(shown)]
        return m


class WordSplitter(wiring.Component):
    """AER words to bytes.

    Latency: 0 cycles to the first byte. Throughput: one byte per cycle.

    Parameters
    ----------
    size
        Addresses of the stream.

    Members
    -------
    i : In(aer_signature(size))
    o : Out(stream.Signature(8))
    """

    def __init__(self, size: int) -> None:
        self._size = size
        super().__init__({"i": In(aer_signature(size)), "o": Out(stream.Signature(unsigned(8)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = bytes_per_word(address_bits(self._size))
        address = Signal(6 + 7 * (count - 1))
        position = Signal(range(max(2, count)))
        m.d.comb += [
            address.eq(self.i.payload.address),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & (position == count - 1)),
        ]
        with m.Switch(position):
            for k in range(count):
                low = 7 * (count - 1 - k)
                with m.Case(k):
                    if k == 0:
                        top = Cat(address[low : low + 6], self.i.payload.tick, Const(1, 1))
                        m.d.comb += self.o.payload.eq(top)
                    else:
                        m.d.comb += self.o.payload.eq(address[low : low + 7])
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += position.eq(Mux(position == count - 1, 0, position + 1))
        return m


class HostLink(wiring.Component):
    """A serial line on one side, the network's two AER streams on the other.

    The receive side holds ``RECEIVE_WORDS`` words. The line has no flow control: a host that sends
    more than that ahead of the ticks it got back may overrun it, which raises ``overflow``.

    Parameters
    ----------
    space
        Addresses of the network's input.
    output_size
        Addresses of the output stream.
    divisor
        Clock cycles per bit.
    loads
        The network's weights come first: bytes go to ``load`` until ``loaded``, then become words.
    registered
        As in :class:`ReceiveBuffer`.
    value_bits
        As in :class:`WordAssembler`.

    Members
    -------
    rx : In(1, init=1)
    tx : Out(1, init=1)
    overflow : Out(1)
        A received byte was lost; stays up.
    ignored : Out(1)
        A received event had an address that nobody has; stays up.
    load : Out(stream.Signature(8)), loaded : In(1)
        Only with ``loads``.
    o : Out(aer_signature(space.size << value_bits))
        To the network.
    i : In(aer_signature(output_size))
        From the network.
    """

    def __init__(
        self,
        space: AddressSpace,
        output_size: int,
        divisor: int,
        *,
        loads: bool = False,
        registered: bool = False,
        value_bits: int = 0,
    ) -> None:
        self._space, self._value_bits, self._output_size = space, value_bits, output_size
        self._divisor, self._loads, self._registered = divisor, loads, registered
        self._layout = AerLayout(space.size << value_bits)
        members: dict[str, wiring.Member] = {
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "overflow": Out(1),
            "ignored": Out(1),
            "o": Out(stream.Signature(self._layout)),
            "i": In(aer_signature(output_size)),
        }
        if loads:
            members |= {"load": Out(stream.Signature(unsigned(8))), "loaded": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self._divisor)
        m.submodules.assembler = assembler = WordAssembler(self._space, self._value_bits)
        width = self._layout.size
        m.submodules.words = words = ReceiveBuffer(width, RECEIVE_WORDS, registered=self._registered)
        m.submodules.splitter = splitter = WordSplitter(self._output_size)
        m.submodules.transmitter = transmitter = UartTransmitter(self._divisor)
        m.d.comb += [
            assembler.i.payload.eq(receiver.o.payload),
            assembler.i.valid.eq(receiver.o.valid),
            receiver.o.ready.eq(assembler.i.ready),
        ]
        if self._loads:
            m.d.comb += self.load.payload.eq(receiver.o.payload)
            with m.If(~self.loaded):
                m.d.comb += [
                    self.load.valid.eq(receiver.o.valid),
                    receiver.o.ready.eq(self.load.ready),
                    assembler.i.valid.eq(0),
                ]
        m.d.comb += [
            words.i.payload.eq(assembler.o.payload.as_value()),
            words.i.valid.eq(assembler.o.valid),
            assembler.o.ready.eq(words.i.ready),
            self.o.payload.as_value().eq(words.o.payload),
            self.o.valid.eq(words.o.valid),
            words.o.ready.eq(self.o.ready),
        ]
        with m.If(assembler.bad):
            m.d.sync += self.ignored.eq(1)
        wiring.connect(m, wiring.flipped(self.i), splitter.i)
        wiring.connect(m, splitter.o, transmitter.i)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx), self.overflow.eq(receiver.overflow)]
        return m


__all__ = ["HostLink", "ReceiveBuffer", "WordAssembler", "WordSplitter"]
