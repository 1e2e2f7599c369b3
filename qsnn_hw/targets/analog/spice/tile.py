"""A crossbar tile as a subcircuit: a resistor for every device, and the wires where they are asked for."""

from collections.abc import Iterator, Sequence

from qsnn_hw.targets.analog.spice.circuit import TileCircuit
from qsnn_hw.targets.analog.spice.names import number, wrapped


def column_names(tile: TileCircuit) -> list[str]:
    """``plus_3`` and ``minus_3`` are the columns of the group's neuron 3."""
    neurons = range(tile.first_neuron, tile.first_neuron + tile.neurons)
    return [f"{sign}_{neuron}" for neuron in neurons for sign in ("plus", "minus")]


def tile_subcircuit(name: str, tile: TileCircuit, wire_ohm: float, row_names: Sequence[str]) -> str:
    """The tile ``name``; its pins are its rows, then the feet of its columns.

    Parameters
    ----------
    wire_ohm
        Of a segment, as in :class:`~qsnn_hw.targets.analog.spice.circuit.GroupCircuit`.
    row_names
        Of the tile's rows.
    """
    pins = [*row_names, *column_names(tile)]
    lines = [wrapped([".subckt", name, *pins])]
    lines += _wired(tile, wire_ohm, row_names) if wire_ohm else _devices(tile, row_names)
    return "\n".join([*lines, f".ends {name}"])


def _devices(tile: TileCircuit, row_names: Sequence[str]) -> Iterator[str]:
    """Device ``r_<row>_<column>``."""
    feet = column_names(tile)
    for row, conductances in zip(row_names, tile.columns, strict=True):
        for foot, conductance in zip(feet, conductances, strict=True):
            if conductance:
                yield f"r_{row}_{foot} {row} {foot} {number(1 / conductance)}"


def _wired(tile: TileCircuit, wire_ohm: float, row_names: Sequence[str]) -> Iterator[str]:
    """The same between nodes ``a_`` of rows and ``b_`` of columns; wires are ``ra_`` and ``rb_``."""
    feet, ohm = column_names(tile), number(wire_ohm)
    for place, (row, conductances) in enumerate(zip(row_names, tile.columns, strict=True)):
        reached = row
        for foot, conductance in zip(feet, conductances, strict=True):
            at = f"{row}_{foot}"
            yield f"ra_{at} {reached} a_{at} {ohm}"
            reached = f"a_{at}"
            below = foot if place + 1 == tile.rows else f"b_{row_names[place + 1]}_{foot}"
            yield f"rb_{at} b_{at} {below} {ohm}"
            if conductance:
                yield f"r_{at} a_{at} b_{at} {number(1 / conductance)}"
