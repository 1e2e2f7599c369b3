"""What a group's netlist is made of, in SI units: the whole input of the netlist's writers.

A time step has five phases, of every neuron, whose potential is the voltage V of a capacitor::

    read        rows with an event at the read voltage, all others at 0 V; column feet at 0 V; the
                difference of a neuron's two column currents, and its bias, charge the capacitor
    transfer    the potential takes what the synaptic current's own capacitor holds, where there is one
    compare     fired = V >= threshold, as the phase ends, and not within a refractory period; held until
                the next time
    reset       what a spike does to the potential
    leak        a resistor across the capacitor

Phases follow each other without a gap, and every instant is the middle of an edge, so that a charge is
exactly current times time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.network import ResetKind

PHASES = ("read", "transfer", "compare", "reset", "leak")


@dataclass(frozen=True)
class StepTiming:
    """How long the phases of a step take, seconds, and the voltage of a row with an event."""

    read_s: float
    transfer_s: float
    compare_s: float
    reset_s: float
    leak_s: float
    read_volts: float

    def __post_init__(self) -> None:
        """Refuse what is not above 0."""
        for name in (*(f"{phase}_s" for phase in PHASES), "read_volts"):
            if not getattr(self, name) > 0:
                raise UserError(
                    f"{name} must be above 0, not {getattr(self, name):g}; correct the device file"
                )

    @property
    def step_s(self) -> float:
        """A whole step."""
        return sum(self.length(phase) for phase in PHASES)

    @property
    def edge_s(self) -> float:
        """How long an edge of any pulse takes: a hundredth of the shortest phase."""
        return min(self.length(phase) for phase in PHASES) / 100

    def length(self, phase: str) -> float:
        """Seconds of one of :data:`PHASES`."""
        return float(getattr(self, f"{phase}_s"))

    def pulse(self, phase: str) -> tuple[float, float]:
        """When the phase's line rises, seconds from the step's start, and for how long.

        Read and leak are exact: their lengths are in the equations. The others stand clear of neighbours by
        edges, and what they move is scaled by the time that is left.
        """
        edge = 0.0 if phase in ("read", "leak") else self.edge_s
        return self.start(phase) + edge, self.length(phase) - 3 * edge

    def start(self, phase: str) -> float:
        """When it begins, seconds from the step's start."""
        return sum(self.length(before) for before in PHASES[: PHASES.index(phase)])

    def end(self, phase: str) -> float:
        """When it ends, seconds from the step's start."""
        return self.start(phase) + self.length(phase)


@dataclass(frozen=True)
class NeuronCircuit:
    """The neurons of a group; arrays are float64 of shape (n,).

    Parameters
    ----------
    capacitor
        F, that the columns' currents are integrated on.
    leak
        S, across it in the leak phase; 0 where nothing leaks.
    threshold
        V; the comparator's offset is in it. Infinite in a readout group, which never fires.
    reset
        "subtract" takes ``reset_amount`` volts off, "value" pulls the potential to ``reset_to`` volts.
    reset_delay
        The amount is taken off in the read phase of the next step.
    bias
        V a step.
    start
        V, before the first step of a sample.
    swing
        V, the rails: the potential stays within plus and minus this.
    leakage
        S, from the potential to 0 V, always.
    refractory
        Steps without a spike after one; the potential goes on meanwhile.
    current_leak, current_bias
        S and V a step of the synaptic current's capacitor, or None where there is no such current.
    """

    capacitor: float
    leak: np.ndarray
    threshold: np.ndarray
    reset: ResetKind
    reset_delay: bool
    reset_amount: np.ndarray
    reset_to: np.ndarray
    bias: np.ndarray
    start: np.ndarray
    swing: float
    leakage: float = 0.0
    refractory: int = 0
    current_leak: np.ndarray | None = None
    current_bias: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse arrays of different lengths."""
        if {value.shape for value in self._arrays().values()} != {(self.size,)}:
            raise ValueError("Arrays of a NeuronCircuit must have one length")

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    @property
    def size(self) -> int:
        """The number of neurons."""
        return len(self.threshold)

    @property
    def fires(self) -> bool:
        """Whether there is a comparator."""
        return bool(np.isfinite(self.threshold).any())

    def part(self, neurons: slice) -> "NeuronCircuit":
        """Those neurons alone."""
        changed: dict[str, Any] = {name: value[neurons] for name, value in self._arrays().items()}
        return replace(self, **changed)


@dataclass(frozen=True)
class TileCircuit:
    """A crossbar of one physical tile.

    Parameters
    ----------
    name
        Of the tile.
    source
        Whose spikes its rows carry, a group or ``input``.
    addresses
        int, shape (rows,): the address in the source of every row.
    first_neuron
        The number in the group of the neuron that the first pair of columns belongs to.
    plus, minus
        S, float64 of shape (rows, neurons). Physical columns are plus and minus of a neuron, side by side.
        Exactly 0 where there is no device.
    delay
        Steps that its spikes are late.
    own
        The source is the group itself, whose spikes of the step before come (``delay`` is further steps).
    """

    name: str
    source: str
    addresses: np.ndarray
    first_neuron: int
    plus: np.ndarray
    minus: np.ndarray
    delay: int = 0
    own: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no conductance."""
        shape = (len(self.addresses), *self.plus.shape[1:])
        if not self.plus.shape == self.minus.shape == shape or len(shape) != 2:
            raise ValueError(f"plus and minus must have one shape, not {self.plus.shape}, {self.minus.shape}")
        if not all(np.isfinite(g).all() and (g >= 0).all() for g in (self.plus, self.minus)):
            raise UserError(f"a conductance of tile {self.name} is negative or not a number")

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.addresses)

    @property
    def neurons(self) -> int:
        """The number of pairs of columns."""
        return int(self.plus.shape[1])

    @property
    def columns(self) -> np.ndarray:
        """S, shape (rows, 2 * neurons): the columns as they lie, plus of a neuron before its minus."""
        return np.stack([self.plus, self.minus], axis=2).reshape(self.rows, -1)


@dataclass(frozen=True)
class GroupCircuit:
    """A group as crossbar tiles and neurons.

    Parameters
    ----------
    name
        Of the group.
    tiles
        In the order of the network's.
    wire_ohm
        Of a wire segment: one before every crosspoint of a row, the first too, and one behind every
        crosspoint of a column, the last too. 0 for none.
    neuron, timing
        What is at the columns' feet, and when.
    first
        The number in the group of the first neuron here: not 0 where this is a part of the group.
    """

    name: str
    tiles: tuple[TileCircuit, ...]
    wire_ohm: float
    neuron: NeuronCircuit
    timing: StepTiming
    first: int = 0

    def part(self, first: int, count: int) -> "GroupCircuit":
        """Neurons ``first`` to ``first + count`` of the group, and the tiles that end in them."""
        count = min(count, self.first + self.neuron.size - first)
        if first < self.first or count < 1:
            raise ValueError(f"Neuron {first} must be one of group {self.name}")
        last = first + count
        tiles = []
        for tile in self.tiles:
            if tile.own and count < self.neuron.size:
                raise UserError(
                    f"group {self.name} reads its own spikes: its {self.neuron.size} neurons go into "
                    f"one netlist"
                )
            low, high = max(first, tile.first_neuron), min(last, tile.first_neuron + tile.neurons)
            if low < high:
                kept = slice(low - tile.first_neuron, high - tile.first_neuron)
                tiles.append(
                    replace(tile, first_neuron=low, plus=tile.plus[:, kept], minus=tile.minus[:, kept])
                )
        neurons = self.neuron.part(slice(first - self.first, last - self.first))
        return replace(self, tiles=tuple(tiles), neuron=neurons, first=first)

    def without_silent_rows(self, events: Mapping[str, np.ndarray]) -> "GroupCircuit":
        """The circuit less the rows that have no event in a run.

        Without wires such a row and the feet of its columns are at 0 V, so no current flows in its devices
        and nothing changes without them. With wires the circuit stays as it is.

        Parameters
        ----------
        events
            Source -> 0 or 1, shape (time, sample, address).
        """
        if self.wire_ohm:
            return self
        tiles = []
        for tile in self.tiles:
            if not tile.own:
                used = np.asarray(events[tile.source][:, :, tile.addresses].any(axis=(0, 1)))
                # A tile keeps a row: a subcircuit without pins on one side is none.
                used[0] |= not used.any()
                tile = replace(
                    tile, addresses=tile.addresses[used], plus=tile.plus[used], minus=tile.minus[used]
                )
            tiles.append(tile)
        return replace(self, tiles=tuple(tiles))
