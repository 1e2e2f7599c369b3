"""The shapes that each group could have, and roughly what they take of a device.

LUTs are those that ``cost/predict.py`` gives a group without its weights.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qsnn_hw.cost.group.neuron_group import group_counts
from qsnn_hw.cost.predict import logic_cells
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.outline import outline
from qsnn_hw.explore.designs.shape_memories import shape_memories
from qsnn_hw.families.boards import load_board
from qsnn_hw.families.limits import Limits
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.placement import (
    GroupMemories,
    neuron_style,
    place,
    readable,
    registers_reads,
    state_blocks,
    synapse_blocks,
)
from qsnn_hw.plan.shape import Shape, fitted
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork

MOST_EVENT_LANES = 8
"""Event lanes of a group at most."""

_ANY_BOARD = "ulx3s-85f"


@dataclass(frozen=True)
class Offer:
    """A shape of one group.

    Parameters
    ----------
    shape
        The knobs.
    luts
        Logic cells, about.
    memories
        What wants memory blocks.
    blocks, sprams
        Block RAMs of all memories, and single-port RAMs of the synapses, None where they cannot go there.
    """

    shape: Shape
    luts: float
    memories: GroupMemories
    blocks: int
    sprams: int | None


@functools.cache
def any_device() -> Limits:
    """What figures are of where no device is given: one with distributed RAM and plenty of blocks."""
    return load_board(_ANY_BOARD).limits


def offers(
    network: QuantizedNetwork, spaces: Mapping[str, AddressSpace], options: PlanOptions
) -> dict[str, list[Offer]]:
    """Of every group, the shapes whose memories the device has, were there no other group.

    All where there is none.
    """
    by_group = {}
    for group in network.groups:
        fed = any(p.source == INPUT for p in network.into(group.name))
        # The serial line brings one event at a time; more event lanes may be given.
        most = 1 if fed else MOST_EVENT_LANES
        shapes = dict.fromkeys(s for s in _shapes(network, group, spaces) if s.event_lanes <= most)
        all_of = [_offer(network, group, spaces, shape, options) for shape in shapes]
        store, limits = options.synapse_store, options.limits
        fit = [o for o in all_of if readable({"group": o.memories}, store)] or all_of
        if limits is not None:
            fit = [o for o in fit if place({"group": o.memories}, limits, store) is not None] or fit
        by_group[group.name] = fit
    return by_group


def _offer(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    shape: Shape,
    options: PlanOptions,
) -> Offer:
    device = any_device() if options.limits is None else options.limits
    memories = shape_memories(network, group, spaces, shape)
    rough = outline(
        *(network, group, spaces, shape),
        neuron_memory=neuron_style(device, memories),
        registered_reads=registers_reads(device),
        store=options.synapse_store,
    )
    luts = logic_cells(group_counts(rough, device), device.family)
    sprams = None
    if options.synapse_store == "ram" and device.spram is not None and memories.banks == 1:
        sprams = device.spram.blocks(memories.rows, memories.width)
    blocks = (
        0 if device.block_ram is None else synapse_blocks(device, memories) + state_blocks(device, memories)
    )
    return Offer(shape, luts, memories, blocks, sprams)


def _shapes(
    network: QuantizedNetwork, group: QuantizedGroup, spaces: Mapping[str, AddressSpace]
) -> Iterator[Shape]:
    space = spaces[group.name]
    channels = space.shape[0]
    flat = _wide_events(network, group, spaces)
    folds = 1
    while folds < 2 * channels:
        lanes = -(-channels // min(folds, channels))
        for update in (1, 2, 4, 8, lanes):
            if update <= lanes:
                yield fitted(space, lanes, update, accumulators="memory")
                if flat:
                    for event_lanes in (2, 4):
                        yield fitted(space, lanes, update, event_lanes, "memory")
        folds *= 2
    if not space.grid:
        for update in (1, 2, 4, 8, 16):
            for event_lanes in (1, 2, 4, 8) if flat else (1,):
                if update <= channels:
                    yield fitted(space, channels, update, event_lanes, "registers")


def _wide_events(
    network: QuantizedNetwork, group: QuantizedGroup, spaces: Mapping[str, AddressSpace]
) -> bool:
    """Whether a group may take several events a cycle: dense, and one range of flat addresses."""
    into = network.into(group.name)
    return len(into) == 1 and all(not spaces[p.source].grid and p.is_dense for p in into)
