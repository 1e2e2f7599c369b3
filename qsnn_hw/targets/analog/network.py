"""A network as the chip has it: groups of analog neurons, and tiles of conductance pairs above them.

This text is the specification of record; the reference model (``reference.py``) and the netlist (``spice/``)
follow it. A time step of a group has five parts, and per neuron, ``V`` the voltage of its capacitor ``C``::

    i = read_v * sum over rows with a spike of (G_plus - G_minus)             # all tiles above the neuron

    read:      V = V + read_s / C * i + bias - before * reset_amount          # without a synaptic current
               U = U + read_s / C * i + current_bias                          # with one; U on a second C
               V = V + bias - before * reset_amount
    transfer:  V = V + U                                                      # only with a synaptic current
               V, U = V, U kept within -swing_v .. swing_v
    compare:   fired = V + noise >= threshold + offset and silent == 0        # never in a readout group
               silent = refractory where fired, else max(silent - 1, 0)
    reset:     V = V - fired * reset_amount                                   # reset "subtract", not delayed
               V = reset_to where fired                                       # reset "value"
               # V is now the potential that traces show
    leak:      V = V * decay * exp(-step_s * leakage / C)
               U = U * current_decay * exp(-step_s * leakage / C)

``before`` is ``fired`` of the step before where reset is "subtract" and delayed, else 0: the charge is taken
off in the next step, as snnTorch does. A delayed reset to a value gives the same spikes as one at once.
Before the first step ``V = start``, ``U = 0``, ``silent = 0``. Rows without a spike are held at 0 V, so that
``i`` is linear in the spikes whatever the wires are like, and ``G`` with wires is the effective conductance
of ``ir_drop.py``.

Against the integers (``quantize/network.py``) nothing is rounded: the leak is real. What rounding the loss
down keeps in the mean, half a step or a little less a time step, is part of ``bias``, or potentials would
settle lower than the integers do. ``threshold`` is half a potential step below the integer one, midway
between the potentials that fire and those that do not.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord

PerNeuron = Annotated[np.ndarray, Array("f", "size")]
"""float64, one value for each neuron."""

ResetKind = Literal["subtract", "value", "none"]


@dataclass(frozen=True, eq=False)
class AnalogGroup:
    """Neurons that share a kind of circuit; arrays are float64 of shape (n,), see the text above.

    Parameters
    ----------
    name, size
        As in the integer network.
    capacitor
        F, the same in the whole group.
    v_step
        Volts of one step of the integer potential.
    threshold
        V; of a readout group 0, and nothing is compared.
    readout
        The group never fires; its potentials are the output.
    reset, reset_delay
        As above; ``reset_delay`` only with "subtract".
    reset_amount, reset_to, bias, start
        V.
    decay
        Of the potential a step, 0 to 1.
    current_decay, current_bias
        Of the synaptic current; None for a group without one.
    real_step
        What one step of the integer potential is worth in the trained network.
    rest
        What that network counts potentials from; None for 0.
    refractory
        Steps a neuron stays silent after a spike; what comes in meanwhile is integrated.
    """

    name: str
    size: int
    capacitor: float
    v_step: PerNeuron
    threshold: PerNeuron
    readout: bool
    reset: ResetKind
    reset_delay: bool
    reset_amount: PerNeuron
    reset_to: PerNeuron
    bias: PerNeuron
    decay: PerNeuron
    start: PerNeuron
    real_step: PerNeuron
    current_decay: PerNeuron | None = None
    current_bias: PerNeuron | None = None
    rest: PerNeuron | None = None
    refractory: int = 0

    def real(self, volts: np.ndarray) -> np.ndarray:
        """Potentials in V, (..., n), as the trained network counts them."""
        values: np.ndarray = volts * (self.real_step / self.v_step).astype(volts.dtype)
        return values if self.rest is None else values + self.rest.astype(volts.dtype)


@dataclass(frozen=True)
class AnalogProjection:
    """A path from a source to a group; its weights are in the tiles that name it.

    Parameters
    ----------
    rows
        Addresses of the source.
    delay
        Whole time steps, in the digital part.
    """

    name: str
    source: str
    target: str
    rows: int
    delay: int = 0


@dataclass(frozen=True, eq=False)
class Tile:
    """One crossbar: rows are addresses of a source, two columns each neuron, plus and minus in turn.

    Parameters
    ----------
    name
        Unique: the projection's, and which part of it.
    projection
        Whose weights it holds.
    first_row, first_neuron
        The address and the neuron of its first cell.
    plus, minus
        int, shape (rows, neurons): the level of each cell. Two tiles may hold the same part of a projection
        (redundancy); their currents add.
    """

    name: str
    projection: str
    first_row: int
    first_neuron: int
    plus: Annotated[np.ndarray, Array("iu", "rows", "neurons")]
    minus: Annotated[np.ndarray, Array("iu", "rows", "neurons")]

    @property
    def rows(self) -> int:
        """How many rows it uses."""
        return int(self.plus.shape[0])

    @property
    def neurons(self) -> int:
        """How many pairs of columns it uses."""
        return int(self.plus.shape[1])

    @property
    def part(self) -> tuple[slice, slice]:
        """Its rows and neurons within the projection's matrix."""
        return (
            slice(self.first_row, self.first_row + self.rows),
            slice(self.first_neuron, self.first_neuron + self.neurons),
        )


@dataclass(frozen=True, eq=False)
class AnalogNetwork(StoredRecord, form="analog network 2", again="run the build again"):
    """Everything that the netlist is written from and that the reference model runs, beside the device.

    Parameters
    ----------
    device
        Name of the device whose levels the tiles count.
    groups
        In topological order, recurrent projections aside.
    copies
        Tiles that hold the same part of a projection, side by side.
    tile_rows, tile_columns
        The most of a tile; a neuron takes two columns.
    """

    name: str
    device: str
    input_size: int
    output: str
    tile_rows: int
    tile_columns: int
    copies: int
    groups: tuple[AnalogGroup, ...]
    projections: tuple[AnalogProjection, ...]
    tiles: tuple[Tile, ...]

    def group(self, name: str) -> AnalogGroup:
        """The group called ``name``; KeyError when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    def projection(self, name: str) -> AnalogProjection:
        """The projection called ``name``; KeyError when there is none."""
        for projection in self.projections:
            if projection.name == name:
                return projection
        raise KeyError(name)

    def into(self, target: str) -> tuple[AnalogProjection, ...]:
        """The projections that end in group ``target``."""
        return tuple(p for p in self.projections if p.target == target)

    def tiles_of(self, projection: str) -> tuple[Tile, ...]:
        """The tiles of a projection."""
        return tuple(tile for tile in self.tiles if tile.projection == projection)

    def recurrent(self, projection: AnalogProjection) -> bool:
        """Whether it reads spikes of the step before: its source is not before its target."""
        order = [group.name for group in self.groups]
        return projection.source != INPUT and order.index(projection.source) >= order.index(projection.target)

    @property
    def cells(self) -> int:
        """Memory cells in use."""
        return sum(2 * tile.plus.size for tile in self.tiles)

    def text(self) -> str:
        """What it takes, in words."""
        return (
            f"{self.cells:,} cells in {len(self.tiles):,} tiles of at most {self.tile_rows} x "
            f"{self.tile_columns}"
        )
