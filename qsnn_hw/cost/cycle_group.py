"""One neuron group in time only: walker and accumulators, cycle by cycle, without values.

Each class here follows the component in ``qsnn_hw/rtl`` of which its docstring tells, register by
register, as far as registers decide when something moves; spikes come from the golden run. Sweep and
encoder are in ``cost/cycle_sweep.py``.
"""

from typing import NamedTuple

import numpy as np

from qsnn_hw.cost.cycle_sweep import SweepTiming, Word
from qsnn_hw.cost.word_timing import event_folds
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan


class Operation(NamedTuple):
    """A tick, or a synapse operation and the fold it adds to."""

    tick: bool
    last: bool
    fold: int


class _Dense:
    """``DenseWalker``: one register."""

    def __init__(self, folds: int) -> None:
        self._final = folds - 1
        self.out: Operation | None = None

    def ready(self, taken: bool) -> bool:
        out = self.out
        return out is None or (taken and (out.tick or out.fold == self._final))

    def step(self, word: Word | None, taken: bool) -> None:
        out = self.out
        if self.ready(taken):
            self.out = None if word is None else Operation(word.tick, word.last, 0)
        elif taken and out is not None:
            self.out = Operation(out.tick, out.last, out.fold + 1)


class _Piped:
    """``SparseWalker`` and ``GridWalker``: stages lookup, walk, add and output."""

    def __init__(self, projection: ProjectionPlan) -> None:
        self._projection = projection
        self._cache: dict[int, tuple[int, ...]] = {}
        self._lookup: Word | None = None
        self._walk: list[Operation] = []
        self._add: Operation | None = None
        self.out: Operation | None = None

    def _takes(self, taken: bool) -> tuple[bool, bool, bool, bool]:
        output = self.out is None or taken
        add = self._add is None or output
        walk = not self._walk or (add and len(self._walk) == 1)
        return self._lookup is None or walk, walk, add, output

    def ready(self, taken: bool) -> bool:
        return self._takes(taken)[0]

    def step(self, word: Word | None, taken: bool) -> None:
        lookup, walk, add, output = self._takes(taken)
        if output:
            self.out = self._add
        if add:
            self._add = self._walk.pop(0) if self._walk else None
        if walk:
            self._walk = [] if self._lookup is None else self._operations(self._lookup)
        if lookup:
            self._lookup = word

    def _operations(self, word: Word) -> list[Operation]:
        if word.tick:
            return [Operation(True, word.last, 0)]
        (address,) = word.addresses
        if address not in self._cache:
            self._cache[address] = tuple(event_folds(self._projection, address - self._projection.offset))
        return [Operation(False, False, fold) for fold in self._cache[address]]


class _Walker:
    """``Walker``: the projections' walkers, and the register behind them where there are several."""

    def __init__(self, plan: GroupPlan) -> None:
        self._offsets = [projection.offset for projection in plan.projections]
        self._parts = [_Dense(plan.folds) if p.kind == "dense" else _Piped(p) for p in plan.projections]
        self._out: Operation | None = None

    @property
    def out(self) -> Operation | None:
        return self._out if len(self._parts) > 1 else self._parts[0].out

    def step(self, word: Word | None, taken: bool) -> bool:
        """One cycle; whether ``word`` was taken."""
        parts = self._parts
        if len(parts) == 1:
            accepts = parts[0].ready(taken)
            parts[0].step(word, taken)
            return accepts
        free = self._out is None or taken
        ticks = all(part.out is not None and part.out.tick for part in parts)
        leaves = [False] * len(parts)
        turn = next((k for k, p in enumerate(parts) if p.out is not None and not p.out.tick), None)
        if free and ticks:
            leaves = [True] * len(parts)
            self._out = parts[0].out
        elif free:
            self._out = None if turn is None else parts[turn].out
            if turn is not None:
                leaves[turn] = True
        readies = [part.ready(left) for part, left in zip(parts, leaves, strict=True)]
        to: list[Word | None] = [None] * len(parts)
        accepts = False
        if word is not None and word.tick:
            accepts = all(readies)
            to = [word if accepts else None] * len(parts)
        elif word is not None:
            index = sum(word.addresses[0] >= offset for offset in self._offsets) - 1
            accepts, to[index] = readies[index], word
        for part, sent, left in zip(parts, to, leaves, strict=True):
            part.step(sent, left)
        return accepts


class Taken(NamedTuple):
    """What accumulators do with an operation: take it, start a sweep, which may be a sample's last."""

    ready: bool
    starts: bool
    last: bool


class _Registers:
    """``RegisterAccumulators``: a tick waits behind the events before it and the sweep before it."""

    def __init__(self, plan: GroupPlan) -> None:
        # Of every cycle on the way to the sums: whether a tick is there.
        self._way = [False] * plan.synapse_latency
        self._held = self._start = self._last = False

    def step(self, operation: Operation | None, running: bool) -> Taken:
        starts, last = self._start and not running, self._last
        blocked = self._held or running or starts
        ticks = operation is not None and operation.tick and not blocked
        ready = operation is not None and (ticks or not operation.tick)
        if starts:
            self._held = self._start = False
        if ticks and operation is not None:
            self._held, self._last = True, operation.last
        if self._way[-1]:
            self._start = True
        self._way = [ticks, *self._way[:-1]]
        return Taken(ready, starts, last)


class _Memory:
    """``MemoryAccumulators``: sweeps and events take turns, and an event waits for the fold it adds to."""

    def __init__(self, plan: GroupPlan) -> None:
        self._folded = plan.folds > 1
        # Of every cycle on the way to the sums: the fold of the operation there.
        self._way: list[int | None] = [None] * plan.synapse_latency

    def step(self, operation: Operation | None, running: bool) -> Taken:
        ready, starts, added = False, False, None
        if operation is not None and operation.tick:
            ready = starts = not running and all(fold is None for fold in self._way)
        elif operation is not None:
            ready = not running and not (self._folded and self._way[0] == operation.fold)
            added = operation.fold if ready else None
        self._way = [added, *self._way[:-1]]
        return Taken(ready, starts, operation is not None and operation.last)


class GroupTiming:
    """A ``NeuronGroup``: offered a word, and whether its own word is taken, it moves on by a cycle.

    Parameters
    ----------
    plan
        The group.
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._walker = _Walker(plan)
        self._accumulators = _Registers(plan) if plan.accumulators == "registers" else _Memory(plan)
        self._sweep = SweepTiming(plan)

    def load(self, spikes: np.ndarray) -> None:
        """What the sample's sweeps find: spikes of every neuron, shape (time, neuron)."""
        self._sweep.load(spikes)

    @property
    def running(self) -> bool:
        """Whether a sweep is under way."""
        return self._sweep.running

    @property
    def shown(self) -> int | None:
        """The row of potentials that the cycle showed."""
        return self._sweep.shown

    @property
    def out(self) -> Word | None:
        """The word on offer."""
        return self._sweep.out

    def step(self, word: Word | None, taken: bool) -> bool:
        """One cycle: ``word`` is offered, ``taken`` says that ``out`` leaves; whether ``word`` was taken."""
        ready, starts, last = self._accumulators.step(self._walker.out, self.running)
        accepts = self._walker.step(word, ready)
        self._sweep.step(taken)
        if starts:
            self._sweep.start(last)
        return accepts
