"""One class per sample out of the output stream or the potentials; twin: ``qsnn_hw.model.readouts``."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.protocol import address_bits
from qsnn_hw.plan.io_plan import ReadoutPlan
from qsnn_hw.rtl.group.choose import select
from qsnn_hw.rtl.stream.aer import aer_signature


class ClassLayout(data.StructLayout):
    """The answer to one sample: the class, and whether no output neuron spiked (then it is 0)."""

    def __init__(self, classes: int) -> None:
        super().__init__({"label": address_bits(classes), "silent": 1})


def class_signature(classes: int) -> stream.Signature:
    """The stream of answers, one word per sample."""
    return stream.Signature(ClassLayout(classes))


def potentials_signature(rows: int, lanes: int, v_bits: int) -> wiring.Signature:
    """Potentials as a sweep passes over them, one row in each ``valid`` cycle, ascending.

    Members
    -------
    valid : Out(1)
    row : Out(range(rows))
    v : Out(lanes * v_bits)
        Lane 0 in the lowest bits, two's complement.
    last : Out(1)
        The sweep is that of a sample's last step; the same in all its rows.
    """
    return wiring.Signature(
        {"valid": Out(1), "row": Out(max(1, ceil_log2(rows))), "v": Out(lanes * v_bits), "last": Out(1)}
    )


def _spike_readout_members(plan: ReadoutPlan) -> dict[str, wiring.Member]:
    """The ports of a readout of spikes, whichever it is."""
    return {"i": In(aer_signature(plan.classes, plan.slots)), "o": Out(class_signature(plan.classes))}


class _Events:
    """An AER word of the output stream taken apart: full addresses, which are there, tick, last."""

    def __init__(self, payload: Any, slots: int) -> None:
        self.tick = payload.tick
        if slots == 1:
            self.addresses: list[Any] = [payload.address]
            self.present: list[Any] = [~payload.tick]
            self.last = payload.address[0]
            return
        bits = ceil_log2(slots)
        self.addresses = [Cat(Const(k, bits), payload[f"address{k}"]) for k in range(slots)]
        self.present = list(payload.present)
        self.last = payload.address0[0]


def _best(m: Module, candidates: list[tuple[Any, Any]], name: str) -> tuple[Any, Any]:
    """The pair with the greatest first value; among equals the one with the lowest second one."""
    while len(candidates) > 1:
        pairs = []
        for k in range(0, len(candidates) - 1, 2):
            (value_a, label_a), (value_b, label_b) = candidates[k : k + 2]
            second = Signal(name=f"{name}_{len(candidates)}_{k}")
            m.d.comb += second.eq((value_b > value_a) | ((value_b == value_a) & (label_b < label_a)))
            pairs.append((Mux(second, value_b, value_a), Mux(second, label_b, label_a)))
        candidates = pairs + candidates[len(pairs) * 2 :]
    return candidates[0]


class CountReadout(wiring.Component):
    """The class with the most spikes in the sample, the lowest one among equals.

    Handshake: a word is refused only while the answer to the sample before waits at ``o`` and a last
    tick stands behind it. Latency: 2 cycles from the last tick to the answer. Throughput: one word
    per cycle. Counters and the best so far are registers, and no scan follows the sample: counts
    only grow, so whoever overtakes the best does so with the spike that does it.

    Parameters
    ----------
    plan
        ``classes``, ``slots`` and ``count_bits`` count.

    Members
    -------
    i : In(aer_signature(plan.classes, plan.slots))
    o : Out(class_signature(plan.classes))
    """

    def __init__(self, plan: ReadoutPlan) -> None:
        self._plan = plan
        super().__init__(_spike_readout_members(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        words = _Events(self.i.payload, plan.slots)
        go = Signal()
        end = Signal()
        # A staged end of sample that finds the answer before it still there keeps everything waiting.
        m.d.comb += [go.eq(~(end & self.o.valid & ~self.o.ready)), self.i.ready.eq(go)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        moves = self.i.valid & self.i.ready
        with m.If(go):
            m.d.sync += end.eq(moves & words.tick & words.last)
        # With fewer classes than slots, the slots behind have none.
        used = range(min(plan.slots, plan.classes))
        bests = [self._slot(m, slot, words, go, moves, end) for slot in used]
        count, label = _best(m, bests, "between_slots")
        with m.If(end & go):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.label.eq(Mux(count == 0, 0, label)),
                self.o.payload.silent.eq(count == 0),
            ]
        return m

    def _slot(self, m: Module, slot: int, words: _Events, go: Any, moves: Any, end: Any) -> tuple[Any, Any]:
        """Counters of the addresses of one slot; the best of them, one cycle late."""
        plan = self._plan
        # A counter may wrap: the best was its highest value then and remembers it, so the answer is
        # that of a counter which stops there.
        own = range(slot, plan.classes, plan.slots)
        address = words.addresses[slot]
        spike = Signal(name=f"spike{slot}")
        grown = Signal(plan.count_bits, name=f"grown{slot}")
        label = Signal(len(self.o.payload.label), name=f"label{slot}")
        best, best_label = Signal.like(grown, name=f"best{slot}"), Signal.like(label, name=f"leader{slot}")
        with m.If(go):
            m.d.sync += [spike.eq(moves & words.present[slot]), label.eq(address)]
        counts = [Signal(plan.count_bits, name=f"count{index}") for index in own]
        number = address[ceil_log2(plan.slots) :]
        more = Signal(plan.count_bits, name=f"more{slot}")
        m.d.comb += more.eq(select(counts, number) + 1)
        with m.If(moves & words.present[slot]):
            m.d.sync += grown.eq(more)
        for index, count in enumerate(counts):
            with m.If(moves & words.present[slot] & (number == index)):
                m.d.sync += count.eq(more)
            # The word behind the sample's end cannot be in its counters yet.
            with m.If(moves & words.tick & words.last):
                m.d.sync += count.eq(0)
        leads = (grown > best) | ((grown == best) & (label < best_label))
        with m.If(end & go):
            m.d.sync += best.eq(0)
        with m.Elif(spike & go & leads):
            m.d.sync += [best.eq(grown), best_label.eq(label)]
        return best, best_label


class FirstSpikeReadout(wiring.Component):
    """The class that spikes first; of several in the same step, the lowest.

    Handshake: the tick that gives an answer is refused while the answer before waits at ``o``.
    Latency: 1 cycle from that tick to the answer; it is the sample's last tick, or with
    ``plan.early`` the tick of the first step with a spike; what is left of the sample is then taken
    and says nothing. Throughput: one word per cycle.

    Parameters
    ----------
    plan
        ``classes``, ``slots`` and ``early`` count.

    Members
    -------
    i : In(aer_signature(plan.classes, plan.slots))
    o : Out(class_signature(plan.classes))
    """

    def __init__(self, plan: ReadoutPlan) -> None:
        self._plan = plan
        super().__init__(_spike_readout_members(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        words = _Events(self.i.payload, plan.slots)
        lowest = Signal(len(self.o.payload.label))
        # "some": a spike has come; "decided": in a step that has ended; "answered": the answer is out.
        some = Signal()
        decided = Signal()
        answered = Signal()
        answers = Signal()
        m.d.comb += [
            answers.eq(words.tick & ~answered & (words.last | (some if plan.early else 0))),
            self.i.ready.eq(~answers | ~self.o.valid | self.o.ready),
        ]
        # Slots with an event beat those without, then the lowest address.
        _, first = _best(m, list(zip(words.present, words.addresses, strict=True)), "between_slots")
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            with m.If(words.tick):
                m.d.sync += decided.eq(some)
                with m.If(answers):
                    m.d.sync += [
                        self.o.valid.eq(1),
                        self.o.payload.label.eq(Mux(some, lowest, 0)),
                        self.o.payload.silent.eq(~some),
                        answered.eq(1),
                    ]
                with m.If(words.last):
                    m.d.sync += Cat(some, decided, answered).eq(0)
            with m.Elif(~decided & (~some | (first < lowest))):
                m.d.sync += [some.eq(1), lowest.eq(first)]
        return m


class MembraneReadout(wiring.Component):
    """The class with the highest potential in a sample's last step, or in any; the lowest among equals.

    Handshake: potentials cannot wait, so an answer that finds the one before still at ``o`` is
    dropped and raises ``lost``, which stays up. Latency: 3 cycles from the last row to the answer with
    up to 2 lanes, 1 more for each further doubling. Throughput: one row per cycle. Never silent.

    Parameters
    ----------
    plan
        ``classes``, ``lanes``, ``v_bits`` and ``every_step`` count.

    Members
    -------
    i : In(potentials_signature(rows, plan.lanes, plan.v_bits))
        Lane ``k`` of row ``r`` is class ``r * plan.lanes + k``; the last row may be padded.
    o : Out(class_signature(plan.classes))
    lost : Out(1)
    """

    def __init__(self, plan: ReadoutPlan) -> None:
        self._plan = plan
        self._rows = -(-plan.classes // plan.lanes)
        super().__init__(
            {
                "i": In(potentials_signature(self._rows, plan.lanes, plan.v_bits)),
                "o": Out(class_signature(plan.classes)),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        flags: ShapeLike = data.StructLayout({"valid": 1, "final": 1})
        stage = Signal(flags, name="arrived")
        # Lanes pair up, one stage of registers for each comparison. Padding never wins: its label is
        # beyond the last class, and a lane that holds a class stands to its left.
        lanes: list[tuple[Any, Any, Any]] = []
        for k in range(plan.lanes):
            label = self.i.row * plan.lanes + k
            value = self.i.v.word_select(k, plan.v_bits).as_signed()
            lanes.append((value, label, label < plan.classes))
        m.d.comb += [
            stage.valid.eq(self.i.valid & (self.i.last if not plan.every_step else 1)),
            stage.final.eq(self.i.last & (self.i.row == self._rows - 1)),
        ]
        depth = 0
        while True:
            winners: list[tuple[Any, Any, Any]] = []
            for k in range(0, len(lanes), 2):
                winners.append(self._compare(m, lanes[k : k + 2], f"{depth}_{k}"))
            following = Signal(flags, name=f"flags{depth}")
            m.d.sync += following.eq(stage)
            lanes, stage, depth = winners, following, depth + 1
            if len(lanes) == 1:
                break
        self._judge(m, lanes[0], stage)
        return m

    def _compare(self, m: Module, pair: list[tuple[Any, Any, Any]], name: str) -> tuple[Any, Any, Any]:
        plan = self._plan
        value = Signal(signed(plan.v_bits), name=f"value{name}")
        label = Signal(range(self._rows * plan.lanes), name=f"label{name}")
        real = Signal(name=f"real{name}")
        (value_a, label_a, real_a) = pair[0]
        m.d.sync += [value.eq(value_a), label.eq(label_a), real.eq(real_a)]
        if len(pair) == 2:
            (value_b, label_b, real_b) = pair[1]
            with m.If(real_b & (value_b > value_a)):
                m.d.sync += [value.eq(value_b), label.eq(label_b)]
        return value, label, real

    def _judge(self, m: Module, candidate: tuple[Any, Any, Any], stage: Any) -> None:
        """The best of the sample so far against the best of a row."""
        value, label, _ = candidate
        best, best_label = Signal.like(value, name="best"), Signal.like(label, name="leader")
        some = Signal()
        done = Signal()
        better = (value > best) | ((value == best) & (label < best_label))
        with m.If(stage.valid):
            with m.If(~some | better):
                m.d.sync += [best.eq(value), best_label.eq(label)]
            m.d.sync += some.eq(~stage.final)
        m.d.sync += done.eq(stage.valid & stage.final)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(done):
            with m.If(self.o.valid & ~self.o.ready):
                m.d.sync += self.lost.eq(1)
            with m.Else():
                m.d.sync += [self.o.valid.eq(1), self.o.payload.label.eq(best_label)]


_KINDS: dict[str, Any] = {"count": CountReadout, "first": FirstSpikeReadout, "membrane": MembraneReadout}


def make_readout(plan: ReadoutPlan) -> wiring.Component:
    """The component that ``plan.kind`` names."""
    component: wiring.Component = _KINDS[plan.kind](plan)
    return component


__all__ = [
    "ClassLayout",
    "CountReadout",
    "FirstSpikeReadout",
    "MembraneReadout",
    "class_signature",
    "make_readout",
    "potentials_signature",
]
