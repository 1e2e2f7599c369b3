"""What the resistance of wires takes: a tile's effective conductances, exactly.

Every cell lies between a node of its row's wire and a node of its column's wire. A segment of either wire
between neighbouring cells has ``wire_ohm``, and so have those from the row's driver to its first cell and
from the column's last cell to the virtual ground where its current is summed. With all drivers at a voltage,
of a spike or 0 V, the network is linear: the current into column j is ``sum_i v_i * G_eff[i, j]``, whatever
the spikes. ``G_eff`` is worked out once for a tile; a simulation of each input would solve the same equations
again and again.

The node equations are Kirchhoff's, two for each cell, and they are solved row by row instead of as one
sparse system (a general sparse factorization takes 2 s for 64 x 64 where this takes 20 ms; the tests compare
both). With ``w`` the conductance of a segment, ``D`` that of a row's cells as a diagonal matrix and ``T``
the row's wire alone, the voltages ``r`` along a row are those of its driver and of its columns ``c``::

    (w T + D) r = D c + w v e_0              so that a row draws  A c  with  A = D (w T + D)^-1 w T
                                             and gives  v f      with  f = D (w T + D)^-1 w e_0

Going down the rows, ``Q`` is what a row's column nodes see of all rows above, and ``R`` what goes on through
the next segments of the columns::

    Q_0 = A_0,    Q_i = A_i + Q_(i-1) R_(i-1),    R_i = (1 + Q_i / w)^-1

so that row i gives the columns ``R_(N-1) ... R_i f_i``. Nothing is taken off something of its own size, and
the result is good to a few units of the last place.
"""

import numpy as np

from qsnn_hw.targets.analog.conductance import Cells
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork, Tile

_BATCH_BYTES = 64 << 20


def effective(conductance: np.ndarray, wire_ohm: float) -> np.ndarray:
    """What each row gives each column through the wires.

    Parameters
    ----------
    conductance
        float64, shape (..., rows, columns), S; columns as they lie, plus and minus in turn.
    wire_ohm
        Of a segment; 0 gives ``conductance`` back.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape, S: current into the column a volt on the row, all other rows at 0 V.
    """
    if wire_ohm == 0 or not conductance.size:
        return conductance.copy()
    rows, columns = conductance.shape[-2:]
    flat = conductance.reshape(-1, rows, columns) * wire_ohm
    given = np.empty_like(flat)
    block = max(1, _BATCH_BYTES // (8 * columns * columns))
    for start in range(0, len(flat), block):
        given[start : start + block] = _effective(flat[start : start + block])
    return (given / wire_ohm).reshape(conductance.shape)


def _effective(cells: np.ndarray) -> np.ndarray:
    """The same in units of a segment's conductance, (tiles, rows, columns)."""
    tiles, rows, columns = cells.shape
    along = 2.0 * np.eye(columns) - np.eye(columns, k=1) - np.eye(columns, k=-1)
    # No segment behind the last cell of a row.
    along[-1, -1] = 1.0
    one = np.eye(columns)
    seen: np.ndarray = np.zeros((tiles, columns, columns))
    through = seen
    given = np.zeros((tiles, columns, rows))
    for row in range(rows):
        own = cells[:, row]
        wire = along + own[:, :, np.newaxis] * one
        inner = np.linalg.inv(wire)
        drawn = own[:, :, np.newaxis] * (inner @ along)
        if row:
            given[:, :, :row] = through @ given[:, :, :row]
            drawn += seen @ through
        given[:, :, row] = own * inner[:, :, 0]
        seen = drawn
        through = np.linalg.inv(one + seen)
    return (through @ given).transpose(0, 2, 1)


def columns_of(cells: Cells) -> np.ndarray:
    """Cells as they lie: (..., rows, 2 * neurons), plus and minus in turn."""
    plus, minus = cells
    whole = np.empty((*plus.shape[:-1], 2 * plus.shape[-1]))
    whole[..., 0::2], whole[..., 1::2] = plus, minus
    return whole


def effective_cells(cells: Cells, wire_ohm: float) -> Cells:
    """Plus and minus of a tile, or of many of one size, behind their wires."""
    whole = effective(columns_of(cells), wire_ohm)
    return whole[..., 0::2], whole[..., 1::2]


def by_shape(tiles: "tuple[Tile, ...]") -> list[list[Tile]]:
    """Tiles of one size together, which are solved at once."""
    shapes: dict[tuple[int, ...], list[Tile]] = {}
    for tile in tiles:
        shapes.setdefault(tile.plus.shape, []).append(tile)
    return list(shapes.values())


def attenuations(network: AnalogNetwork, device: Device) -> dict[str, Cells]:
    """Tile -> what the wires leave of each cell, fractions, where every cell is as it is meant to be.

    Empty where wires have no resistance. The quick path of a Monte-Carlo takes them for those of every chip:
    they change with the cells around one, of which there are many, so that what single cells do averages out.
    ``wires.py`` measures the difference.
    """
    left: dict[str, Cells] = {}
    if device.wire_ohm == 0:
        return left
    for tiles in by_shape(network.tiles):
        plus = np.stack([device.levels[tile.plus] for tile in tiles])
        minus = np.stack([device.levels[tile.minus] for tile in tiles])
        behind = effective_cells((plus, minus), device.wire_ohm)
        for k, tile in enumerate(tiles):
            left[tile.name] = behind[0][k] / plus[k], behind[1][k] / minus[k]
    return left
