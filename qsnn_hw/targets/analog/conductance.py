"""Conductances of tiles, and what they come to for a whole projection."""

from collections.abc import Callable

import numpy as np

from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork, Tile

Cells = tuple[np.ndarray, np.ndarray]
"""The conductances of a tile, plus and minus, float64 of shape (rows, neurons), S."""


def programmed(tile: Tile, device: Device) -> Cells:
    """As they are meant to be."""
    return device.levels[tile.plus], device.levels[tile.minus]


def projections(network: AnalogNetwork, cells: Callable[[Tile], Cells]) -> dict[str, np.ndarray]:
    """Projection -> ``G_plus - G_minus`` of all its tiles, (1, rows, neurons), S; copies add."""
    whole = {p.name: np.zeros((1, p.rows, network.group(p.target).size)) for p in network.projections}
    for tile in network.tiles:
        plus, minus = cells(tile)
        whole[tile.projection][(0, *tile.part)] += plus - minus
    return whole


def row_sums(network: AnalogNetwork, cells: Callable[[Tile], Cells]) -> dict[str, np.ndarray]:
    """Projection -> all conductance on each row, (rows,), S: what a spike there is charged for."""
    whole = {p.name: np.zeros(p.rows) for p in network.projections}
    for tile in network.tiles:
        plus, minus = cells(tile)
        whole[tile.projection][tile.part[0]] += (plus + minus).sum(axis=1)
    return whole
