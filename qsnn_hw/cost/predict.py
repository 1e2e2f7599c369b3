"""What a plan takes on a device, before any tool runs."""

from dataclasses import dataclass

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.network import counts_by_group, total_counts
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


def logic_cells(counts: Counts, family: Family) -> float:
    """Logic cells of some hardware."""
    return sum(getattr(counts, name) * value for name, value in family.costs.logic.items())


def register_bits(counts: Counts, family: Family) -> float:
    """Flip-flops of some hardware."""
    return sum(getattr(counts, name) * value for name, value in family.costs.registers.items())


def predict(plan: HardwarePlan, limits: Limits, *, board: bool = True) -> Prediction:
    """Predict what ``plan`` takes, with its encoder, its readout and its loader of weights.

    Parameters
    ----------
    board
        With the serial host link of ``BoardTop`` around the network; without, the network alone.
    """
    family = limits.family
    groups = counts_by_group(plan, limits)
    total = total_counts(plan, limits, groups, board=board)
    cells, usage = logic_cells(total, family), as_usage(total, limits)
    by_group = {name: round(logic_cells(counts, family)) for name, counts in groups.items()}
    return Prediction(usage, by_group, round(cells) - sum(by_group.values()))


def as_usage(counts: Counts, limits: Limits) -> Usage:
    """What hardware takes of a device."""
    family = limits.family
    return Usage(
        logic_cells=round(logic_cells(counts, family)),
        registers=None if family.units.registers is None else round(register_bits(counts, family)),
        block_rams=counts.blocks,
        sprams=counts.sprams if limits.spram is not None else None,
        dsps=counts.dsps,
    )


def in_words(usage: Usage, limits: Limits) -> str:
    """A usage under the tools' names."""
    return ", ".join(f"{count} {name}" for name, count in limits.by_name(usage).items())
