"""The shape of a group's hardware: how many of what work side by side."""

from dataclasses import dataclass

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.support.choices import Accumulators
from qsnn_hw.support.errors import UserError

MAX_EVENT_LANES = 16
"""Each pair of them has a crossing of its own; more than 8 were never worth their logic."""


@dataclass(frozen=True)
class Shape:
    """The knobs of one group.

    Parameters
    ----------
    lanes
        Accumulators, each adding ``event_lanes`` weights a cycle.
    update_lanes
        Neurons updated a cycle at a tick; divides ``lanes``.
    event_lanes
        Events taken a cycle, a power of two.
    accumulators
        "registers" (then ``lanes`` covers the whole group) or "memory".
    """

    lanes: int
    update_lanes: int
    event_lanes: int = 1
    accumulators: Accumulators = "memory"


def fitted(
    space: AddressSpace,
    lanes: int,
    update_lanes: int | None = None,
    event_lanes: int = 1,
    accumulators: Accumulators | None = None,
) -> Shape:
    """The shape nearest to what a user asks for that a group with this space can have.

    More lanes than channels become as many as channels, the same number of folds with fewer lanes
    is taken where there is one, and update lanes become the next divisor of the lanes below. Left
    open, a group in one fold of more than 16 lanes keeps its sums in registers and updates 8 neurons
    a cycle; others update all their lanes.

    Raises
    ------
    UserError
        A number below 1, event lanes that are no power of two, or registers in a group that is folded.
    """
    for name, value in (("lanes", lanes), ("update lanes", update_lanes), ("event lanes", event_lanes)):
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, not {value}")
    if event_lanes & (event_lanes - 1) or event_lanes > MAX_EVENT_LANES:
        raise UserError(f"event lanes must be a power of two up to {MAX_EVENT_LANES}, not {event_lanes}")
    channels = space.shape[0]
    folds = -(-channels // min(lanes, channels))
    lanes = -(-channels // folds)
    one_fold = folds == 1 and space.neurons == channels
    if accumulators == "registers" and not one_fold:
        raise UserError(
            f"accumulators in registers need one fold: lanes must be {space.neurons} for this group, "
            f"not {lanes}"
        )
    if accumulators is None:
        accumulators = "registers" if one_fold and lanes > _MEMORY_LANES else "memory"
    if update_lanes is None:
        update_lanes = _UPDATE_LANES if accumulators == "registers" else lanes
    update_lanes = min(update_lanes, lanes)
    if accumulators == "registers":
        # Padding to whole update rows is cheaper than more or fewer update lanes.
        lanes = -(-lanes // update_lanes) * update_lanes
    while lanes % update_lanes:
        update_lanes -= 1
    return Shape(lanes, update_lanes, event_lanes, accumulators)


_MEMORY_LANES = 16
_UPDATE_LANES = 8
