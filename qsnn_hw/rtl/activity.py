"""What the traced form of a network shows beside potentials: words sent, work done, bits switched.

All of it stands beside the design and drives nothing in it; no other form has any of it.
"""

from collections.abc import Iterator, Sequence

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import GroupPlan
from qsnn_hw.rtl.aer import AerLayout
from qsnn_hw.rtl.neuron_memory import NeuronMemory
from qsnn_hw.rtl.sweep import Sweep
from qsnn_hw.rtl.synapse_memory import SynapseBanks
from qsnn_hw.rtl.walker import Walker

COUNTER_BITS = 48
"""Of every total: cycles enough for days of simulation."""

COUNTERS = (
    "busy_cycles",
    "operation_cycles",
    "sweep_cycles",
    "synapse_reads",
    "synapse_enables",
    "state_reads",
    "state_writes",
    "state_bits_read",
    "state_bits_written",
    "words_in",
    "words_out",
    "toggles",
)
"""Totals of a group since reset; ``GroupActivity`` of ``qsnn_hw/verify/record.py`` says what each means."""

# Words of a group that are shown together: a simulator's wake-up costs more than all of them.
_SENT_BITS = 512
_CHUNK = 64


def activity_signature() -> wiring.Signature:
    """The totals of one group, each :data:`COUNTER_BITS` wide; ``toggle_bits`` says how many are watched."""
    return wiring.Signature({name: Out(COUNTER_BITS) for name in (*COUNTERS, "toggle_bits")})


def around_signature() -> wiring.Signature:
    """``cycles`` since reset; ``toggles`` and ``toggle_bits`` of what is outside the groups."""
    return wiring.Signature({name: Out(COUNTER_BITS) for name in ("cycles", "toggles", "toggle_bits")})


def sent_words(plan: GroupPlan) -> int:
    """How many of a group's words :class:`SentWords` shows at a time."""
    return int(max(1, _SENT_BITS // _word_bits(plan)))


def _word_bits(plan: GroupPlan) -> int:
    return int(AerLayout(plan.space.size, plan.output_lanes).size)


def sent_signature(plan: GroupPlan) -> wiring.Signature:
    """The words that a group gave to the router, several at a time.

    Members
    -------
    valid : Out(1)
        For one cycle, when as many as fit have been sent or the last one was a sample's last tick.
    filled : Out(range(sent_words(plan) + 1))
        How many have been sent since.
    words : Out(...)
        The newest in the lowest bits, then the one before, and so on.
    """
    count = sent_words(plan)
    return wiring.Signature(
        {"valid": Out(1), "filled": Out(count.bit_length()), "words": Out(count * _word_bits(plan))}
    )


class SentWords(wiring.Component):
    """Collects the words that move on a group's output stream.

    Latency: 1 cycle from the last of them.

    Parameters
    ----------
    plan
        The group.

    Members
    -------
    payload, moves : In
        A word, and whether it moves.
    show : Out(sent_signature(plan))
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._count, bits = sent_words(plan), _word_bits(plan)
        super().__init__({"payload": In(bits), "moves": In(1), "show": Out(sent_signature(plan))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        show, payload = self.show, self.payload
        following = Signal.like(show.filled)
        m.d.comb += following.eq(Mux(show.valid, 0, show.filled) + self.moves)
        ends_sample = payload[-1] & payload[0]
        m.d.sync += [
            show.filled.eq(following),
            show.valid.eq(self.moves & (ends_sample | (following == self._count))),
        ]
        with m.If(self.moves):
            m.d.sync += show.words.eq(Cat(payload, show.words))
        return m


class SwitchedBits(wiring.Component):
    """How many bits changed at the clock edge before the present cycle.

    Parameters
    ----------
    bits
        What is watched.

    Members
    -------
    count : Out(range(len(bits) + 1))
    """

    def __init__(self, bits: Value) -> None:
        self._bits = bits
        super().__init__({"count": Out(len(bits).bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before, changed = Signal(len(self._bits), reset_less=True), Signal(len(self._bits))
        m.d.sync += before.eq(self._bits)
        m.d.comb += changed.eq(before ^ self._bits)
        m.d.comb += self.count.eq(_ones(m, changed))
        return m


def _ones(m: Module, word: Signal) -> Value:
    """The number of ones, by adding neighbouring fields of words: few operations for a simulator."""
    found: list[Value] = []
    for number, start in enumerate(range(0, len(word), _CHUNK)):
        value: Value = word[start : start + _CHUNK]
        width = 1
        while width < len(value):
            low = sum(((1 << width) - 1) << at for at in range(0, _CHUNK, 2 * width))
            added = Signal(_CHUNK, name=f"ones{number}_{2 * width}")
            m.d.comb += added.eq((value & low) + ((value >> width) & low))
            value, width = added, 2 * width
        found.append(value[: _CHUNK.bit_length()])
    return _total(found)


def _total(values: Sequence[Value]) -> Value:
    """Their sum, as a tree."""
    level = list(values) or [Const(0, 1)]
    while len(level) > 1:
        level = [sum(level[k : k + 2], Const(0, 0)) for k in range(0, len(level), 2)]
    return level[0]


class Watched:
    """A part of the design, elaborated, with :class:`SwitchedBits` beside every module's registers.

    Parameters
    ----------
    component
        The part.

    Attributes
    ----------
    fragment : Fragment
        To be used as the submodule.
    components : list
        Itself and every component inside.
    toggles : list of Value
        Switched bits of each module.
    bits : int
        How many are watched.
    """

    def __init__(self, component: wiring.Component, platform: object) -> None:
        self.fragment = Fragment.get(component, platform)
        self.components: list[object] = []
        self.toggles: list[Value] = []
        self.bits = 0
        for inside in list(_fragments(self.fragment)):
            self.components += inside.origins or ()
            written = inside.statements["sync"]._lhs_signals() if "sync" in inside.statements else ()
            registers = [register for register in written if len(register)]
            if registers:
                bits = Cat(registers)
                self.bits += len(bits)
                switched = SwitchedBits(bits)
                inside.add_subfragment(Fragment.get(switched, platform), "switched_bits")
                self.toggles.append(switched.count)


def _fragments(fragment: Fragment) -> Iterator[Fragment]:
    yield fragment
    for inside, _, _ in fragment.subfragments:
        yield from _fragments(inside)


class GroupCounters(wiring.Component):
    """Totals of what a neuron group does, since reset.

    Parameters
    ----------
    watched
        The group.

    Members
    -------
    words_in, words_out : In(1)
        A word moves on its input or output stream.
    total : Out(activity_signature())
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        super().__init__({"words_in": In(1), "words_out": In(1), "total": Out(activity_signature())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inside = self._watched.components
        (walker,) = (part for part in inside if isinstance(part, Walker))
        (sweep,) = (part for part in inside if isinstance(part, Sweep))
        banks = [part for part in inside if isinstance(part, SynapseBanks)]
        # One word lives in registers.
        memories = [part for part in inside if isinstance(part, NeuronMemory) and len(part.read_fold)]
        operation, sweeping = Signal(), Signal()
        m.d.comb += [
            operation.eq(walker.o.valid & walker.o.ready & ~walker.o.payload.tick),
            sweeping.eq(sweep.link.busy),
        ]
        present = walker.o.payload.present & operation.replicate(len(walker.o.payload.present))
        increments: dict[str, Value] = {
            "busy_cycles": operation | sweeping,
            "operation_cycles": operation,
            "sweep_cycles": sweeping,
            "synapse_reads": _total(list(present)),
            "synapse_enables": _total([en for part in banks for en in part.en]),
            "state_reads": _total([part.read_en for part in memories]),
            "state_writes": _total([part.write_en for part in memories]),
            "state_bits_read": _total([_if(part.read_en, len(part.read_data)) for part in memories]),
            "state_bits_written": _total([_if(part.write_en, len(part.write_data)) for part in memories]),
            "words_in": self.words_in,
            "words_out": self.words_out,
            "toggles": _total(self._watched.toggles),
        }
        m.d.comb += self.total.toggle_bits.eq(self._watched.bits)
        for name, increment in increments.items():
            total = getattr(self.total, name)
            m.d.sync += total.eq(total + increment)
        return m


def _if(condition: Value, value: int) -> Value:
    return Mux(condition, value, 0)


class AroundCounters(wiring.Component):
    """Totals of the whole design, since reset.

    Parameters
    ----------
    parts
        What is not in a group.

    Members
    -------
    total : Out(around_signature())
    """

    def __init__(self, parts: Sequence[Watched]) -> None:
        self._parts = tuple(parts)
        super().__init__({"total": Out(around_signature())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        switched = _total([count for part in self._parts for count in part.toggles])
        total = self.total
        m.d.comb += total.toggle_bits.eq(sum(part.bits for part in self._parts))
        m.d.sync += [total.cycles.eq(total.cycles + 1), total.toggles.eq(total.toggles + switched)]
        return m
