"""All designs a network could be, by rough figures: which of them are worth a closer look.

Groups work at the same time, but not independently: while a group sweeps, its spikes go to the next
one, which must have ended its own sweep to take them, and takes them at its own pace where the buffer
between them is shallow. So a step takes a group with its sums in memory the time in which it takes
events and, after it, the time in which it hands over its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.explore.designs.demand import Demand
from qsnn_hw.explore.designs.offers import Offer
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.plan.placement import MOST_ROM_WORDS, place, rom_words
from qsnn_hw.plan.shape import Shape
from qsnn_hw.quantize.network import QuantizedNetwork

# Combinations of the groups' offers that are looked at together.
_MOST = 500_000
# A loop cannot start a step before it has ended the one before.
_LOOP_OVERHEAD = 10
# Deep buffers that leave this share of the cycles are worth a try.
_PAYS = 0.95
# Designs whose memories are placed before a search gives up; groups of which some go to other memory.
_TRIED, _MOST_MOVED = 200, 6
_NEVER = 1 << 20

Merit = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Logic cells and cycles -> what is to be least, and what decides between equals."""
Offers = Sequence[Sequence[Offer]]
"""Of every group, in the network's order."""


@dataclass(frozen=True)
class Candidate:
    """A design worth a closer look.

    Parameters
    ----------
    shapes
        By group.
    deep_pays
        Deep buffers may save cycles.
    """

    shapes: Mapping[str, Shape]
    deep_pays: bool


class Candidates:
    """Designs by rough figures.

    Parameters
    ----------
    network, options
        As for ``make_plan``.
    demand
        What the traffic asks of shapes.
    offered
        The shapes of every group.
    """

    def __init__(
        self,
        network: QuantizedNetwork,
        options: PlanOptions,
        demand: Demand,
        offered: Mapping[str, Sequence[Offer]],
    ) -> None:
        self._network, self._options, self._demand = network, options, demand
        self._names = [group.name for group in network.groups]
        self._offered = [offered[name] for name in self._names]
        # Logic cells and memory blocks that are no group's, and logic cells that a design may take.
        self._around, self._reserved, self._room = 0.0, 0, np.inf

    def learn(self, shapes: Mapping[str, Shape], luts: int, reserved: int, room: int | None) -> None:
        """Take from a design that was laid out what is beside the groups.

        Parameters
        ----------
        shapes, luts
            The design and its logic cells.
        reserved
            Memory blocks that are no group's.
        room
            Logic cells that a design may take.
        """
        self._around = luts - sum(offer.luts for (offer,) in self._only(shapes))
        self._reserved, self._room = reserved, np.inf if room is None else room

    def smallest(self) -> Mapping[str, Shape]:
        """The design of the fewest logic cells whose memories fit; of the fewest blocks where none does."""
        table = self._table([self._best(name, own) for name, own in self._lists()])
        for at in np.argsort(np.where(table.fits, table.luts, np.inf), axis=None)[:_TRIED]:
            if self._places(offers := table.at(int(at))):
                return self._shapes(offers)
        return self._shapes([min(own, key=lambda o: (o.blocks, o.luts)) for own in self._offered])

    def fronts(self, most: int, merit: Merit) -> Iterator[Candidate]:
        """Some designs that no other one beats, by either kind of cycles, and the best by ``merit``."""
        table = self._table([self._best(name, own) for name, own in self._lists()])
        usable = np.flatnonzero(table.fits)
        for cycles in (table.shallow, table.deep):
            luts, times = table.luts.ravel()[usable], cycles.ravel()[usable]
            front = usable[undominated(luts, times)]
            front = front[
                np.unique(np.round(np.linspace(0, len(front) - 1, min(most, len(front)))).astype(int))
            ]
            best = usable[np.lexsort(merit(luts, times)[::-1])[:_TRIED]]
            yield from self._placed(table, front, most)
            yield from self._placed(table, best, 3)

    def near(self, shapes: Mapping[str, Shape], most: int, merit: Merit) -> Iterator[Candidate]:
        """Designs with one or two neighbouring groups in other shapes that may be best by ``merit``."""
        only = self._only(shapes)
        for first in range(max(1, len(only) - 1)):
            pair = range(first, min(first + 2, len(only)))
            table = self._table([self._offered[k] if k in pair else only[k] for k in range(len(only))])
            usable = np.flatnonzero(table.fits)
            for cycles in (table.shallow, table.deep):
                order = np.lexsort(merit(table.luts.ravel()[usable], cycles.ravel()[usable])[::-1])
                yield from self._placed(table, usable[order[:_TRIED]], most)

    def _lists(self) -> Iterator[tuple[str, Sequence[Offer]]]:
        return zip(self._names, self._offered, strict=True)

    def _shapes(self, offers: Sequence[Offer]) -> dict[str, Shape]:
        return {name: offer.shape for name, offer in zip(self._names, offers, strict=True)}

    def _only(self, shapes: Mapping[str, Shape]) -> list[list[Offer]]:
        return [[next(o for o in own if o.shape == shapes[name])] for name, own in self._lists()]

    def _placed(self, table: "_Table", places: np.ndarray, most: int) -> Iterator[Candidate]:
        """The first of some designs whose memories find their places."""
        for at in places.tolist():
            if most and self._places(offers := table.at(at)):
                most -= 1
                pays = bool(table.deep.flat[at] < _PAYS * table.shallow.flat[at])
                yield Candidate(self._shapes(offers), pays)

    def _places(self, offers: Sequence[Offer]) -> bool:
        limits = self._options.limits
        needs = {name: offer.memories for name, offer in zip(self._names, offers, strict=True)}
        return limits is None or place(needs, limits, self._options.synapse_store) is not None

    def _best(self, name: str, offered: Sequence[Offer]) -> list[Offer]:
        """So many offers of a group that all combinations can be looked at."""
        most = max(1, int(_MOST ** (1 / len(self._names))))
        if len(offered) <= most:
            return list(offered)
        sweep = np.array([self._demand.sweep(name, o.shape)[0] for o in offered])
        taken = np.zeros(len(offered))
        for p in self._network.into(name):
            taken += [self._demand.least_operations(p, o.shape) for o in offered]
        longer = np.maximum(sweep, taken)
        memory = np.array([o.shape.accumulators == "memory" for o in offered])
        luts, blocks = np.array([o.luts for o in offered]), np.array([o.blocks for o in offered])
        times = (np.where(memory, sweep + taken, longer), longer, sweep, taken)
        places: dict[int, None] = {}
        # What nothing beats in one kind of time and one of area, then what only such offers beat.
        for turn in range(len(offered)):
            for area in (luts, blocks) if turn == 0 else (luts,):
                for time in times:
                    left = np.array([k for k in range(len(offered)) if k not in places], dtype=np.int64)
                    front = left[undominated(area[left], time[left])]
                    places |= dict.fromkeys(front[: most - len(places)].tolist())
                    if len(places) == most:
                        return [offered[k] for k in sorted(places)]
        raise AssertionError("every round keeps an offer")

    def _table(self, offers: Offers) -> "_Table":
        luts = combined([[o.luts for o in own] for own in offers]) + self._around
        fits = self._fitting(offers)
        # Rough figures: what is a little too much may still do.
        for within in (fits & (luts <= 1.1 * self._room), fits, np.ones(luts.shape, dtype=bool)):
            if within.any():
                break
        shallow, deep = self._periods(offers)
        return _Table(offers, luts, shallow, deep, within)

    def _fitting(self, offers: Offers) -> np.ndarray:
        """Which designs may fit the memory blocks that are not reserved."""
        limits, rom = self._options.limits, self._options.synapse_store == "rom"
        fits = np.ones([len(own) for own in offers], dtype=bool)
        if rom:
            fits &= combined([[rom_words(o.memories) for o in own] for own in offers]) <= MOST_ROM_WORDS
        if limits is None or limits.block_ram is None:
            return fits
        room, count = limits.block_ram.count - self._reserved, len(offers)
        if limits.spram is None or rom:
            return fits & (combined([[o.blocks for o in own] for own in offers]) <= room)
        if count > _MOST_MOVED:
            return fits
        # Any of the synapse memories may go to single-port RAM.
        some = np.zeros(fits.shape, dtype=bool)
        for moved in range(1 << count):
            single, blocks = [], []
            for k, own in enumerate(offers):
                moves = moved >> k & 1
                single.append([(_NEVER if o.sprams is None else o.sprams) if moves else 0 for o in own])
                blocks.append([0 if moves else o.blocks for o in own])
            some |= (combined(single) <= limits.spram.count) & (combined(blocks) <= room)
        return fits & some

    def _periods(self, offers: Offers) -> tuple[np.ndarray, np.ndarray]:
        """Mean cycles of a step: with shallow buffers, and with deep ones."""
        operations = self._operations(offers)
        count = len(offers)
        into: list[np.ndarray] = [np.zeros(1)] * count
        for (_, target, _), values in operations.items():
            into[target] = into[target] + values
        swept = [
            np.array([self._demand.sweep(name, o.shape) for o in own])
            for name, own in zip(self._names, offers, strict=True)
        ]
        sweeps = [along(offers, values[:, 0], k) for k, values in enumerate(swept)]
        waits = [along(offers, values[:, 1], k) for k, values in enumerate(swept)]
        hands = list(sweeps)
        straight = {(s, t): v for (s, t, late), v in operations.items() if s >= 0 and not late}
        for (source, _), values in straight.items():
            hands[source] = np.maximum(hands[source], waits[source] * values)
        shallow = deep = np.zeros([len(own) for own in offers])
        for k, own in enumerate(offers):
            memory = along(offers, [o.shape.accumulators == "memory" for o in own], k)
            takes = into[k]
            for source, target in straight:
                if target == k:
                    takes = np.maximum(takes, waits[source] * hands[source])
            loops = [v for (s, t, late), v in operations.items() if t == k and s >= t and late]
            if loops:
                loop = sum(loops, sweeps[k] + _LOOP_OVERHEAD)
                shallow, deep = np.maximum(shallow, loop), np.maximum(deep, loop)
            period = np.where(memory, into[k] + sweeps[k], np.maximum(into[k] + 1, sweeps[k]))
            deep = np.maximum(deep, period)
            period = np.where(memory, takes + hands[k], np.maximum(takes + 1, hands[k]))
            shallow = np.maximum(shallow, period)
        return shallow, deep

    def _operations(self, offers: Offers) -> dict[tuple[int, int, bool], np.ndarray]:
        """(source, -1 for the input; target; whether late) -> operations of a step, to be broadcast."""
        operations: dict[tuple[int, int, bool], np.ndarray] = {}
        number = {name: k for k, name in enumerate(self._names)}
        for p in self._network.projections:
            source, target = number.get(p.source, -1), number[p.target]
            late = bool(p.delay) or self._network.recurrent(p)
            mine = offers[target]
            if source < 0 or source >= target:
                values = along(offers, [self._demand.operations(p, None, o.shape) for o in mine], target)
            else:
                table = [[self._demand.operations(p, s.shape, o.shape) for o in mine] for s in offers[source]]
                values = along(offers, table, source, target)
            before = operations.get((source, target, late))
            operations[source, target, late] = values if before is None else before + values
        return operations


@dataclass(frozen=True)
class _Table:
    """Rough figures of all combinations of some offers, one axis for each group."""

    offers: Offers
    luts: np.ndarray
    shallow: np.ndarray
    deep: np.ndarray
    fits: np.ndarray

    def at(self, place: int) -> list[Offer]:
        """The combination at a place of the flattened arrays."""
        choice = np.unravel_index(place, self.luts.shape)
        return [own[int(k)] for own, k in zip(self.offers, choice, strict=True)]


def along(
    offers: Sequence[Sequence[object]], values: Sequence[object] | np.ndarray, *groups: int
) -> np.ndarray:
    """Values by the offers of some groups, ascending, to be broadcast over all combinations."""
    return np.asarray(values).reshape([len(own) if k in groups else 1 for k, own in enumerate(offers)])


def combined(values: Sequence[Sequence[float]]) -> np.ndarray:
    """Of all combinations, the sum of one value of each group."""
    total = np.zeros([len(own) for own in values])
    for k, own in enumerate(values):
        total = total + along(values, own, k)
    return total


def undominated(area: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Places of those that no other one beats in both, the quickest first; of equals one."""
    order = np.lexsort((area, times))
    least = np.minimum.accumulate(area[order])
    places: np.ndarray = order[np.append(True, area[order][1:] < least[:-1])]
    return places
