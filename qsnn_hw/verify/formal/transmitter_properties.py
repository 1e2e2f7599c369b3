"""What the serial link promises on its way out: every byte once, stuffed, as the line's receiver reads it."""

from typing import Any

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, Value

from qsnn_hw.host.frames import ESCAPE, FLAG, FLIP
from qsnn_hw.verify.formal.properties import Harness, moves

_STOP = 9
"""Place of the stop bit on the line: 0 is the start bit's, 1 to 8 are the data's."""


class SendsStuffed(Harness):
    """Every byte handed over leaves once, in order and in time, with an escape ahead of flags that are none.

    A reader of the line that the harness has finds start bits, holds every edge to the clock, and undoes the
    stuffing. A byte is on the line whole ``20 * divisor`` cycles after its last bit was handed over.
    """

    def __init__(self, dut: Any, divisor: int) -> None:
        super().__init__(dut, [dut.i], [])
        self._divisor = divisor

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, divisor = self._dut, self._divisor
        # The byte that was handed over and has not been read on the line; the bits of the next one.
        put = moves(dut.i)
        bits, count = Signal(8, name="bits"), Signal(3, name="count")
        sent, raw, owed = Signal(8, name="sent"), Signal(name="sent_raw"), Signal(name="owed")
        waited = Signal(range(20 * divisor + 2), name="waited")
        whole = Cat(bits[1:], dut.i.payload.bit)
        with m.If(put):
            m.d.sync += [bits.eq(whole), count.eq(count + 1)]
        m.d.comb += Assert(dut.index == count)
        complete = put & (count == 7)

        # The reader: of the bit that is on the line, its place and the cycles since its beginning.
        active, place, sub = Signal(name="active"), Signal(4, name="at_place"), Signal(range(divisor))
        was, byte = Signal(name="was"), Signal(8, name="read")
        on, now, since = active | ~dut.tx, Mux(active, place, 0), Mux(active, sub, 0)
        m.d.sync += was.eq(dut.tx)
        with m.If(on):
            m.d.comb += [Assert((since == 0) | (dut.tx == was)), Assert((now != _STOP) | dut.tx)]
            m.d.sync += sub.eq(Mux(since == divisor - 1, 0, since + 1))
            m.d.sync += [place.eq(now + (since == divisor - 1)), active.eq(1)]
            with m.If((now == _STOP) & (since == divisor - 1)):
                m.d.sync += active.eq(0)
        data = on & (since == 0) & (now != 0) & (now != _STOP)
        with m.If(data):
            m.d.sync += byte.eq(Cat(byte[1:], dut.tx))
        read, value = data & (now == _STOP - 1), Cat(byte[1:], dut.tx)

        # Escape and byte, or byte alone.
        escape_read = Signal(name="escape_read")
        special = (sent == FLAG) | (sent == ESCAPE)
        stuffed = special & ~raw
        with m.If(complete):
            m.d.comb += Assert(~owed)
            m.d.sync += [sent.eq(whole), raw.eq(dut.i.payload.raw), owed.eq(1), waited.eq(0)]
        with m.Else():
            m.d.sync += waited.eq(waited + owed)
        with m.If(read):
            m.d.comb += Assert(owed)
            with m.If(stuffed & ~escape_read):
                m.d.comb += Assert(value == ESCAPE)
                m.d.sync += escape_read.eq(1)
            with m.Else():
                m.d.comb += Assert(value == sent ^ Mux(stuffed, FLIP, 0))
                m.d.sync += [owed.eq(0), escape_read.eq(0)]
        m.d.comb += Assert(waited <= 20 * divisor)
        reader = {"active": active, "on": on, "now": now, "since": since, "byte": byte}
        spec = {"sent": sent, "raw": raw, "owed": owed, "stuffed": stuffed, "escape_read": escape_read}
        self._invariants(m, registers, reader, {**spec, "bits": bits, "count": count, "waited": waited})

    def _invariants(
        self,
        m: Module,
        registers: dict[str, Signal],
        reader: dict[str, Value],
        spec: dict[str, Value],
    ) -> None:
        """What ties the sender's registers to the reader's place on the line."""
        divisor = self._divisor
        place, timer, byte, full = (registers[name] for name in ("place", "timer", "byte", "full"))
        escaping, escaped = registers["escaping"], registers["escaped"]
        sent, owed, stuffed, escape_read = (spec[k] for k in ("sent", "owed", "stuffed", "escape_read"))
        resting = Signal(init=1, name="resting")
        with m.If((place == 0) & (timer == 0)):
            m.d.sync += resting.eq(0)
        since = divisor - 1 - timer
        m.d.comb += [
            Assert((place <= _STOP) & (timer < divisor)),
            Assert(full | ~escaping),
            Assert(~full | (spec["count"] == 0)),
            Assert(~escaping | (stuffed & owed & ~resting)),
            Assert(~escape_read | (stuffed & owed)),
        ]
        with m.If(resting & (place != 0)):
            m.d.comb += [
                Assert(~reader["on"] & ~escaping & ~escaped & ~escape_read),
                Assert((place == _STOP) | (full & ~owed & (spec["count"] == 0))),
                Assert((place != _STOP) | (full == owed)),
            ]
            for p in range(1, _STOP):
                with m.If(place == p):
                    m.d.comb += Assert(byte[: _STOP - p].all())
        with m.Else():
            first = (place == _STOP) & (since == 0) & ~resting
            m.d.comb += [
                Assert(escaped == Mux(first, escaping, escape_read)),
                Assert(owed == (full | (first & ~escaping))),
            ]
            with m.If((place != 0) | (timer != 0)):
                m.d.comb += Assert(resting | reader["on"])
                m.d.comb += Assert(resting | (reader["now"] == Mux(place == 0, _STOP, place - 1)))
                m.d.comb += Assert(resting | (reader["since"] == since))
            with m.Elif(reader["on"]):
                m.d.comb += Assert((reader["now"] == _STOP) & (reader["since"] == divisor - 1))
        # Of the byte that waits: untouched, or its lowest bits gone.
        gone = (place != 0) & ~escaping & ~resting
        with m.If(full & owed):
            m.d.comb += Assert(registers["raw"] == spec["raw"])
            with m.If(~gone | (place == _STOP)):
                m.d.comb += Assert(byte == sent)
        for p in range(1, _STOP):
            with m.If(full & gone & (place == p)):
                m.d.comb += Assert(byte[: _STOP - p] == sent[p - 1 :])
                m.d.comb += Assert(escape_read == stuffed)
        for n in range(1, 8):
            with m.If(~full & (spec["count"] == n)):
                m.d.comb += Assert(byte[8 - n :] == spec["bits"][8 - n :])
        self._read_so_far(m, reader, sent, escaping, stuffed, place, resting)
        self._in_time(m, registers, spec, resting)

    def _read_so_far(
        self,
        m: Module,
        reader: dict[str, Value],
        sent: Value,
        escaping: Value,
        stuffed: Value,
        place: Value,
        resting: Value,
    ) -> None:
        """The data bits that are read, and the one on the line, are those of what is being sent."""
        symbols = Mux(escaping, Const(ESCAPE, 8), sent ^ Mux(stuffed, FLIP, 0))
        line = self._dut.tx
        for p in range(2, _STOP + 1):
            bit = p - 2
            with m.If((place == p) & ~resting & (reader["since"] == 0)):
                m.d.comb += Assert(line == symbols[bit])
                if bit:
                    m.d.comb += Assert(reader["byte"][8 - bit :] == symbols[:bit])
            if p < _STOP:
                with m.If((place == p) & ~resting & (reader["since"] != 0)):
                    m.d.comb += Assert(reader["byte"][8 - bit - 1 :] == symbols[: bit + 1])
        with m.If((place == 1) & ~resting):
            m.d.comb += Assert(~line)

    def _in_time(
        self, m: Module, registers: dict[str, Signal], spec: dict[str, Value], resting: Value
    ) -> None:
        """Cycles until the byte is on the line, and how long it has waited: never more than the bound."""
        divisor = self._divisor
        place, escaping = registers["place"], registers["escaping"]
        # Bits of the line, counted from the one that comes next, until the byte's last.
        ahead = Signal(range(32), name="ahead")
        escape = Mux(spec["stuffed"] & ~spec["escape_read"], 10, 0)
        with m.If(place == 0):
            m.d.comb += ahead.eq(8 + escape)
        with m.Elif((place == _STOP) & ~escaping):
            m.d.comb += ahead.eq(9 + escape)
        with m.Elif(escaping):
            m.d.comb += ahead.eq(18 - place)
        with m.Else():
            m.d.comb += ahead.eq(8 - place)
        left = Signal(range(20 * divisor + 2), name="left_over")
        m.d.comb += left.eq(registers["timer"] + 1 + divisor * ahead)
        with m.If(registers["full"] & spec["owed"]):
            m.d.comb += Assert(spec["waited"] + left <= 20 * divisor)
