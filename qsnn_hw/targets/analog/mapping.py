"""Integer weights on pairs of conductances, and those in tiles.

A weight is the difference of two cells, ``w * g_step = levels[plus] - levels[minus]``, one of which stays at
the lowest level. ``g_step`` is what one weight step is worth; a neuron's own ``g_step`` costs nothing,
because its threshold follows (``neurons.py``).
"""

from collections.abc import Iterator, Mapping

import numpy as np

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.quantize.network import QuantizedNetwork, QuantizedProjection
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork, AnalogProjection, Tile
from qsnn_hw.targets.analog.neurons import analog_group, check_neurons

MAX_CELLS = 1 << 24
"""Weights of a projection that are written out: a convolution becomes a matrix."""

_SCALES = 64
"""Scales that level-aware rounding tries for each neuron."""


def weight_matrix(network: QuantizedNetwork, projection: QuantizedProjection) -> np.ndarray:
    """A projection as one matrix, float64 of shape (post, pre), in steps of its target's weights.

    Raises
    ------
    UserError
        It has more entries than a crossbar is written out for.
    """
    pre = network.source_size(projection.source)
    post = network.group(projection.target).size
    if pre * post > MAX_CELLS:
        raise UserError(
            f"projection {projection.name!r} has {pre} x {post} weights when it is written out as "
            "a crossbar, over "
            f"{MAX_CELLS}: a smaller network, or --target fpga"
        )
    if projection.is_dense:
        matrix = projection.weight.astype(np.float64)
    else:
        matrix = apply_operators(projection.all_operators, np.eye(pre)).T
    return matrix * 2.0**projection.shift


def meant_drives(network: QuantizedNetwork, analog: AnalogNetwork) -> dict[str, np.ndarray]:
    """Projection -> volts that a spike adds where every weight is its integer, (1, rows, n).

    What the levels of a device make of the weights is not in it: calibration measures against this.
    """
    drives = {}
    for projection in network.projections:
        group = network.group(projection.target)
        volts = analog.group(group.name).v_step * 2.0**group.fractional_bits
        drives[projection.name] = (weight_matrix(network, projection).T * volts)[np.newaxis]
    return drives


def plain_levels(weights: np.ndarray, device: Device) -> tuple[np.ndarray, float]:
    """Magnitudes of integers -> levels, as if those were evenly apart; and the conductance of a weight step.

    Returns
    -------
    tuple
        int64 of the shape of ``weights``, and S.
    """
    top = len(device.levels) - 1
    most = max(1.0, float(np.abs(weights).max(initial=0)))
    each = top // most if most <= top else top / most
    index = np.floor(np.abs(weights) * each + 0.5).astype(np.int64)
    return index, each * (device.g_max - device.g_min) / top


def aware_levels(weights: np.ndarray, device: Device) -> tuple[np.ndarray, np.ndarray]:
    """Level-aware rounding: for each neuron the scale at which its weights meet the levels best.

    Parameters
    ----------
    weights
        float64, shape (post, pre).

    Returns
    -------
    tuple
        Levels, int64 of the same shape, and the conductance of a weight step of each neuron, shape (post,),
        S.
    """
    above = device.levels - device.g_min
    middles = (above[1:] + above[:-1]) / 2
    _, plain = plain_levels(weights, device)
    index = np.empty(weights.shape, np.int64)
    steps = np.empty(len(weights))
    for row, values in enumerate(np.abs(weights)):
        most = max(1.0, float(values.max(initial=0)))
        tried = np.append(np.linspace(1.0, 0.5, _SCALES) * above[-1] / most, plain)
        targets = tried[:, np.newaxis] * values
        nearest = np.searchsorted(middles, targets)
        errors = ((above[nearest] - targets) ** 2).sum(axis=1) / tried**2
        # Of scales that are as good as the best, the largest: more current from the same cells.
        good = np.flatnonzero(errors <= errors.min() * (1 + 1e-9) + 1e-12)
        best = good[np.argmax(tried[good])]
        index[row], steps[row] = nearest[best], tried[best]
    return index, steps


def _group_levels(weights: np.ndarray, device: Device, aware: bool) -> tuple[np.ndarray, np.ndarray]:
    if aware:
        return aware_levels(weights, device)
    index, step = plain_levels(weights, device)
    return index, np.full(len(weights), step)


def _tiles(
    name: str, index: np.ndarray, weights: np.ndarray, rows: int, columns: int, copies: int
) -> Iterator[Tile]:
    """Cut (post, pre) into tiles, row part by row part."""
    plus = np.where(weights > 0, index, 0).T
    minus = np.where(weights < 0, index, 0).T
    pairs = columns // 2
    for copy in range(copies):
        for k, row in enumerate(range(0, plus.shape[0], rows)):
            for m, neuron in enumerate(range(0, plus.shape[1], pairs)):
                part = (slice(row, row + rows), slice(neuron, neuron + pairs))
                more = f"_x{copy}" if copies > 1 else ""
                yield Tile(
                    f"{name}_r{k}_c{m}{more}",
                    name,
                    row,
                    neuron,
                    np.ascontiguousarray(plus[part]),
                    np.ascontiguousarray(minus[part]),
                )


def map_network(
    network: QuantizedNetwork,
    device: Device,
    tile: tuple[int, int],
    *,
    aware: bool = False,
    copies: int = 1,
    peaks: Mapping[str, float] | None = None,
) -> AnalogNetwork:
    """The network on a device's cells.

    Parameters
    ----------
    tile
        Most rows and columns of a crossbar; a neuron takes two columns.
    aware
        Level-aware rounding.
    copies
        Pairs of cells for each weight, side by side.
    peaks
        Readout group -> its largest potential on known samples, in integer steps.

    Raises
    ------
    UserError
        A neuron or a projection is none that the chip can have.
    """
    check_neurons(network)
    groups, tiles = [], []
    for group in network.groups:
        into = network.into(group.name)
        matrices = [weight_matrix(network, projection) for projection in into]
        whole = np.concatenate([*matrices, np.zeros((group.size, 0))], axis=1)
        index, steps = _group_levels(whole, device, aware)
        first = 0
        for projection, matrix in zip(into, matrices, strict=True):
            part = index[:, first : first + matrix.shape[1]]
            tiles += list(_tiles(projection.name, part, matrix, tile[0], tile[1], copies))
            first += matrix.shape[1]
        groups.append(analog_group(group, device, steps * copies, (peaks or {}).get(group.name)))
    return AnalogNetwork(
        name=network.name,
        device=device.name,
        input_size=network.input_size,
        output=network.output,
        tile_rows=tile[0],
        tile_columns=tile[1],
        copies=copies,
        groups=tuple(groups),
        projections=tuple(
            AnalogProjection(p.name, p.source, p.target, network.source_size(p.source), p.delay)
            for p in network.projections
        ),
        tiles=tuple(tiles),
    )
