"""What the traced form of a network counts: work done, bits switched.

All of it stands beside the design and drives nothing in it; no other form has any of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.rtl.group.neuron_group import NeuronGroup
from qsnn_hw.rtl.group.neuron_memory import NeuronMemory, ParameterMemory
from qsnn_hw.rtl.group.sweep import Sweep
from qsnn_hw.rtl.group.synapse_memory import SynapseBanks
from qsnn_hw.rtl.group.walker import Walker

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
    "parameter_reads",
    "words_in",
    "words_out",
    "toggles",
)
"""Totals of a group since reset; ``GroupActivity`` of ``qsnn_hw/verify/record.py`` says what each means."""

# Sums of two such fields fit a simulator's word.
_CHUNK = 30


def activity_signature() -> wiring.Signature:
    """The totals of one group, each :data:`COUNTER_BITS` wide; ``toggle_bits`` says how many are watched."""
    return wiring.Signature({name: Out(COUNTER_BITS) for name in (*COUNTERS, "toggle_bits")})


def around_signature() -> wiring.Signature:
    """``cycles`` since reset; ``toggles`` and ``toggle_bits`` of what is outside the groups."""
    return wiring.Signature({name: Out(COUNTER_BITS) for name in ("cycles", "toggles", "toggle_bits")})


class Watch(wiring.Component):
    """Adds up what is counted in one module of the traced form and in the modules inside it.

    Parameters
    ----------
    path
        Where the module is; its signals are named by it.
    registers
        Bits of all registers of the module.
    parts
        Counter -> what adds to it in a cycle, here and inside.

    Members
    -------
    registers : In(registers), only where there are any
    <counter><k> : In(...)
        Each of ``parts``; :meth:`statements` connects all of them.

    Attributes
    ----------
    counts : dict
        Counter -> the sum in the cycle before, or as many before as modules are passed on the way.
        ``toggles`` are the bits of registers that changed at a clock edge; two cycles later still.
    """

    def __init__(self, path: str, registers: int, parts: Mapping[str, Sequence[Value]]) -> None:
        self._parts = parts
        members = {f"{name}{k}": In(len(part)) for name, k, part in self._numbered()}
        most = {name: sum((1 << len(part)) - 1 for part in values) for name, values in parts.items()}
        if registers:
            members["registers"] = In(registers)
            most["toggles"] = most.get("toggles", 0) + registers
        self._has_registers = bool(registers)
        self.counts = {
            name: Signal(range(highest + 1), name=f"{name}_{path}") for name, highest in most.items()
        }
        super().__init__(members)

    def _numbered(self) -> Iterator[tuple[str, int, Value]]:
        for name, values in self._parts.items():
            for k, part in enumerate(values):
                yield name, k, part

    def statements(self, registers: Value) -> list[Any]:
        """What connects it to the module it is in."""
        connections = [getattr(self, f"{name}{k}").eq(part) for name, k, part in self._numbered()]
        return [*connections, self.registers.eq(registers)] if self._has_registers else connections

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts: dict[str, list[Value]] = {name: [] for name in self.counts}
        for name, k, _ in self._numbered():
            parts[name].append(getattr(self, f"{name}{k}"))
        if self._has_registers:
            # Two ranks, so that all behind them waits for nothing but the clock: a simulator that looks at
            # the inputs first has none of it to work out again.
            held, before = (Signal(len(self.registers), name=n, reset_less=True) for n in ("held", "before"))
            changed = Signal(len(self.registers))
            m.d.sync += [held.eq(self.registers), before.eq(held)]
            m.d.comb += changed.eq(before ^ held)
            parts["toggles"].append(_ones(m, changed))
        # Registers: no port of the design carries the same bits and could be called by a count's name.
        m.d.sync += [count.eq(_total(parts[name])) for name, count in self.counts.items()]
        return m


def _ones(m: Module, word: Signal) -> Value:
    """The number of ones, by adding neighbouring fields of words: few operations for a simulator."""
    counts: list[Value] = []
    masks: dict[int, Signal] = {}
    for number, start in enumerate(range(0, len(word), _CHUNK)):
        value: Value = word[start : start + _CHUNK]
        width = 1
        while width < len(value):
            if width not in masks:
                low = sum(((1 << width) - 1) << at for at in range(0, _CHUNK, 2 * width)) % (1 << _CHUNK)
                # In a register: an AND with a constant is written bit by bit, which costs a simulator more.
                masks[width] = mask = Signal(_CHUNK, name=f"mask{width}", init=low, reset_less=True)
                m.d.sync += mask.eq(low)
            added = Signal(_CHUNK, name=f"ones{number}_{2 * width}")
            m.d.comb += added.eq((value & masks[width]) + ((value >> width) & masks[width]))
            value, width = added, 2 * width
        counts.append(value[: _CHUNK.bit_length()])
    return _total(counts)


def _total(values: Sequence[Value]) -> Value:
    """Their sum, as a tree."""
    level = list(values) or [Const(0, 1)]
    while len(level) > 1:
        level = [sum(level[k : k + 2], Const(0, 0)) for k in range(0, len(level), 2)]
    return level[0]


class Watched:
    """A part of the design, elaborated, with a :class:`Watch` in every module that has state.

    Parameters
    ----------
    name
        Its name as a submodule.
    component
        The part.

    Attributes
    ----------
    fragment : Fragment
        To be used as the submodule.
    counts : dict
        Counter -> what added to it a few cycles before.
    bits : int
        Bits of registers that are watched.
    """

    def __init__(self, name: str, component: wiring.Component, platform: object) -> None:
        self.fragment = Fragment.get(component, platform)
        self.bits = 0
        self.counts = self._watch(name, self.fragment, platform)

    def _watch(self, path: str, fragment: Fragment, platform: object) -> dict[str, Signal]:
        parts: dict[str, list[Value]] = {}
        for inside, name, _ in list(fragment.subfragments):
            for counter, count in self._watch(f"{path}_{name}", inside, platform).items():
                parts.setdefault(counter, []).append(count)
        for component in fragment.origins or ():
            for counter, value in own_counters(component).items():
                parts.setdefault(counter, []).append(value)
        written = fragment.statements["sync"]._lhs_signals() if "sync" in fragment.statements else ()
        registers = Cat(written)
        if not parts and not len(registers):
            return {}
        self.bits += len(registers)
        watch = Watch(path, len(registers), parts)
        fragment.add_statements("comb", *watch.statements(registers))
        fragment.add_subfragment(Fragment.get(watch, platform), "watch")
        return watch.counts


def own_counters(component: object) -> dict[str, Value]:
    """What a component adds to the counters of its group in a cycle."""
    if isinstance(component, Walker):
        word = component.o.payload
        operation = component.o.valid & component.o.ready & ~word.tick
        present = word.present & operation.replicate(len(word.present))
        return {"operation_cycles": operation, "synapse_reads": _total(list(present))}
    if isinstance(component, SynapseBanks):
        return {"synapse_enables": _total(list(component.en))}
    if isinstance(component, Sweep):
        return {"sweep_cycles": component.link.busy}
    # One word lives in registers.
    if isinstance(component, NeuronMemory) and len(component.read_fold):
        read, write = component.read_en, component.write_en
        return {
            "state_reads": read,
            "state_writes": write,
            "state_bits_read": Mux(read, len(component.read_data), 0),
            "state_bits_written": Mux(write, len(component.write_data), 0),
        }
    if isinstance(component, ParameterMemory) and component.stored:
        return {"parameter_reads": component.en}
    if isinstance(component, NeuronGroup):
        return {
            "words_in": component.i.valid & component.i.ready,
            "words_out": component.o.valid & component.o.ready,
        }
    return {}


class GroupCounters(wiring.Component):
    """Totals of what a neuron group does, since reset.

    Parameters
    ----------
    watched
        The group.

    Members
    -------
    total : Out(activity_signature())
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        super().__init__({"total": Out(activity_signature())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counts = self._watched.counts
        busy = counts["operation_cycles"] | counts["sweep_cycles"]
        m.d.comb += self.total.toggle_bits.eq(self._watched.bits)
        for name in COUNTERS:
            # A group without a memory of potentials counts none of its words.
            increment = busy if name == "busy_cycles" else counts.get(name, Const(0))
            total = getattr(self.total, name)
            m.d.sync += total.eq(total + increment)
        return m


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
        switched = _total([part.counts["toggles"] for part in self._parts])
        total = self.total
        m.d.comb += total.toggle_bits.eq(sum(part.bits for part in self._parts))
        m.d.sync += [total.cycles.eq(total.cycles + 1), total.toggles.eq(total.toggles + switched)]
        return m
