"""The plan of a chip: which tiles share a neuron circuit among columns, and the network cut into tiles."""

import itertools
from collections.abc import Callable, Mapping

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.layout import Layout
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.shape import Shape
from qsnn_hw.plan.synapses import address_spaces
from qsnn_hw.plan.tiles import TileSize, cut_into_tiles
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork
from qsnn_hw.support.choices import Aim, NeuronSharing, SynapseStorage
from qsnn_hw.support.errors import UserError

WORD_BITS = 32
"""Of a synapse word that shared columns read: the width that memory compilers build best."""

FEW_COLUMNS = 16
"""Up to so many columns of a tile, circuits of their own cost about what taking turns saves."""

MOST_CONSTANTS = 1 << 20
"""Bits of weights as logic, beyond which synthesis takes hours."""

MOST_TRIED = 5
"""Groups of which every choice is followed for a budget of cycles."""

Cycles = Callable[[HardwarePlan], float | None]
"""Mean cycles of a sample in a plan as predicted; None where they cannot be followed."""


def shape_of(network: QuantizedNetwork, group: QuantizedGroup, space: AddressSpace, size: TileSize) -> Shape:
    """A group whose columns share one neuron circuit, as wide as a word of ``WORD_BITS`` bits."""
    bits = max(p.weight_bits + p.shift for p in network.into(group.name))
    columns = min(space.shape[0], size.columns)
    turns = -(-columns // max(1, WORD_BITS // bits))
    return Shape(-(-columns // turns), 1)


def parallel_shape(space: AddressSpace, size: TileSize) -> Shape:
    """A group with a neuron circuit below each column."""
    tiles = -(-space.shape[0] // size.columns)
    lanes = -(-space.shape[0] // tiles)
    return Shape(lanes, lanes)


def chip_plan(
    network: QuantizedNetwork,
    size: TileSize,
    storage: SynapseStorage,
    sharing: NeuronSharing,
    *,
    aim: Aim = "balanced",
    cycle_budget: int | None = None,
    cycles: Cycles | None = None,
    buffer_depth: int | None = None,
    io: IoOptions | None = None,
) -> HardwarePlan:
    """The network laid out in tiles.

    "auto" of ``sharing`` gives columns a neuron circuit each where ``aim`` is "latency", one for all of a
    tile where it is "area", and otherwise by ``FEW_COLUMNS``. With ``cycle_budget`` as few
    columns more become parallel as the prediction needs to keep it.

    Parameters
    ----------
    size
        Of a tile.
    cycles
        Needed with ``cycle_budget``.

    Raises
    ------
    UserError
        Weights too many to be constants, or no design keeps the budget.
    """
    spaces = address_spaces(network)
    options = PlanOptions(synapse_store="ram", io=io or IoOptions())
    layout = Layout(network, spaces, options)
    columns = {g.name: min(spaces[g.name].shape[0], size.columns) for g in network.groups}

    def build(parallel: frozenset[str], why: str) -> HardwarePlan:
        shapes: Mapping[str, Shape] = {
            g.name: (
                parallel_shape(spaces[g.name], size)
                if g.name in parallel
                else shape_of(network, g, spaces[g.name], size)
            )
            for g in network.groups
        }
        plan = layout.plan(shapes, buffer_depth or 2, [why])
        return _checked(cut_into_tiles(plan, size, storage))

    names = [g.name for g in network.groups]
    chosen, why = _by_aim(names, columns, sharing, aim)
    if cycle_budget is None or sharing != "auto":
        return build(frozenset(chosen), why)
    assert cycles is not None
    took = None
    first = {"latency": names, "area": []}.get(aim, chosen)
    for more in _further([n for n in names if n not in first], columns):
        plan = build(
            frozenset([*first, *more]), f"neurons: the most sharing that keeps {cycle_budget} cycles"
        )
        took = cycles(plan)
        if took is None:
            raise UserError(
                "--cycle-budget: samples take too long to follow; give --neurons shared or parallel"
            )
        if took <= cycle_budget:
            return plan
    raise UserError(
        f"no design keeps {cycle_budget} cycles: with neurons in parallel everywhere a sample takes about "
        f"{took:.0f}"
    )


def _further(names: list[str], columns: Mapping[str, int]) -> list[list[str]]:
    """Which groups more to make parallel, those with the fewest columns together first.

    Of many groups not every choice is tried, but one group after another.
    """
    if len(names) > MOST_TRIED:
        order = sorted(names, key=lambda name: columns[name])
        return [order[:count] for count in range(len(order) + 1)]
    choices = (choice for n in range(len(names) + 1) for choice in itertools.combinations(names, n))
    return sorted(map(list, choices), key=lambda choice: sum(columns[name] for name in choice))


def _by_aim(
    names: list[str], columns: Mapping[str, int], sharing: NeuronSharing, aim: Aim
) -> tuple[list[str], str]:
    """The groups whose neurons work in parallel, and why, in words."""
    if sharing != "auto":
        return (names if sharing == "parallel" else []), f"neurons: {sharing}, as given"
    if aim == "latency":
        return names, "neurons: parallel, for latency"
    if aim == "area":
        return [], "neurons: shared, for area"
    few = [name for name in names if columns[name] <= FEW_COLUMNS]
    return few, f"neurons: parallel in tiles of up to {FEW_COLUMNS} columns, else shared (balanced)"


def _checked(plan: HardwarePlan) -> HardwarePlan:
    bits = sum(g.synapse_bits for g in plan.groups if g.synapse_style == "constants")
    if bits > MOST_CONSTANTS:
        raise UserError(
            f"--synapses constants: {bits:,} bits of weights are too many for logic (at most "
            f"{MOST_CONSTANTS:,}): give --synapses sram, or fewer --bits"
        )
    if plan.readout is not None and plan.readout.potentials and len(plan.output_groups) > 1:
        raise UserError(
            f"--readout membrane reads one tile, and the output has {len(plan.output_groups)}: give --tile "
            f"with {plan.output_space.neurons} columns or more, or --readout none"
        )
    return plan
