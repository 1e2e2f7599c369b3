"""A group's plan without its weights: enough to predict what a shape takes, in no time."""

from collections.abc import Mapping

import numpy as np

from qsnn_hw.explore.designs.group_planner import plan_group
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.grid import axis_table, flattened, grid_projection
from qsnn_hw.plan.group_plan import GroupPlan, NeuronMemoryStyle, ProjectionPlan
from qsnn_hw.plan.shape import Shape
from qsnn_hw.plan.slots import Slots
from qsnn_hw.plan.synapses import SynapseImage
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork
from qsnn_hw.support.choices import SynapseStore


def outline(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    shape: Shape,
    *,
    neuron_memory: NeuronMemoryStyle = "auto",
    registered_reads: bool = False,
    store: SynapseStore = "rom",
) -> GroupPlan:
    """The plan of ``group`` in ``shape``, all weights 0 and none of them left out.

    Parameters
    ----------
    neuron_memory, registered_reads
        As in the plan.
    """
    slots = Slots(spaces[group.name], shape.lanes)
    projections: list[ProjectionPlan] = []
    offset = rows = 0
    for projection in network.into(group.name):
        space = spaces[projection.source]
        grid = grid_projection(projection.all_operators) if space.grid else None
        if space.grid and grid is None:
            channels, height, width = space.shape
            grid = flattened((channels, height, width), np.zeros((1, space.neurons), dtype=np.int16))
        if grid is not None:
            folds = slots.folds if grid.dense else slots.channel_folds
            step = (0, 0) if grid.dense else (grid.target[2] * folds, folds)
            channels, (height, width) = grid.source[0], grid.kernel
            projections.append(
                ProjectionPlan(
                    *("grid", offset, space.size, rows),
                    space=space,
                    rows=axis_table(grid.rows, step[0], width * channels * folds),
                    columns=axis_table(grid.columns, step[1], channels * folds),
                    rows_per_channel=folds,
                    channel_folds=folds,
                )
            )
            rows += height * width * channels * folds
        else:
            per_fold = -(-space.neurons // shape.event_lanes)
            joins = projections and projections[-1].kind == "dense"
            if not joins:
                projections.append(ProjectionPlan("dense", offset, space.size, rows, per_fold))
            rows += per_fold * slots.folds
        offset += space.size
    weight_bits = max(p.weight_bits + p.shift for p in network.into(group.name))
    # One zero seen from everywhere: takes no memory, whatever the shape.
    synapses = np.broadcast_to(np.zeros((), dtype=np.int16), (shape.event_lanes, rows, shape.lanes))
    image = SynapseImage(tuple(projections), (), offset, synapses, weight_bits, ())
    return plan_group(
        *(network, group, "group", shape, spaces, image),
        output_lanes=1,
        neuron_memory=neuron_memory,
        synapse_store=store,
        registered_reads=registered_reads,
    )
