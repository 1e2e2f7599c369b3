"""Pixels to an AER stream on the chip; ``qsnn_hw.golden.encoders`` says what each kind sends.

Each slot of the stream has its own bank of pixels, and the banks advance side by side::

    pixels -> staged -> bank per slot (one half fills while the other is sent) -> buffer -> AER stream
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, ValueLike
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host_protocol import PIXEL_BITS
from qsnn_hw.plan.io_plan import EncoderPlan
from qsnn_hw.rtl.aer import AerLayout, aer_signature
from qsnn_hw.rtl.pixels import PixelLayout
from qsnn_hw.rtl.router import ElasticBuffer

_LFSR_BITS, _LFSR_TAP = 41, 38
"""As in the golden model: bit t of the sequence is bit t - 41 xor bit t - 38."""


def _bank_members(rows: int, key_bits: int, step_bits: int) -> dict[str, wiring.Member]:
    """What both kinds of bank share.

    put, put_half, put_row, put_key
        Keep a pixel in one half.
    clear
        Empty the half that is being sent.
    load, step, half
        A step of the sample in ``half`` begins: the first event stands in the next cycle.
    valid, row, key
        The event at hand.
    take
        It has been sent: the next one stands in the next cycle.
    """
    row = max(1, ceil_log2(rows))
    return {
        "put": In(1),
        "put_half": In(1),
        "put_row": In(row),
        "put_key": In(key_bits),
        "clear": In(1),
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

    Latency: the first pixel stands 1 cycle after ``load``. Throughput: one pixel, or with ``repeat``
    one of its ``key`` repetitions, per cycle. Pixels beyond ``rows`` of them are dropped.

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
    See :func:`_bank_members`.
    """

    def __init__(self, rows: int, key_bits: int, *, repeat: bool, buffers: int) -> None:
        self._rows, self._repeat, self._buffers = rows, repeat, buffers
        super().__init__(_bank_members(rows, key_bits, 1))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counts = [Signal(range(self._rows + 1), name=f"count{h}") for h in range(self._buffers)]
        m.submodules.pixels = pixels = memory.Memory(
            shape=len(self.row) + len(self.key), depth=self._buffers << len(self.row), init=[]
        )
        write, read = pixels.write_port(), pixels.read_port()
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

        index, following = Signal.like(counts[0]), Signal.like(counts[0])
        advance = Signal()
        m.d.comb += [
            following.eq(Mux(self.load, 0, index + 1)),
            advance.eq(self.take),
            read.addr.eq(Cat(following[: len(self.row)], self.half)),
            read.en.eq(self.load | advance),
            Cat(self.row, self.key).eq(read.data),
        ]
        if self._repeat:
            repetition = Signal.like(self.key)
            final = Signal()
            m.d.comb += [final.eq(repetition == self.key - 1), advance.eq(self.take & final)]
            with m.If(self.take):
                m.d.sync += repetition.eq(Mux(final, 0, repetition + 1))
        with m.If(read.en):
            m.d.sync += [index.eq(following), self.valid.eq(following != count)]
        return m


class StepBank(wiring.Component):
    """The pixels of one slot sorted by the step in which they spike: a linked list for each step.

    ``key`` is the step. Latency: the first pixel of a step stands 1 cycle after ``load``.
    Throughput: one pixel per cycle, whatever the number of steps. A row put twice into one sample
    leaves the lists wrong, but no step ever gives more than ``rows`` pixels.

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
    See :func:`_bank_members`.
    """

    def __init__(self, rows: int, steps: int, *, buffers: int) -> None:
        self._rows, self._buffers = rows, buffers
        self._step_bits = max(1, ceil_log2(steps))
        super().__init__(_bank_members(rows, self._step_bits, self._step_bits))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = 1 << self._step_bits
        # Which steps have a pixel: registers, because a sample's are all cleared at once.
        used = [Signal(depth, name=f"used{h}") for h in range(self._buffers)]
        # Read without a clock: distributed RAM where the device has it, registers elsewhere.
        m.submodules.heads = heads = memory.Memory(shape=len(self.row), depth=self._buffers * depth, init=[])
        m.submodules.links = links = memory.Memory(
            shape=len(self.row) + 1, depth=self._buffers << len(self.row), init=[]
        )
        set_head, old_head, head = (
            heads.write_port(),
            heads.read_port(domain="comb"),
            heads.read_port(domain="comb"),
        )
        set_link, link = links.write_port(), links.read_port()
        put_at = Cat(self.put_key, self.put_half)
        had_pixel = _half(used, self.put_half).bit_select(self.put_key, 1)
        m.d.comb += [
            set_head.en.eq(self.put),
            set_head.addr.eq(put_at),
            set_head.data.eq(self.put_row),
            old_head.addr.eq(put_at),
            set_link.en.eq(self.put),
            set_link.addr.eq(Cat(self.put_row, self.put_half)),
            set_link.data.eq(Cat(old_head.data, had_pixel)),
        ]
        for half, bits in enumerate(used):
            with m.If(self.put & (self.put_half == half)):
                m.d.sync += bits.bit_select(self.put_key, 1).eq(1)
            with m.If(self.clear & (self.half == half)):
                m.d.sync += bits.eq(0)

        # The link that is read belongs to the row that stands in the next cycle.
        following, more = Signal.like(self.row), Signal()
        left = Signal(range(max(2, self._rows)))
        m.d.comb += [
            head.addr.eq(Cat(self.step, self.half)),
            following.eq(Mux(self.load, head.data, link.data[:-1])),
            more.eq(
                Mux(
                    self.load,
                    _half(used, self.half).bit_select(self.step, 1),
                    link.data[-1] & (left != 0),
                )
            ),
            link.addr.eq(Cat(following, self.half)),
            link.en.eq(self.load | self.take),
        ]
        with m.If(link.en):
            m.d.sync += [
                self.row.eq(following),
                self.valid.eq(more),
                left.eq(Mux(self.load, self._rows - 1, left - 1)),
            ]
        return m


def _half(values: list[Signal], half: ValueLike) -> Any:
    """What belongs to ``half``; there is only one with a single buffer."""
    return values[0] if len(values) == 1 else Mux(half, values[1], values[0])


class InputEncoder(wiring.Component):
    """Samples as pixels to samples as an AER stream of ``plan.steps`` steps, the last one marked.

    Handshake: both streams follow the rules of ``rtl/aer.py``. ``i`` takes one word per cycle, with
    one idle cycle behind a sample, while there is room for a sample; with two buffers the next sample
    comes in while one is sent. Pixels that send nothing are not kept and cost no cycle of sending.

    Latency: 4 cycles from a sample's last word to its first event (or tick), later in "rate" where the
    first pixels do not spike. Throughput: a step takes 1 cycle for its tick and, per slot
    side by side, one cycle for each

    - "latency": pixel that spikes in it,
    - "rate": pixel that is not 0, whether it spikes or not,
    - "direct": event.

    Between two samples lies 1 idle cycle.

    Parameters
    ----------
    plan
        What to build.

    Members
    -------
    i : In(stream.Signature(PixelLayout(plan.space.size, plan.slots)))
    o : Out(aer_signature(plan.space.size, plan.slots))
    """

    def __init__(self, plan: EncoderPlan) -> None:
        self._plan = plan
        size, slots = plan.space.size, plan.slots
        super().__init__(
            {"i": In(stream.Signature(PixelLayout(size, slots))), "o": Out(aer_signature(size, slots))}
        )

    def _key(self, value: Any) -> tuple[Any, Any, int]:
        """What is kept of a pixel, whether it is kept at all, and the width kept."""
        plan = self._plan
        if plan.kind == "latency":
            when = ((~value)[:PIXEL_BITS] * plan.steps) >> PIXEL_BITS
            return when, value >= plan.floor, max(1, ceil_log2(plan.steps))
        kept = value[plan.shift :]
        return kept, kept != 0, PIXEL_BITS - plan.shift

    def _bank(self, key_bits: int) -> Any:
        plan = self._plan
        if plan.kind == "latency":
            return StepBank(plan.rows, plan.steps, buffers=plan.buffers)
        return ListBank(plan.rows, key_bits, repeat=plan.kind == "direct", buffers=plan.buffers)

    def _random(self, m: Module, restart: Any, advance: Any) -> list[Any]:
        """One random number for each slot, new ones behind every ``advance``."""
        start = self._plan.lfsr_start
        state = Signal(_LFSR_BITS, init=start)
        bits: list[Any] = list(state)
        for _ in range(PIXEL_BITS * self._plan.slots):
            bits.append(bits[-_LFSR_BITS] ^ bits[-_LFSR_TAP])
        with m.If(restart):
            m.d.sync += state.eq(start)
        with m.Elif(advance):
            m.d.sync += state.eq(Cat(bits[-_LFSR_BITS:]))
        made = bits[_LFSR_BITS:]
        return [Cat(made[k * PIXEL_BITS : (k + 1) * PIXEL_BITS]) for k in range(self._plan.slots)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        layout = AerLayout(plan.space.size, plan.slots)
        m.submodules.words = words = ElasticBuffer(layout, 2)
        wiring.connect(m, words.o, wiring.flipped(self.o))
        out, sent = words.i.payload, Signal()
        m.d.comb += sent.eq(words.i.valid & words.i.ready)

        # Filling: the word is staged, because a pixel's step takes an adder or two.
        fill, full = Signal(), Signal(plan.buffers)
        staged, ending = Signal(), Signal()
        m.d.comb += self.i.ready.eq(~full.bit_select(fill, 1) & ~ending)
        m.d.sync += [staged.eq(self.i.valid & self.i.ready)]
        m.d.sync += ending.eq(self.i.valid & self.i.ready & self.i.payload.last)

        # Sending.
        half, step, running = Signal(), Signal(range(max(2, plan.steps))), Signal()
        start, load, take, final = Signal(), Signal(), Signal(), Signal()
        tick_sent = Signal()
        m.d.comb += [
            start.eq(~running & full.bit_select(half, 1)),
            final.eq(step == plan.steps - 1),
            load.eq(start | (tick_sent & ~final)),
        ]
        with m.If(start):
            m.d.sync += running.eq(1)
        with m.If(tick_sent):
            m.d.sync += step.eq(Mux(final, 0, step + 1))
            with m.If(final):
                m.d.sync += [running.eq(0), full.bit_select(half, 1).eq(0)]
                if plan.buffers == 2:
                    m.d.sync += half.eq(~half)
        with m.If(ending):
            m.d.sync += full.bit_select(fill, 1).eq(1)
            if plan.buffers == 2:
                m.d.sync += fill.eq(~fill)

        numbers = self._random(m, start, take) if plan.kind == "rate" else []
        fires, holds = Signal(plan.slots), Signal(plan.slots)
        row = Signal(len(self.i.payload.row))
        m.d.sync += row.eq(self.i.payload.row)
        for slot in range(plan.slots):
            key, kept, key_bits = self._key(self.i.payload[f"value{slot}"])
            bank = self._bank(key_bits)
            m.submodules[f"bank{slot}"] = bank
            put, put_key = Signal(name=f"put{slot}"), Signal(key_bits, name=f"key{slot}")
            m.d.sync += [put.eq(kept), put_key.eq(key)]
            m.d.comb += [
                bank.put.eq(staged & put),
                bank.put_half.eq(fill),
                bank.put_row.eq(row),
                bank.put_key.eq(put_key),
                bank.clear.eq(tick_sent & final),
                bank.load.eq(load),
                bank.step.eq(Mux(start, 0, step + 1)),
                bank.half.eq(half),
                bank.take.eq(take & bank.valid),
                holds[slot].eq(bank.valid),
                fires[slot].eq(bank.valid & (numbers[slot] < bank.key if numbers else 1)),
                out["address" if plan.slots == 1 else f"address{slot}"].eq(bank.row),
            ]
        # A tick goes out when no bank holds anything; a word in which nobody fires is passed over.
        tick = Signal()
        m.d.comb += [
            tick.eq(running & ~holds.any()),
            words.i.valid.eq(running & (fires.any() | tick)),
            take.eq(running & holds.any() & (sent | ~fires.any())),
            tick_sent.eq(tick & sent),
            out.tick.eq(tick),
        ]
        with m.If(tick):
            m.d.comb += out["address" if plan.slots == 1 else "address0"].eq(final)
        if plan.slots > 1:
            m.d.comb += out.present.eq(fires)
        return m
