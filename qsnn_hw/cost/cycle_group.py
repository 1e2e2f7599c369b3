"""One neuron group in time only: walker, accumulators, sweep and encoder, cycle by cycle, without values.

Each class here follows the component in ``qsnn_hw/rtl`` of which its docstring tells, register by
register, as far as registers decide when something moves; spikes come from the golden run.
"""

from typing import NamedTuple

import numpy as np

from qsnn_hw.cost.word_timing import event_folds
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.update_stages import compare_stage, update_stages


class Word(NamedTuple):
    """A word of a stream: a tick, which may be a sample's last, or events."""

    tick: bool
    last: bool = False
    addresses: tuple[int, ...] = ()


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
        chosen = next((k for k, p in enumerate(parts) if p.out is not None and not p.out.tick), None)
        if free and ticks:
            leaves = [True] * len(parts)
            self._out = parts[0].out
        elif free:
            self._out = None if chosen is None else parts[chosen].out
            if chosen is not None:
                leaves[chosen] = True
        readies = [part.ready(left) for part, left in zip(parts, leaves, strict=True)]
        to: list[Word | None] = [None] * len(parts)
        accepts = False
        if word is not None and word.tick:
            accepts = all(readies)
            to = [word if accepts else None] * len(parts)
        elif word is not None:
            index = sum(word.addresses[0] >= offset for offset in self._offsets) - 1
            accepts, to[index] = readies[index], word
        for part, given, left in zip(parts, to, leaves, strict=True):
            part.step(given, left)
        return accepts


class GroupTiming:
    """A ``NeuronGroup``: offered a word, and whether its own word is taken, it moves on by a cycle.

    Parameters
    ----------
    plan
        The group.
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._plan = plan
        self._walker = _Walker(plan)
        quick = plan.accumulators == "registers"
        self._quick = quick
        # Registers: ticks on their way; memory: the folds of the operations on their way.
        self._way: list[int | None] = [None] * plan.synapse_latency
        self._held = self._start = False
        self._last = False
        self._compared = compare_stage(plan)
        self._flags: list[int | None] = [None] * (len(update_stages(plan)) + 2)
        self._running = self._issuing = self._silent = True
        self._row = self._repeat = 0
        self._found: list[int] = []
        self._pending: list[int] = []
        self._tick: Word | None = None
        self._spare: tuple[list[int], Word | None] | None = None
        self._slots, self._lanes = plan.output_lanes, plan.update_lanes
        neurons = plan.neuron_of_slot
        self._address = np.where(neurons < 0, -1, plan.space.addresses()[np.maximum(neurons, 0)]).tolist()
        self._rows: dict[int, list[tuple[int, int]]] = {}
        self._steps: list[dict[int, list[tuple[int, int]]]] = []
        self._step = 0
        self.shown: int | None = None
        """The row of potentials that the cycle showed."""

    def load(self, spikes: np.ndarray) -> None:
        """What the sample's sweeps find: spikes of every neuron, shape (time, neuron)."""
        plan = self._plan
        slot_of = np.zeros(plan.neurons, dtype=np.int64)
        used = plan.neuron_of_slot >= 0
        slot_of[plan.neuron_of_slot[used]] = np.flatnonzero(used)
        self._steps, self._step = [], 0
        for row in spikes:
            rows: dict[int, list[tuple[int, int]]] = {}
            fired = np.flatnonzero(row)
            slots = slot_of[fired]
            for slot, count in sorted(zip(slots.tolist(), row[fired].tolist(), strict=True)):
                rows.setdefault(slot // self._lanes, []).append((slot, count))
            self._steps.append(rows)

    @property
    def running(self) -> bool:
        """Whether a sweep is under way."""
        return self._running

    @property
    def out(self) -> Word | None:
        """The word on offer."""
        if self._pending:
            return Word(False, False, tuple(self._address[slot] for slot in self._chosen()))
        return self._tick

    def _chosen(self) -> list[int]:
        if self._slots > self._lanes:
            return self._pending
        found: dict[int, int] = {}
        for slot in self._pending:
            found.setdefault(slot % self._lanes % self._slots, slot)
        return list(found.values())

    def step(self, word: Word | None, taken: bool) -> bool:
        """One cycle: ``word`` is offered, ``taken`` says that ``out`` leaves; whether ``word`` was taken."""
        operation = self._walker.out
        running, empty = self._running, all(entry is None for entry in self._way)
        if self._quick:
            starts, last = self._start and not running, self._last
            ready = operation is not None and (not operation.tick or not (self._held or running or starts))
            tick_taken = operation is not None and operation.tick and ready
            if starts:
                self._held = self._start = False
            if tick_taken and operation is not None:
                self._held, self._last = True, operation.last
            if self._way[-1] is not None:
                self._start = True
            self._way = [0 if tick_taken else None, *self._way[:-1]]
        else:
            ticks = operation is not None and operation.tick
            starts = ticks and empty and not running
            last = operation is not None and operation.last
            ready = starts
            if operation is not None and not operation.tick:
                clear = self._plan.folds == 1 or self._way[0] != operation.fold
                ready = not running and clear
            added = operation.fold if operation is not None and not ticks and ready else None
            self._way = [added, *self._way[:-1]]
        accepts = self._walker.step(word, ready)
        self._sweep(taken)
        if starts:
            self._running = self._issuing = True
            self._silent, self._clear = False, last
            self._rows = self._steps[self._step] if self._step < len(self._steps) else {}
            self._step += 1
        return accepts

    _clear = True

    def _sweep(self, taken: bool) -> None:
        """``Sweep`` and ``SpikeEncoder``."""
        flags, compared = self._flags, self._compared
        final = self._plan.update_rows - 1
        tick = flags[compared + 1] == final
        offers = not self._silent and (bool(self._found) or tick)
        # The encoder takes a row when it is empty, or with the last word of the row before.
        out, tick_waits = self._pending, self._tick is not None
        left: list[int] = []
        if out and taken:
            gone = self._chosen()
            left = [slot for slot in out if slot not in gone]
        room = (not out and not tick_waits) or (taken and (not left and not (out and tick_waits)))
        moving = self._spare is None if self._plan.spare_row else room or not offers
        offered = (self._found, Word(True, self._clear) if tick else None) if offers else None
        following = self._spare or offered
        if room:
            self._pending, self._tick = following or ([], None)
        elif taken:
            self._pending = left
        if self._plan.spare_row:
            self._spare = None if room else following

        at = flags[compared]
        counts = [] if at is None or self._silent else self._rows.get(at, [])
        again = any(count > self._repeat + 1 for _, count in counts)
        advance = moving and not again
        if moving:
            self._found = [slot for slot, count in counts if count > self._repeat]
            self._repeat = self._repeat + 1 if again else 0
            if flags[-1] == final:
                self._running = False
        self.shown = flags[-1] if moving and not self._silent else None
        flags[0] = self._row if self._issuing else None
        for stage in range(len(flags) - 1, 0, -1):
            if advance if stage <= compared else moving:
                held_back = stage == compared + 1 and again
                flags[stage] = None if held_back else flags[stage - 1]
        if self._issuing and advance:
            self._issuing = self._row != final
            self._row = 0 if self._row == final else self._row + 1
