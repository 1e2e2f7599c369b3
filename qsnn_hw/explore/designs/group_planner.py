"""One group of the quantized network, a shape -> GroupPlan."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.event_count import max_count, most_of
from qsnn_hw.plan.group_plan import GroupPlan, NeuronMemoryStyle, SynapseStore
from qsnn_hw.plan.shape import Shape
from qsnn_hw.plan.slots import Slots
from qsnn_hw.plan.synapses import SynapseImage
from qsnn_hw.quantize.chain import fan_in_of
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork


def sum_bits(network: QuantizedNetwork, group: QuantizedGroup) -> np.ndarray:
    """int64, shape (n,): the signed width of every partial sum of a step's events, in weight steps."""
    low, high = np.zeros(group.size, np.int64), np.zeros(group.size, np.int64)
    for p in network.into(group.name):
        part = fan_in_of(p.chain, network.source_size(p.source), most_of(network, p.source))
        low, high = low + (part.low << p.shift), high + (part.high << p.shift)
    each = (max(2, signed_bits(ends)) for ends in np.stack([low, high], axis=1))
    return np.fromiter(each, dtype=np.int64, count=group.size)


def plan_group(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    name: str,
    shape: Shape,
    spaces: Mapping[str, AddressSpace],
    image: SynapseImage,
    *,
    output_lanes: int,
    neuron_memory: NeuronMemoryStyle,
    synapse_store: SynapseStore,
    synapse_style: Literal["block", "spram"] = "block",
    synapse_shape: tuple[int, ...] = (),
    registered_reads: bool = False,
    leak_unit: Literal["shift-add", "multiplier"] = "shift-add",
) -> GroupPlan:
    """Everything the hardware of ``group`` is built from."""
    slots = Slots(spaces[group.name], shape.lanes)
    current = group.current_leak_numerator is not None

    def by_slot(values: np.ndarray | None, filler: int | None = None) -> np.ndarray | None:
        # Copies of the first neuron keep a uniform parameter uniform; with v = 0 they never fire.
        return None if values is None else slots.by_slot(values, int(values[0]) if filler is None else filler)

    def present(values: np.ndarray, filler: int | None = None) -> np.ndarray:
        found = by_slot(values, filler)
        assert found is not None
        return found

    lane_bits = None
    if shape.accumulators == "registers":
        # Padding adds nothing to nothing; one bit is the least a signal can have.
        lane_bits = slots.by_slot(sum_bits(network, group), 1)
        acc_bits = int(lane_bits.max())
    else:
        acc_bits = group.current_bits if current else group.v_bits
    return GroupPlan(
        name=name,
        group=group.name,
        neurons=group.size,
        space=slots.space,
        sources=image.sources,
        lanes=shape.lanes,
        folds=slots.folds,
        update_lanes=shape.update_lanes,
        event_lanes=shape.event_lanes,
        output_lanes=output_lanes,
        accumulators=shape.accumulators,
        acc_bits=acc_bits,
        neuron_memory=neuron_memory,
        synapse_store=synapse_store,
        projections=image.projections,
        synapses=image.synapses,
        channel_folds=slots.channel_folds,
        neuron_of_slot=slots.neuron_of_slot(),
        weight_bits=image.weight_bits,
        fractional_bits=group.fractional_bits,
        v_bits=group.v_bits,
        leak_numerator=group.leak_numerator,
        leak_shift=group.leak_shift,
        reset=group.reset,
        reset_delay=group.reset_delay,
        v_low=group.v_low,
        v_high=group.v_high,
        bias=present(group.bias, 0),
        # Above 0, so that a slot without a neuron stays silent; first values may be at or below it.
        threshold=present(group.threshold, max(1, int(group.threshold[0]))),
        reset_amount=present(group.reset_amount),
        reset_value=present(group.reset_value),
        readout=group.readout,
        max_spikes=group.max_spikes,
        refractory=group.refractory,
        reset_drops_input=group.reset_drops_input,
        reset_retest=group.reset_retest,
        v_min=by_slot(group.v_min),
        leak_numerators=by_slot(group.leak_numerators),
        current_leak_numerator=by_slot(group.current_leak_numerator),
        current_leak_shift=group.current_leak_shift,
        current_bias=by_slot(group.current_bias, 0),
        current_bits=group.current_bits,
        current_low=group.current_low,
        current_high=group.current_high,
        leak_rounding=group.leak_rounding,
        leak_unit=leak_unit,
        max_count=max_count(group),
        synapse_style=synapse_style,
        synapse_shape=synapse_shape,
        acc_lane_bits=lane_bits,
        registered_reads=registered_reads,
    )
