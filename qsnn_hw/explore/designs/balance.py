"""Lanes, event lanes and update lanes of every group, and the depth of the buffers, chosen for an aim.

Every combination of shapes has rough figures (``explore/designs/candidates.py``). Those that may be among
the best by these are laid out, and their figures are the ones that the plan would be printed with: what
``cost/predict.py`` says of the whole board design, and the cycles that follow from the words of some
samples (``cost/cycles.py``). The designs that fit the device and that no other one beats in both are
the front, and the aim picks from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qsnn_hw.cost.predict import predict
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.cost.traffic_cycles import TrafficCycles
from qsnn_hw.explore.designs.candidates import Candidate, Candidates
from qsnn_hw.explore.designs.demand import Demand
from qsnn_hw.explore.designs.design import DEFAULT_DEPTH, Balance, Design, front_of
from qsnn_hw.explore.designs.layout import Layout
from qsnn_hw.explore.designs.offers import any_device, offers
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.shape import Shape
from qsnn_hw.support.errors import UserError

# One word more than a memory has: 16 words are one row of distributed RAM, 256 a block RAM of iCE40.
_DEPTHS = (17, 65, 257, 1025)
_FIRST_DEPTH = 257
# Share of a device's logic cells that a design may take: "balanced" leaves the device to its user, the
# others take what still routes well.
_SHARE = {"balanced": 0.18, "latency": 0.55, "area": 0.55, "energy": 0.55}
# Where the smallest design takes more than its share, but no more than so many times that, the share is so
# many times the smallest design instead.
_BARELY, _ROOM = 1.25, 1.03
# Designs that are laid out: from the rough fronts, and in each round around the best so far.
_FROM_FRONT, _NEAR, _ROUNDS = 12, 3, 4
# Words of the traffic that are followed before the search ends: some seconds' worth.
_MOST_WORDS = 600_000
# Deeper buffers have to be worth this share of the cycles.
_WORTH = 0.02


def balance(layout: Layout, fixed: Mapping[str, Shape] | None = None) -> Balance:
    """Choose a shape for every group, and the depth of the buffers where it is open.

    Parameters
    ----------
    layout
        Network, options, and how to lay out.
    fixed
        Shapes that are given: only the depth is chosen.

    Raises
    ------
    UserError
        No design keeps the budgets; says what comes nearest.
    """
    search = _Search(layout, fixed=fixed is not None)
    if fixed is None:
        search.run()
    else:
        search.add(fixed, search.start)
        search.add_depths(fixed)
    return search.choose()


class _Search:
    """Designs laid out so far."""

    def __init__(self, layout: Layout, *, fixed: bool) -> None:
        self._layout, self._options, self._fixed = layout, layout.options, fixed
        self._traffic = self._options.traffic or Traffic.assumed(layout.network)
        self._cycles = TrafficCycles(self._traffic)
        self._limits = self._options.limits
        self._device: Limits = any_device() if self._limits is None else self._limits
        self._designs: dict[tuple[tuple[Shape, ...], int], Design] = {}
        self._tried: dict[tuple[tuple[Shape, ...], int], Design] = {}
        # Cycles of more samples than those that every design is tried with.
        self._known: dict[int, float] = {}
        self._scale = 1.0
        self._room = self._options.lut_budget
        if self._room is None and self._limits is not None:
            aim = self._options.optimize if self._options.cycle_budget is None else "latency"
            self._room = int(self._limits.logic_cells * _SHARE[aim])

    @property
    def start(self) -> int:
        """The depth to lay designs out with first."""
        depth = self._options.buffer_depth
        return DEFAULT_DEPTH if depth is None else depth

    def add(self, shapes: Mapping[str, Shape], depth: int) -> Design:
        """Take up a design."""
        design = self._laid(shapes, depth)
        self._designs[tuple(shapes.values()), depth] = design
        return design

    def _laid(self, shapes: Mapping[str, Shape], depth: int) -> Design:
        key = tuple(shapes.values()), depth
        if key not in self._tried:
            plan = self._layout.plan(shapes, depth)
            self._tried[key] = Design(
                shapes, depth, predict(plan, self._device).usage, self._cycles.mean(plan)
            )
        return self._tried[key]

    def add_depths(self, shapes: Mapping[str, Shape], depths: Sequence[int] = _DEPTHS) -> None:
        """Take up deeper buffers, where these are worth while and nobody said how deep."""
        if self._options.buffer_depth is not None:
            return
        enough = (1 - _WORTH) * self._laid(shapes, self.start).cycles
        for depth in depths:
            if self._laid(shapes, depth).cycles <= enough:
                # And so much more for every further depth.
                enough = (1 - _WORTH) * self.add(shapes, depth).cycles

    def run(self) -> None:
        """Look for the best designs: along the rough fronts, then around the best of those."""
        layout, options = self._layout, self._options
        demand = Demand(layout.network, layout.spaces, self._traffic)
        offered = offers(layout.network, layout.spaces, options)
        candidates = Candidates(layout.network, options, demand, offered)
        first = self.add(candidates.smallest(), self.start)
        if self._room is not None and options.lut_budget is None and first.luts > self._room:
            if first.luts > _BARELY * self._room:
                # A small device: what is left to its user is what the others leave, too.
                self._room = int(self._device.logic_cells * max(_SHARE.values()))
            else:
                self._room = int(_ROOM * first.luts)
        reserved = layout.reserved(layout.plan(first.shapes, first.depth))
        candidates.learn(first.shapes, first.luts, reserved, self._room)

        def look(candidates: Iterable[Candidate]) -> None:
            for candidate in candidates:
                if len(self._tried) * self._traffic.words > _MOST_WORDS:
                    return
                self.add(candidate.shapes, self.start)
                if candidate.deep_pays:
                    self.add_depths(candidate.shapes, (_FIRST_DEPTH,))

        look(candidates.fronts(_FROM_FRONT, self._merit))
        for _ in range(_ROUNDS):
            best = min(self._designs.values(), key=self._rank)
            self.add_depths(best.shapes)
            look(candidates.near(best.shapes, _NEAR, self._merit))
            if min(self._designs.values(), key=self._rank).shapes == best.shapes:
                break

    def _merit(self, luts: Any, cycles: Any) -> tuple[Any, Any]:
        """What the aim wants least of, and what decides between equals: of numbers or arrays."""
        aim = self._options.optimize
        if self._options.cycle_budget is not None:
            # As long as nothing keeps the budget, whatever is quicker.
            aim = "area" if self._keeps_budget() else "latency"
        if aim == "area":
            return luts, cycles
        if aim == "latency":
            return cycles, luts
        if aim == "energy":
            return cycles * (luts + self._device.family.fabric.rest_luts), luts
        return cycles * luts, luts

    def _keeps_budget(self) -> bool:
        """Whether a design keeps the budget of cycles."""
        budget = self._options.cycle_budget
        return budget is not None and any(
            self._of(design) <= budget and not self._misfit(design) and not self._over(design)
            for design in self._designs.values()
        )

    def _over(self, design: Design) -> int:
        """Logic cells that are too many."""
        return 0 if self._room is None else max(0, design.luts - self._room)

    def _of(self, design: Design) -> float:
        """Mean cycles, as well as they are known."""
        return self._known.get(id(design), design.cycles * self._scale)

    def _misfit(self, design: Design) -> int:
        """Units that the device lacks, memory blocks before logic."""
        if self._limits is None:
            return 0
        return sum(short.needed - short.available for short in self._limits.fits(design.usage))

    def _rank(self, design: Design) -> tuple[float, ...]:
        """The best design is the least."""
        cycles, budget = self._of(design), self._options.cycle_budget
        late = 0 if budget is None else max(0.0, cycles - budget)
        return self._misfit(design), self._over(design), late, *self._merit(design.luts, cycles)

    def choose(self) -> Balance:
        """The best of the designs that were laid out."""
        best = min(self._designs.values(), key=self._rank)
        while id(best) not in self._known and self._traffic.measured:
            cycles = self._cycles.whole(self._layout.plan(best.shapes, best.depth))
            if cycles is None:
                break
            self._known[id(best)] = cycles
            self._scale = cycles / best.cycles
            best = min(self._designs.values(), key=self._rank)
        designs = {id(design): replace(design, cycles=self._of(design)) for design in self._designs.values()}
        holds = [designs[id(d)] for d in self._designs.values() if not self._misfit(d)]
        best_design = designs[id(best)]
        self._check(best_design, holds)
        front = front_of(holds, best_design) or [best_design]
        return Balance(best_design, self._reason(best_design, front), tuple(front))

    def _check(self, best: Design, holds: Sequence[Design]) -> None:
        """Refuse what keeps no budget. What no device holds is left to the capacity check."""
        options, unit = self._options, self._unit
        if not holds:
            return
        over_luts = options.lut_budget is not None and best.luts > options.lut_budget
        over_cycles = options.cycle_budget is not None and best.cycles > options.cycle_budget
        if self._fixed and (over_luts or over_cycles):
            budget = f"{options.lut_budget} LUTs" if over_luts else f"{options.cycle_budget} cycles {unit}"
            raise UserError(
                f"the lanes given do not keep {budget}: they take about {best.luts} LUTs, host link "
                f"included, and {best.cycles:.0f} cycles {unit}; give others, or leave --lanes out"
            )
        if over_luts:
            raise UserError(
                f"no design keeps {options.lut_budget} LUTs: the smallest takes about {best.luts}, with "
                "host link"
            )
        if over_cycles:
            room = "" if self._room is None else f" within {self._room} LUTs"
            raise UserError(
                f"no design keeps {options.cycle_budget} cycles {unit}{room}: the quickest takes about "
                f"{best.cycles:.0f} cycles and {best.luts} LUTs"
            )

    @property
    def _unit(self) -> str:
        return "a sample" if self._traffic.measured else "a step"

    def _reason(self, best: Design, front: Sequence[Design]) -> str:
        """What was chosen for which wish, and what its neighbours on the front would cost."""
        options, unit = self._options, self._unit
        wanted: str = options.optimize
        if options.cycle_budget is not None:
            wanted = f"fewest LUTs at no more than {options.cycle_budget} cycles {unit}"
        limit = "" if self._room is None or best.luts > self._room else f" within {self._room} LUTs"
        # Without a device of its own a design is held against others on a usual one.
        on = "" if self._limits is not None else f" on an {self._device.family.title}"
        parts = []
        quicker = [d for d in front if d.cycles < best.cycles]
        smaller = [d for d in front if d.luts < best.luts]
        for name, near in (("quicker", quicker[-1:]), ("smaller", smaller[:1])):
            parts += [f"; next {name}: {d.luts} LUTs and {d.cycles:.0f} cycles ({d})" for d in near]
        return (
            f"{wanted}{limit}: about {best.luts} LUTs{on}, host link included, and "
            f"{best.cycles:.0f} cycles {unit}, chosen from {len(front)} designs (predictions)"
            f"{''.join(parts)}"
        )
