"""What the frames to the host say: each answer once, numbers in turn, nothing to acknowledge forgotten."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value

from qsnn_hw.host.frames import FLAG
from qsnn_hw.host.words import TICK
from qsnn_hw.verify.formal.properties import Harness, moves


class SendsFrames(Harness):
    """Frames of answers whose words are a byte, bit by bit as they are handed to the transmitter.

    The transmitter and the CRC are the solver's; what the CRC is told is shown. Shown is:

    - a flag, then frames, each a head of four bytes, a body, four bytes of CRC and a flag;
    - the head: ``expected``, ``freed`` and the marks as they are when it is sent, a refusal in the first
      frame that can say so, the frame's number in its sample and the sample's number;
    - each answer is taken once, with the last bit of its byte, and its byte is its word's;
    - a row of the table that is wanted is sent, four bytes, and then served;
    - a frame begins in the cycle after there is something to say, and ends behind the answer that is being
      sent when something is to be acknowledged, or that ends its sample.
    """

    def __init__(self, dut: Any, line: Any, check: Any) -> None:
        super().__init__(dut, [dut.i, dut.table], [])
        self._line, self._check = line, check
        self.ports += [line.i.ready, check.out, dut.key, dut.heard, dut.refused, dut.freed, dut.expected]
        self.ports += [dut.slot, dut.lost, dut.ignored, dut.loaded, dut.wanted]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, line, check = self._dut, self._line, self._check
        count, bits = Signal(3, name="count"), Signal(8, name="bits")
        put, bit = moves(line.i), line.i.payload.bit
        byte, complete = Cat(bits[1:], bit), put & (count == 7)
        m.d.comb += line.index.eq(count)
        with m.If(put):
            m.d.sync += [count.eq(count + 1), bits.eq(byte)]
        self._assumptions(m, count)

        # Where in a frame: flag, at rest, head, answers, row, CRC; and the byte there.
        names = ("flag", "rest", "head", "answers", "row", "tail")
        flag, rest, head, answers, row, tail = (Signal(init=n == "flag", name=f"in_{n}") for n in names)
        part, owed, alone = Signal(2, name="at_byte"), Signal(name="owed"), Signal(name="alone")
        last = dut.i.payload.tick & dut.i.payload.address[0]
        begins = rest & (dut.i.valid | owed | dut.wanted)
        head_ends, row_ends = head & complete & (part == 3), row & complete & (part == 3)
        closes = answers & Mux(dut.i.valid, complete & (last | owed), owed | alone)
        tail_ends = tail & complete & (part == 3)
        m.d.sync += [
            flag.eq((flag & ~complete) | tail_ends),
            rest.eq((rest & ~begins) | (flag & complete)),
            head.eq((head & ~head_ends) | begins),
            answers.eq((answers & ~closes) | (head_ends & ~dut.wanted)),
            row.eq((row & ~row_ends) | (head_ends & dut.wanted)),
            tail.eq((tail & ~tail_ends) | closes | row_ends),
            owed.eq((owed & ~begins) | dut.heard | dut.freed),
        ]
        with m.If(rest):
            m.d.sync += alone.eq(owed)
        with m.If(rest | closes | (answers & complete)):
            m.d.sync += part.eq(0)
        with m.Elif(complete):
            m.d.sync += part.eq(part + 1)
        m.d.comb += [
            Assert(check.start == rest),
            Assert(check.drain == tail),
            Assert(check.key == dut.key),
            Assert(check.step == put),
            Assert(~put | (check.bit == bit)),
            Assert(line.i.valid == (flag | head | tail | (answers & dut.i.valid) | (row & dut.table.valid))),
            Assert(line.i.payload.raw == flag),
            Assert(~(put & flag) | (bit == Const(FLAG, 8).bit_select(count, 1))),
            Assert(~(put & tail) | (bit == check.out)),
            # Each answer once, each byte of the row once.
            Assert(dut.i.ready == (answers & complete)),
            Assert(dut.table.ready == (row & complete)),
            Assert(dut.served == row_ends),
            Assert(~row | (dut.table_part == part)),
            Assert(~(row & put) | (bit == dut.table.payload.bit_select(count, 1))),
        ]
        word = Mux(dut.i.payload.tick, Const(TICK, 8) | dut.i.payload.address[0], dut.i.payload.address)
        m.d.comb += Assert(~(answers & put) | (bit == word.bit_select(count, 1)))
        self._head(m, registers, head, part, count, put, complete, answers & complete & last)
        phase = registers["phase"]
        m.d.comb += [
            Assert(phase == Cat(flag, rest, head, answers, row, tail)),
            Assert(registers["part"] == part),
            Assert(registers["acknowledge"] == owed),
            Assert((registers["empty"] == alone) | ~(head | answers)),
            Assert(~rest | (count == 0)),
        ]

    def _assumptions(self, m: Module, count: Value) -> None:
        """What the transmitter, the receiver and the reader of frames do."""
        dut, ready = self._dut, self._line.i.ready
        held, shown = Signal(name="was_held"), Signal(10, name="was_shown")
        wanted = Signal(name="was_wanted")
        m.d.sync += [held.eq(dut.hold), shown.eq(Cat(dut.expected, dut.slot))]
        m.d.sync += wanted.eq(dut.wanted & ~dut.served)
        m.d.comb += [
            # The bits of a byte go in without a pause.
            Assume(ready | (count == 0)),
            Assume(~held | (shown == Cat(dut.expected, dut.slot))),
            Assume(~wanted | dut.wanted),
        ]

    def _head(
        self,
        m: Module,
        registers: dict[str, Signal],
        head: Value,
        part: Value,
        count: Value,
        put: Value,
        complete: Value,
        sample_ends: Value,
    ) -> None:
        """The four bytes that every frame begins with."""
        dut, bit = self._dut, self._line.i.payload.bit
        refusal, ended = Signal(name="refusal"), Signal(name="sample_ended")
        frame, sample = Signal(8, name="frame_number"), Signal(8, name="sample_number")
        number, of_sample = Mux(ended, 0, frame), (sample + ended)[:8]
        m.d.sync += [
            refusal.eq((refusal & ~(head & complete & (part == 1))) | (dut.heard & dut.refused)),
            ended.eq((ended & ~(head & complete & (part == 3))) | sample_ends),
        ]
        with m.If(head & complete & (part == 3)):
            m.d.sync += sample.eq(of_sample)
        next_number = Signal(8, name="next_number")
        with m.If(head & complete & (part == 2)):
            m.d.sync += next_number.eq(Mux(number == 255, 1, number + 1))
        with m.If(head & complete & (part == 3)):
            m.d.sync += frame.eq(next_number)
        marks = Cat(dut.slot, Const(0, 1), dut.loaded, dut.ignored, dut.lost, refusal)
        shown = Cat(dut.expected, dut.wanted, marks, number, of_sample).bit_select(Cat(count, part), 1)
        m.d.comb += [
            Assert(~(head & put) | (bit == shown)),
            # While expected or freed is read it is held.
            Assert(dut.hold | ~(head & put & (part < 2))),
        ]

        # The two registers turn while they are sent: so many bits of what comes next stand above.
        old, carried = registers["frame"], registers["carried"]
        m.d.comb += [
            Assert(registers["refused"] == refusal),
            Assert(registers["ended"] == ended),
        ]
        turning, turned = head & (part == 2), head & (part == 3)
        with m.If(~turning):
            m.d.comb += Assert(old == Mux(turned, next_number, frame))
        with m.If(~turned):
            m.d.comb += Assert(registers["sample"] == sample)
        after, of_both = (number + 1)[:8], registers["sample"]
        for k in range(8):
            with m.If(turning & (count == k)):
                m.d.comb += Assert(old[: 8 - k] == frame[k:])
                if k:
                    m.d.comb += Assert((old[8 - k :] == after[:k]) & (carried == number[:k].all()))
            with m.If(turned & (count == k)):
                m.d.comb += Assert(of_both[: 8 - k] == sample[k:])
                if k:
                    m.d.comb += Assert(of_both[8 - k :] == of_sample[:k])
                    m.d.comb += Assert(carried == (ended & sample[:k].all()))
        with m.If(turned):
            m.d.comb += Assert(next_number == Mux(number == 255, 1, after))


__all__ = ["SendsFrames"]
