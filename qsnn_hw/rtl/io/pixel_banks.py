"""Pixels of one sample or two, kept for one slot of the encoders' stream."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


def _half(values: list[Any], half: ValueLike) -> Any:
    """What belongs to ``half``; there is only one with a single buffer."""
    return values[0] if len(values) == 1 else Mux(half, values[1], values[0])


def bank_members(rows: int, key_bits: int, step_bits: int) -> dict[str, wiring.Member]:
    """What both kinds of bank share.

    ready
        Pixels may come.
    peek, peek_key
        In the next cycle a pixel with this key may be put.
    put, put_half, put_row, put_key
        Keep a pixel in one half.
    clear
        Empty the half that is being sent.
    sending
        ``half`` holds a sample until its ``clear``.
    fetch
        The sample in ``half`` is about to begin.
    load, step, half
        A step of it begins: the first event stands in the next cycle.
    valid, row, key
        The event at hand.
    take
        It has been sent: the next one stands in the next cycle.
    """
    row = max(1, ceil_log2(rows))
    return {
        "ready": Out(1),
        "peek": In(1),
        "peek_key": In(key_bits),
        "put": In(1),
        "put_half": In(1),
        "put_row": In(row),
        "put_key": In(key_bits),
        "clear": In(1),
        "sending": In(1),
        "fetch": In(1),
        "load": In(1),
        "step": In(step_bits),
        "half": In(1),
        "valid": Out(1),
        "row": Out(row),
        "key": Out(key_bits),
        "take": In(1),
    }


class ListBank(wiring.Component):
    """The pixels of one slot in the order they came; every step goes through all of them.

    Latency: a step's first pixel stands 1 cycle after ``load``, which at the start of a sample comes
    at least 1 cycle after ``fetch``. Throughput: one pixel, or with ``repeat`` one of its ``key``
    repetitions, per cycle. Pixels beyond ``rows`` of them are dropped.

    Parameters
    ----------
    rows
        Most pixels of a sample.
    key_bits
        Width of what is kept of a pixel.
    repeat
        A pixel stands ``key`` times, at least once.
    buffers
        Samples held, 1 or 2.

    Members
    -------
    See :func:`bank_members`.
    """

    def __init__(self, rows: int, key_bits: int, *, repeat: bool, buffers: int) -> None:
        self._rows, self._repeat, self._buffers = rows, repeat, buffers
        super().__init__(bank_members(rows, key_bits, 1))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.ready.eq(1)
        counts = [Signal(range(self._rows + 1), name=f"count{h}") for h in range(self._buffers)]
        m.submodules.pixels = pixels = memory.Memory(
            shape=len(self.row) + len(self.key), depth=self._buffers << len(self.row), init=[]
        )
        write = pixels.write_port()
        read = pixels.read_port()
        filled, count = _half(counts, self.put_half), _half(counts, self.half)
        m.d.comb += [
            write.en.eq(self.put & (filled != self._rows)),
            write.addr.eq(Cat(filled[: len(self.row)], self.put_half)),
            write.data.eq(Cat(self.put_row, self.put_key)),
        ]
        for half, counter in enumerate(counts):
            with m.If(write.en & (self.put_half == half)):
                m.d.sync += counter.eq(counter + 1)
            with m.If(self.clear & (self.half == half)):
                m.d.sync += counter.eq(0)

        # The pixel at hand is in registers, the one behind it on the memory's output. The first
        # follows the last, so that the next step finds its own first pixel at hand already.
        index = Signal.like(counts[0])
        following = Signal.like(counts[0])
        primed = Signal()
        advance = Signal()
        pull = Signal()
        final = Signal()
        ends = Signal()
        wraps = index + 1 == count
        m.d.comb += [
            following.eq(Mux(self.fetch | wraps, 0, index + 1)),
            advance.eq(self.take),
            pull.eq((self.load & ~primed) | advance),
            read.addr.eq(Cat(following[: len(self.row)], self.half)),
            read.en.eq(self.fetch | pull),
        ]
        if self._repeat:
            repetition = Signal.like(self.key)
            m.d.comb += [final.eq(repetition == self.key - 1), advance.eq(self.take & final)]
            with m.If(self.take):
                m.d.sync += repetition.eq(Mux(final, 0, repetition + 1))
        with m.If(read.en):
            m.d.sync += index.eq(following)
        with m.If(pull):
            m.d.sync += [Cat(self.row, self.key).eq(read.data), ends.eq(wraps)]
        with m.If(self.load):
            m.d.sync += [self.valid.eq(count != 0), primed.eq(1)]
        with m.Elif(advance):
            m.d.sync += self.valid.eq(~ends)
        with m.If(self.clear):
            m.d.sync += primed.eq(0)
        return m


class StepBank(wiring.Component):
    """The pixels of one slot sorted by the step in which they spike: a linked list for each step.

    ``key`` is the step. A head holds the first two pixels of its list, and a link the pixel after the next
    one: so what a link says is needed a cycle after it stands at the memory's output, and block RAM never
    drives its own address. Each half has a memory of its own for the heads of its lists, which either the
    pixels that come or the steps that go have for themselves. A head is erased as its step is read, so a
    half is empty when it has been sent; after reset all are erased, one per cycle, before ``ready``.

    Latency: the first pixel of a step stands 1 cycle after ``load``, which at the start of a sample
    comes at least 1 cycle after ``fetch``. Throughput: one pixel per cycle, whatever the number of
    steps. A row put twice into one sample leaves the lists wrong, but no step ever gives more than
    ``rows`` pixels.

    Parameters
    ----------
    rows
        Pixels of the slot.
    steps
        Time steps.
    buffers
        Samples held, 1 or 2.

    Members
    -------
    See :func:`bank_members`.
    """

    def __init__(self, rows: int, steps: int, *, buffers: int) -> None:
        self._rows, self._buffers = rows, buffers
        self._step_bits = max(1, ceil_log2(steps))
        super().__init__(bank_members(rows, self._step_bits, self._step_bits))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Of a list's pixel: its row, and that there is one.
        entry = len(self.row) + 1
        m.submodules.links = links = memory.Memory(shape=entry, depth=self._buffers << len(self.row), init=[])
        set_link = links.write_port()
        link = links.read_port()

        # Sending reads the head of the step that comes next, and erases it a cycle later.
        wiping = Signal(init=1)
        erase = Signal(init=1)
        erased = Signal.like(self.step)
        ahead = Signal.like(self.step)
        looks = Signal()
        m.d.comb += [
            self.ready.eq(~wiping),
            looks.eq(self.fetch | self.load),
            ahead.eq(Mux(self.fetch, 0, self.step + 1)),
        ]
        m.d.sync += [erase.eq(looks), erased.eq(ahead)]
        with m.If(wiping):
            m.d.sync += [erase.eq(1), erased.eq(erased + 1), wiping.eq(~erased.all())]
        # What a head becomes: the new pixel, and what came before it.
        written = Signal(2 * entry)
        head_data = []
        for half in range(self._buffers):
            heads = memory.Memory(shape=2 * entry, depth=1 << self._step_bits, init=[])
            m.submodules[f"heads{half}"] = heads
            read = heads.read_port()
            write = heads.write_port()
            own = Signal(name=f"own{half}")
            erases = Signal(name=f"erases{half}")
            m.d.comb += [
                own.eq(self.sending & (self.half == half)),
                erases.eq(own | wiping),
                read.en.eq(Mux(own, looks, self.peek)),
                read.addr.eq(Mux(own, ahead, self.peek_key)),
                write.en.eq(Mux(erases, erase, self.put & (self.put_half == half))),
                write.addr.eq(Mux(erases, erased, self.put_key)),
                write.data.eq(Mux(erases, 0, written)),
            ]
            head_data.append(read.data)

        # A head written in the cycle in which it was read is not on the memory's output.
        repeats = Signal()
        previous = Signal(2 * entry)
        old = Signal(2 * entry)
        m.d.sync += [repeats.eq(self.put & (self.put_key == self.peek_key)), previous.eq(written)]
        m.d.comb += [
            old.eq(Mux(repeats, previous, _half(head_data, self.put_half))),
            written.eq(Cat(self.put_row, Const(1, 1), old[:entry])),
            set_link.en.eq(self.put),
            set_link.addr.eq(Cat(self.put_row, self.put_half)),
            set_link.data.eq(old[entry:]),
        ]

        self._at_hand(m, link, entry, _half(head_data, self.half))
        return m

    def _at_hand(self, m: Module, link: memory.ReadPort, entry: int, head: Value) -> None:
        """The pixel at hand, the next one, and at the memory's output the one after that.

        Parameters
        ----------
        link
            Reads the pixel after the next one.
        entry
            Bits of a list's pixel.
        head
            The first two pixels of the list that ``load`` begins.
        """
        second = Signal(entry)
        left = Signal(range(max(2, self._rows)))
        m.d.comb += [
            link.addr.eq(Cat(Mux(self.load, head, second)[: len(self.row)], self.half)),
            link.en.eq(self.load | self.take),
        ]
        with m.If(link.en):
            m.d.sync += [
                self.row.eq(Mux(self.load, head, second)[: len(self.row)]),
                self.valid.eq(Mux(self.load, head[entry - 1], second[-1] & (left != 0))),
                second.eq(Mux(self.load, head[entry:], link.data)),
                left.eq(Mux(self.load, self._rows - 1, left - 1)),
            ]
