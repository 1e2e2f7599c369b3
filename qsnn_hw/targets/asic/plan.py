"""What a chip is made of: tiles, the memory macros they need, and which module is which part."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.plan.pieces import pieces
from qsnn_hw.plan.tiles import TileSize
from qsnn_hw.rtl.crossbar.synapses import MACRO_OF
from qsnn_hw.rtl.group.lane import StateLayout
from qsnn_hw.rtl.group.neuron_memory import in_macro
from qsnn_hw.rtl.macros import Macro, MacroKind
from qsnn_hw.support.choices import SynapseStorage
from qsnn_hw.support.records import StoredRecord

Part = Literal["synapse memory", "neurons", "router", "control"]
"""What area and power are split by."""


@dataclass(frozen=True)
class TilePlan:
    """One crossbar tile.

    Parameters
    ----------
    name
        Its instance in the top module, and the ``GroupPlan`` of that name.
    group
        The group of the network whose neurons it has.
    first
        The first of these neurons.
    neurons
        How many, without padding.
    synapses
        Stored weights that are not 0.
    rows
        Words of synapse memory, each of ``lanes`` weights.
    storage
        Where they are.
    style
        "parallel" where all columns of a row are added in one cycle, each with a neuron circuit of its own;
        else "shared".
    lanes, folds, update_lanes
        Columns added in a cycle, turns for all columns, neuron circuits.
    weight_bits, v_bits
        Of a weight and of a potential.
    """

    name: str
    group: str
    first: int
    neurons: int
    synapses: int
    rows: int
    storage: SynapseStorage
    style: Literal["shared", "parallel"]
    lanes: int
    folds: int
    update_lanes: int
    weight_bits: int
    v_bits: int


@dataclass(frozen=True)
class MacroUse:
    """A memory module, and how often a tile has it.

    Parameters
    ----------
    module
        Its name in the Verilog.
    kind, depth, width
        Its ports, words, and bits of each.
    count
        How many.
    tile
        Whose.
    what
        What it holds.
    """

    module: str
    kind: MacroKind
    depth: int
    width: int
    count: int
    tile: str
    what: Literal["synapses", "neurons"]

    @property
    def macro(self) -> Macro:
        """The memory itself."""
        return Macro(self.kind, self.depth, self.width)


@dataclass(frozen=True)
class ModulePart:
    """Modules whose names are ``prefix`` or begin with it and a dot; the longest prefix of a name counts."""

    prefix: str
    part: Part


@dataclass(frozen=True)
class AsicPlan(StoredRecord, form="asic plan 1"):
    """What is on the chip, beside the hardware plan whose groups are the tiles.

    Parameters
    ----------
    name
        Top module.
    rows, columns
        The most of an array: N x M.
    tiles
        In the plan's order.
    macros
        Every memory module of every tile, latch arrays among them.
    modules
        Which module of the Verilog belongs to which part; what no prefix names is control.
    """

    name: str
    rows: int
    columns: int
    tiles: tuple[TilePlan, ...]
    macros: tuple[MacroUse, ...]
    modules: tuple[ModulePart, ...]

    @property
    def neurons(self) -> int:
        """On the whole chip."""
        return sum(tile.neurons for tile in self.tiles)

    @property
    def synapses(self) -> int:
        """Weights that are not 0, on the whole chip."""
        return sum(tile.synapses for tile in self.tiles)

    @property
    def macro_bits(self) -> int:
        """Bits of all memory macros, latch arrays not among them."""
        return sum(use.count * use.depth * use.width for use in self.macros if use.kind != "latches")


def asic_plan(plan: HardwarePlan, size: TileSize) -> AsicPlan:
    """Read a plan of tiles (``plan/tiles.py``)."""
    modules = [ModulePart(f"{plan.name}.router", "router")]
    for group in plan.groups:
        place = f"{plan.name}.{group.name}"
        modules += [
            ModulePart(f"{place}.columns", "neurons"),
            ModulePart(f"{place}.columns.sums.banks", "synapse memory"),
            ModulePart(f"{place}.sweep", "neurons"),
            ModulePart(f"{place}.sweep.encoder", "control"),
        ]
    return AsicPlan(
        name=plan.name,
        rows=size.rows,
        columns=size.columns,
        tiles=tuple(_tile(group) for group in plan.groups),
        macros=tuple(use for group in plan.groups for use in macros_of(group)),
        modules=tuple(modules),
    )


def is_parallel(group: GroupPlan) -> bool:
    """Whether every column has a neuron circuit of its own."""
    return group.channel_folds == 1 and group.update_lanes == group.lanes


def _tile(group: GroupPlan) -> TilePlan:
    assert group.synapse_style in ("sram", "latches", "constants")
    return TilePlan(
        name=group.name,
        group=group.network_group,
        first=0 if group.members is None else int(group.members[0]),
        neurons=group.neurons,
        synapses=int(np.count_nonzero(group.synapses)),
        rows=group.synapse_rows,
        storage=group.synapse_style,
        style="parallel" if is_parallel(group) else "shared",
        lanes=group.lanes,
        folds=group.folds,
        update_lanes=group.update_lanes,
        weight_bits=group.weight_bits,
        v_bits=group.neuron.v_bits,
    )


def macros_of(group: GroupPlan) -> list[MacroUse]:
    """The memory modules of one tile: arrays of synapses, then memories of potentials."""
    uses = []
    if group.synapse_style in MACRO_OF:
        width = group.lanes * group.weight_bits
        depths = [rows for _, _, rows, _ in pieces(group.synapse_shape, group.synapse_rows, width)]
        for depth in dict.fromkeys(depths):
            macro = Macro(MACRO_OF[group.synapse_style], depth, width)
            uses.append(_use(group, macro, depths.count(depth), "synapses"))
    words = [(group.folds, group.lanes * group.acc_bits)]
    words.append((group.update_rows, group.update_lanes * StateLayout(group).size))
    for depth, width in words:
        if width and in_macro(group.neuron_memory, depth, width):
            uses.append(_use(group, Macro("1r1w", depth, width), 1, "neurons"))
    return uses


def _use(group: GroupPlan, macro: Macro, count: int, what: Literal["synapses", "neurons"]) -> MacroUse:
    return MacroUse(macro.name, macro.kind, macro.depth, macro.width, count, group.name, what)
