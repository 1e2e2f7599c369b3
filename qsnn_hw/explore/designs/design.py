"""A design that was laid out, and the front that one is chosen from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qsnn_hw.families.limits import Usage
from qsnn_hw.plan.hardware_plan import DesignOffer
from qsnn_hw.plan.shape import Shape

DEFAULT_DEPTH = 2
"""Words of a buffer where nothing else is said."""

# Designs of the front that a plan lists on either side of the chosen one.
_LISTED = 5


@dataclass(frozen=True)
class Design:
    """A design that was laid out, and what it is predicted to take.

    Parameters
    ----------
    shapes
        By group.
    depth
        Words of each buffer.
    usage
        The whole board design.
    cycles
        Mean of a sample; of a time step where the traffic is assumed.
    """

    shapes: Mapping[str, Shape]
    depth: int
    usage: Usage
    cycles: float

    @property
    def luts(self) -> int:
        """Logic cells."""
        return self.usage.logic_cells or 0

    def __str__(self) -> str:
        depth = f", buffers of {self.depth} words" if self.depth != DEFAULT_DEPTH else ""
        return ", ".join(f"{name} {_words(shape)}" for name, shape in self.shapes.items()) + depth


@dataclass(frozen=True)
class Balance:
    """The designs a network could be, the quickest first, and the best of them for the aim.

    Parameters
    ----------
    best
        The design.
    reason
        One line: aim, limit and prediction, and the next quicker and the next smaller design.
    front
        Designs that fit the device, none of which another one beats in both cycles and logic cells.
    """

    best: Design
    reason: str
    front: tuple[Design, ...]

    @property
    def offers(self) -> tuple[DesignOffer, ...]:
        """The designs of the front near the chosen one, the quickest first."""
        place = min(range(len(self.front)), key=lambda k: abs(self.front[k].cycles - self.best.cycles))
        near = self.front[max(0, place - _LISTED) : place + _LISTED + 1]
        return tuple(DesignOffer(d.cycles, d.luts, str(d), d is self.best) for d in near)


def front_of(designs: Sequence[Design], wanted: Design) -> list[Design]:
    """The designs that no other one beats in both cycles and LUTs, the quickest first.

    Of those that are the same whole number of cycles the smallest, and ``wanted``, which may have been
    for the sake of part of a cycle.
    """
    front: list[Design] = []
    for design in sorted(designs, key=lambda d: (round(d.cycles), d is not wanted, d.luts)):
        if not front or design.luts < front[-1].luts:
            front.append(design)
    return front


def _words(shape: Shape) -> str:
    events = f"/{shape.event_lanes} events" if shape.event_lanes > 1 else ""
    return f"{shape.lanes}/{shape.update_lanes} lanes{events} in {shape.accumulators}"
