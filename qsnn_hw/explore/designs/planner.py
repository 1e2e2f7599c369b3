"""QuantizedNetwork -> HardwarePlan: shapes as given or chosen, then laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from qsnn_hw.explore.designs.balance import balance
from qsnn_hw.explore.designs.design import DEFAULT_DEPTH
from qsnn_hw.explore.designs.layout import Layout
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.plan.shape import Shape, fitted
from qsnn_hw.plan.synapses import address_spaces
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.errors import UserError


def make_plan(network: QuantizedNetwork, options: PlanOptions) -> HardwarePlan:
    """Choose shapes, and lay out addresses and synapse memories.

    Raises
    ------
    UserError
        Numbers of lanes that are neither one nor one per group, or that a group cannot have, or
        budgets that no design keeps.
    """
    spaces = address_spaces(network)
    layout = Layout(network, spaces, options)
    shapes = _shapes_by_lanes(network, spaces, options)
    if shapes is None:
        choice = balance(layout)
        plan = layout.plan(choice.best.shapes, choice.best.depth, [choice.reason])
        return replace(plan, designs=choice.offers)
    notes = ["lanes as given", *_became(network, shapes, options)]
    depth = DEFAULT_DEPTH if options.buffer_depth is None else options.buffer_depth
    if options.traffic is not None or options.lut_budget is not None or options.cycle_budget is not None:
        best = balance(layout, shapes).best
        if best.depth != depth:
            notes.append(f"buffers of {best.depth} words, chosen for {options.optimize}")
        depth = best.depth
    return layout.plan(shapes, depth, notes)


def _shapes_by_lanes(
    network: QuantizedNetwork, spaces: Mapping[str, AddressSpace], options: PlanOptions
) -> dict[str, Shape] | None:
    """The shape of every group, if lanes are given."""
    lanes = _spread(network, "lanes", options.lanes)
    update_lanes = _spread(network, "update lanes", options.update_lanes)
    event_lanes = _spread(network, "event lanes", options.event_lanes)
    accumulators = _spread(network, "accumulators", options.accumulators)
    if lanes is None:
        for name in ("update_lanes", "event_lanes", "accumulators"):
            if getattr(options, name) is not None:
                raise UserError(f"{name.replace('_', ' ')} need lanes beside them: give --lanes too")
        return None
    return {
        group.name: fitted(
            spaces[group.name],
            lanes[index],
            None if update_lanes is None else update_lanes[index],
            1 if event_lanes is None else event_lanes[index],
            None if accumulators is None else accumulators[index],
        )
        for index, group in enumerate(network.groups)
    }


def _became(network: QuantizedNetwork, shapes: Mapping[str, Shape], options: PlanOptions) -> list[str]:
    """What was asked for and cannot be had, group by group: lanes that are more than channels, and others."""
    notes = []
    for name in ("lanes", "update_lanes"):
        wanted = _spread(network, name.replace("_", " "), getattr(options, name))
        for group, asked in zip(network.groups, wanted or [], strict=False):
            built = getattr(shapes[group.name], name)
            if built != asked:
                notes.append(f"{name.replace('_', ' ')} of {group.name}: {asked} asked for, {built} built")
    return notes


T = TypeVar("T")


def _spread(network: QuantizedNetwork, name: str, values: Sequence[T] | None) -> list[T] | None:
    """One value for each group."""
    if values is None:
        return None
    spread = list(values)
    if len(spread) == 1:
        spread *= len(network.groups)
    if len(spread) != len(network.groups):
        names = ", ".join(g.name for g in network.groups)
        raise UserError(
            f"--{name.replace(' ', '-')} wants one value or {len(network.groups)} (for groups {names}), "
            f"not {len(spread)}"
        )
    return spread
