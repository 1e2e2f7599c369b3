"""The memories that a group of a shape wants."""

from collections.abc import Mapping

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.grid import grid_projection
from qsnn_hw.plan.placement import GroupMemories
from qsnn_hw.plan.shape import Shape
from qsnn_hw.plan.slots import Slots
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork


def shape_memories(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    shape: Shape,
) -> GroupMemories:
    """The memories a group of this shape wants, zero rows included."""
    slots = Slots(spaces[group.name], shape.lanes)
    folds = slots.folds
    bits = max(p.weight_bits + p.shift for p in network.into(group.name))
    rows = -(-_synapse_rows(network, group, spaces, slots) // shape.event_lanes)
    state = []
    stored = group.v_bits + group.current_bits
    if shape.accumulators == "registers":
        state.append((shape.lanes // shape.update_lanes, shape.update_lanes * stored))
    else:
        state.append((folds, shape.lanes * (group.current_bits or group.v_bits)))
        if group.current_bits:
            state.append((folds * shape.lanes // shape.update_lanes, shape.update_lanes * group.v_bits))
    return GroupMemories(rows, shape.lanes * bits, shape.event_lanes, tuple(state))


def _synapse_rows(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    slots: Slots,
) -> int:
    rows = 0
    for p in network.into(group.name):
        grid = grid_projection(p.all_operators) if spaces[p.source].grid else None
        if grid is None:
            rows += spaces[p.source].neurons * slots.folds
        else:
            each = slots.folds if grid.dense else slots.channel_folds
            rows += int(np.prod(grid.kernel)) * grid.source[0] * each
    return rows
