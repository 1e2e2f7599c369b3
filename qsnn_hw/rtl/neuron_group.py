"""A group of LIF neurons between two AER streams."""

import numpy as np
from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan import GroupPlan
from qsnn_hw.rtl.aer import address_bits, aer_signature
from qsnn_hw.rtl.encoder import SpikeEncoder
from qsnn_hw.rtl.lif import LifLane
from qsnn_hw.rtl.neuron_memory import NeuronMemory, ParameterMemory
from qsnn_hw.rtl.synapse_memory import SynapseMemory


def trace_signature(plan: GroupPlan) -> wiring.Signature:
    """The verification-only trace of a group: one fold's potentials in each ``valid`` cycle.

    Members
    -------
    valid : Out(1)
    fold : Out(range(folds))
    v : Out(lanes * v_bits)
        Lane 0 in the lowest bits, two's complement.
    """
    return wiring.Signature(
        {"valid": Out(1), "fold": Out(max(1, ceil_log2(plan.folds))), "v": Out(plan.lanes * plan.v_bits)}
    )


class SweepFlags(data.StructLayout):
    """What travels beside the data of a sweep.

    ``valid``: the stage holds a fold; ``fold``: which; ``final``: the last of the step; ``clear``: the
    step ends the sample; ``silent``: the sweep after reset, which emits nothing.
    """

    def __init__(self, folds: int) -> None:
        members: dict[str, ShapeLike] = {
            "valid": 1,
            "fold": ceil_log2(folds),
            "final": 1,
            "clear": 1,
            "silent": 1,
        }
        super().__init__(members)


class NeuronGroup(wiring.Component):
    """``lanes`` LIF datapaths folded over neuron memory, from AER events to AER events.

    An event reads one row of synapse memory for each fold and adds it to the stored potentials.
    A tick sweeps all folds through the LIF lanes and emits the spikes, then the tick. After reset
    the group sweeps once in silence to set every potential to its initial value.

    Throughput: an event takes ``folds`` cycles. A tick takes ``folds + OVERHEAD`` cycles, plus one
    cycle for every spike beyond the first of a fold and one more when the last fold fires (its tick
    waits behind the spikes), while the output is not blocked.
    Latency: the tick is offered ``folds + 2`` cycles after it was first shown, when no
    neuron fired. Input is taken only as it is processed; output follows the stream rules in
    ``rtl/aer.py``, and a blocked output stalls the sweep, never loses a spike.

    Parameters
    ----------
    plan
        The group's numbers.
    trace
        Build the verification-only trace port.

    Members
    -------
    i : In(aer_signature(plan.sources))
    o : Out(aer_signature(plan.neurons))
    trace : Out(trace_signature(plan)), only with ``trace``
    """

    OVERHEAD = 1 + LifLane.DEPTH
    """Cycles from a sweep's last read to the next event's first: the sweep must have drained."""

    def __init__(self, plan: GroupPlan, *, trace: bool = False) -> None:
        self._plan = plan
        self._trace = trace
        members: dict[str, wiring.Member] = {
            "i": In(aer_signature(plan.sources)),
            "o": Out(aer_signature(plan.neurons)),
        }
        if trace:
            members["trace"] = Out(trace_signature(plan))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.synapses = synapses = SynapseMemory(plan.synapse_words(), plan.lanes * plan.weight_bits)
        m.submodules.neurons = neurons = NeuronMemory(
            plan.lanes * plan.v_bits, plan.folds, plan.neuron_memory
        )
        m.submodules.encoder = encoder = SpikeEncoder(plan.neurons, plan.lanes)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))

        # Stage 0 issues one fold of an event or of a sweep per cycle.
        fold = Signal(ceil_log2(plan.folds))
        final = Signal()
        event, sweep = Signal(), Signal()
        # The sweep pipeline moves unless a finished fold waits for the encoder.
        moving = Signal()
        draining = Signal(range(self.OVERHEAD + 1))
        # Out of reset the first sweep has no tick word behind it and must stay silent.
        starting = Signal(init=1)
        m.d.comb += final.eq(fold == plan.folds - 1)
        ticking = starting | (self.i.valid & self.i.payload.tick)
        m.d.comb += [
            event.eq(self.i.valid & ~self.i.payload.tick & ~starting & (draining == 0)),
            sweep.eq(ticking & (draining == 0) & moving),
            self.i.ready.eq((event | (sweep & ~starting)) & final),
        ]
        with m.If(event | sweep):
            m.d.sync += fold.eq(Mux(final, 0, fold + 1))
        with m.If(sweep & final):
            m.d.sync += [draining.eq(self.OVERHEAD), starting.eq(0)]
        with m.Elif((draining != 0) & moving):
            m.d.sync += draining.eq(draining - 1)

        # A row's address is fold * sources + address, without a multiplier: it grows fold by fold.
        row = Signal(ceil_log2(plan.synapse_rows))
        next_row = Signal.like(row)
        m.d.comb += row.eq(Mux(fold == 0, self.i.payload.address, next_row))
        with m.If(event):
            m.d.sync += next_row.eq(row + plan.sources)
        m.d.comb += [
            synapses.en.eq(event),
            synapses.row.eq(row),
            neurons.read_en.eq(event | sweep),
            neurons.read_fold.eq(fold),
        ]

        event1, fold1 = Signal(), Signal.like(fold)
        m.d.sync += [event1.eq(event), fold1.eq(fold)]
        potentials = self._lanes_of(neurons.read_data, plan.v_bits)
        weights = self._lanes_of(synapses.data, plan.weight_bits)
        added = Cat(
            (v + (w << plan.fractional_bits))[: plan.v_bits] for v, w in zip(potentials, weights, strict=True)
        )

        stage0 = Signal(SweepFlags(plan.folds))
        m.d.comb += [
            stage0.valid.eq(sweep),
            stage0.fold.eq(fold),
            stage0.final.eq(final),
            stage0.clear.eq(starting | self.i.payload.address[0]),
            stage0.silent.eq(starting),
        ]
        states, swept, swept_fold = self._sweep(m, potentials, stage0, moving, encoder)
        m.d.comb += [
            neurons.write_en.eq(event1 | swept),
            neurons.write_fold.eq(Mux(event1, fold1, swept_fold)),
            neurons.write_data.eq(Mux(event1, added, states)),
        ]
        return m

    def _lanes_of(self, word: Value, bits: int) -> list[Value]:
        return [word[lane * bits : (lane + 1) * bits].as_signed() for lane in range(self._plan.lanes)]

    def _sweep(
        self,
        m: Module,
        potentials: list[Value],
        stage0: Value,
        moving: Signal,
        encoder: SpikeEncoder,
    ) -> tuple[Value, Value, Value]:
        """Build the sweep pipeline behind stage 0; return new states, their valid flag and fold."""
        plan = self._plan
        flags = [Signal(SweepFlags(plan.folds), name="sweep0")]
        m.d.comb += flags[0].eq(stage0)
        for stage in range(1, LifLane.DEPTH + 2):
            flags.append(Signal(SweepFlags(plan.folds), name=f"sweep{stage}"))
            with m.If(moving):
                m.d.sync += flags[stage].eq(flags[stage - 1])

        # The threshold meets the potential in the lane's first stage, the rest in its second.
        parameters = {}
        for name, stage in (("threshold", 0), ("reset_amount", 1), ("reset_value", 1), ("bias", 1)):
            rom = ParameterMemory(self._parameter_words(getattr(plan, name)), plan.lanes * plan.v_bits)
            m.submodules[name] = rom
            m.d.comb += [rom.en.eq(moving & flags[stage].valid), rom.fold.eq(flags[stage].fold)]
            parameters[name] = self._lanes_of(rom.data, plan.v_bits)

        lanes = [LifLane(plan, trace=self._trace) for _ in range(plan.lanes)]
        for index, lane in enumerate(lanes):
            m.submodules[f"lane{index}"] = lane
            m.d.comb += [lane.en.eq(moving), lane.v.eq(potentials[index]), lane.clear.eq(flags[1].clear)]
            m.d.comb += [getattr(lane, name).eq(words[index]) for name, words in parameters.items()]

        # The encoder takes the fired mask as soon as it is known; the base address counts along.
        base = Signal(address_bits(plan.neurons))
        fold2 = flags[2]
        m.d.comb += [
            encoder.i.valid.eq(fold2.valid & ~fold2.silent),
            encoder.i.payload.mask.eq(Cat(lane.fired for lane in lanes)),
            encoder.i.payload.base.eq(base),
            encoder.i.payload.tick.eq(fold2.final),
            encoder.i.payload.last.eq(fold2.clear),
            moving.eq(encoder.i.ready),
        ]
        with m.If(encoder.i.valid & moving):
            m.d.sync += base.eq(Mux(fold2.final, 0, base + plan.lanes))
        if self._trace:
            m.d.comb += [
                self.trace.valid.eq(encoder.i.valid & moving),
                self.trace.fold.eq(fold2.fold),
                self.trace.v.eq(Cat(lane.trace for lane in lanes)),
            ]
        done = flags[LifLane.DEPTH + 1]
        return Cat(lane.state for lane in lanes), done.valid & moving, done.fold

    def _parameter_words(self, values: np.ndarray) -> list[int]:
        """Pack one parameter of every neuron into one word for each fold."""
        bits, mask = self._plan.v_bits, (1 << self._plan.v_bits) - 1
        return [
            sum((int(v) & mask) << (lane * bits) for lane, v in enumerate(row))
            for row in values.reshape(self._plan.folds, self._plan.lanes)
        ]
