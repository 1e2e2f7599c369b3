"""A whole design, cycle by cycle: how long a sample takes where branches of the network meet.

Each class here follows the component in ``qsnn_hw/rtl`` of which its docstring tells; the groups are in
``cost/cycle_group.py``.
"""

from collections import deque
from collections.abc import Mapping

from qsnn_hw.cost.cycle_group import GroupTiming
from qsnn_hw.cost.cycle_sweep import Word
from qsnn_hw.cost.design_words import DesignWords
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route


class _Buffer:
    """``ElasticBuffer``: registers up to depth 2, beyond that a memory and a register."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._words: deque[Word] = deque()
        self._head: Word | None = None

    @property
    def ready(self) -> bool:
        if self._depth > 2:
            return len(self._words) != self._depth - 1
        return len(self._words) < self._depth

    @property
    def out(self) -> Word | None:
        if self._depth > 2:
            return self._head
        return self._words[0] if self._words else None

    def step(self, word: Word | None, taken: bool) -> None:
        accepts = word is not None and self.ready
        if self._depth > 2:
            if taken:
                self._head = None
            if self._head is None and self._words:
                self._head = self._words.popleft()
        elif taken:
            self._words.popleft()
        if accepts and word is not None:
            self._words.append(word)


class _Delay:
    """``StepDelay``."""

    def __init__(self, route: Route) -> None:
        self._ahead = route.ahead
        self._room = 1 << max(1, (max(1, route.words) - 1).bit_length())
        self._marks = [0] * (route.delay - route.ahead)
        self._words: dict[int, Word] = {}
        self._write = self._read = self._end = 0
        self._due, self._last = route.ahead, False
        # What was fetched: a word, or the tick of a step.
        self._fetched: Word | None = None
        self.out: Word | None = None

    def step(self, word: Word | None, taken: bool) -> bool:
        free = self.out is None or taken
        moving = self._due and (self._fetched is None or free)
        finishing = moving and self._read == self._end
        full = self._write - self._read == self._room
        accepts = word is not None and ((not self._due or finishing) if word.tick else not full)
        self._fetch(free, moving, finishing)
        if accepts and word is not None:
            self._take(word)
        return accepts

    def _fetch(self, free: bool, moving: bool, finishing: bool) -> None:
        """What was fetched goes on; behind it the next word of the step that is due, or its tick."""
        if free:
            self.out, self._fetched = self._fetched, None
        if finishing:
            self._fetched, self._due = Word(True, self._last), False
            if not self._ahead and self._last:
                self._read = self._marks[-1]
        elif moving:
            self._fetched = self._words.pop(self._read)
            self._read += 1

    def _take(self, word: Word) -> None:
        """An event is stored; a tick makes the step due that began so many ticks before."""
        write = self._write
        if not word.tick:
            self._words[write] = word
            self._write += 1
            return
        ends = [write, *self._marks]
        self._due, self._end = True, ends[-1]
        self._marks = [write if word.last else before for before in ends[: len(self._marks)]]
        if not self._ahead:
            self._last = word.last
        elif word.last:
            self._read = self._end = write


class _Arrival:
    """One route from its copy of the source's stream to its destination's merge."""

    def __init__(self, plan: HardwarePlan, route: Route) -> None:
        self._offset, self._lanes = route.offset, plan.sent_lanes(route.source)
        self._splits = plan.splits(route)
        self.delay = _Delay(route) if route.delay else None
        self._gone = 0
        self.done = False

    def offer(self, word: Word | None) -> tuple[Word | None, bool]:
        """What the merge sees, and whether the word leaves with it."""
        if word is None or word.tick:
            return word, True
        addresses = word.addresses
        whole = True
        if self._splits:
            ordered = sorted(addresses, key=lambda address: address % self._lanes)
            whole = self._gone == len(ordered) - 1
            addresses = (ordered[self._gone],)
        return Word(False, False, tuple(a + self._offset for a in addresses)), whole

    def moved(self, whole: bool) -> None:
        """Part of a word, or the last part, has left."""
        self._gone = 0 if whole else self._gone + 1


class _Merge:
    """``TickMerge`` and the buffer behind it."""

    def __init__(self, depth: int) -> None:
        self.buffer = _Buffer(depth)
        self._held: int | None = None
        self._word: Word | None = None

    def answers(self, offers: list[Word | None]) -> list[bool]:
        """Choose this cycle's word; which of the offers it takes."""
        ready = self.buffer.ready
        ticks = all(word is not None and word.tick for word in offers)
        granted = None
        if ticks:
            self._word = Word(True, any(offer is not None and offer.last for offer in offers))
        else:
            events = (k for k, offer in enumerate(offers) if offer is not None and not offer.tick)
            granted = next(events, None) if self._held is None else self._held
            self._word = None if granted is None else offers[granted]
        self._held = None if ready else granted
        return [ready and (ticks or k == granted) for k in range(len(offers))]

    def step(self, taken: bool) -> None:
        """End of the cycle; ``taken``: the destination takes the buffer's word."""
        self.buffer.step(self._word, taken)


class Sender:
    """Who feeds the network: the host, or ``InputEncoder`` with the buffer behind it.

    Parameters
    ----------
    words
        Of one sample.

    Attributes
    ----------
    started : int
        The cycle that took the sample's first word.
    """

    def __init__(self, words: DesignWords) -> None:
        self._words: deque[Word | None] = deque()
        for step, sent in enumerate(words.steps):
            self._words += [Word(False, False, addresses) if addresses else None for addresses in sent]
            self._words.append(Word(True, step == len(words.steps) - 1))
        self._buffer = None if words.lead is None else _Buffer(2)
        self._lead = words.lead or 0
        self._cycle = 0
        self.started = -1 if self._buffer is None else 0

    @property
    def out(self) -> Word | None:
        """The word on offer to the network."""
        if self._buffer is not None:
            return self._buffer.out
        return self._words[0] if self._words else None

    def step(self, taken: bool) -> None:
        """End of a cycle; ``taken``: the network took the word on offer."""
        if self._buffer is None:
            if taken:
                self.started = self._cycle if self.started < 0 else self.started
                self._words.popleft()
        else:
            word = self._words[0] if self._words and self._cycle >= self._lead else None
            passes = self._cycle >= self._lead and self._words and (word is None or self._buffer.ready)
            self._buffer.step(word, taken)
            if passes:
                self._words.popleft()
        self._cycle += 1


class CycleNetwork:
    """The whole ``SpikingNetwork``.

    Parameters
    ----------
    plan
        The design.
    """

    def __init__(self, plan: HardwarePlan) -> None:
        self.groups = {group.name: GroupTiming(group) for group in plan.groups}
        self._routes = plan.routes
        self._arrivals = [_Arrival(plan, route) for route in plan.routes]
        self._from = {
            name: [k for k, route in enumerate(plan.routes) if route.source == name]
            for name in (HOST, *self.groups)
        }
        self._into = {
            name: [k for k, route in enumerate(plan.routes) if route.destination == name]
            for name in (HOST, *self.groups)
        }
        self._merges = {name: _Merge(plan.buffer_depth) for name in self._into}

    def step(self, host: Word | None) -> tuple[bool, Word | None]:
        """One cycle: whether the host's word was taken, and the word that left."""
        left = self._merges[HOST].buffer.out
        sources: dict[str, Word | None] = {HOST: host} | {n: g.out for n, g in self.groups.items()}
        # What a merge sees, and whether it has room, registers alone decide.
        copies: list[Word | None] = []
        offers: list[tuple[Word | None, bool]] = []
        for route, arrival in zip(self._routes, self._arrivals, strict=True):
            copies.append(None if arrival.done else sources[route.source])
            offers.append(arrival.offer(copies[-1] if arrival.delay is None else arrival.delay.out))
        took = self._taken(sources, self._accepted(copies, offers))
        for name, group in self.groups.items():
            merge = self._merges[name]
            word = merge.buffer.out
            merge.step(group.step(word, took[name]) and word is not None)
        self._merges[HOST].step(left is not None)
        return took[HOST], left

    def _accepted(self, copies: list[Word | None], offers: list[tuple[Word | None, bool]]) -> list[bool]:
        """Move words on; of each route, whether its copy of the source's word has gone."""
        moves: dict[int, bool] = {}
        for name, into in self._into.items():
            answers = self._merges[name].answers([offers[k][0] for k in into])
            moves |= dict(zip(into, answers, strict=True))
        accepted = []
        for k, (arrival, (offer, whole)) in enumerate(zip(self._arrivals, offers, strict=True)):
            moved = moves[k] and offer is not None
            if moved:
                arrival.moved(whole)
            left = moved and whole
            accepted.append(left if arrival.delay is None else arrival.delay.step(copies[k], left))
        return accepted

    def _taken(self, sources: Mapping[str, Word | None], accepted: list[bool]) -> dict[str, bool]:
        """The sources whose word leaves: with the last of its copies."""
        taken = {}
        for name, own in self._from.items():
            taken[name] = all(accepted[k] or self._arrivals[k].done for k in own) and (
                sources[name] is not None
            )
            for k in own:
                arrival = self._arrivals[k]
                arrival.done = not taken[name] and (arrival.done or accepted[k])
        return taken
