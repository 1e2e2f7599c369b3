"""Pixels to an AER stream on the chip; docs/host_link.md says what each kind sends.

Each slot of the stream has its own bank of pixels, and the banks advance side by side::

    pixels -> staged -> bank per slot (one half fills while the other is sent) -> buffer -> AER stream
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.protocol import PIXEL_BITS
from qsnn_hw.plan.io_plan import RANDOM_STATE_BITS, EncoderPlan
from qsnn_hw.rtl.group.constant_product import times
from qsnn_hw.rtl.io.pixel_banks import ListBank, StepBank
from qsnn_hw.rtl.io.pixels import PixelLayout
from qsnn_hw.rtl.stream.aer import AerLayout, aer_signature
from qsnn_hw.rtl.stream.router import ElasticBuffer

_TAP = 38
"""How far back the nearer of the two bits lies that each new one is made of."""


def _random_start(seed: int) -> int:
    """What the shift register holds before a sample's first number."""
    product = seed * 0x9E3779B97F4A7C15 % 2**64
    return max(1, product >> 64 - RANDOM_STATE_BITS)


class InputEncoder(wiring.Component):
    """Samples as pixels to samples as an AER stream of ``plan.steps`` steps, the last one marked.

    Handshake: both streams follow the rules of ``rtl/stream/aer.py``. ``i`` takes one word per cycle, with
    one idle cycle behind a sample, while there is room for a sample; with two buffers the next sample
    comes in while one is sent. Pixels that send nothing are not kept and cost no cycle of sending.

    Pixels come by ascending address: in "rate" the numbers are drawn in the order of arrival.

    After reset the first word is taken at once, in "latency" once its lists are empty: after a cycle for
    each step, rounded up to a power of two.

    Latency: from a sample's last word to its first event (or tick) 5 cycles, later in "rate" where the
    first pixels do not spike. Throughput: a step takes 1 cycle for its tick and, per slot side by side,
    one cycle for each

    - "latency": pixel that spikes in it,
    - "rate": pixel that is not 0, whether it spikes or not,
    - "direct": event.

    Between two samples lie 2 idle cycles.

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
            when = times((~value)[:PIXEL_BITS], plan.steps) >> PIXEL_BITS
            return when, value >= plan.floor, max(1, ceil_log2(plan.steps))
        brightness = value[plan.shift :]
        return brightness, brightness != 0, PIXEL_BITS - plan.shift

    def _bank(self, key_bits: int) -> Any:
        plan = self._plan
        if plan.kind == "latency":
            return StepBank(plan.rows, plan.steps, buffers=plan.buffers)
        return ListBank(plan.rows, key_bits, repeat=plan.kind == "direct", buffers=plan.buffers)

    def _random(self, m: Module, restart: Any, advance: Any) -> list[Any]:
        """One random number for each slot, new ones behind every ``advance``."""
        start = _random_start(self._plan.seed)
        state = Signal(RANDOM_STATE_BITS, init=start)
        bits: list[Any] = list(state)
        for _ in range(PIXEL_BITS * self._plan.slots):
            bits.append(bits[-RANDOM_STATE_BITS] ^ bits[-_TAP])
        with m.If(restart):
            m.d.sync += state.eq(start)
        with m.Elif(advance):
            m.d.sync += state.eq(Cat(bits[-RANDOM_STATE_BITS:]))
        fresh = bits[RANDOM_STATE_BITS:]
        return [Cat(fresh[k * PIXEL_BITS : (k + 1) * PIXEL_BITS]) for k in range(self._plan.slots)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.words = words = ElasticBuffer(AerLayout(plan.space.size, plan.slots), 2)
        wiring.connect(m, words.o, wiring.flipped(self.o))
        sent = Signal()
        m.d.comb += sent.eq(words.i.valid & words.i.ready)

        pace = _Pace(plan)
        self._fill(m, pace)
        self._advance(m, pace)
        numbers = self._random(m, pace.start, pace.take) if plan.kind == "rate" else []
        row = Signal(len(self.i.payload.row))
        m.d.sync += row.eq(self.i.payload.row)
        for slot in range(plan.slots):
            bank = self._slot(m, pace, slot, row)
            fired = numbers[slot] < bank.key if numbers else 1
            m.d.comb += [
                pace.holds[slot].eq(bank.valid),
                pace.fires[slot].eq(bank.valid & fired),
                self._address(words.i.payload, slot).eq(bank.row),
            ]
        self._send(m, pace, words.i, sent)
        return m

    def _fill(self, m: Module, pace: "_Pace") -> None:
        """Take words; each is staged, because a pixel's step takes an adder or two."""
        moves = self.i.valid & self.i.ready
        m.d.comb += self.i.ready.eq(~(pace.full >> pace.fill)[0] & ~pace.ending & pace.ready.all())
        m.d.sync += [pace.staged.eq(moves), pace.ending.eq(moves & self.i.payload.last)]

    def _advance(self, m: Module, pace: "_Pace") -> None:
        """From step to step and from sample to sample, as long as a half is full."""
        plan = self._plan
        m.d.comb += [
            pace.fetch.eq(~pace.running & ~pace.start & (pace.full >> pace.half)[0]),
            pace.final.eq(pace.step == plan.steps - 1),
            pace.load.eq(pace.start | (pace.tick_sent & ~pace.final)),
        ]
        # The first pixel, or what leads to it, needs a cycle to come out of the memory.
        m.d.sync += pace.start.eq(pace.fetch)
        with m.If(pace.start):
            m.d.sync += pace.running.eq(1)
        with m.If(pace.tick_sent):
            m.d.sync += pace.step.eq(Mux(pace.final, 0, pace.step + 1))
            with m.If(pace.final):
                m.d.sync += [pace.running.eq(0), pace.full.bit_select(pace.half, 1).eq(0)]
                if plan.buffers == 2:
                    m.d.sync += pace.half.eq(~pace.half)
        with m.If(pace.ending):
            m.d.sync += pace.full.bit_select(pace.fill, 1).eq(1)
            if plan.buffers == 2:
                m.d.sync += pace.fill.eq(~pace.fill)

    def _slot(self, m: Module, pace: "_Pace", slot: int, row: Signal) -> Any:
        """One slot's bank, filled and advanced."""
        key, fires, key_bits = self._key(self.i.payload[f"value{slot}"])
        m.submodules[f"bank{slot}"] = bank = self._bank(key_bits)
        put = Signal(name=f"put{slot}")
        put_key = Signal(key_bits, name=f"key{slot}")
        m.d.sync += [put.eq(fires), put_key.eq(key)]
        m.d.comb += [
            pace.ready[slot].eq(bank.ready),
            bank.peek.eq(self.i.valid),
            bank.peek_key.eq(key),
            bank.put.eq(pace.staged & put),
            bank.put_half.eq(pace.fill),
            bank.put_row.eq(row),
            bank.put_key.eq(put_key),
            bank.clear.eq(pace.tick_sent & pace.final),
            bank.sending.eq((pace.full >> pace.half)[0]),
            bank.fetch.eq(pace.fetch),
            bank.load.eq(pace.load),
            bank.step.eq(Mux(pace.start, 0, pace.step + 1)),
            bank.half.eq(pace.half),
            bank.take.eq(pace.take & bank.valid),
        ]
        return bank

    def _send(self, m: Module, pace: "_Pace", words: Any, sent: Signal) -> None:
        """A word of those that fire; a tick when no bank holds anything."""
        out = words.payload
        tick = Signal()
        m.d.comb += [
            tick.eq(pace.running & ~pace.holds.any()),
            # A word in which nobody fires is passed over.
            words.valid.eq(pace.running & (pace.fires.any() | tick)),
            pace.take.eq(pace.running & pace.holds.any() & (sent | ~pace.fires.any())),
            pace.tick_sent.eq(tick & sent),
            out.tick.eq(tick),
        ]
        with m.If(tick):
            m.d.comb += self._address(out, 0).eq(pace.final)
        if self._plan.slots > 1:
            m.d.comb += out.present.eq(pace.fires)

    def _address(self, word: Any, slot: int) -> Any:
        """The address in one slot of a word."""
        return word["address" if self._plan.slots == 1 else f"address{slot}"]


class _Pace:
    """What all slots do at the same time.

    Attributes
    ----------
    full
        Of each half, whether it holds a sample.
    fill, staged, ending
        The half that fills; a word waits to be put; it was a sample's last.
    half, running, step, final
        The half that is sent; whether it is; its step, and whether that is the last.
    fetch, start, load, take, tick_sent
        A sample is about to begin, and begins; a step begins; the events at hand leave; the tick does.
    ready, holds, fires
        Of each slot: its bank takes a pixel, has an event at hand, and one that spikes.
    """

    def __init__(self, plan: EncoderPlan) -> None:
        self.full = Signal(plan.buffers)
        self.fill = Signal()
        self.staged = Signal()
        self.ending = Signal()
        self.half = Signal()
        self.running = Signal()
        self.step = Signal(range(max(2, plan.steps)))
        self.final = Signal()
        self.fetch = Signal()
        self.start = Signal()
        self.load = Signal()
        self.take = Signal()
        self.tick_sent = Signal()
        self.ready = Signal(plan.slots)
        self.holds = Signal(plan.slots)
        self.fires = Signal(plan.slots)
