"""The table that tells a host which design a board holds and what it has counted."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.identity import IDENTITY_BYTES, TABLE_BYTES
from qsnn_hw.rtl.counting import plus_one
from qsnn_hw.rtl.text.memory_style import memory_attributes

COUNTERS = (TABLE_BYTES - IDENTITY_BYTES) // 4
_PERIOD_BITS = 7


class BoardTable(wiring.Component):
    """Identity and counters in one block RAM; a counter is four bytes, counted a byte at a time.

    Handshake: a pulse at ``count[k]`` while ``busy[k]`` is set is not counted, so whoever must not lose one
    waits for it. A count takes 3 to 10 cycles (4 to 14 where reads are registered), more when others are
    before it, and less than 128 whatever they carry, while no row is served. ``o`` is a stream: byte ``part``
    of row ``row`` in the cycle it is asked for. The last counter counts itself, every 128 cycles. The counts
    outlive every reset: a host takes differences.

    Parameters
    ----------
    identity
        ``IDENTITY_BYTES`` bytes.
    registered
        What is read passes a register behind the memory, a cycle later: for block RAM with a slow output.

    Members
    -------
    count : In(COUNTERS - 1)
    busy : Out(COUNTERS - 1)
    row : In(5), part : In(2), wanted : In(1)
        The row of four bytes, and the byte of it, that ``o`` shows next.
    o : Out(stream.Signature(8))
    beat : Out(1)
        Changes every 2**23 cycles.
    """

    def __init__(self, identity: bytes, *, registered: bool = False) -> None:
        if len(identity) != IDENTITY_BYTES:
            raise ValueError(f"Identity must be {IDENTITY_BYTES} bytes, not {len(identity)}")
        self._identity, self._registered = identity, registered
        super().__init__(
            {
                "count": In(COUNTERS - 1),
                "busy": Out(COUNTERS - 1),
                "row": In(5),
                "part": In(2),
                "wanted": In(1),
                "o": Out(stream.Signature(8)),
                "beat": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = 1 << ceil_log2(TABLE_BYTES)
        m.submodules.table = table = memory.Memory(
            shape=8, depth=depth, init=list(self._identity), attrs=memory_attributes("ram", "block")
        )
        write = table.write_port()
        read = table.read_port()
        state = Signal(4, init=1)
        chosen = Signal(range(COUNTERS))
        place = Signal(2)
        idle, reads, writes, serves = state
        period = Signal(_PERIOD_BITS)
        pending = Signal(COUNTERS)
        at = Cat(place, chosen, Const(IDENTITY_BYTES >> 5, 2))
        after = Signal(9)
        again = Signal()
        begins = Signal()
        found = Signal()
        # What the memory shows, and when it may be used: behind ``reads``, and while it is served.
        data, arrived, shown = read.data, reads, serves
        if self._registered:
            data = Signal(8)
            arrived = Signal()
            shown = Signal()
            m.d.sync += [
                data.eq(read.data),
                arrived.eq(reads),
                shown.eq(serves & ~(self.o.valid & self.o.ready)),
            ]
        m.d.comb += [
            self.busy.eq(pending[:-1]),
            read.addr.eq(Mux(reads, at, Cat(self.part, self.row))),
            read.en.eq(reads | idle),
            after.eq(data + 1),
            write.addr.eq(at),
            write.data.eq(after),
            write.en.eq(writes),
            self.o.payload.eq(data),
            self.o.valid.eq(serves & shown),
            found.eq((pending >> chosen)[0]),
            begins.eq(idle & ~self.wanted & found),
            # A carry goes on to the next byte.
            again.eq(writes & after[8] & (place != 3)),
        ]
        m.d.sync += [
            period.eq(period + 1),
            idle.eq((idle & ~self.wanted & ~found) | (writes & ~again) | (self.o.valid & self.o.ready)),
            reads.eq(begins | again),
            writes.eq(arrived),
            serves.eq((serves & ~(self.o.valid & self.o.ready)) | (idle & self.wanted)),
        ]
        with m.If(idle):
            m.d.sync += place.eq(0)
        with m.Elif(writes):
            m.d.sync += place.eq(plus_one(place))
        with m.If(idle & ~found):
            m.d.sync += chosen.eq(plus_one(chosen))
        with m.If(writes & ~again):
            m.d.sync += pending.bit_select(chosen, 1).eq(0)
        with m.If(writes & (chosen == COUNTERS - 1) & (place == 2)):
            m.d.sync += self.beat.eq(after[0])
        for k in range(COUNTERS - 1):
            with m.If(self.count[k]):
                m.d.sync += pending[k].eq(1)
        with m.If(period == 0):
            m.d.sync += pending[-1].eq(1)
        return m
