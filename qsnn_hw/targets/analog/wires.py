"""What the wires and the cells of a network's tiles come to: IR drop, settling, the energy of reading.

The energy is what the drivers of rows give: ``read_v**2 * read_s`` times all conductance on a row for each
spike there. It is that of the crossbar alone; neurons, converters and the digital part are not in it.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.analog.chip import Draw, draw_cells
from qsnn_hw.targets.analog.conductance import programmed, row_sums
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.ir_drop import attenuations, columns_of, effective
from qsnn_hw.targets.analog.network import AnalogNetwork, Tile

CHIPS = 8
"""Over which the range of the energy is said."""

Map = Annotated[np.ndarray, Array("f", "rows", "columns")]


@dataclass(frozen=True, eq=False)
class TileMap:
    """The tile that the wires take most of.

    Parameters
    ----------
    conductance
        S, shape (rows, columns), plus and minus columns in turn.
    left
        What the wires leave of each cell, fractions of the same shape; ones without resistance.
    """

    name: str
    conductance: Map
    left: Map

    @property
    def rows(self) -> int:
        """Rows in use."""
        return int(self.conductance.shape[0])

    @property
    def columns(self) -> int:
        """Columns in use."""
        return int(self.conductance.shape[1])


@dataclass(frozen=True, eq=False)
class Wires(StoredRecord, form="analog wires 1", again="run the build again"):
    """Of all tiles of a network.

    Parameters
    ----------
    mean_loss, worst_loss
        Of a column's current with all rows at once, fractions: over all columns, and in the worst one.
    split_loss
        ``mean_loss`` where every tile is four, of half the rows and columns.
    quick_error
        Of one drawn chip: the largest difference of a column's current between the attenuation of the tile
        as it is meant to be, which the Monte-Carlo takes, and the chip's own, as a fraction.
    settle_s
        Until a column's current is within half a level of its end, by the wires' own resistance and
        capacitance (Elmore); None where they have none.
    energy_j, energy_low_j, energy_high_j
        Of reading, an inference: of cells as they are meant to be, and the least and most of eight chips;
        None without samples.
    spike_j
        Of one spike, the mean.
    shown
        The tile with the largest mean loss.
    """

    mean_loss: float
    worst_loss: float
    split_loss: float
    quick_error: float
    settle_s: float | None
    energy_j: float | None
    energy_low_j: float | None
    energy_high_j: float | None
    spike_j: float | None
    shown: TileMap


def _losses(tile: Tile, device: Device, left: np.ndarray) -> np.ndarray:
    """Of each column, with all rows at once."""
    meant = columns_of(programmed(tile, device))
    kept: np.ndarray = (meant * left).sum(axis=0) / meant.sum(axis=0)
    return 1.0 - kept


def _halves(tile: Tile, device: Device) -> np.ndarray:
    """Column losses where the tile is four."""
    meant = columns_of(programmed(tile, device))
    rows, columns = (max(1, -(-side // 2)) for side in meant.shape)
    lost = []
    for row in range(0, meant.shape[0], rows):
        for column in range(0, meant.shape[1], columns):
            part = meant[row : row + rows, column : column + columns]
            lost.append(1.0 - effective(part, device.wire_ohm).sum(axis=0) / part.sum(axis=0))
    return np.concatenate(lost)


def settling(network: AnalogNetwork, device: Device) -> float | None:
    """Seconds until a column's current is within half a level, of the largest tile; None without R or C."""
    rows = max(tile.rows for tile in network.tiles)
    columns = max(2 * tile.neurons for tile in network.tiles)
    delay = device.wire_ohm * device.wire_f * (rows**2 + columns**2) / 2
    return delay * math.log(2 * len(device.levels)) if delay else None


def _energy(
    network: AnalogNetwork, device: Device, counts: dict[str, np.ndarray], sums: dict[str, np.ndarray]
) -> float:
    """J, of all spikes in ``counts`` (source -> spikes of each address)."""
    each = device.read_v**2 * device.read_s
    return each * sum(float(counts[p.source] @ sums[p.name]) for p in network.projections)


def measure(
    network: AnalogNetwork,
    device: Device,
    inputs: np.ndarray | None,
    spikes: dict[str, np.ndarray],
    seed: int,
    progress: Progress = SILENT,
) -> Wires:
    """IR drop of every tile, and what reading costs on these samples.

    Parameters
    ----------
    inputs, spikes
        (time, sample, address) of the input, None without samples; group -> the same of the golden model.
    """
    with progress.task(f"wires of {len(network.tiles)} tiles") as task:
        behind = attenuations(network, device)
        left = {
            tile.name: columns_of(behind[tile.name]) if behind else np.ones((tile.rows, 2 * tile.neurons))
            for tile in network.tiles
        }
        lost = {tile.name: _losses(tile, device, left[tile.name]) for tile in network.tiles}
        halves = []
        for k, tile in enumerate(network.tiles):
            halves.append(_halves(tile, device))
            task.update(k + 1, len(network.tiles))
    every = np.concatenate(list(lost.values()))
    worst = max(network.tiles, key=lambda tile: float(lost[tile.name].mean()))
    energy: tuple[float, float, float] | None = None
    spike = None
    if inputs is not None:
        counts = {INPUT: inputs.reshape(-1, inputs.shape[-1]).sum(axis=0, dtype=np.int64)}
        counts |= {name: x.reshape(-1, x.shape[-1]).sum(axis=0, dtype=np.int64) for name, x in spikes.items()}
        sources = {p.source for p in network.projections}
        sent = sum(int(counts[source].sum()) for source in sources)
        meant = _energy(network, device, counts, row_sums(network, lambda tile: programmed(tile, device)))
        drawn = []
        for chip in range(CHIPS):
            cells = draw_cells(network, device, Draw(seed, chip), False, behind)
            sums = row_sums(network, lambda tile, cells=cells: cells[tile.name])  # type: ignore[misc]
            drawn.append(_energy(network, device, counts, sums))
        energy = tuple(value / inputs.shape[1] for value in (meant, min(meant, *drawn), max(meant, *drawn)))
        spike = meant / sent if sent else None
    typical, low, high = (None, None, None) if energy is None else energy
    return Wires(
        mean_loss=float(every.mean()),
        worst_loss=float(every.max()),
        split_loss=float(np.concatenate(halves).mean()),
        quick_error=_quick_error(worst, device, seed, left[worst.name]),
        settle_s=settling(network, device),
        energy_j=typical,
        energy_low_j=low,
        energy_high_j=high,
        spike_j=spike,
        shown=TileMap(worst.name, columns_of(programmed(worst, device)), left[worst.name]),
    )


def _quick_error(tile: Tile, device: Device, seed: int, left: np.ndarray) -> float:
    alone = AnalogNetwork("", "", tile.rows, "", tile.rows, 2 * tile.neurons, 1, (), (), (tile,))
    own = columns_of(draw_cells(alone, device, Draw(seed, 0), False, {})[tile.name])
    exact = effective(own, device.wire_ohm).sum(axis=0)
    return float(np.abs((own * left).sum(axis=0) / exact - 1).max())
