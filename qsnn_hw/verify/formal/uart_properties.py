"""What the serial port hears, byte for byte, at any phase and with a clock that differs from the sender's."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, signed

from qsnn_hw.verify.formal.properties import Harness

_BITS = 10
"""On the line for a byte: start, eight of data, stop."""
_DELAY = 3
"""Cycles from a start edge on the line until the receiver counts: two of the synchronizer, one to see it."""


class HearsByte(Harness):
    """A receiver gives every byte that is on the line once, in order, and nothing else.

    The sender is the solver's: it sends any byte after any rest, and each edge between two bits comes up to
    ``slack`` cycles early or late against its own start edge. A sender whose clock is off by a share ``d``
    is such a one where ``10 * divisor * d`` is at most ``slack``; jitter comes on top. The line is at rest
    for a bit behind the reset.
    """

    def __init__(self, dut: Any, divisor: int, slack: int) -> None:
        super().__init__(dut, [], [])
        self._divisor, self._slack = divisor, slack
        self._goes, self._byte = Signal(name="goes"), Signal(8, name="byte")
        self._offset = Signal(signed(4), name="offset")
        self.ports += [self._goes, self._byte, self._offset]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, divisor, slack = self._dut, self._divisor, self._slack
        rest = Signal(range(divisor + 1))
        m.d.sync += rest.eq(rest + (rest != divisor))
        # Where the sender is: cycles until the next edge, how late against the start edge that one is,
        # and the bit that is on the line.
        sending, left, bit = Signal(), Signal(range(divisor + 2 * slack + 1)), Signal(range(_BITS))
        offset, byte = Signal(signed(4)), Signal(8, name="on_the_line")
        edge, starts = Signal(), Signal()
        frame = Cat(Const(0, 1), byte, Const(1, 1))
        m.d.comb += [
            Assume((self._offset >= -slack) & (self._offset <= slack)),
            edge.eq(sending & (left == 0)),
            starts.eq((rest == divisor) & self._goes & (~sending | (edge & (bit == _BITS - 1)))),
            dut.rx.eq(Mux(sending, frame.bit_select(bit, 1), 1)),
        ]
        with m.If(edge):
            m.d.sync += [
                bit.eq(Mux(bit == _BITS - 1, 0, bit + 1)),
                left.eq(divisor - 1 + self._offset - offset),
                offset.eq(self._offset),
            ]
            with m.If(bit == _BITS - 1):
                m.d.sync += sending.eq(0)
        with m.Else():
            m.d.sync += left.eq(left - (left != 0))
        with m.If(starts):
            m.d.sync += [sending.eq(1), bit.eq(0), byte.eq(self._byte)]
            m.d.sync += [left.eq(divisor - 1 + self._offset), offset.eq(self._offset)]

        # The byte that the receiver is at, and for how long; a start on its way there.
        whole = (_BITS - 1) * divisor + divisor // 2
        coming = Signal(_DELAY)
        age, its = Signal(range(whole + divisor + 2), init=whole), Signal(8, name="its_byte")
        m.d.sync += [coming.eq(Cat(starts, coming)), age.eq(age + (age < whole))]
        with m.If(coming[-1]):
            m.d.sync += [age.eq(0), its.eq(byte)]
        m.d.comb += [
            Assert(dut.o.valid == (age == whole - 1)),
            Assert(~dut.o.valid | (dut.o.payload == its)),
            # Nothing is begun before the byte in front is heard.
            Assert(~coming[-1] | (age == whole)),
        ]
        self._invariants(m, registers, sending, left, bit, offset, byte, coming, age, its, rest)

    def _invariants(
        self,
        m: Module,
        registers: dict[str, Signal],
        sending: Signal,
        left: Signal,
        bit: Signal,
        offset: Signal,
        byte: Signal,
        coming: Signal,
        age: Signal,
        its: Signal,
        rest: Signal,
    ) -> None:
        """What ties sender, line and receiver together, cycle by cycle."""
        divisor, slack = self._divisor, self._slack
        whole = (_BITS - 1) * divisor + divisor // 2
        count, timer, shift = registers["count"], registers["timer"], registers["shift"]
        time = Signal(signed(10))
        m.d.comb += time.eq(divisor * (bit + 1) + offset - 1 - left)
        busy = age < whole
        m.d.comb += [
            Assert(bit < _BITS),
            Assert((offset >= -slack) & (offset <= slack)),
            Assert((coming & (coming - 1)[:_DELAY]) == 0),
            Assert(~sending | (time >= 0)),
            Assert(~sending | (rest == divisor)),
            Assert(left < divisor + 2 * slack),
            Assert(~sending | (time >= divisor * bit - slack)),
        ]
        for stage in range(_DELAY):
            m.d.comb += Assert(~coming[stage] | (sending & (time == stage)))
            # The receiver has all but ended with the byte before.
            m.d.comb += Assert(~coming[stage] | (age + _DELAY - 1 - stage >= whole))
        with m.If(sending & ~coming.any() & (rest == divisor)):
            m.d.comb += Assert((time < _DELAY) | (Mux(busy, age == time - _DELAY, time - _DELAY >= whole)))
            m.d.comb += Assert((time >= _DELAY) & (its == byte))
        with m.If(~sending):
            m.d.comb += Assert(~busy | (age >= _BITS * divisor - slack - _DELAY))
        with m.If(busy):
            m.d.comb += Assert(count * divisor + timer == _BITS * divisor + divisor // 2 - 1 - age)
            m.d.comb += Assert((timer < divisor) & (count != 0))
        for done in range(1, 9):
            # So many data bits are in: the highest of the register.
            with m.If(busy & (count == 9 - done)):
                m.d.comb += Assert(shift[8 - done : 8] == its[:done])
