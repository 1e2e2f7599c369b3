"""A plan whose groups are cut into crossbar tiles: N rows of synapses x M columns each.

A tile has some columns of its group, neurons of a flat group or channels of a grid, and the whole of each
column: every synapse of its neurons. So a sum never leaves its tile, and only spikes go between tiles, which
the router carries as it does between groups. Rows beyond N go into further arrays of the same columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import AxisTable, GroupPlan, NeuronMemoryStyle, ProjectionPlan
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route
from qsnn_hw.quantize.network import NeuronDynamics
from qsnn_hw.support.choices import SynapseStorage


@dataclass(frozen=True)
class TileSize:
    """The most of an array.

    Parameters
    ----------
    rows
        N, a power of two.
    columns
        M.
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.rows & (self.rows - 1):
            raise ValueError(f"Rows of a tile must be a power of two, not {self.rows!r}")
        if self.columns < 1:
            raise ValueError(f"Columns of a tile must be at least 1, not {self.columns!r}")


def cut_into_tiles(plan: HardwarePlan, size: TileSize, storage: SynapseStorage) -> HardwarePlan:
    """The same network with every group as one tile, or several where it has more columns than a tile.

    Parameters
    ----------
    plan
        Its groups keep their sums in memory and take one event a cycle.
    size
        A tile of more lanes than columns of ``size`` is refused: ValueError.
    storage
        Where synapses are.
    """
    tiles = {group.name: _tiles(group, size, storage) for group in plan.groups}
    routes = []
    for route in plan.routes:
        for part in _ends(tiles, route.source):
            for target in _ends(tiles, route.destination):
                offset, words = route.offset, route.words
                if part is not None:
                    source = plan.group(route.source)
                    offset += part.first
                    words = words * part.plan.neurons // source.neurons
                names = [HOST if end is None else end.plan.name for end in (part, target)]
                routes.append(Route(names[0], names[1], offset, route.delay, route.ahead, words))
    groups = tuple(tile.plan for parts in tiles.values() for tile in parts)
    return replace(plan, groups=groups, routes=tuple(routes))


@dataclass(frozen=True)
class _Tile:
    """A tile and the address of its first column in its group's space."""

    plan: GroupPlan
    first: int


def _ends(tiles: Mapping[str, list[_Tile]], name: str) -> list[_Tile | None]:
    """The tiles of a route's end; [None] for the host."""
    return [None] if name == HOST else [*tiles[name]]


def _tiles(group: GroupPlan, size: TileSize, storage: SynapseStorage) -> list[_Tile]:
    if group.event_lanes != 1 or group.accumulators != "memory":
        raise ValueError(f"Group {group.name} must have one event lane and its sums in memory")
    if group.lanes > size.columns:
        raise ValueError(f"Group {group.name} must have at most {size.columns} lanes, not {group.lanes}")
    most = size.columns // group.lanes
    edges = range(0, group.channel_folds, most)
    return [
        _tile(
            group,
            (first, min(first + most, group.channel_folds)),
            "" if len(edges) == 1 else f"_{number}",
            size.rows,
            storage,
        )
        for number, first in enumerate(edges)
    ]


def _tile(group: GroupPlan, folds: tuple[int, int], suffix: str, rows: int, storage: SynapseStorage) -> _Tile:
    """The tile with the channel folds from the first to before the second of ``folds``."""
    kept = np.arange(group.folds) % group.channel_folds
    chosen = (kept >= folds[0]) & (kept < folds[1])
    slots = np.repeat(chosen, group.lanes)
    neurons = group.neuron_of_slot[slots]
    members = np.sort(neurons[neurons >= 0])
    positions = group.folds // group.channel_folds
    first = folds[0] * group.lanes
    projections, images, first_row = [], [], 0
    for index, projection in enumerate(group.projections):
        end = [p.first_row for p in group.projections[index + 1 :]] or [group.synapse_rows]
        image = group.synapses[0, projection.first_row : end[0]]
        part, image = _projection(projection, image, chosen, folds, group, first_row)
        projections.append(part)
        images.append(image)
        first_row += len(image)
    synapses = np.concatenate(images)[np.newaxis]
    channel_folds = folds[1] - folds[0]
    deep = rows * (1 << (channel_folds - 1).bit_length())
    style: NeuronMemoryStyle = "macro" if storage == "sram" else "distributed"
    whole = not suffix
    return _Tile(
        replace(
            group,
            name=f"{group.name}{suffix}",
            group=group.group if whole else f"{group.group}:{suffix[1:]}",
            tile_of="" if whole else group.group,
            members=None if whole else members,
            neurons=members.size,
            space=group.space if whole else _space(group.space, members.size // positions),
            folds=int(chosen.sum()),
            channel_folds=channel_folds,
            neuron_of_slot=np.where(neurons >= 0, neurons - first * positions, -1),
            neuron=_of_slots(group.neuron, slots),
            projections=tuple(projections),
            synapses=synapses,
            synapse_style=storage,
            synapse_store="rom" if storage == "constants" else "ram",
            synapse_shape=(deep, group.lanes * group.weight_bits),
            neuron_memory=style,
        ),
        first,
    )


def _of_slots(neuron: NeuronDynamics, slots: np.ndarray) -> NeuronDynamics:
    """The constants of some slots."""
    constants = {item.name: getattr(neuron, item.name) for item in fields(NeuronDynamics)}
    return NeuronDynamics(**(constants | {name: values[slots] for name, values in neuron.arrays.items()}))


def _space(space: AddressSpace, channels: int) -> AddressSpace:
    """The addresses of some channels, as wide apart as all of them are."""
    if not space.grid:
        return AddressSpace((channels,))
    return AddressSpace((channels, *space.shape[1:]), space.channel_bits)


def _projection(
    projection: ProjectionPlan,
    image: np.ndarray,
    chosen: np.ndarray,
    folds: tuple[int, int],
    group: GroupPlan,
    first_row: int,
) -> tuple[ProjectionPlan, np.ndarray]:
    """The same projection into some folds, and its rows, shape (rows, lanes).

    Parameters
    ----------
    chosen
        bool, shape (folds,): which of the group's are the tile's.
    folds
        The tile's channel folds, first and end.
    first_row
        Where its rows begin in the tile.
    """
    if projection.kind == "dense":
        # (fold, source, lane) -> (source, fold, lane): a source's words stand side by side, in one array.
        by_fold = image.reshape(group.folds, projection.rows_per_fold, group.lanes)[chosen]
        part = replace(projection, first_row=first_row, rows_per_fold=1, rows_per_source=int(chosen.sum()))
        return part, by_fold.transpose(1, 0, 2).reshape(-1, group.lanes)
    if projection.kind == "sparse":
        return _sparse(projection, image, chosen, first_row)
    # A dense operator behind a grid has rows for all folds, a convolution for those of a position.
    every = projection.channel_folds == group.folds
    mask = chosen if every else chosen[: group.channel_folds]
    before, after = mask.size, int(mask.sum())
    if before != projection.channel_folds:
        raise ValueError(f"Folds of a grid projection must be {before}, not {projection.channel_folds!r}")
    assert projection.rows is not None
    assert projection.columns is not None
    part = replace(
        projection,
        first_row=first_row,
        rows=_scaled(projection.rows, before, after),
        columns=_scaled(projection.columns, before, after),
        rows_per_channel=after,
        channel_folds=after,
    )
    return part, image.reshape(-1, before, group.lanes)[:, mask].reshape(-1, group.lanes)


def _scaled(table: AxisTable, before: int, after: int) -> AxisTable:
    """Offsets that count folds of a position, or rows of them, for fewer folds."""
    return replace(table, fold=table.fold // before * after, row=table.row // before * after)


def _sparse(
    projection: ProjectionPlan, image: np.ndarray, chosen: np.ndarray, first_row: int
) -> tuple[ProjectionPlan, np.ndarray]:
    """Only the rows that go to chosen folds, source by source."""
    assert projection.counts is not None
    assert projection.row_folds is not None
    assert projection.starts is not None
    sources = np.repeat(np.arange(projection.size), projection.counts)
    # Without any row there is one that no event reads.
    real = np.arange(len(image)) < sources.size
    stays = chosen[projection.row_folds] & real
    number = np.cumsum(chosen) - 1
    counts = np.bincount(sources[stays[: sources.size]], minlength=projection.size).astype(np.int64)
    row_folds, rows = number[projection.row_folds[stays]], image[stays]
    if not len(rows):
        row_folds, rows = np.zeros(1, dtype=np.int64), np.zeros((1, image.shape[1]), dtype=image.dtype)
    part = replace(
        projection,
        first_row=first_row,
        starts=first_row + np.cumsum(counts) - counts,
        counts=counts,
        row_folds=row_folds,
    )
    return part, rows
