"""A route whose events arrive a fixed number of time steps late."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.rtl.stream.aer import aer_signature


def delay_words(steps: int, ahead: bool, step_words: int) -> int:
    """The capacity with which a delay always has room for the step that comes in.

    When a step comes in, the ``steps`` before it are still inside (one fewer with ``ahead``).

    Parameters
    ----------
    step_words
        The most words (not ticks) of one time step.
    """
    return (steps - ahead + 1) * step_words


class StepDelay(wiring.Component):
    """Gives each time step the events that came in ``steps`` time steps before.

    Ticks are numbered k = 0, 1, ... within a sample. Upon input tick k

    - a feed-forward delay emits the events of step k - steps, if there is one, and then tick k with
      its mark;
    - with ``ahead``, for a destination that must not wait for its own tick, it emits the events of
      step k + 1 - steps, if there is one, and then the tick of step k + 1. Out of reset, and upon a
      last tick instead of the above, it emits the tick of a sample's step 0. None of these ticks is
      a last one: the merge behind takes that mark from another route.

    Behind a last tick everything still inside is dropped.

    Events are taken while there is room, also while an earlier step is being emitted. A tick is taken
    once the emission that the tick before it started is over but for its last word on the way out.
    So with ``words`` by :func:`delay_words` every word is taken as soon as the words that earlier
    ticks released have left: whatever holds the input back is on the output's side.
    Latency: an event or tick is on offer 3 cycles after the tick that released it was taken, if
    it is the first of its step. Throughput: one word per cycle while there is room.

    Words are kept in a memory that is never read at the address it is written at; the ends of the
    steps inside are kept in registers, one pointer for each step of delay.

    Parameters
    ----------
    size, slots
        Of both streams.
    steps
        At least 1.
    words
        Words (not ticks) held, at least; the next power of two is built.
    ahead
        See above.

    Members
    -------
    i : In(aer_signature(size, slots))
    o : Out(aer_signature(size, slots))
    """

    def __init__(self, size: int, slots: int, steps: int, words: int, ahead: bool) -> None:
        if steps < 1:
            raise ValueError(f"Delay must be at least 1 time step, not {steps!r}")
        if words < 1:
            raise ValueError(f"Number of words held must be at least 1, not {words!r}")
        self._ahead = ahead
        self._marks = steps - ahead
        self._bits = max(1, ceil_log2(words))
        super().__init__({"i": In(aer_signature(size, slots)), "o": Out(aer_signature(size, slots))})

    @property
    def capacity(self) -> int:
        """Words held."""
        return 1 << self._bits

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o, bits = self.i, self.o, self._bits
        width = len(Value.cast(i.payload)) - 1
        # Pointers have one bit more than addresses, so that full and empty differ.
        write, read, end = (Signal(bits + 1, name=name) for name in ("write", "read", "end"))
        marks = [Signal(bits + 1, name=f"mark{k}") for k in range(self._marks)]
        due = Signal(init=self._ahead)
        last = Signal()

        m.submodules.words = words = memory.Memory(shape=unsigned(width), depth=1 << bits, init=[])
        put = words.write_port()
        get = words.read_port()
        full, event, tick = (Signal(name=name) for name in ("full", "event", "tick"))
        moving, finishing = (Signal(name=name) for name in ("moving", "finishing"))
        m.d.comb += [
            full.eq((write ^ read) == 1 << bits),
            i.ready.eq(Mux(i.payload.tick, ~due | finishing, ~full)),
            event.eq(i.valid & ~i.payload.tick & ~full),
            tick.eq(i.valid & i.payload.tick & i.ready),
            put.en.eq(event),
            put.addr.eq(write[:bits]),
            put.data.eq(Value.cast(i.payload)[:width]),
        ]
        with m.If(event):
            m.d.sync += write.eq(write + 1)

        # What is due goes out through the memory's output register and one more: wide logic may
        # follow. A tick travels the same way, with nothing read.
        names = ("fetched", "fetched_tick", "fetched_last", "leaving", "free")
        fetched, fetched_tick, fetched_last, leaving, free = (Signal(name=name) for name in names)
        word = Signal(width + 1)
        m.d.comb += [
            free.eq(~leaving | o.ready),
            moving.eq(due & (~fetched | free)),
            finishing.eq(moving & (read == end)),
            get.en.eq(moving & ~finishing),
            get.addr.eq(read[:bits]),
            o.valid.eq(leaving),
            Value.cast(o.payload).eq(word),
        ]
        with m.If(~fetched | free):
            m.d.sync += [fetched.eq(due), fetched_tick.eq(finishing), fetched_last.eq(last)]
        with m.If(free):
            m.d.sync += leaving.eq(fetched)
            with m.If(fetched):
                m.d.sync += word.eq(Cat(Mux(fetched_tick, fetched_last, get.data), fetched_tick))
        with m.If(get.en):
            m.d.sync += read.eq(read + 1)
        with m.If(finishing):
            m.d.sync += due.eq(0)
            if not self._ahead:
                with m.If(last):
                    # All marks are where the next sample's words begin.
                    m.d.sync += read.eq(marks[-1])
        with m.If(tick):
            m.d.sync += due.eq(1)
            self._end_step(m, write, read, end, marks, last)
        return m

    def _end_step(
        self, m: Module, write: Signal, read: Signal, end: Signal, marks: list[Signal], last: Signal
    ) -> None:
        """A tick came: where the steps that are held end moves on by one."""
        # A step that has not been yet is empty: its mark is where the sample began.
        ends = [write, *marks]
        dropped = Value.cast(self.i.payload)[0]
        m.d.sync += end.eq(ends[-1])
        m.d.sync += [mark.eq(Mux(dropped, write, before)) for mark, before in zip(marks, ends, strict=False)]
        if not self._ahead:
            m.d.sync += last.eq(dropped)
        else:
            with m.If(dropped):
                m.d.sync += [read.eq(write), end.eq(write)]
