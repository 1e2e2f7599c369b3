"""What becomes of frames from the host: taken whole, once and in turn, or nothing."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value

from qsnn_hw.host.frames import ESCAPE, FLAG, FLIP
from qsnn_hw.verify.formal.properties import Harness


class TakesFrames(Harness):
    """A frame changes what the network reads only when it ends: whole, with a good CRC, in turn, with room.

    Bytes come from the harness in place of a line, and whether the CRC was right is the solver's choice; that
    the CRC hears every bit of the frame and nothing else is shown. Around the receiver stand the counters
    that ``HostLink`` has: frames that are worked off, and a session that begins. What is shown:

    - behind each flag that ends a frame there is one decision, and without such a flag none;
    - ``expected`` counts on by one with a frame that is taken, and never else; a frame that is not changes
      nothing but ``refused``, and ``bad`` where its CRC was wrong;
    - a frame is taken if and only if it is a HELLO, or it has the number that is expected, a place stays
      free and there is a session; and its CRC is good and it fits its place;
    - what is written are the frame's bytes, unstuffed, in order, in the place of ``expected``, in which
      no frame waits.
    """

    _REST = 40
    """Cycles from byte to byte at least: ten bits of four cycles."""

    def __init__(self, dut: Any, line: Any, check: Any) -> None:
        super().__init__(dut, [], [])
        self._line, self._check = line, check
        self._done = Signal(name="done")
        self.ports += [line.o.valid, line.o.payload, check.good, dut.session, dut.hold, self._done]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, check = self._dut, self._check
        came, byte = self._line.o.valid, self._line.o.payload
        rest, held = Signal(range(self._REST + 1), name="rest"), Signal(range(31), name="held")
        m.d.comb += [Assume(~came | (rest == self._REST)), Assume(~dut.hold | (held < 30))]
        m.d.sync += rest.eq(Mux(came, 1, rest + (rest != self._REST)))
        m.d.sync += held.eq(Mux(dut.hold, held + 1, 0))

        # What HostLink has around it.
        freed, waiting = Signal(3, name="freed"), Signal(4, name="waiting")
        m.d.comb += [dut.freed.eq(freed), Assume(~self._done | ((waiting != 0) & ~dut.restart))]
        decided_taken = Signal(name="decided_taken")
        with m.If(dut.restart):
            m.d.sync += [freed.eq(dut.expected), waiting.eq(1)]
        with m.Else():
            m.d.sync += [freed.eq(freed + self._done), waiting.eq(waiting + decided_taken - self._done)]
        m.d.comb += [
            Assert(waiting <= 7),
            Assert((freed + waiting)[:3] == dut.expected[:3]),
        ]

        # The frame that comes: its first byte, how many behind it, and whether an escape stood before.
        inside, escape = Signal(name="inside"), Signal(name="escape")
        head, behind = Signal(8, name="head"), Signal(9, name="behind")
        plain = Mux(escape, byte ^ FLIP, byte)
        flag = came & (byte == FLAG)
        mine = came & (byte != FLAG) & (byte != ESCAPE)
        with m.If(came):
            m.d.sync += escape.eq(byte == ESCAPE)
        with m.If(flag):
            m.d.sync += inside.eq(0)
        with m.Elif(mine & ~inside):
            m.d.sync += [inside.eq(1), head.eq(plain), behind.eq(0)]
        with m.Elif(mine & (behind != 256)):
            m.d.sync += behind.eq(behind + 1)

        # One decision behind each flag that ends a frame, while nobody reads ``expected``.
        open_ = Signal(name="undecided")
        decides = open_ & ~dut.hold
        with m.If(flag & inside):
            m.d.comb += Assert(~open_ | decides)
            m.d.sync += open_.eq(1)
        with m.Elif(decides):
            m.d.sync += open_.eq(0)
        room = waiting != 7
        in_turn = dut.session & (head[:7] == dut.expected) & room
        m.d.comb += decided_taken.eq(decides & check.good & (behind != 256) & (head[7] | in_turn))
        before, counted = Signal(7, name="before"), Signal(name="counted")
        m.d.sync += [before.eq(dut.expected), counted.eq(decided_taken)]
        m.d.comb += [
            Assert(dut.restart == (decided_taken & head[7])),
            Assert(dut.heard == (decides & ~dut.restart)),
            Assert(dut.refused == (decides & ~decided_taken)),
            Assert(dut.bad == (decides & ~check.good)),
        ]
        moving = Signal(name="moving")
        m.d.sync += moving.eq(1)
        m.d.comb += Assert(~moving | (dut.expected == (before + counted)[:7]))
        m.d.comb += [
            Assert(dut.write_enable == (mine & inside)),
            Assert(~dut.write_enable | (dut.write_data == plain)),
            Assert(~dut.write_enable | (dut.write_address == Cat(behind[:8], dut.expected[:3]))),
        ]
        self._crc(m, mine, inside, plain)
        m.d.comb += [
            Assert(registers["first"] == ~inside),
            Assert(registers["escaped"] == escape),
            Assert(registers["ended"] == open_),
            Assert(~(open_ & inside)),
            Assert(~open_ | (held + 1 >= rest)),
            Assert((registers["place"] == behind) | ~(inside | open_)),
            Assert((registers["hello"] == head[7]) | ~(inside | open_)),
            Assert((registers["in_turn"] == (head[:7] == dut.expected)) | ~(inside | open_)),
        ]

    def _crc(self, m: Module, mine: Value, inside: Value, plain: Value) -> None:
        """It begins with a frame's first byte and hears the bits of each byte once, lowest first."""
        check = self._check
        its, left = Signal(8, name="its"), Signal(4, name="to_hear")
        with m.If(mine):
            m.d.sync += [its.eq(plain), left.eq(8)]
        with m.Elif(left != 0):
            m.d.sync += [its.eq(its >> 1), left.eq(left - 1)]
        m.d.comb += [
            Assert(check.start == (mine & ~inside)),
            Assert(~check.start | (check.plain == plain[7])),
            Assert(check.step == (left != 0)),
            Assert(~check.step | (check.bit == its[0])),
            Assert(~check.drain),
            # All of it is heard long before a flag can end the frame.
            Assert(~mine | (left == 0)),
        ]
