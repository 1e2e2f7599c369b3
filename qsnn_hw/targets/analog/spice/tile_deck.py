"""One tile by itself, its rows at given voltages: what its column currents are."""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.targets.analog.spice.circuit import TileCircuit
from qsnn_hw.targets.analog.spice.names import number, wrapped
from qsnn_hw.targets.analog.spice.tile import column_names, tile_subcircuit
from qsnn_hw.toolchain.raw_file import RawFile


def tile_deck(tile: TileCircuit, wire_ohm: float, volts: Sequence[float] | np.ndarray) -> str:
    """A deck whose operating point is wanted: sources at the rows, 0 V at the feet of the columns.

    Parameters
    ----------
    volts
        Of every row.
    """
    rows = [f"row_{address}" for address in tile.addresses]
    feet = column_names(tile)
    lines = [
        "* a tile by itself",
        tile_subcircuit("tile", tile, wire_ohm, rows),
        *(f"v{row} {row} 0 {number(float(value))}" for row, value in zip(rows, volts, strict=True)),
        *(f"v{foot} {foot} 0 0" for foot in feet),
        wrapped(["xtile", *rows, *feet, "tile"]),
        wrapped([".save", *(f"i(v{foot})" for foot in feet)]),
        ".options reltol=1e-6 abstol=1e-18",
        ".op",
        ".end",
    ]
    return "\n".join(lines) + "\n"


def column_currents(raw: RawFile, tile: TileCircuit) -> np.ndarray:
    """A, float64 of shape (columns,): into the foot of every column, plus of a neuron before its minus."""
    return np.array([raw[f"i(v{foot})"][0] for foot in column_names(tile)])
