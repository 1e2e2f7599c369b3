"""A group of neurons between two AER streams: walker, accumulators, sweep."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import GroupPlan
from qsnn_hw.rtl.group.accumulate import MemoryAccumulators, RegisterAccumulators
from qsnn_hw.rtl.group.links import load_members
from qsnn_hw.rtl.group.sweep import Sweep, trace_signature
from qsnn_hw.rtl.group.walker import Walker
from qsnn_hw.rtl.io.readout import potentials_signature
from qsnn_hw.rtl.stream.aer import aer_signature


class NeuronGroup(wiring.Component):
    """Events in, spikes out.

    The walker turns events into synapse operations, the accumulators add the synapse rows these name,
    and at a tick the sweep updates every neuron and emits the spikes, then the tick. After reset the
    group sweeps once in silence to set every potential to its initial value.

    Throughput: one synapse operation per cycle (an event is one for each fold it reaches). With
    accumulators in registers the sweep of ``update_rows`` cycles, and one more for every spike that
    waits for its turn on the stream, runs beside the events of the next step; with accumulators in
    memory it follows them. Input is taken only as it is processed; output follows the stream rules in
    ``rtl/stream/aer.py``, and a blocked output stalls the sweep, never loses a spike.
    Latency: that of its parts; ``cost/cycles.py`` follows every word through them.

    Parameters
    ----------
    plan
        The group's numbers.
    trace
        Build the verification-only trace port.
    potentials
        Build a port that shows every potential behind each step.

    Members
    -------
    i : In(aer_signature(plan.sources, plan.event_lanes))
    o : Out(aer_signature(plan.space.size, plan.output_lanes))
    trace : Out(trace_signature(plan)), only with ``trace``
    potentials : Out(potentials_signature(plan.update_rows, plan.update_lanes, plan.neuron.v_bits))
        Only with ``potentials``.
    load : In(load_signature(plan)), only where the synapse memory is loaded
    """

    accumulators_name = "accumulators"

    def __init__(self, plan: GroupPlan, *, trace: bool = False, potentials: bool = False) -> None:
        self._plan = plan
        self._trace, self._potentials = trace, potentials
        members: dict[str, wiring.Member] = {
            "i": In(aer_signature(plan.sources, plan.event_lanes)),
            "o": Out(aer_signature(plan.space.size, plan.output_lanes)),
        }
        if trace:
            members["trace"] = Out(trace_signature(plan))
        if potentials:
            members["potentials"] = Out(
                potentials_signature(plan.update_rows, plan.update_lanes, plan.neuron.v_bits)
            )
        super().__init__(members | load_members(plan))

    @property
    def description(self) -> str:
        """What the group's module says of itself in the Verilog."""
        plan = self._plan
        kinds = " + ".join(projection.kind for projection in plan.projections)
        return (
            f"Neuron group {plan.group}: {plan.neurons} neurons as {plan.lanes} lanes x {plan.folds} folds, "
            f"{plan.update_lanes} updated and {plan.event_lanes} events taken a cycle, "
            f"accumulators in {plan.accumulators}; {plan.weight_bits}-bit weights ({kinds}), "
            f"{plan.neuron.v_bits}-bit potentials"
        )

    def _make_accumulators(self) -> RegisterAccumulators | MemoryAccumulators:
        """What stands between walker and sweep."""
        plan = self._plan
        kind = RegisterAccumulators if plan.accumulators == "registers" else MemoryAccumulators
        return kind(plan, style="spram" if plan.synapse_style == "spram" else "block")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.walker = walker = Walker(plan)
        accumulators = self._make_accumulators()
        m.submodules[self.accumulators_name] = accumulators
        m.submodules.sweep = sweep = Sweep(plan, trace=self._trace or self._potentials)
        wiring.connect(m, wiring.flipped(self.i), walker.i)
        wiring.connect(m, walker.o, accumulators.i)
        wiring.connect(m, accumulators.link, sweep.link)
        wiring.connect(m, sweep.o, wiring.flipped(self.o))
        if self._trace:
            wiring.connect(m, sweep.trace, wiring.flipped(self.trace))
        if self._potentials:
            # One sweep at a time, so what its start said holds for all its rows.
            last = Signal()
            start = accumulators.link.start
            with m.If(start.valid & start.ready):
                m.d.sync += last.eq(start.payload.last)
            m.d.comb += [
                self.potentials.valid.eq(sweep.trace.valid),
                self.potentials.row.eq(sweep.trace.row),
                self.potentials.v.eq(sweep.trace.v),
                self.potentials.last.eq(last),
            ]
        if plan.synapse_store == "ram":
            wiring.connect(m, wiring.flipped(self.load), accumulators.load)
        return m
