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
        kept = value[plan.shift :]
        return kept, kept != 0, PIXEL_BITS - plan.shift

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
        made = bits[RANDOM_STATE_BITS:]
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
        fill = Signal()
        full = Signal(plan.buffers)
        staged = Signal()
        ending = Signal()
        ready = Signal(plan.slots)
        m.d.comb += self.i.ready.eq(~(full >> fill)[0] & ~ending & ready.all())
        m.d.sync += [staged.eq(self.i.valid & self.i.ready)]
        m.d.sync += ending.eq(self.i.valid & self.i.ready & self.i.payload.last)

        # Sending.
        half = Signal()
        step = Signal(range(max(2, plan.steps)))
        running = Signal()
        fetch = Signal()
        start = Signal()
        load = Signal()
        take = Signal()
        final = Signal()
        tick_sent = Signal()
        m.d.comb += [
            fetch.eq(~running & ~start & (full >> half)[0]),
            final.eq(step == plan.steps - 1),
            load.eq(start | (tick_sent & ~final)),
        ]
        # The first pixel, or what leads to it, needs a cycle to come out of the memory.
        m.d.sync += start.eq(fetch)
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
        fires = Signal(plan.slots)
        holds = Signal(plan.slots)
        row = Signal(len(self.i.payload.row))
        m.d.sync += row.eq(self.i.payload.row)
        for slot in range(plan.slots):
            key, kept, key_bits = self._key(self.i.payload[f"value{slot}"])
            bank = self._bank(key_bits)
            m.submodules[f"bank{slot}"] = bank
            put = Signal(name=f"put{slot}")
            put_key = Signal(key_bits, name=f"key{slot}")
            m.d.sync += [put.eq(kept), put_key.eq(key)]
            m.d.comb += [
                ready[slot].eq(bank.ready),
                bank.peek.eq(self.i.valid),
                bank.peek_key.eq(key),
                bank.put.eq(staged & put),
                bank.put_half.eq(fill),
                bank.put_row.eq(row),
                bank.put_key.eq(put_key),
                bank.clear.eq(tick_sent & final),
                bank.sending.eq((full >> half)[0]),
                bank.fetch.eq(fetch),
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
