"""Whether two netlists compute the same, by their structure alone.

Registers and memories of both are put into classes: first by what they are and start from, then again
and again by the classes of what drives them, until no class falls apart any more. What then stands in
one class has equal contents at every clock edge: it starts equal, and from equal contents it takes equal
contents. (A bisimulation, found by partition refinement: Paige and Tarjan, "Three partition refinement
algorithms", SIAM J. Comput. 16(6), 1987.) No name plays a part, and nothing is simulated. Logic that
computes the same in another way counts as different.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qsnn_hw.verify.cone import Classes, Cone
from qsnn_hw.verify.netlist import Bit, Netlist


@dataclass(frozen=True)
class Matched:
    """What stood in equal classes on both sides.

    Parameters
    ----------
    registers, memory_bits
        Bits of registers and of memories that the compared outputs depend on.
    """

    registers: int
    memory_bits: int


@dataclass(frozen=True)
class Difference:
    """The first thing that has no counterpart: ``what``, in the netlist ``side`` (0 or 1)."""

    side: int
    what: str


def compare(
    sides: tuple[Netlist, Netlist],
    inputs: Iterable[tuple[Sequence[Bit], Sequence[Bit]]],
    outputs: Mapping[str, tuple[Sequence[Bit], Sequence[Bit]]],
) -> Matched | Difference:
    """Compare what ``outputs`` of both netlists depend on.

    Parameters
    ----------
    inputs
        Nets of both that carry the same from outside. Where the first has a constant, or one net twice,
        the second is compared under this constraint.
    outputs
        Name -> nets of both that must be equal.
    """
    classes = Classes()
    cones = [Cone(side, classes) for side in sides]
    for first, second in inputs:
        for a, b in zip(first, second, strict=True):
            leaf = classes.of(("constant", a)) if isinstance(a, str) else classes.of(("input", a))
            for cone, bit in zip(cones, (a, b), strict=True):
                if isinstance(bit, int):
                    cone.leaves[bit] = leaf
    for number, cone in enumerate(cones):
        cone.follow(bit for pair in outputs.values() for bit in pair[number])
    # Named where an output differs; not every one does: behind a constant it may have nobody who listens.
    lonely: Difference | None = None
    known = 0
    while True:
        for cone in cones:
            cone.evaluate()
        numbers = [set(cone.states.values()) for cone in cones]
        if lonely is None:
            lonely = _without_counterpart(cones, numbers)
        if len(numbers[0] | numbers[1]) == known:
            break
        known = len(numbers[0] | numbers[1])
        for cone in cones:
            cone.refine()
    for name, (first, second) in outputs.items():
        if [cones[0].value(a) for a in first] != [cones[1].value(b) for b in second]:
            return lonely or Difference(0, f"output {name}")
    return Matched(cones[0].registers, cones[0].memory_bits)


def _without_counterpart(cones: Sequence[Cone], numbers: Sequence[set[int]]) -> Difference | None:
    """The first register or memory whose class the other netlist does not have."""
    for number, cone in enumerate(cones):
        for node, known in cone.states.items():
            if known not in numbers[1 - number]:
                return Difference(number, cone.describe(node))
    return None
