"""Projections of the quantized network -> address ranges, synapse rows and the image of the memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.grid import GridProjection, axis_table, flattened, grid_projection
from qsnn_hw.plan.group_plan import ProjectionPlan
from qsnn_hw.plan.slots import Slots
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection
from qsnn_hw.support.errors import UserError

# Rows that hold no weight are left out where that saves at least this share of them: the tables that
# say which rows there are cost memory of their own.
_SPARSE_SHARE = 0.25
# An expansion beyond this many weights would be refused by every board long before.
_LARGEST_EXPANSION = 1 << 26


def address_spaces(network: QuantizedNetwork) -> dict[str, AddressSpace]:
    """The address space of the input and of every group.

    A group behind a convolution, and every source in front of one (or of a pool), is a grid.
    """
    spaces: dict[str, AddressSpace] = {}
    for projection in network.projections:
        grid = grid_projection(projection.all_operators)
        if grid is not None and not grid.dense:
            spaces.setdefault(projection.target, AddressSpace(grid.target))
    for projection in network.projections:
        grid = grid_projection(projection.all_operators)
        if grid is not None:
            spaces.setdefault(projection.source, AddressSpace(grid.source))
    for name, size in [(INPUT, network.input_size), *((g.name, g.size) for g in network.groups)]:
        spaces.setdefault(name, AddressSpace((size,)))
    return spaces


@dataclass(frozen=True)
class SynapseImage:
    """Everything a group's walker and synapse memory are built from.

    Parameters
    ----------
    projections
        By ascending offset.
    offsets
        First input address of every quantized projection, in their order.
    sources
        Input addresses.
    synapses
        Signed integers, shape (event_lanes, rows, lanes).
    weight_bits
        Width of a weight.
    notes
        A line for each projection that had to be expanded to a dense one.
    """

    projections: tuple[ProjectionPlan, ...]
    offsets: tuple[int, ...]
    sources: int
    synapses: np.ndarray
    weight_bits: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Flat:
    """A dense block: weights by slot and address."""

    weight: np.ndarray


def synapse_image(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    slots: Slots,
    *,
    event_lanes: int,
) -> SynapseImage:
    """Lay out all projections into ``group``.

    Raises
    ------
    UserError
        ``event_lanes`` above 1 for a group that cannot have them, or an expansion beyond reason.
    """
    offsets, notes = [], []
    blocks: list[tuple[int, _Flat | GridProjection, AddressSpace]] = []
    offset = bits = 0
    for projection in network.into(group.name):
        space = spaces[projection.source]
        block, needed, expanded = _block(network, projection, space, slots)
        if expanded:
            notes.append(
                f"projection {projection.name}: expanded to {block_rows(block)} dense rows, it is no "
                "convolution, pool and dense operator in an order that addresses can follow"
            )
        bits = max(bits, needed)
        blocks.append((offset, block, space))
        offsets.append(offset)
        offset += space.size
    blocks = _joined(blocks)
    if event_lanes > 1 and (len(blocks) > 1 or not isinstance(blocks[0][1], _Flat)):
        raise UserError(
            f"group {group.name}: {event_lanes} event lanes need one dense projection from flat sources; "
            "use --event-lanes 1 for it"
        )
    projections: list[ProjectionPlan] = []
    images: list[np.ndarray] = []
    first_row = 0
    for first, block, space in blocks:
        if isinstance(block, _Flat):
            plan, image = _dense(first, block.weight, first_row, slots, event_lanes, bits)
        else:
            plan, image = _grid(first, block, space, first_row, slots)
        projections.append(plan)
        images.append(image)
        first_row += image.shape[1]
    synapses = np.concatenate(images, axis=1).astype(np.int16 if bits <= 16 else np.int64)
    return SynapseImage(tuple(projections), tuple(offsets), offset, synapses, bits, tuple(notes))


def block_rows(block: "_Flat | GridProjection") -> int:
    """Sources of a block."""
    return block.weight.shape[1] if isinstance(block, _Flat) else int(np.prod(block.source))


def _block(
    network: QuantizedNetwork, projection: QuantizedProjection, space: AddressSpace, slots: Slots
) -> tuple[_Flat | GridProjection, int, bool]:
    """(weights in a form the hardware walks, bits of a weight, whether that took an expansion)."""
    operators = projection.all_operators
    shift = projection.shift
    if space.grid:
        grid = grid_projection(operators)
        if (
            grid is not None
            and grid.source == space.shape
            and (grid.dense or grid.target == slots.space.shape)
        ):
            weight = grid.weight.astype(np.int64) << shift
            return replace(grid, weight=weight), projection.weight_bits + shift, False
    dense = projection.is_dense
    if dense:
        matrix, bits = projection.weight.astype(np.int64) << shift, projection.weight_bits + shift
    else:
        matrix = _expanded(network, projection) << shift
        bits = max(2, signed_bits(matrix))
    if space.grid:
        channels, height, width = space.shape
        return flattened((channels, height, width), matrix), bits, not dense
    neurons = slots.neuron_of_slot()
    by_slot = np.where((neurons >= 0)[:, np.newaxis], matrix[np.maximum(neurons, 0)], 0)
    return _Flat(by_slot), bits, not dense


def _expanded(network: QuantizedNetwork, projection: QuantizedProjection) -> np.ndarray:
    """The integer matrix of a projection's operators, shape (post, pre)."""
    pre, post = network.source_size(projection.source), network.group(projection.target).size
    if pre * post > _LARGEST_EXPANSION:
        raise UserError(
            f"projection {projection.name}: its operators need a dense expansion of {pre} x {post} weights, "
            "too many; put neurons between the operators, or merge them into one"
        )
    # Integers stay exact: no sum comes near 2**53.
    columns = apply_operators(projection.all_operators, np.eye(pre))
    return np.rint(columns).astype(np.int64).T


def _joined(
    blocks: list[tuple[int, _Flat | GridProjection, AddressSpace]],
) -> list[tuple[int, _Flat | GridProjection, AddressSpace]]:
    """Dense blocks side by side are one: their rows then need one address computation."""
    joined: list[tuple[int, _Flat | GridProjection, AddressSpace]] = []
    for offset, block, space in blocks:
        if joined and isinstance(block, _Flat) and isinstance(joined[-1][1], _Flat):
            weight = np.concatenate([joined[-1][1].weight, block.weight], axis=1)
            joined[-1] = (joined[-1][0], _Flat(weight), joined[-1][2])
        else:
            joined.append((offset, block, space))
    return joined


def _dense(
    offset: int, weight: np.ndarray, first_row: int, slots: Slots, event_lanes: int, bits: int
) -> tuple[ProjectionPlan, np.ndarray]:
    """A dense projection, without its rows of zeros where that pays.

    ``weight`` has shape (slots, sources), ``bits`` is the width of one.
    """
    sources = weight.shape[1]
    # (fold, lane, source) -> (fold, source, lane): one row holds all lanes' weights of a source.
    rows = weight.reshape(slots.folds, slots.lanes, sources).transpose(0, 2, 1)
    if event_lanes > 1:
        per_fold = -(-sources // event_lanes)
        padded = np.zeros((slots.folds, per_fold * event_lanes, slots.lanes), dtype=np.int64)
        padded[:, :sources] = rows
        # (fold, local, bank, lane) -> (bank, fold, local, lane): address a is in bank a % event_lanes.
        banks = padded.reshape(slots.folds, per_fold, event_lanes, slots.lanes).transpose(2, 0, 1, 3)
        image = banks.reshape(event_lanes, slots.folds * per_fold, slots.lanes)
        return ProjectionPlan("dense", offset, sources, first_row, rows_per_fold=per_fold), image
    used = np.any(rows != 0, axis=2)
    if slots.folds > 1 and _sparse_pays(used, slots.lanes * bits):
        fold_of = [np.flatnonzero(used[:, source]) for source in range(sources)]
        counts = np.array([folds.size for folds in fold_of], dtype=np.int64)
        row_folds = np.concatenate(fold_of).astype(np.int64)
        weights = rows[row_folds, np.repeat(np.arange(sources), counts)]
        starts = first_row + np.cumsum(counts) - counts
        if not row_folds.size:
            # A memory has at least one row, though no event will ever read it.
            weights, row_folds = np.zeros((1, slots.lanes), dtype=np.int64), np.zeros(1, dtype=np.int64)
        plan = ProjectionPlan(
            "sparse", offset, sources, first_row, starts=starts, counts=counts, row_folds=row_folds
        )
        return plan, weights[np.newaxis]
    image = rows.reshape(1, slots.folds * sources, slots.lanes)
    return ProjectionPlan("dense", offset, sources, first_row, rows_per_fold=sources), image


def _sparse_pays(used: np.ndarray, width: int) -> bool:
    """Whether leaving rows out saves cycles enough, and no less memory than the tables cost.

    Parameters
    ----------
    used
        bool, shape (folds, sources): rows with a weight.
    width
        Bits of a row.
    """
    folds, sources = used.shape
    kept = int(used.sum())
    if used.mean() > 1 - _SPARSE_SHARE:
        return False
    first, count, fold = kept.bit_length(), folds.bit_length(), (folds - 1).bit_length()
    return sources * (first + count) + kept * fold <= (used.size - kept) * width


def _grid(
    offset: int, grid: GridProjection, space: AddressSpace, first_row: int, slots: Slots
) -> tuple[ProjectionPlan, np.ndarray]:
    """A grid projection: rows by kernel row, kernel column, source channel, channel fold."""
    channels = grid.source[0]
    height, width = grid.kernel
    if grid.dense:
        folds, fold_steps = slots.folds, (0, 0)
        neurons = slots.neuron_of_slot()
        weight = np.where(
            (neurons >= 0)[:, np.newaxis, np.newaxis, np.newaxis], grid.weight[np.maximum(neurons, 0)], 0
        )
    else:
        folds = slots.channel_folds
        fold_steps = (grid.target[2] * folds, folds)
        weight = np.zeros((folds * slots.lanes, *grid.weight.shape[1:]), dtype=np.int64)
        weight[: grid.weight.shape[0]] = grid.weight
    # (fold, lane, channel, ky, kx) -> (ky, kx, channel, fold, lane)
    image = weight.reshape(folds, slots.lanes, channels, height, width).transpose(3, 4, 2, 0, 1)
    plan = ProjectionPlan(
        "grid",
        offset,
        space.size,
        first_row,
        space=space,
        rows=axis_table(grid.rows, fold_steps[0], width * channels * folds),
        columns=axis_table(grid.columns, fold_steps[1], channels * folds),
        rows_per_channel=folds,
        channel_folds=folds,
    )
    return plan, image.reshape(1, -1, slots.lanes)
