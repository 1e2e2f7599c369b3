"""When every word of a sample moves, word by word instead of cycle by cycle.

Whatever a part does with a word, it does as early as the words before it and the room behind it allow:
each time is the greatest of a few others plus a constant. So a word is followed through the design as
soon as its source offers it, to the last spike that it causes, without a look at the cycles between.
Each class here follows the component in ``qsnn_hw/rtl`` of which its docstring tells. All times are
cycles; the cycle in which a word moves is the one in which valid and ready are 1.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from qsnn_hw.cost.sweep_masks import Addresses, Mask
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.update_stages import compare_stage, update_stages

LONG_AGO = -(1 << 40)
"""Before everything."""


class Taker(Protocol):
    """Who takes the words of a source."""

    def event(self, addresses: Addresses, offered: int) -> int:
        """A word of events, on offer from a cycle on: the cycle in which it leaves."""
        ...

    def tick(self, last: bool, offered: int) -> int:
        """The same for a tick."""
        ...


class Walk:
    """What the walker makes of each event of a projection: ``SparseWalker``, ``GridWalker``.

    Parameters
    ----------
    projection
        Not dense.
    folded
        Two operations on the same fold need a cycle between them.
    """

    def __init__(self, projection: ProjectionPlan, folded: bool) -> None:
        self._projection, self._folded = projection, folded
        self.known: dict[int, tuple[int, ...]] = {}

    def learn(self, address: int) -> tuple[int, ...]:
        """(operations, cycles from the first to the last, last but one, last but two, folds at both ends)."""
        folds = event_folds(self._projection, address - self._projection.offset)
        at, reached = 0, []
        for k, fold in enumerate(folds):
            if k:
                at += 2 if self._folded and folds[k - 1] == fold else 1
            reached.append(at)
        ends = [reached[-k] if len(reached) >= k else 0 for k in (1, 2, 3)]
        known = (len(folds), *ends, folds[0] if folds else -1, folds[-1] if folds else -1)
        self.known[address] = known
        return known


def event_folds(projection: ProjectionPlan, address: int) -> list[int]:
    """The folds that an event's operations add to, in order; ``address`` within the projection."""
    if projection.kind == "sparse":
        assert projection.starts is not None
        assert projection.counts is not None
        assert projection.row_folds is not None
        first = int(projection.starts[address]) - projection.first_row
        return [int(f) for f in projection.row_folds[first : first + int(projection.counts[address])]]
    space, rows, columns = projection.space, projection.rows, projection.columns
    assert space is not None
    assert rows is not None
    assert columns is not None
    row = address >> (space.column_bits + space.channel_bits)
    column = address >> space.channel_bits & (1 << space.column_bits) - 1
    down = slice(int(rows.start[row]), int(rows.start[row] + rows.count[row]))
    across = slice(int(columns.start[column]), int(columns.start[column] + columns.count[column]))
    heads = rows.fold[down, np.newaxis] + columns.fold[across]
    folds: list[int] = (heads[..., np.newaxis] + np.arange(projection.channel_folds)).reshape(-1).tolist()
    return folds


class Buffer:
    """``ElasticBuffer``, and the one who takes its words.

    Parameters
    ----------
    depth
        Words it holds.
    group
        Takes the words; None where they leave the design, at once.
    """

    def __init__(self, depth: int, group: "Group | None") -> None:
        self.group, self._deep = group, depth > 2
        self._room = [LONG_AGO] * (depth - 1 if self._deep else depth)
        self._next = 0
        # When the last word came in, and when it left.
        self.entered = self.left = LONG_AGO

    def enter(self, offered: int, addresses: Addresses | None) -> int:
        """A word that is on offer from a cycle on, None for a tick: when it comes in."""
        at = self.entered + 1
        if offered > at:
            at = offered
        place = self._next
        if self._room[place] >= at:
            at = self._room[place] + 1
        self.entered = at
        shown = at + 1
        if self._deep:
            # From the memory into the register that is shown.
            moved = self.left if self.left > shown else shown
            self._room[place] = moved
            shown = moved + 1
        group = self.group
        if group is None:
            left = shown
        elif addresses is None:
            left = group.tick(shown)
        else:
            left = group.event(addresses, shown)
        self.left = left
        if not self._deep:
            self._room[place] = left
        self._next = place + 1 if place + 1 < len(self._room) else 0
        return at


class Group:
    """``NeuronGroup``: walker, accumulators, sweep and encoder.

    Parameters
    ----------
    plan
        The group.
    out
        Takes the group's words.
    walks
        Of a plan with the same lanes, event lanes and accumulators, to take over; left empty, they are
        put in.
    """

    def __init__(self, plan: GroupPlan, out: Taker, walks: list[Walk | None]) -> None:
        self._out = out
        self._quick = plan.accumulators == "registers"
        self._latency = plan.synapse_latency
        self._final = plan.folds - 1
        parts = plan.projections
        folded = plan.folds > 1 and not self._quick
        walks += [None if p.kind == "dense" else Walk(p, folded) for p in parts[len(walks) :]]
        self._walks = walks
        self._piped = self._walks[-1] is not None
        # Operations: when the last one moved, and its fold; stages of a piped walker in front of it.
        self._moved = self._added = self._loaded = self._walked = self._event = LONG_AGO
        self._fold = -1
        # Events may move, a sweep may start, from here on.
        self._events_from = self._ticks_from = LONG_AGO
        self._start = LONG_AGO
        stages = len(update_stages(plan))
        self._to_mask = compare_stage(plan) + 2
        self._to_end = stages - compare_stage(plan)
        self._sent = self._swept = LONG_AGO
        self._update_rows = plan.update_rows
        self._steps: Sequence[Sequence[Mask]] = ()
        self._step = 0

    def load(self, steps: Sequence[Sequence[Mask]]) -> None:
        """What the next sample's sweeps find."""
        self._steps, self._step = steps, 0

    def event(self, addresses: Addresses, shown: int) -> int:
        """Takes a word of events that is shown from a cycle on: when."""
        walk = self._walks[0]
        if walk is None:
            taken = self._moved if self._moved > shown else shown
            first = taken + 1
            if self._events_from > first:
                first = self._events_from
            self._moved = self._event = first + self._final
            return taken
        taken = self._loaded if self._loaded > shown else shown
        count, last, second, third, low, high = walk.known.get(addresses[0]) or walk.learn(addresses[0])
        loaded = max(taken + 1, self._walked, self._loaded + 1)
        self._loaded = loaded
        if not count:
            return taken
        walked = max(loaded + 1, self._added)
        added = max(walked + 1, self._moved)
        # Only an event's operation in the cycle before can be on the same fold.
        gap = 2 if not self._quick and self._final and low == self._fold and self._moved == self._event else 1
        moved = max(added + 1, self._moved + gap, self._events_from)
        self._walked = walked if count == 1 else added if count == 2 else moved + third
        self._added = added if count == 1 else moved + second
        self._moved = self._event = moved + last
        self._fold = high
        return taken

    def tick(self, shown: int) -> int:
        """Takes a tick that is shown from a cycle on: when."""
        if not self._piped:
            taken = self._moved if self._moved > shown else shown
            first = taken + 1
        else:
            taken = self._loaded if self._loaded > shown else shown
            self._loaded = max(taken + 1, self._walked, self._loaded + 1)
            self._walked = max(self._loaded + 1, self._added)
            self._added = max(self._walked + 1, self._moved)
            first = max(self._added + 1, self._moved + 1)
        self._tick_moves(first)
        return taken

    def _tick_moves(self, first: int) -> None:
        """A tick that is in front of the accumulators from a cycle on moves, and its sweep starts."""
        if self._quick:
            self._moved = max(first, self._ticks_from)
            self._start = self._moved + self._latency + 1
        else:
            # Everything on its way has been added.
            self._moved = self._start = max(first, self._event + self._latency + 1, self._ticks_from)

    def sweep(self, last: bool) -> None:
        """The sweep that the tick taken last starts: its spikes and its tick go out."""
        masks = self._steps[self._step] if self._step < len(self._steps) else ()
        self._step += 1
        out, sent = self._out, self._sent
        # In front of the encoder; a spare row stops what is behind it as long as the encoder would.
        held = self._start + self._to_mask
        words: Sequence[Addresses]
        for rows, words in masks:
            held = sent if sent > held + rows else held + rows
            offered = held + 1
            for word in words:
                sent = out.event(word, offered)
                offered = sent + 1
        self._sent = sent
        self._swept = held + self._to_end
        end = self._swept + 1
        # Set before the tick goes out: a loop brings the next step's first word back.
        self._ticks_from = end
        if not self._quick:
            self._events_from = end
        self._sent = out.tick(last, max(held + 1, sent + 1))

    def hold_up(self, cycles: int, left: int) -> None:
        """The sweep ended later than it knew, because of words that others were in the way of.

        Parameters
        ----------
        cycles
            How much later.
        left
            When its tick left.
        """
        self._swept += cycles
        self._ticks_from += cycles
        if not self._quick:
            self._events_from += cycles
        self._sent = max(self._sent, left)

    def shown(self, rows: int) -> int:
        """When the last sweep showed the last of so many rows of potentials; padding is behind them."""
        return self._swept - (self._update_rows - rows)


class _Stages:
    """When a walker of several is free again: its event, its walk, what it adds, its output."""

    __slots__ = ("added", "left", "loaded", "walked")

    def __init__(self) -> None:
        self.loaded = self.walked = self.added = self.left = LONG_AGO


class JoinedGroup(Group):
    """A group of several projections: walkers side by side, and a register behind them (``Walker``).

    Their operations are taken in the order of the events, where the hardware has the first that is there; so
    the cycles are near, and not exact.
    """

    def __init__(self, plan: GroupPlan, out: Taker, walks: list[Walk | None]) -> None:
        super().__init__(plan, out, walks)
        self._offsets = [p.offset for p in plan.projections]
        self._stages = [_Stages() for _ in plan.projections]
        # When the last operation came into the register.
        self._joined = LONG_AGO

    def _joins(self, ready: int) -> int:
        """What is at a walker's output from a cycle on comes into the register behind it: when."""
        return max(ready, self._joined + 1, self._moved)

    def event(self, addresses: Addresses, shown: int) -> int:
        """As :meth:`Group.event`."""
        address = addresses[0]
        place = sum(address >= offset for offset in self._offsets) - 1
        walk, stages = self._walks[place], self._stages[place]
        if walk is None:
            taken = max(shown, stages.left)
            joined = self._joins(taken + 1)
            moved = max(joined + 1, self._events_from)
            self._moved = self._event = moved + self._final
            self._joined = stages.left = joined + self._final
            return taken
        taken = max(shown, stages.loaded)
        count, last, second, third, low, high = walk.known.get(address) or walk.learn(address)
        stages.loaded = max(taken + 1, stages.walked, stages.loaded + 1)
        if not count:
            return taken
        walked = max(stages.loaded + 1, stages.added)
        added = max(walked + 1, stages.left)
        joined = self._joins(added + 1)
        gap = 2 if not self._quick and self._final and low == self._fold and self._moved == self._event else 1
        moved = max(joined + 1, self._moved + gap, self._events_from)
        # An operation leaves its walker as the one before it moves.
        stages.walked = walked if count == 1 else added if count == 2 else moved + third - 1
        stages.added = added if count == 1 else moved + second - 1
        self._joined = stages.left = joined if count == 1 else moved + last - 1
        self._moved = self._event = moved + last
        self._fold = high
        return taken

    def tick(self, shown: int) -> int:
        """As :meth:`Group.tick`: it enters all walkers at once, and leaves them together."""
        pairs = list(zip(self._walks, self._stages, strict=True))
        taken = max(shown, *(stages.left if walk is None else stages.loaded for walk, stages in pairs))
        ready = taken + 1
        for walk, stages in pairs:
            if walk is not None:
                stages.loaded = max(taken + 1, stages.walked, stages.loaded + 1)
                stages.walked = max(stages.loaded + 1, stages.added)
                stages.added = max(stages.walked + 1, stages.left)
                ready = max(ready, stages.added + 1)
        self._joined = self._joins(ready)
        for stages in self._stages:
            stages.left = self._joined
        self._tick_moves(max(self._joined + 1, self._moved + 1))
        return taken


def timed_group(plan: GroupPlan, out: Taker, walks: list[Walk | None]) -> Group:
    """The group of a plan, with one walker or several; arguments as of :class:`Group`."""
    return (JoinedGroup if len(plan.projections) > 1 else Group)(plan, out, walks)
