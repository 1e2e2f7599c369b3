"""The network as one component: AER stream in, AER stream out."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import HOST, HardwarePlan
from qsnn_hw.rtl.aer import aer_signature
from qsnn_hw.rtl.neuron_group import NeuronGroup
from qsnn_hw.rtl.router import AerRouter, RouterRoute
from qsnn_hw.rtl.sweep import trace_signature


class SpikingNetwork(wiring.Component):
    """Every neuron group of a plan, joined by the AER router.

    Groups run at the same time, each a step behind its sources; what leaves depends only on the
    words that entered, never on when. Latency and throughput: those of the slowest group.

    Parameters
    ----------
    plan
        What to build.
    trace
        Add one verification-only port ``trace_<group>`` for each group (``trace_signature``).

    Members
    -------
    i : In(aer_signature(plan.input_size, plan.input_lanes))
    o : Out(aer_signature(plan.output_size, plan.output_lanes))
    """

    def __init__(self, plan: HardwarePlan, *, trace: bool = False) -> None:
        self._plan = plan
        self._trace = trace
        members = {
            "i": In(aer_signature(plan.input_size, plan.input_lanes)),
            "o": Out(aer_signature(plan.output_size, plan.output_lanes)),
        }
        if trace:
            members |= {f"trace_{g.name}": Out(trace_signature(g)) for g in plan.groups}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        # A group that nobody hears (a readout beside the output) runs all the same; its stream ends here.
        heard = [g for g in plan.groups if any(route.source == g.name for route in plan.routes)]
        sources = [HOST, *(g.name for g in heard)]
        destinations = [HOST, *(g.name for g in plan.groups)]
        m.submodules.router = router = AerRouter(
            sources=[plan.input_size, *(g.space.size for g in heard)],
            destinations=[plan.output_size, *(g.sources for g in plan.groups)],
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
            source_slots=[plan.input_lanes, *(g.output_lanes for g in heard)],
            destination_slots=[plan.output_lanes, *(g.event_lanes for g in plan.groups)],
        )
        wiring.connect(m, wiring.flipped(self.i), router.i0)
        wiring.connect(m, router.o0, wiring.flipped(self.o))
        for group_plan in plan.groups:
            group = NeuronGroup(group_plan, trace=self._trace)
            m.submodules[group_plan.name] = group
            wiring.connect(m, getattr(router, f"o{destinations.index(group_plan.name)}"), group.i)
            if group_plan.name in sources:
                wiring.connect(m, group.o, getattr(router, f"i{sources.index(group_plan.name)}"))
            else:
                m.d.comb += group.o.ready.eq(1)
            if self._trace:
                wiring.connect(m, group.trace, wiring.flipped(getattr(self, f"trace_{group_plan.name}")))
        return m
