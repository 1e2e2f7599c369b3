"""Words out of the frames that wait: events, ticks, weights; the session's nonce."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.frames import NONCE_BYTES
from qsnn_hw.host.words import run_bits, word_bytes
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.rtl.io.frame_receiver import PLACE_BITS
from qsnn_hw.rtl.stream.address_guard import known_address
from qsnn_hw.rtl.stream.aer import AerLayout


class FrameReader(wiring.Component):
    """The words of committed frames, in order, each once; the format stands in docs/host_link.md.

    It starts, and starts anew after a reset, with the frame that begins a session: its nonce, then
    words as in every frame. Handshake: ``o`` and ``load`` are streams; the memory is read every cycle, and a
    byte counts from ``2 + registered`` cycles after its address came. Latency: about 6 cycles from
    ``waiting`` to the first event. Throughput: a byte in 3 cycles at most, a bit of a bitmap per cycle.

    Parameters
    ----------
    space
        Addresses of the network's input.
    value_bits
        Bits below the address that belong to it: of a pixel, its value.
    loads
        The network is given its weights: runs of them go to ``load``, and words before ``loaded`` are
        ignored.
    registered
        The memory has a second register behind it.

    Members
    -------
    waiting : In(1)
        A frame waits in slot ``freed % SLOTS``.
    hold : In(1)
        No frame may end now.
    address : Out(PLACE_BITS)
        Byte of the frame that ``data`` shows; its slot is the one above.
    data : In(8)
    done : Out(1)
        The frame is worked off, in this cycle.
    wanted : Out(1), served : In(1)
        The host wants row ``row`` of the table; until the cycle in which it is served.
    row : Out(5)
    nonce : Out(8 * NONCE_BYTES), session : Out(1)
    ignored : Out(1)
        An event or tick is being dropped in this cycle.
    o : Out(stream.Signature(AerLayout(space.size << value_bits)))
    load : Out(stream.Signature(8)), loaded : In(1)
        Only with ``loads``.
    """

    def __init__(
        self, space: AddressSpace, value_bits: int = 0, *, loads: bool = False, registered: bool = False
    ) -> None:
        self._space, self._value_bits = space, value_bits
        self._loads, self._registered = loads, registered
        self._size = space.size << value_bits
        members: dict[str, wiring.Member] = {
            "waiting": In(1),
            "hold": In(1),
            "address": Out(PLACE_BITS),
            "data": In(8),
            "done": Out(1),
            "wanted": Out(1),
            "served": In(1),
            "row": Out(5),
            "nonce": Out(8 * NONCE_BYTES),
            "session": Out(1),
            "ignored": Out(1),
            "o": Out(stream.Signature(AerLayout(self._size))),
        }
        if loads:
            members |= {"load": Out(stream.Signature(unsigned(8))), "loaded": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        more_bytes = word_bytes(self._size) - 1
        # One bit a state, because each is asked for at many places.
        nonce, first, more, word, row, run = (
            Signal(init=name == "nonce", name=name)
            for name in ("nonce", "first", "more", "word", "row", "run")
        )
        kind = Signal(2)
        number = Signal(6 + 8 * more_bytes)
        there, advance = self._bytes(m)
        step, word_ends, run_ends = self._pass(m, (word, row, run), kind, number, there, advance)
        # What a first byte says.
        control = ~self.data[7] & self.data[6]
        ends, asks = control & (self.data[5] == 0) & self.data[1], control & self.data[5]
        short = control & ~self.data[5] & ~self.data[1]
        long = Signal()
        begins = Signal()
        complete = Signal()
        m.d.comb += [
            begins.eq(first & there),
            long.eq(begins & ~control),
            self.done.eq(begins & ends & ~self.hold),
            self.session.eq(~nonce),
            self.wanted.eq(row),
            self.row.eq(number),
            advance.eq((there & (nonce | more | (first & ~(ends & self.hold)))) | step),
        ]
        with m.If(nonce & there):
            m.d.sync += self.nonce.eq(Cat(self.nonce[8:], self.data))
        with m.If(begins):
            m.d.sync += [kind.eq(self.data[6:]), number.eq(self.data[:6])]
        if more_bytes:
            left = Signal(range(max(2, more_bytes)))
            m.d.comb += complete.eq(more & there & (left == 0))
            with m.If(more & there):
                m.d.sync += [number.eq(Cat(self.data, number)), left.eq(left - 1)]
            with m.If(first):
                m.d.sync += left.eq(more_bytes - 1)
            m.d.sync += more.eq((more & ~complete) | long)
            is_run = kind[1]
        else:
            m.d.comb += complete.eq(long)
            is_run = self.data[7]
        m.d.sync += [
            nonce.eq(nonce & ~(there & (self.address[: ceil_log2(NONCE_BYTES)] == NONCE_BYTES - 1))),
            word.eq((word & ~word_ends) | (begins & short) | (complete & ~is_run)),
            row.eq((row & ~self.served) | (begins & asks)),
            run.eq((run & ~run_ends) | (complete & is_run)),
            first.eq(
                (first & ~(there & ~ends))
                | (nonce & there & (self.address[: ceil_log2(NONCE_BYTES)] == NONCE_BYTES - 1))
                | (word & word_ends)
                | (row & self.served)
                | (run & run_ends)
            ),
        ]
        return m

    def _bytes(self, m: Module) -> tuple[Signal, Signal]:
        """Whether ``data`` is the next byte, and what asks for the one behind it."""
        # Cycles since the address changed.
        age = Signal(2 if self._registered else 1)
        there = Signal()
        advance = Signal()
        m.d.comb += there.eq(self.waiting & age.all())
        with m.If(advance):
            m.d.sync += [self.address.eq(self.address + 1), age.eq(0)]
        with m.Elif(self.waiting):
            m.d.sync += age.eq(Cat(Const(1, 1), age)[: len(age)])
        with m.If(self.done):
            m.d.sync += self.address.eq(0)
        return there, advance

    def _pass(
        self,
        m: Module,
        states: tuple[Signal, Signal, Signal],
        kind: Signal,
        number: Signal,
        there: Signal,
        advance: Signal,
    ) -> tuple[Signal, Signal, Signal]:
        """Offer the word: one event or tick, or a run of them or of weights.

        Whether a byte of a run is used up, a word ends, a run ends.
        """
        word, _, run = states
        known = (word & kind[0]) | known_address(self._space, number[self._value_bits :])
        if self._loads:
            known = known & self.loaded
        passes = Signal()
        moves = Signal()
        low = number[: run_bits(self._size)]
        step = Signal()
        word_ends = Signal()
        run_ends = Signal()
        weights: Value = kind[0]
        marked: Value = (self.data >> number[:3])[0] & ~weights
        if self._value_bits:
            # A stream of pixels has no bitmaps.
            weights, marked = Const(1, 1), Const(0, 1)
        offered = word | (run & there & marked)
        m.d.comb += [
            passes.eq(known),
            self.o.valid.eq(offered & passes),
            self.ignored.eq(offered & ~passes),
            self.o.payload.tick.eq(word & kind[0]),
            self.o.payload.address.eq(number),
            word_ends.eq(self.o.ready | ~passes),
            moves.eq(run & there & (~marked | word_ends)),
            step.eq(moves & (weights | (number[:3] == 0))),
            run_ends.eq(moves & (low == 0)),
        ]
        if self._loads:
            m.d.comb += [self.load.payload.eq(self.data), self.load.valid.eq(run & weights & there)]
            with m.If(run & weights & ~self.load.ready & ~self.loaded):
                m.d.comb += moves.eq(0)
        with m.If(moves):
            m.d.sync += low.eq(low - 1)
        return step, word_ends, run_ends
