"""What must hold, written as hardware around a module.

Every harness drives its module's inputs freely, within the stream rules of ``rtl/stream/aer.py``, and
asserts what the module promises. A harness may also assert invariants that tie its own counters to
the module's registers: they carry an induction and are themselves proved.

Every run begins with a cycle of reset in a state of the solver's choice (``sby`` takes the initial values
of the module's registers and memories away). So what is proved holds after a reset in the middle of
anything, and of configuration, which is one such state.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from amaranth.hdl import (
    Assert,
    Assume,
    Cat,
    ClockDomain,
    Elaboratable,
    Fragment,
    Module,
    Signal,
    Value,
)

from qsnn_hw.rtl.group.encoder import SpikeEncoder
from qsnn_hw.rtl.stream.router import ElasticBuffer, Multicast, TickMerge


def _stream_rule(m: Module, stream: Any, check: Callable[[Value], Any]) -> None:
    """A word that was refused is offered again, unchanged."""
    payload = Value.cast(stream.payload)
    refused = Signal(name="refused")
    was = Signal(payload.shape(), name="was")
    m.d.sync += [refused.eq(stream.valid & ~stream.ready), was.eq(payload)]
    with m.If(refused):
        m.d.comb += check(stream.valid & (payload == was))


def _registers(fragment: Fragment) -> dict[str, Signal]:
    """The signals a module's clocked statements write, by name."""
    registers: dict[str, Signal] = {}
    for domain, statements in fragment.statements.items():
        if domain != "comb":
            for statement in statements:
                registers.update({signal.name: signal for signal in statement._lhs_signals()})
    return registers


class Harness(Elaboratable):
    """A module under proof.

    Parameters
    ----------
    dut
        The module.
    inputs, outputs
        Its streams.

    Attributes
    ----------
    ports
        Signals the solver chooses in every cycle.
    sources, script
        Files beside the design by their names, and what yosys does with them before it reads the design; of a
        harness around something that is behind synthesis. None by default.
    """

    sources: Mapping[str, str] = {}
    script = ""

    def __init__(self, dut: Any, inputs: list[Any], outputs: list[Any]) -> None:
        self._dut = dut
        self._inputs = inputs
        self._outputs = outputs
        self._domain = ClockDomain("sync")
        # Without the clock among the ports no register would ever move and everything would hold.
        self.ports: list[Value] = [self._domain.clk]
        for stream in inputs:
            self.ports += [stream.valid, Value.cast(stream.payload)]
        self.ports += [stream.ready for stream in outputs]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = self._domain
        # Out of a domain without reset, so that it is low in the first cycle alone.
        m.domains.start = start = ClockDomain("start", reset_less=True)
        started = Signal()
        m.d.start += started.eq(1)
        m.d.comb += [start.clk.eq(self._domain.clk), self._domain.rst.eq(~started)]
        fragment = Fragment.get(self._dut, None)
        m.submodules.dut = fragment
        for stream in self._inputs:
            _stream_rule(m, stream, Assume)
        for stream in self._outputs:
            _stream_rule(m, stream, Assert)
        self._properties(m, _registers(fragment))
        return m

    def elaborated(self) -> "Harness":
        """This harness with its module built now, for a builder that lets other parts stand in meanwhile."""
        made = Fragment.get(self.elaborate(None), None)
        self.elaborate = lambda platform: made  # type: ignore[method-assign]
        return self

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        """What a kind of module promises beyond the stream rules; nothing here."""


def moves(stream: Any) -> Value:
    """Whether a word of the stream moves in this cycle."""
    return stream.valid & stream.ready


class _Slot(NamedTuple):
    """One slot of a stream's word; with a single one every event is in it."""

    present: Value
    address: Value


def slots_of(stream: Any, slots: int) -> list[_Slot]:
    """The slots of the word on offer."""
    payload = stream.payload
    if slots == 1:
        return [_Slot(~payload.tick, payload.address)]
    return [_Slot(payload.present[k], payload[f"address{k}"]) for k in range(slots)]


def own_addresses(m: Module, stream: Any, size: int, slots: int) -> None:
    """A source sends addresses it has, and a word is either a tick or has an event."""
    for index, slot in enumerate(slots_of(stream, slots)):
        m.d.comb += Assume(~slot.present | (slot.address * slots + index < size))
    if slots > 1:
        m.d.comb += Assume(stream.payload.tick == (stream.payload.present == 0))


class BufferOrder(Harness):
    """A buffer gives every word once, in order, and holds no more than its depth.

    One word, chosen by the solver through ``mark``, is followed from its entry to its exit; what
    holds for any one word holds for all.
    """

    def __init__(self, dut: ElasticBuffer, depth: int) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._depth = depth
        self._mark = Signal(name="mark")
        self.ports.append(self._mark)

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut = self._dut
        put, got = moves(dut.i), moves(dut.o)
        level = Signal(range(self._depth + 2))
        m.d.sync += level.eq(level + put - got)
        m.d.comb += [Assert(level <= self._depth), Assert(~got | (level != 0))]

        inside, ahead = Signal(), Signal.like(level)
        word = Signal(Value.cast(dut.i.payload).shape(), name="word")
        leaves = inside & got & (ahead == 0)
        with m.If(~inside & put & self._mark):
            m.d.sync += [inside.eq(1), ahead.eq(level - got), word.eq(dut.i.payload)]
        with m.Elif(leaves):
            m.d.sync += inside.eq(0)
        with m.Elif(got & inside):
            m.d.sync += ahead.eq(ahead - 1)
        m.d.comb += [
            Assert(~inside | (ahead < level)),
            Assert(~leaves | (Value.cast(dut.o.payload) == word)),
        ]
        # Nothing stays inside unseen: the memory behind depth 3 and more takes one cycle longer.
        hidden = Signal(2)
        m.d.sync += hidden.eq(0)
        with m.If((level != 0) & ~dut.o.valid):
            m.d.sync += hidden.eq(hidden + 1)
        m.d.comb += Assert(hidden < 2)

        if self._depth > 2:
            return
        head, head_valid = registers["head"], registers["head_valid"]
        spare = registers.get("spare", head)
        spare_valid = registers.get("spare_valid", Signal(name="no_spare"))
        m.d.comb += [
            Assert(level == head_valid + spare_valid),
            Assert(~spare_valid | head_valid),
            Assert(~inside | (word == head) | (ahead != 0)),
            Assert(~inside | (word == spare) | (ahead != 1)),
        ]


class EncoderExact(Harness):
    """The encoder emits each set bit of a mask once, lowest first, then its tick if it has one.

    With ``spare`` it has room for a second mask.
    """

    def __init__(self, dut: SpikeEncoder, *, spare: bool = False) -> None:
        super().__init__(dut, [dut.i], [dut.o])
        self._spare = spare

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut = self._dut
        lanes = len(Value.cast(dut.i.payload.mask))
        address = Value.cast(dut.o.payload.address)
        left = Signal(lanes)
        base, tick, last = Signal(len(address)), Signal(), Signal()
        # What is left of the accepted mask once this cycle's word has gone.
        left_after, tick_after = Signal(lanes), Signal()
        lowest = Signal(range(max(2, lanes)))
        for lane in reversed(range(lanes)):
            with m.If(left[lane]):
                m.d.comb += lowest.eq(lane)
        m.d.comb += [left_after.eq(left), tick_after.eq(tick)]
        with m.If(moves(dut.o)):
            with m.If(left != 0):
                m.d.comb += left_after.eq(left & ~(1 << lowest))
            with m.Else():
                m.d.comb += tick_after.eq(0)
        m.d.sync += [left.eq(left_after), tick.eq(tick_after)]
        following, waiting, room = Signal.like(dut.i.payload), Signal(), Signal()
        m.d.comb += [room.eq((left_after == 0) & ~tick_after), Assert(dut.o.valid == ((left != 0) | tick))]
        for enters, payload in ((moves(dut.i) & room & ~waiting, dut.i.payload), (room & waiting, following)):
            with m.If(enters):
                m.d.sync += [
                    left.eq(payload.mask),
                    base.eq(payload.base),
                    tick.eq(payload.tick),
                    last.eq(payload.last),
                ]
        # Nothing accepted is overwritten, and nothing waits for a bus with nothing on it.
        if self._spare:
            with m.If(room):
                m.d.sync += waiting.eq(0)
            with m.If(moves(dut.i) & ~room):
                m.d.sync += [following.eq(dut.i.payload), waiting.eq(1)]
            m.d.comb += [Assert(dut.i.ready == ~waiting), Assert(registers["spare_valid"] == waiting)]
            with m.If(waiting):
                m.d.comb += Assert(registers["spare"] == Value.cast(following))
        else:
            m.d.comb += [Assert(~dut.i.ready | room), Assert(dut.o.valid | dut.i.ready)]
        with m.If(dut.o.valid):
            m.d.comb += Assert(dut.o.payload.tick == (left == 0))
            with m.If(left != 0):
                m.d.comb += Assert(address == (base + lowest)[: len(address)])
            with m.Else():
                m.d.comb += Assert(address == last)
        m.d.comb += Assert(registers["pending"] == Cat(left, base, tick, last))


class MergeTicks(Harness):
    """A merge passes a tick only from all inputs at once, and each event from exactly one."""

    def __init__(self, dut: TickMerge, sizes: list[int], offsets: list[int], slots: int = 1) -> None:
        inputs = [getattr(dut, f"i{k}") for k in range(len(sizes))]
        super().__init__(dut, inputs, [dut.o])
        self._sizes, self._offsets, self._slots = sizes, offsets, slots

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, inputs = self._dut, self._inputs
        ticks = Cat(i.valid & i.payload.tick for i in inputs)
        events = Cat(i.valid & ~i.payload.tick for i in inputs)
        leaving = Cat(moves(i) for i in inputs)
        out = dut.o.payload
        with m.If(dut.o.valid & out.tick):
            m.d.comb += [Assert(ticks.all()), Assert(leaving == moves(dut.o).replicate(len(inputs)))]
        with m.Else():
            # At most one input moves, with an event, when and only when the output does.
            m.d.comb += [
                Assert((leaving & ticks) == 0),
                Assert((leaving & (leaving - 1)) == 0),
                Assert(leaving.any() == moves(dut.o)),
            ]
        for i, size, offset in zip(inputs, self._sizes, self._offsets, strict=True):
            own_addresses(m, i, size, self._slots)
            with m.If(moves(i) & ~i.payload.tick):
                for inward, outward in zip(
                    slots_of(i, self._slots), slots_of(dut.o, self._slots), strict=True
                ):
                    m.d.comb += Assert(outward.address == inward.address + offset // self._slots)
                    m.d.comb += Assert(outward.present == inward.present)
        # The mark of any input's last tick.
        with m.If(dut.o.valid & out.tick):
            marks = Cat(Value.cast(i.payload)[0] for i in inputs)
            m.d.comb += Assert(Value.cast(out)[0] == marks.any())
        # Whatever can pass is offered: no deadlock in the merge itself.
        m.d.comb += Assert(dut.o.valid == (ticks.all() | events.any()))
        if "held" in registers:
            held = registers["held"]
            m.d.comb += [Assert((held & ~events) == 0), Assert((held & (held - 1)) == 0)]


class MulticastOnce(Harness):
    """Every output gets every word exactly once."""

    def __init__(self, dut: Multicast) -> None:
        super().__init__(dut, [dut.i], list(dut.o))

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut = self._dut
        served = Signal(len(self._outputs))
        taking = Cat(moves(o) for o in self._outputs)
        m.d.sync += served.eq(served | taking)
        with m.If(moves(dut.i)):
            m.d.sync += served.eq(0)
            m.d.comb += Assert((served | taking).all())
        m.d.comb += Assert((served & taking) == 0)
        word = Value.cast(dut.i.payload)
        for index, stream in enumerate(self._outputs):
            m.d.comb += Assert(stream.valid == (dut.i.valid & ~served[index]))
            m.d.comb += Assert(~stream.valid | (Value.cast(stream.payload) == word))
        # With one output there is nothing to remember.
        m.d.comb += Assert(served == registers.get("done", 0))
