"""One chip drawn by chance: its cells as they were programmed, its neurons as they were made.

Every effect draws from a stream of its own, of seed, chip and effect, so that a chip has the same stuck cells
whatever else is switched on: what an effect or a remedy costs is a difference on the same chips.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.targets.analog.conductance import Cells
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogGroup, AnalogNetwork, Tile
from qsnn_hw.targets.analog.reference import Neurons, thermal_noise


@dataclass(frozen=True)
class Draw:
    """The random numbers of a chip."""

    seed: int
    chip: int

    def of(self, effect: str, name: str = "") -> np.random.Generator:
        """The stream of an effect, of a tile or a group."""
        return np.random.default_rng([self.seed, self.chip, zlib.crc32(f"{effect} {name}".encode())])


def draw_cells(
    network: AnalogNetwork, device: Device, draw: Draw, remap: bool, wires: Mapping[str, Cells]
) -> dict[str, Cells]:
    """Tile -> its conductances on a chip, wires included, S.

    Parameters
    ----------
    remap
        Stuck cells are known before the chip is programmed, and the other cell of the pair makes up for one.
    wires
        Tile -> what they leave of each cell; empty for none.
    """
    cells = {}
    for tile in network.tiles:
        plus, minus = _drawn(tile, device, draw, remap)
        if wires:
            plus, minus = plus * wires[tile.name][0], minus * wires[tile.name][1]
        cells[tile.name] = plus, minus
    return cells


def _drawn(tile: Tile, device: Device, draw: Draw, remap: bool) -> Cells:
    index = np.stack([tile.plus, tile.minus])
    stuck = np.full(index.shape, -1, np.int64)
    if device.stuck_low or device.stuck_high:
        chance = draw.of("stuck", tile.name).random(index.shape)
        stuck[chance < device.stuck_low] = 0
        stuck[chance >= 1 - device.stuck_high] = len(device.levels) - 1
        if remap:
            index = remapped(index, stuck, device.levels)
    values = device.levels[index]
    if device.sigma:
        values = values * np.exp(device.sigma * draw.of("sigma", tile.name).standard_normal(index.shape))
    values = np.where(stuck >= 0, device.levels[stuck], values)
    if device.drift_nu or device.drift_nu_sigma:
        spread = draw.of("drift", tile.name).standard_normal(index.shape)
        nu = np.maximum(device.drift_nu + device.drift_nu_sigma * spread, 0.0)
        values = values * (device.drift_s / device.drift_from_s) ** -nu
    values = values * device.temperature_factor
    return values[0], values[1]


def remapped(index: np.ndarray, stuck: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Levels of both cells of each pair, where stuck ones are known.

    Parameters
    ----------
    index, stuck
        int64, shape (2, rows, neurons): the level that is meant, and that of a stuck cell, -1 where it is
        none.
    """
    wanted = levels[index[0]] - levels[index[1]]
    middles = (levels[1:] + levels[:-1]) / 2
    made = index.copy()
    for side, sign in ((0, 1.0), (1, -1.0)):
        here, other = stuck[side] >= 0, stuck[1 - side] < 0
        # The working cell is what the stuck one is, less what is wanted.
        best = np.searchsorted(middles, levels[stuck[side]] - sign * wanted)
        made[1 - side] = np.where(here & other, best, made[1 - side])
    return made


def draw_neurons(group: AnalogGroup, device: Device, draw: Draw) -> Neurons:
    """A group's neurons on a chip, not trimmed: offset, noise, leakage and time constants."""
    nominal = Neurons.nominal(group, device)
    offset = np.zeros(group.size)
    if device.offset_v:
        offset = device.offset_v * draw.of("offset", group.name).standard_normal(group.size)
    lost = np.exp(-device.step_s * device.leakage_now / group.capacitor)
    decay, current = nominal.decay, nominal.current_decay
    if device.tau_sigma:
        decay = _mismatched(group.decay, device, draw, group.name) * lost
        if group.current_decay is not None:
            current = _mismatched(group.current_decay, device, draw, f"{group.name} current") * lost
    return Neurons(
        group,
        nominal.threshold + offset,
        nominal.reset_amount,
        nominal.reset_to,
        nominal.bias,
        decay,
        current,
        noise=thermal_noise(device, group.capacitor),
        offset=offset[np.newaxis],
    )


def _mismatched(decay: np.ndarray, device: Device, draw: Draw, name: str) -> np.ndarray:
    """``exp(-t / tau)`` with another ``tau``, (1, n)."""
    factor = np.exp(device.tau_sigma * draw.of("tau", name).standard_normal(decay.shape))
    kept: np.ndarray = np.where(decay > 0, decay, 1.0) ** (1.0 / factor)
    return np.where(decay > 0, kept, 0.0)[np.newaxis]
