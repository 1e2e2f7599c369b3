"""What is proved, at which size, and how."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Assert, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import AddressSpace, GroupPlan, ProjectionPlan
from qsnn_hw.quantize.network import NeuronDynamics
from qsnn_hw.rtl.group import accumulate, encoder, lane_steps, sweep
from qsnn_hw.rtl.group.neuron_memory import NeuronMemory
from qsnn_hw.rtl.group.walker import Walker
from qsnn_hw.rtl.stream import lane_adapter, router, step_delay
from qsnn_hw.rtl.stream.aer import AerLayout, aer_signature
from qsnn_hw.verify.formal.address_proofs import ADDRESS_PROOFS
from qsnn_hw.verify.formal.block_proofs import BLOCK_PROOFS
from qsnn_hw.verify.formal.lane_proofs import LANE_PROOFS
from qsnn_hw.verify.formal.leak_properties import LeakExact
from qsnn_hw.verify.formal.link_proofs import LINK_PROOFS
from qsnn_hw.verify.formal.loader_proofs import LOADER_PROOFS
from qsnn_hw.verify.formal.order_proofs import ORDER_PROOFS
from qsnn_hw.verify.formal.progress_proofs import PROGRESS_PROOFS
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import BufferOrder, EncoderExact, Harness, MergeTicks, MulticastOnce
from qsnn_hw.verify.formal.range_proofs import RANGE_PROOFS
from qsnn_hw.verify.formal.readout_proofs import READOUT_PROOFS
from qsnn_hw.verify.formal.route_properties import AdaptOnce, DelayRoom
from qsnn_hw.verify.formal.sum_proofs import SUM_PROOFS
from qsnn_hw.verify.formal.tile_proofs import TILE_PROOFS
from qsnn_hw.verify.formal.uart_proofs import UART_PROOFS
from qsnn_hw.verify.formal.walk_proofs import WALK_PROOFS


def _buffer(depth: int) -> Callable[[Any], Harness]:
    return lambda module: BufferOrder(module.ElasticBuffer(AerLayout(4), depth), depth)


def _encoder(neurons: int, lanes: int, *, spare: bool = False) -> Callable[[Any], Harness]:
    return lambda module: EncoderExact(module.SpikeEncoder(neurons, lanes, spare=spare), spare=spare)


def _merge(sizes: list[int], slots: int = 1) -> Callable[[Any], Harness]:
    offsets = [sum(sizes[:k]) for k in range(len(sizes))]
    return lambda module: MergeTicks(
        module.TickMerge(sizes, offsets, sum(sizes), slots), sizes, offsets, slots
    )


def _adapter(source_size: int, source_slots: int, offset: int, slots: int) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        dut = module.LaneAdapter(source_size, source_slots, offset, source_size + offset, slots)
        return AdaptOnce(dut, source_size, source_slots, offset, slots)

    return build


def _delay(steps: int, ahead: bool) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        # Two words a step: the capacity is a power of two, so not a word larger than the rule says.
        dut = module.StepDelay(2, 1, steps, module.delay_words(steps, ahead, 2), ahead)
        return DelayRoom(dut, steps, ahead, 2)

    return build


def _multicast(outputs: int) -> Callable[[Any], Harness]:
    return lambda module: MulticastOnce(module.Multicast(AerLayout(4), outputs))


def _router(depth: int) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        # Two sources, two destinations, the second fed by both: a skip connection.
        dut = module.AerRouter([2, 2], [2, 4], [(0, 0, 0), (0, 1, 0), (1, 1, 2)], depth)
        return Harness(dut, [dut.i0, dut.i1], [dut.o0, dut.o1])

    return build


def _leak(rounding: str, *, own: bool = False) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        # 11/64: a loss of several digits, of 8-bit potentials.
        fields: dict[str, Any] = {"leak_numerator": 11, "leak_shift": 6, "leak_rounding": rounding}
        if own:
            fields["leak_numerators"] = np.array([11])
        plan = small_plan(1)
        return LeakExact(module.LaneSteps, replace(plan, neuron=replace(plan.neuron, v_bits=8, **fields)))

    return build


class CheckedNeuronMemory(NeuronMemory):
    """A neuron memory that asserts it is never asked for the word it is writing."""

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        if self._folds > 1:
            same = self.read_en & self.write_en & (self.read_fold == self.write_fold)
            m.d.comb += Assert(~same)
        return m


def small_plan(folds: int) -> GroupPlan:
    """A group of one lane with three sources and four-bit potentials; its numbers do not matter.

    Each source reaches one fold, so that operations on the same fold can follow each other at once.
    """
    reached = np.array([0, 1, folds - 1], dtype=np.int64)
    each = np.arange(3, dtype=np.int64)
    zeros = np.zeros(folds, dtype=np.int64)
    return GroupPlan(
        name="group",
        group="group",
        neurons=folds,
        space=AddressSpace((folds,)),
        sources=3,
        lanes=1,
        folds=folds,
        update_lanes=1,
        event_lanes=1,
        output_lanes=1,
        accumulators="memory",
        acc_bits=4,
        neuron_memory="auto",
        synapse_store="rom",
        projections=(
            ProjectionPlan("sparse", 0, 3, 0, starts=each, counts=np.ones_like(each), row_folds=reached),
        ),
        synapses=np.ones((1, 3, 1), dtype=np.int16),
        channel_folds=folds,
        neuron_of_slot=np.arange(folds, dtype=np.int64),
        weight_bits=2,
        neuron=NeuronDynamics(
            fractional_bits=0,
            leak_numerator=1,
            leak_shift=1,
            bias=zeros,
            threshold=zeros + 2,
            reset="value",
            reset_delay=False,
            reset_amount=zeros,
            reset_value=zeros,
            v_low=None,
            v_high=None,
            v_bits=4,
        ),
    )


class _Group(wiring.Component):
    """A neuron group around the accumulators of ``module``, which may be a changed copy."""

    def __init__(self, module: Any, plan: GroupPlan) -> None:
        self._module, self._plan = module, plan
        super().__init__({"i": In(aer_signature(plan.sources)), "o": Out(aer_signature(plan.space.size))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.walker = walker = Walker(self._plan)
        m.submodules.accumulators = accumulators = self._module.MemoryAccumulators(self._plan)
        m.submodules.sweep = update = sweep.Sweep(self._plan)
        wiring.connect(m, wiring.flipped(self.i), walker.i)
        wiring.connect(m, walker.o, accumulators.i)
        wiring.connect(m, accumulators.link, update.link)
        wiring.connect(m, update.o, wiring.flipped(self.o))
        return m


def _group(folds: int) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        places: list[Any] = [module, sweep]
        originals = [(place, place.NeuronMemory) for place in places]
        for place, _ in originals:
            place.NeuronMemory = CheckedNeuronMemory
        try:
            dut = _Group(module, small_plan(folds))
            # Built while the checked memory stands in.
            return Harness(dut, [dut.i], [dut.o]).elaborated()
        finally:
            for place, original in originals:
                place.NeuronMemory = original

    return build


def _proof(
    name: str, module: Any, build: Callable[[Any], Harness], width: str, depth: int = 2, **fields: Any
) -> Proof:
    return Proof(name, module, build, "prove", depth, width, **fields)


STREAM_PROOFS = (
    _proof("buffer_1", router, _buffer(1), "1 word", fast=True),
    _proof("buffer_2", router, _buffer(2), "2 words", fast=True),
    # The words live in a memory: no induction of two steps, but an invariant is found.
    _proof("buffer_3", router, _buffer(3), "3 words", 0, solver="pdr"),
    _proof("encoder_1_lane", encoder, _encoder(2, 1), "1 lane", fast=True),
    _proof("encoder_3_lanes", encoder, _encoder(7, 3), "3 lanes"),
    _proof("encoder_spare", encoder, _encoder(7, 3, spare=True), "3 lanes", fast=True),
    _proof("merge_1", router, _merge([3]), "1 input"),
    _proof("merge_2", router, _merge([2, 3]), "2 inputs", fast=True),
    _proof("merge_3", router, _merge([1, 2, 2]), "3 inputs"),
    _proof("merge_wide", router, _merge([4, 6], 2), "2 inputs, 2 slots"),
    _proof("adapter_to_4_slots", lane_adapter, _adapter(3, 1, 2, 4), "1 to 4 slots"),
    _proof("adapter_to_1_slot", lane_adapter, _adapter(7, 4, 0, 1), "4 to 1 slot", fast=True),
    _proof("adapter_shifted", lane_adapter, _adapter(5, 2, 1, 2), "2 slots, moved by 1"),
    _proof("delay_1", step_delay, _delay(1, False), "1 step, 2 words a step"),
    _proof("delay_3", step_delay, _delay(3, False), "3 steps, 2 words a step"),
    _proof("delay_ahead_1", step_delay, _delay(1, True), "1 step, 2 words a step"),
    _proof("delay_ahead_2", step_delay, _delay(2, True), "2 steps, 2 words a step"),
    _proof("multicast_1", router, _multicast(1), "1 output"),
    _proof("multicast_3", router, _multicast(3), "3 outputs", fast=True),
    _proof("router_streams_1", router, _router(1), "2 to 2 streams, buffers of 1", 3),
    _proof("router_streams_2", router, _router(2), "2 to 2 streams, buffers of 2", 3),
)

GROUP_PROOFS = (
    _proof("leak_floor", lane_steps, _leak("floor"), "v 8, numerator 11/64", fast=True),
    _proof("leak_zero", lane_steps, _leak("zero"), "v 8, numerator 11/64"),
    _proof("leak_zero_own", lane_steps, _leak("zero", own=True), "v 8, any numerator of 64"),
    # Their invariants span the whole pipeline of a sweep; the solver finds them.
    _proof("group_2_folds", accumulate, _group(2), "1x2 slots", 0, solver="pdr"),
    _proof("group_3_folds", accumulate, _group(3), "1x3 slots", 0, solver="pdr"),
)

PROOFS: tuple[Proof, ...] = (
    *STREAM_PROOFS,
    *GROUP_PROOFS,
    *LANE_PROOFS,
    *SUM_PROOFS,
    *WALK_PROOFS,
    *TILE_PROOFS,
    *ORDER_PROOFS,
    *PROGRESS_PROOFS,
    *RANGE_PROOFS,
    *READOUT_PROOFS,
    *LOADER_PROOFS,
    *ADDRESS_PROOFS,
    *UART_PROOFS,
    *LINK_PROOFS,
    *BLOCK_PROOFS,
)
"""Everything that is proved."""
