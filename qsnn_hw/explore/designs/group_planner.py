"""One group of the quantized network, a shape -> GroupPlan."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, NeuronMemoryStyle, SynapseStyle
from qsnn_hw.plan.shape import Shape
from qsnn_hw.plan.slots import Slots
from qsnn_hw.plan.synapses import SynapseImage
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork
from qsnn_hw.quantize.operators import fan_in_of
from qsnn_hw.support.choices import SynapseStore


def sum_bits(network: QuantizedNetwork, group: QuantizedGroup) -> np.ndarray:
    """int64, shape (n,): the signed width of every partial sum of a step's events, in weight steps."""
    low, high = np.zeros(group.size, np.int64), np.zeros(group.size, np.int64)
    for p in network.into(group.name):
        part = fan_in_of(p.all_operators, network.source_size(p.source), network.most_events(p.source))
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
    synapse_style: SynapseStyle = "block",
    synapse_shape: tuple[int, ...] = (),
    registered_reads: bool = False,
    leak_unit: Literal["shift-add", "multiplier"] = "shift-add",
) -> GroupPlan:
    """Everything the hardware of ``group`` is built from."""
    slots = Slots(spaces[group.name], shape.lanes)
    lane_bits = None
    if shape.accumulators == "registers":
        # Padding adds nothing to nothing; one bit is the least a signal can have.
        lane_bits = slots.by_slot(sum_bits(network, group), 1)
        acc_bits = int(lane_bits.max())
    else:
        acc_bits = group.current_bits if group.has_current else group.v_bits
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
        neuron=slots.dynamics(group),
        leak_unit=leak_unit,
        synapse_style=synapse_style,
        synapse_shape=synapse_shape,
        acc_lane_bits=lane_bits,
        registered_reads=registered_reads,
    )
