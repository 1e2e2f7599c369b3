"""Frames to the host: acknowledgements, with answers and the board's table behind them."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.frames import FLAG, NONCE_BYTES
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.host.words import TICK, word_bytes
from qsnn_hw.rtl.counting import plus_one
from qsnn_hw.rtl.io.frame_check import FrameCheck
from qsnn_hw.rtl.io.frame_receiver import SLOT_BITS
from qsnn_hw.rtl.io.spi import SpiTransmitter
from qsnn_hw.rtl.io.uart import StuffingTransmitter

_FLAG = 0
"""The first of six phases: flag, idle, head, body or a row of the table, tail.

A reset begins with it, which ends the frame that was cut off.
"""


def answer_layout(size: int) -> StructLayout:
    """An answer: an event's address or a tick (1 ends the sample); of a readout ``tick`` says "silent"."""
    return StructLayout({"address": address_bits(size), "tick": 1})


class FrameSender(wiring.Component):
    """Answers and acknowledgements to a serial line, as docs/host_link.md says; bit by bit.

    A frame begins when there is an answer, or something to acknowledge, or a row of the table is wanted. It
    ends with a sample's last answer; with the row; between two answers when something is to be acknowledged;
    and without an answer when it began because of that. Its numbers stand in shift registers that count as
    they are sent. Handshake: ``i`` is a stream whose words are taken when their last bit has gone.
    Latency: 48 bits of the line from an answer to its own start. Throughput: that of the line.

    Parameters
    ----------
    size
        Addresses of the answers.
    divisor
        Clock cycles per bit of a UART; None: the line is SPI.
    per_sample
        Each answer ends its sample, and its ``tick`` goes as bit 7 of its first byte.

    Members
    -------
    i : In(stream.Signature(answer_layout(size)))
    key : In(8 * NONCE_BYTES)
        Of the session.
    heard, refused, freed : In(1)
        Something to acknowledge happens in this cycle; ``refused`` with ``heard`` means a refusal.
    expected : In(7), slot : In(SLOT_BITS)
    lost, ignored, loaded : In(1)
    hold : Out(1)
        ``expected`` or ``slot`` is being read.
    wanted : In(1), served : Out(1)
        A row of the table is wanted, until the cycle in which it is served.
    table : In(stream.Signature(8)), table_part : Out(2)
        Its byte ``table_part``.
    tx : Out(1, init=1)
        Of a UART.
    rise, last : In(1), miso : Out(1)
        Of SPI, as ``SpiTransmitter`` has them.
    """

    def __init__(self, size: int, divisor: int | None, *, per_sample: bool = False) -> None:
        self._size, self._divisor, self._per_sample = size, divisor, per_sample
        spi = {"rise": In(1), "last": In(1), "miso": Out(1)}
        super().__init__(
            {
                "i": In(stream.Signature(answer_layout(size))),
                "key": In(8 * NONCE_BYTES),
                "heard": In(1),
                "refused": In(1),
                "freed": In(1),
                "expected": In(7),
                "slot": In(SLOT_BITS),
                "lost": In(1),
                "ignored": In(1),
                "loaded": In(1),
                "hold": Out(1),
                "wanted": In(1),
                "served": Out(1),
                "table": In(stream.Signature(8)),
                "table_part": Out(2),
                **({"tx": Out(1, init=1)} if divisor is not None else spi),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line: StuffingTransmitter | SpiTransmitter
        if self._divisor is None:
            line = SpiTransmitter()
            m.d.comb += [line.rise.eq(self.rise), line.last.eq(self.last), self.miso.eq(line.miso)]
        else:
            line = StuffingTransmitter(self._divisor)
            m.d.comb += self.tx.eq(line.tx)
        m.submodules.transmitter = line
        m.submodules.check = check = FrameCheck()
        # One bit a phase: each is asked for at many places.
        phase = Signal(6, init=1 << _FLAG)
        part = Signal(2)
        flag, idle, head, body, table, tail = (phase[k] for k in range(6))
        acknowledge = Signal()
        empty = Signal()
        refused = Signal()
        ended = Signal()
        moves = Signal()
        ends = Signal()
        last_part = Signal()
        number = self._numbers(m, head & moves & part[1], line.index, part[0], ended)
        answer, final, last = self._answer(m, line.index, part)
        begins = Signal()
        closes = Signal()
        m.d.comb += [
            self.hold.eq(head & line.i.ready & ~part[1]),
            self.i.ready.eq(body & ends & final),
            self.table.ready.eq(table & ends),
            self.table_part.eq(part),
            self.served.eq(table & ends & last_part),
            line.i.valid.eq(flag | head | tail | (body & self.i.valid) | (table & self.table.valid)),
            line.i.payload.raw.eq(flag),
            line.i.payload.bit.eq(
                (flag & _constant(FLAG, line.index))
                | (head & Mux(part[1], number, self._head(line.index, part[0], refused)))
                | (body & answer)
                | (table & (self.table.payload >> line.index)[0])
                | (tail & check.out)
            ),
            moves.eq(line.i.valid & line.i.ready),
            ends.eq(moves & line.index.all()),
            last_part.eq(part.all()),
            begins.eq(idle & (self.i.valid | acknowledge | self.wanted)),
            closes.eq(Mux(self.i.valid, ends & final & (last | acknowledge), acknowledge | empty)),
            check.key.eq(self.key),
            check.start.eq(idle),
            check.bit.eq(line.i.payload.bit),
            check.step.eq(moves),
            check.drain.eq(tail),
        ]
        head_ends, parts_end = head & ends & last_part, ends & last_part
        m.d.sync += [
            flag.eq((flag & ~ends) | (tail & parts_end)),
            idle.eq((idle & ~begins) | (flag & ends)),
            head.eq((head & ~parts_end) | begins),
            body.eq((body & ~closes) | (head_ends & ~self.wanted)),
            table.eq((table & ~parts_end) | (head_ends & self.wanted)),
            tail.eq((tail & ~parts_end) | (table & parts_end) | (body & closes)),
        ]
        with m.If(idle | (self.i.ready & final)):
            m.d.sync += part.eq(0)
        with m.Elif(ends):
            m.d.sync += part.eq(plus_one(part))
        with m.If(idle):
            m.d.sync += empty.eq(acknowledge)
        # What happens while it is taken note of is not forgotten.
        m.d.sync += [
            acknowledge.eq((acknowledge & ~begins) | self.heard | self.freed),
            refused.eq((refused & ~(head & ends & (part == 1))) | (self.heard & self.refused)),
            ended.eq((ended & ~head_ends) | (self.i.ready & last)),
        ]
        return m

    def _head(self, index: Value, second: Value, refused: Value) -> Value:
        """A bit of the first two bytes; what they show does not change meanwhile (``hold``)."""
        flags = Cat(self.slot, Const(0, 1), self.loaded, self.ignored, self.lost, refused)
        return (Cat(self.expected, self.wanted, flags) >> Cat(index, second))[0]

    def _numbers(self, m: Module, moves: Value, index: Value, second: Value, ended: Value) -> Value:
        """The next bit of the frame's number, or the ``second``, the sample's.

        A frame's number is sent and then counted, 255 to 1, or back to 0 when its sample has ended. A
        sample's is counted while it is sent, if one has ended since.
        """
        frame = Signal(8)
        sample = Signal(8)
        carried = Signal()
        carry = Signal()
        old = Signal()
        after = Signal()
        m.d.comb += [
            # The frame after an end is number 0, whatever its register holds.
            old.eq(Mux(second, sample[0], frame[0] & ~ended)),
            carry.eq(Mux(index == 0, ended | ~second, carried)),
            after.eq(old ^ carry),
        ]
        with m.If(moves):
            m.d.sync += carried.eq(old & carry)
            with m.If(second):
                m.d.sync += sample.eq(Cat(sample[1:], after))
            with m.Else():
                m.d.sync += frame.eq(Cat(frame[1] | (index.all() & old & carry), frame[2:], after))
        return Mux(second, after, old)

    def _answer(self, m: Module, index: Value, part: Value) -> tuple[Value, Value, Value]:
        """A bit of the answer that is offered; whether its last byte goes; whether it ends its sample."""
        word, count = self.i.payload, word_bytes(self._size)
        address = Signal(8 * count)
        m.d.comb += address.eq(word.address)
        # Highest byte first.
        places = [address[8 * k : 8 * k + 8] for k in reversed(range(count))]
        chosen = Array(places)[part[: max(1, (count - 1).bit_length())]] if count > 1 else address
        plain, final = (chosen >> index)[0], part == count - 1
        if self._per_sample:
            return plain | (word.tick & (part == 0) & index.all()), final, Const(1, 1)
        tick = Mux(index == 0, word.address[0], index == TICK.bit_length() - 1)
        return Mux(word.tick, tick, plain), final | word.tick, word.tick & word.address[0]


def _constant(byte: int, index: Value) -> Value:
    """Bit ``index`` of a byte that is known."""
    return (Const(byte, 8) >> index)[0]


__all__ = ["FrameSender", "answer_layout"]
