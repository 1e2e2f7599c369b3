"""What a plan takes on a device, before any tool runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.cost.group_parts import group_parts
from qsnn_hw.cost.io_parts import around_parts, link_parts
from qsnn_hw.cost.parts import Parts
from qsnn_hw.cost.stream_parts import router_parts
from qsnn_hw.families.family import Family
from qsnn_hw.families.limits import Limits, Usage
from qsnn_hw.plan.hardware_plan import HardwarePlan


@dataclass(frozen=True)
class Prediction:
    """Units of the device that a design takes, as place and route counts them.

    Parameters
    ----------
    usage
        The whole design; ``registers`` is None where a logic cell holds one.
    groups
        Logic cells of every group, by its name in the plan.
    around
        Logic cells of router, adapters, delays and what surrounds the network.
    """

    usage: Usage
    groups: dict[str, int]
    around: int


def logic_cells(parts: Parts, family: Family) -> float:
    """Logic cells of some parts."""
    return sum(getattr(parts, name) * value for name, value in family.costs.logic.items())


def register_bits(parts: Parts, family: Family) -> float:
    """Flip-flops of some parts."""
    return sum(getattr(parts, name) * value for name, value in family.costs.registers.items())


def predict(plan: HardwarePlan, limits: Limits, *, board: bool = True) -> Prediction:
    """Predict what ``plan`` takes, with its encoder, its readout and its loader of weights.

    Parameters
    ----------
    board
        With the serial host link of ``BoardTop`` around the network; without, the network alone.
    """
    family = limits.family
    groups = _groups(plan, limits)
    total = _total(plan, limits, groups, board)
    cells, registers = logic_cells(total, family), register_bits(total, family)
    usage = Usage(
        logic_cells=round(cells),
        registers=None if family.units.registers is None else round(registers),
        block_rams=total.blocks,
        sprams=total.sprams if limits.spram is not None else None,
        dsps=total.dsps,
    )
    by_group = {name: round(logic_cells(parts, family)) for name, parts in groups.items()}
    return Prediction(usage, by_group, round(cells) - sum(by_group.values()))


def network_parts(plan: HardwarePlan, limits: Limits, *, board: bool = False) -> Parts:
    """All parts of the network and of what stands around it; with ``board``, of the host link, too."""
    return _total(plan, limits, _groups(plan, limits), board)


def _total(plan: HardwarePlan, limits: Limits, groups: Mapping[str, Parts], board: bool) -> Parts:
    total = router_parts(plan, limits)
    total.add(around_parts(plan, limits))
    for parts in groups.values():
        total.add(parts)
    if board:
        total.add(link_parts(plan, limits))
    return total


def _groups(plan: HardwarePlan, limits: Limits) -> dict[str, Parts]:
    shown = plan.output_group.name if plan.readout is not None and plan.readout.kind == "membrane" else ""
    return {group.name: group_parts(group, limits, potentials=group.name == shown) for group in plan.groups}


def in_words(usage: Usage, limits: Limits, counted: Mapping[str, int] | None = None) -> str:
    """A usage under the tools' names; beside it what the tools ``counted``, where that is known."""
    parts = []
    for name, count in limits.by_name(usage).items():
        told = "" if counted is None or name not in counted else f" (counted: {counted[name]})"
        parts.append(f"{count} {name}{told}")
    return ", ".join(parts)
