"""The network as one component: AER stream in, AER stream out."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import HOST, GroupPlan, HardwarePlan
from qsnn_hw.rtl.crossbar.tile import CrossbarTile
from qsnn_hw.rtl.group.links import load_signature
from qsnn_hw.rtl.group.neuron_group import NeuronGroup
from qsnn_hw.rtl.group.sweep import trace_signature
from qsnn_hw.rtl.io.readout import potentials_signature
from qsnn_hw.rtl.io.weight_loader import WeightLoader
from qsnn_hw.rtl.stream.address_guard import BAD_WORDS_BITS, AddressGuard
from qsnn_hw.rtl.stream.aer import aer_signature
from qsnn_hw.rtl.stream.router import AerRouter, RouterRoute
from qsnn_hw.rtl.trace.activity import (
    AroundCounters,
    GroupCounters,
    Watched,
    activity_signature,
    around_signature,
)
from qsnn_hw.rtl.trace.sent_words import SentWords, sent_signature


class SpikingNetwork(wiring.Component):
    """Every neuron group of a plan, joined by the AER router.

    Groups run at the same time, each a step behind its sources; what leaves depends only on the
    words that entered, never on when. Latency and throughput: those of the slowest group.

    Where synapse memories are loaded, ``load`` takes ``plan.weight_bytes()`` after reset, a byte per
    cycle, and refuses more; until ``loaded`` is 1 the design takes no word from ``i``.

    Parameters
    ----------
    plan
        What to build.
    trace
        Add verification-only ports for each group: ``trace_<group>`` shows its potentials
        (``trace_signature``), ``sent_<group>`` the words it gave to the router (``sent_signature``),
        ``activity_<group>`` what it has done since reset (``activity_signature``); and ``around`` for the
        rest of the design (``around_signature``).
    counters
        Without, a trace has ``trace_<group>`` alone: half of what a simulator works out is what counts.
    potentials
        Add a port with the potentials of the output group.
    guarded
        Ignore and count events whose address no input has (:class:`AddressGuard`). Without, whoever feeds
        ``i`` sees to it that none comes: the network would read weights that nobody wrote.

    Members
    -------
    i : In(aer_signature(plan.input_addresses, plan.input_lanes))
    o : Out(aer_signature(plan.output_addresses, plan.output_lanes))
    load : In(stream.Signature(8)), loaded : Out(1)
        Only where ``plan.loaded_groups`` names a group.
    bad_words : Out(8)
        Only with ``guarded``: words since reset in which an event had an address that no input has; stays
        at 255, and at 0 where every code is an input.
    potentials : Out(potentials_signature(...))
        Only with ``potentials``, see :class:`NeuronGroup`.
    """

    def __init__(
        self,
        plan: HardwarePlan,
        *,
        trace: bool = False,
        counters: bool = True,
        potentials: bool = False,
        guarded: bool = True,
    ) -> None:
        self._plan, self._guarded = plan, guarded
        self._trace, self._counts, self._potentials = trace, trace and counters, potentials
        members: dict[str, wiring.Member] = {
            "i": In(aer_signature(plan.input_addresses, plan.input_lanes)),
            "o": Out(aer_signature(plan.output_addresses, plan.output_lanes)),
        }
        if plan.loaded_groups:
            members |= {"load": In(stream.Signature(unsigned(8))), "loaded": Out(1)}
        if guarded:
            members["bad_words"] = Out(BAD_WORDS_BITS)
        if potentials:
            group = plan.output_group
            shown = potentials_signature(group.update_rows, group.update_lanes, group.neuron.v_bits)
            members["potentials"] = Out(shown)
        if trace:
            members |= {f"trace_{g.name}": Out(trace_signature(g)) for g in plan.groups}
        if self._counts:
            members |= {f"sent_{g.name}": Out(sent_signature(g)) for g in plan.groups}
            members |= {f"activity_{g.name}": Out(activity_signature()) for g in plan.groups}
            members["around"] = Out(around_signature())
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        # A group that nobody hears (a readout beside the output) runs all the same; its stream ends here.
        heard = {route.source for route in plan.routes}
        sources = [HOST, *(g.name for g in plan.groups if g.name in heard)]
        destinations = [HOST, *(g.name for g in plan.groups)]
        router = self._make_router(sources, destinations)
        around = [self._add(m, "router", router, platform)]
        output = plan.output_group.name
        groups = {
            g.name: (CrossbarTile if g.crossbar else NeuronGroup)(
                g, trace=self._trace, potentials=self._potentials and g.name == output
            )
            for g in plan.groups
        }
        if self._potentials:
            wiring.connect(m, groups[output].potentials, wiring.flipped(self.potentials))
        inner = self._make_guard(m, router.i0) if self._guarded else router.i0
        if plan.loaded_groups:
            loader = self._make_loader(m, inner, groups)
            around.append(self._add(m, "loader", loader, platform))
        else:
            wiring.connect(m, wiring.flipped(self.i), inner)
        wiring.connect(m, router.o0, wiring.flipped(self.o))
        for name, group in groups.items():
            watched = self._add(m, name, group, platform)
            wiring.connect(m, getattr(router, f"o{destinations.index(name)}"), group.i)
            if name in sources:
                wiring.connect(m, group.o, getattr(router, f"i{sources.index(name)}"))
            else:
                m.d.comb += group.o.ready.eq(1)
            if self._trace:
                wiring.connect(m, group.trace, wiring.flipped(getattr(self, f"trace_{name}")))
            if watched is not None:
                self._show(m, plan.group(name), group, watched)
        if self._counts:
            m.submodules.around = counters = AroundCounters([part for part in around if part is not None])
            wiring.connect(m, counters.total, wiring.flipped(self.around))
        return m

    def _make_router(self, sources: Sequence[str], destinations: Sequence[str]) -> AerRouter:
        """The router between the host and the groups, both by their places in these lists."""
        plan = self._plan
        into = [plan.group(name) for name in destinations[1:]]
        return AerRouter(
            sources=[plan.input_addresses, *(plan.group(name).space.size for name in sources[1:])],
            destinations=[plan.output_addresses, *(g.sources for g in into)],
            routes=[
                RouterRoute(
                    sources.index(r.source),
                    destinations.index(r.destination),
                    r.offset,
                    r.delay,
                    r.ahead,
                    r.words,
                )
                for r in plan.routes
            ],
            depth=plan.buffer_depth,
            source_slots=[plan.sent_lanes(name) for name in sources],
            destination_slots=[plan.output_lanes, *(g.event_lanes for g in into)],
            rests=any(group.crossbar for group in plan.groups),
        )

    def _make_guard(self, m: Module, inner: Any) -> Any:
        """What drops words from nobody in front of ``inner``; the stream in front of it."""
        m.submodules.guard = guard = AddressGuard(self._plan.input_space, self._plan.input_lanes)
        m.d.comb += self.bad_words.eq(guard.bad_words)
        wiring.connect(m, guard.o, inner)
        return guard.i

    def _add(self, m: Module, name: str, part: wiring.Component, platform: object) -> Watched | None:
        """Make ``part`` a submodule; watched where there are counters."""
        if not self._counts:
            m.submodules[name] = part
            return None
        watched = Watched(name, part, platform)
        m.submodules[name] = watched.fragment
        return watched

    def _show(self, m: Module, plan: GroupPlan, group: NeuronGroup, watched: Watched) -> None:
        """What one group sends, and what it has done."""
        name = plan.name
        m.submodules[f"sent_{name}"] = sent = SentWords(plan)
        m.submodules[f"activity_{name}"] = counters = GroupCounters(watched)
        moves = group.o.valid & group.o.ready
        m.d.comb += Cat(sent.payload, sent.moves).eq(Cat(group.o.payload.as_value(), moves))
        wiring.connect(m, sent.show, wiring.flipped(getattr(self, f"sent_{name}")))
        wiring.connect(m, counters.total, wiring.flipped(getattr(self, f"activity_{name}")))

    def _make_loader(self, m: Module, inner: Any, groups: dict[str, NeuronGroup]) -> WeightLoader:
        """Fill the groups' synapse memories; ``inner`` gets the input stream once that is done."""
        loaded = self._plan.loaded_groups
        loader = WeightLoader([load_signature(group_plan) for group_plan in loaded])
        wiring.connect(m, wiring.flipped(self.load), loader.i)
        m.d.comb += [
            self.loaded.eq(loader.done),
            inner.payload.eq(self.i.payload),
            inner.valid.eq(self.i.valid & loader.done),
            self.i.ready.eq(inner.ready & loader.done),
        ]
        for index, group_plan in enumerate(loaded):
            wiring.connect(m, getattr(loader, f"load{index}"), groups[group_plan.name].load)
        return loader
