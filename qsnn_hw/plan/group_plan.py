"""One neuron group as hardware, in plain numbers."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.pieces import abreast, levels_of, pieces
from qsnn_hw.quantize.network import NeuronDynamics
from qsnn_hw.support.choices import Accumulators, SynapseStore
from qsnn_hw.support.record_types import Array

NeuronMemoryStyle = Literal["auto", "block", "distributed", "macro"]
SynapseStyle = Literal["block", "spram", "sram", "latches", "constants"]


# Accumulators read apart in groups that must be small: two iCE40 block RAMs side by side.
_SMALL_ROW_BITS = 32
# From so many update lanes on a sweep is better stopped by a register.
_SPARE_ROW_LANES = 4


@dataclass(frozen=True)
class AxisTable:
    """What a position along one axis of a source grid reaches along the same axis of the target.

    Position ``p`` contributes the pairs ``start[p] .. start[p] + count[p] - 1``. A pair says which
    fold offset the target lies at and which row offset the kernel element has; an event walks over
    all combinations of a row pair and a column pair. Every stride, padding, dilation and pooling in
    front of or behind the kernel is in these tables, so the walker knows none of them.

    Parameters
    ----------
    start, count
        int64, shape (positions,).
    fold, row
        int64, shape (pairs,): added to the fold and to the synapse row.
    """

    start: Annotated[np.ndarray, Array("i", "positions")]
    count: Annotated[np.ndarray, Array("i", "positions")]
    fold: Annotated[np.ndarray, Array("i", "pairs")]
    row: Annotated[np.ndarray, Array("i", "pairs")]


@dataclass(frozen=True)
class ProjectionPlan:
    """How the events of a range of input addresses become synapse rows and folds.

    - "dense": event ``a`` reads for every fold ``f`` the row
      ``first_row + f * rows_per_fold + (a - offset) // event_lanes * rows_per_source`` of bank
      ``(a - offset) % event_lanes``.
    - "grid": the event's address is a grid address (``space``); for each pair ``r`` of its row's table
      and ``c`` of its column's and every channel fold ``k`` in ``range(channel_folds)`` it reads row
      ``first_row + channel * rows_per_channel + rows.row[r] + columns.row[c] + k`` into fold
      ``rows.fold[r] + columns.fold[c] + k``.
    - "sparse": event ``a`` reads rows ``starts[a - offset] .. + counts[a - offset] - 1``; row ``i`` goes
      to fold ``row_folds[i - first_row]``. Only rows with a weight other than zero exist.

    Parameters
    ----------
    kind
        See above.
    offset, size
        First input address of the range, and how many.
    first_row
        First row in the group's synapse memory.
    rows_per_fold, rows_per_source
        "dense" only: rows from one fold to the next and from one source to the next. One of them is 1.
    space, rows, columns, rows_per_channel, channel_folds
        "grid" only; tables of the source's row and column field.
    starts, counts, row_folds
        "sparse" only; int64.
    """

    kind: Literal["dense", "grid", "sparse"]
    offset: int
    size: int
    first_row: int
    rows_per_fold: int = 0
    rows_per_source: int = 1
    space: AddressSpace | None = None
    rows: AxisTable | None = None
    columns: AxisTable | None = None
    rows_per_channel: int = 0
    channel_folds: int = 1
    starts: Annotated[np.ndarray, Array("i", "size")] | None = None
    counts: Annotated[np.ndarray, Array("i", "size")] | None = None
    row_folds: Annotated[np.ndarray, Array("i", "sparse_rows")] | None = None


@dataclass(frozen=True)
class GroupPlan:
    """One neuron group: accumulators that take events, and lanes that update at a tick.

    **Slots.** Hardware keeps ``lanes * folds`` slots. Slot ``s`` is accumulator ``s % lanes`` of fold
    ``s // lanes``; an update row is ``update_lanes`` consecutive slots. Slot ``s`` holds neuron
    ``neuron_of_slot[s]``, or none (-1): such a slot gets no weight and no bias and never fires. In a
    grid group the slots of one position stand together, channels side by side; ``channel_folds``
    folds make one position.

    **Accumulators.** "registers" (one fold): the sum ``x`` of the step in weight steps, ``acc_bits``
    wide; a tick copies all of them to a second rank and clears them, so that the next step's events
    go on while the update sweeps. "memory": what events add to *is* the stored value the sweep left
    (the state, or with a synaptic current the current), in potential steps, ``acc_bits`` wide
    (= ``neuron.v_bits`` or ``neuron.current_bits``); the sweep and the events take turns.

    Parameters
    ----------
    name
        Verilog identifier, unique.
    group
        Name of the group in the quantized network.
    neurons
        Without padding.
    space
        Addresses of the group's output stream.
    sources
        Addresses of its input stream: all projections' ranges.
    lanes, folds, update_lanes, event_lanes
        ``update_lanes`` divides ``lanes``; ``event_lanes`` is a power of two, above 1 only where the
        group has one projection and it is dense.
    output_lanes
        Event lanes of the words of the output stream (a power of two).
    accumulators, acc_bits
        See above.
    neuron_memory
        Where potentials are that are not in registers: "block" RAM, "distributed" RAM, "macro" for memory
        macros of a chip where they are large enough (``rtl/macros.py``), or "auto" for what synthesis finds
        best.
    synapse_store
        "rom", or "ram" (loaded at start).
    projections
        By ascending offset, without gaps.
    synapses
        Signed integers, shape (event_lanes, rows, lanes).
    channel_folds
        Folds of one position; ``folds`` in a flat group.
    neuron_of_slot
        int64, shape (lanes * folds,).
    weight_bits
        Signed width of every weight in ``synapses``.
    neuron
        What the group's neurons do in a step; arrays by slot, shape (lanes * folds,).
    leak_unit
        "shift-add": constants as sums of shifted copies; "multiplier": one product (a DSP block where
        the device has them). Own leaks per neuron always take a multiplier.
    registered_reads
        A register behind every block RAM that is read, also where accumulators are in memory: for clock
        rate, on devices whose block RAM is slow and whose registers cost nothing.
    acc_lane_bits
        "registers" only: the width each accumulator needs by itself, int64, shape (lanes,), at most
        ``acc_bits``; None gives all of them ``acc_bits``.
    synapse_style
        Which memory blocks hold the synapses: "block" RAM, or the single-port "spram" of UltraPlus. Of a
        crossbar tile (``rtl/crossbar/tile.py``): "sram" macros, "latches" or "constants".
    synapse_shape
        (depth, width) of the memories that each bank is built of, for less of a multiplexer behind
        them; empty leaves a bank to synthesis as one memory. Of a crossbar tile: of one array.
    synapse_abreast
        The memories one above the other, of a bank's whole width, are one with as many words side by side: a
        read shows a word of each, in registers, and only then one is chosen: block RAM is late in its cycle.
    parameters_in
        Where the neuron parameters are that differ between update rows: "block" RAM, or "auto" for what
        synthesis finds best.
    tile_of, members
        Of a tile with some of a group's neurons: the group's name in the quantized network, and which of
        its neurons they are, ascending, int64, shape (neurons,). Else empty and None.
    """

    name: str
    group: str
    neurons: int
    space: AddressSpace
    sources: int
    lanes: int
    folds: int
    update_lanes: int
    event_lanes: int
    output_lanes: int
    accumulators: Accumulators
    acc_bits: int
    neuron_memory: NeuronMemoryStyle
    synapse_store: SynapseStore
    projections: tuple[ProjectionPlan, ...]
    synapses: Annotated[np.ndarray, Array("i", "event_lanes", "synapse_rows", "lanes")]
    channel_folds: int
    neuron_of_slot: Annotated[np.ndarray, Array("i", "slots")]
    weight_bits: int
    neuron: NeuronDynamics
    leak_unit: Literal["shift-add", "multiplier"] = "shift-add"
    synapse_style: SynapseStyle = "block"
    synapse_shape: tuple[int, ...] = ()
    synapse_abreast: bool = False
    acc_lane_bits: Annotated[np.ndarray, Array("i", "lanes")] | None = None
    registered_reads: bool = False
    parameters_in: Literal["auto", "block"] = "auto"
    tile_of: str = ""
    members: Annotated[np.ndarray, Array("i", "neurons")] | None = None

    @property
    def crossbar(self) -> bool:
        """Whether it is built as a crossbar tile."""
        return self.synapse_style in ("sram", "latches", "constants")

    @property
    def network_group(self) -> str:
        """The group of the quantized network that its neurons belong to."""
        return self.tile_of or self.group

    @property
    def counts_spikes(self) -> bool:
        """Whether potentials can hold more than ``max_spikes`` amounts, so that a sweep must count them."""
        return self.neuron.multi_spike and self.neuron.max_count >= self.neuron.max_spikes

    @property
    def slots(self) -> int:
        """Neurons with padding."""
        return self.lanes * self.folds

    @property
    def update_rows(self) -> int:
        """Rows of ``update_lanes`` slots, one cycle of a sweep each."""
        return self.slots // self.update_lanes

    @property
    def potentials_in(self) -> str:
        """Where the potentials are between two steps, in words."""
        apart = self.accumulators == "registers" or self.neuron.has_current
        if (self.update_rows if apart else self.folds) == 1:
            return "registers"
        if self.crossbar:
            return "SRAM macros" if self.neuron_memory == "macro" else "flip-flops"
        return {"auto": "memory", "block": "block RAM", "distributed": "distributed RAM"}[self.neuron_memory]

    @property
    def registered_synapses(self) -> bool:
        """Whether weights pass a register before anything is added to them."""
        return self.accumulators == "registers" or self.event_lanes > 1 or self.registered_reads

    @property
    def synapse_levels(self) -> int:
        """How many memories of a bank stand one above the other."""
        return levels_of(self.synapse_shape, self.synapse_rows)

    @property
    def chooses_late(self) -> bool:
        """Whether weights pass registers before the multiplexer of a deep bank as well as behind it.

        They are many, so only where registers cost nothing.
        """
        return self.registered_reads and not self.crossbar and self.synapse_levels > 1

    @property
    def synapse_memories(self) -> list[tuple[int, int, int, int]]:
        """(first row, first bit, rows, bits) of each memory of a bank; abreast it is one."""
        width = self.lanes * self.weight_bits
        if self.synapse_abreast:
            return [(0, 0, self.synapse_shape[0], self.synapse_levels * width)]
        return pieces(self.synapse_shape, self.synapse_rows, width)

    def memory_words(self, bank: int) -> list[list[int]]:
        """What each memory of ``synapse_memories`` holds."""
        words = self.synapse_words(bank)
        if self.synapse_abreast:
            return [abreast(words, self.synapse_shape[0], self.lanes * self.weight_bits)]
        return [
            [word >> bit & (1 << width) - 1 for word in words[first : first + rows]]
            for first, bit, rows, width in self.synapse_memories
        ]

    @property
    def synapse_latency(self) -> int:
        """Cycles from a synapse operation to the sums it adds: memory, registers, adder tree."""
        return 1 + self.registered_synapses + self.chooses_late + (self.event_lanes - 1).bit_length()

    @property
    def update_loads(self) -> bool:
        """Whether an update begins with a stage that only takes what the memories show.

        One row of states stays in registers, which need none; narrow rows on a device of slow logic
        are better off without.
        """
        wide = self.update_lanes * self.acc_bits > _SMALL_ROW_BITS
        quick = self.accumulators == "registers" or self.registered_reads
        return self.update_rows > 1 and (quick or wide)

    @property
    def row_is_address(self) -> bool:
        """Whether the address of an update row's first slot is the row's number, with zeros below it."""
        return self.update_lanes & (self.update_lanes - 1) == 0 and not self.space.grid

    @property
    def small(self) -> bool:
        """Whether it is made for area on a device of slow logic, more than for clock rate."""
        return self.accumulators == "memory" and not self.registered_reads

    @property
    def spare_row(self) -> bool:
        """Whether the encoder has room for a second row of spikes.

        Then a register says whether the sweep goes on. Without, that follows from the spikes of all
        update lanes within the cycle, and with many lanes the way from there to all of them is long.
        """
        return self.update_lanes >= _SPARE_ROW_LANES

    @property
    def synapse_rows(self) -> int:
        """Depth of each bank of synapse memory."""
        return int(self.synapses.shape[1])

    @property
    def synapse_bits(self) -> int:
        """Size of the synapse memory in bits, padding included."""
        return self.event_lanes * self.synapse_rows * self.lanes * self.weight_bits

    def synapse_words(self, bank: int) -> list[int]:
        """One bank row by row; lane 0 in the lowest bits, two's complement."""
        bits, mask = self.weight_bits, (1 << self.weight_bits) - 1
        words = []
        for row in self.synapses[bank].tolist():
            word = 0
            for lane, weight in enumerate(row):
                word |= (weight & mask) << (lane * bits)
            words.append(word)
        return words

    def update_words(self, values: np.ndarray, bits: int) -> list[int]:
        """A parameter by update row, lane 0 in the lowest ``bits``; ``values`` by slot."""
        mask = (1 << bits) - 1
        return [
            sum((int(v) & mask) << (lane * bits) for lane, v in enumerate(row))
            for row in values.reshape(self.update_rows, self.update_lanes)
        ]
