"""The routes between groups, word by word: multicast, delay, adapter and merge.

``cost/word_timing.py`` has what this is about.
"""

from collections import deque

from qsnn_hw.cost.sweep_masks import Addresses
from qsnn_hw.cost.word_timing import LONG_AGO, Buffer, Group
from qsnn_hw.plan.hardware_plan import HardwarePlan, Route


class _Delay:
    """``StepDelay``, as far as it goes without filling up."""

    def __init__(self, route: Route) -> None:
        self._ahead = route.ahead
        self._steps: deque[list[Addresses]] = deque([] for _ in range(route.delay - route.ahead))
        self._now: list[Addresses] = []
        self._accepted = LONG_AGO
        # Released words, None for a tick, each with the cycle in which its step was.
        self._due: deque[tuple[Addresses | None, bool, int]] = deque()
        self._fetched = self._shown = self._left = self._finished = LONG_AGO
        if route.ahead:
            self._due.append((None, False, LONG_AGO))

    def event(self, addresses: Addresses, offered: int) -> int:
        self._accepted = max(offered, self._accepted + 1)
        self._now.append(addresses)
        return self._accepted

    def tick(self, last: bool, offered: int) -> int:
        # The step released before has been fetched to its tick.
        self._accepted = max(offered, self._accepted + 1, self._finished)
        self._steps.append(self._now)
        self._now = []
        released = self._steps.popleft()
        if last and self._ahead:
            released = []
        self._due.extend((word, False, self._accepted) for word in released)
        self._due.append((None, last and not self._ahead, self._accepted))
        if last:
            self._steps = deque([] for _ in self._steps)
        return self._accepted

    def head(self) -> tuple[Addresses | None, int] | None:
        """The next word (None: a tick), and when it is on offer."""
        if not self._due:
            return None
        word, _, due = self._due[0]
        fetched = max(due + 1, self._fetched + 1, self._shown)
        shown = max(fetched + 1, self._left)
        if word is None:
            self._finished = fetched
        return word, shown + 1

    def leave(self, at: int) -> bool:
        """The head leaves; whether it ends a sample."""
        _, last, due = self._due.popleft()
        self._fetched = max(due + 1, self._fetched + 1, self._shown)
        self._shown = max(self._fetched + 1, self._left)
        self._left = at
        return last


class Arrival:
    """One route, from its copy of the source's stream to its destination's merge."""

    def __init__(self, plan: HardwarePlan, route: Route, merge: "Merge", source: Group | None) -> None:
        self._offset, self._lanes = route.offset, plan.sent_lanes(route.source)
        self._splits = plan.splits(route)
        self.merge, self._source = merge, source
        self.delay = _Delay(route) if route.delay else None
        # Undelayed: the tick on offer, and when the last one left. Delayed: what is left of a word.
        self.offered: int | None = None
        self.last = False
        self._left = LONG_AGO
        self._rest: list[Addresses] = []
        self._rest_from = LONG_AGO
        # Beside other branches: words that wait for what those send, each with when it is on offer.
        self._queue: deque[tuple[int, Addresses]] = deque()
        # How much later than that the one before was on offer, and with it all behind it in the sweep.
        self._late = 0

    @property
    def plain(self) -> bool:
        """Whether words arrive as they were sent."""
        return self.delay is None and not self._splits and not self._offset

    def _parts(self, addresses: Addresses) -> list[Addresses]:
        """A word as the merge sees it: whole, or its events one by one."""
        offset = self._offset
        if self._splits and len(addresses) > 1:
            return [(a + offset,) for a in sorted(addresses, key=lambda a: a % self._lanes)]
        return [tuple(a + offset for a in addresses) if offset else addresses]

    def event(self, addresses: Addresses, offered: int) -> int:
        """A word of events on offer: when it leaves."""
        if self.delay is not None:
            return self.delay.event(addresses, offered)
        at = offered
        for part in self._parts(addresses):
            at = self.merge.event(self, part, offered)
            offered = at + 1
        return at

    def keep(self, addresses: Addresses, offered: int) -> int:
        """A word whose turn among those of other branches is not known yet: when it leaves at best."""
        self._queue.append((offered, addresses))
        return offered

    def _turn(self, offered: int) -> int:
        """When something is on offer that would have been earlier, had nothing held it up."""
        return max(offered + self._late, self._left + 1)

    def next_event(self) -> tuple[int, Addresses] | None:
        """The next event that waits here, and when it is on offer."""
        if self.delay is None:
            if not self._queue:
                return None
            offered, addresses = self._queue[0]
            return self._turn(offered), addresses
        head = self.waiting()
        return None if head is None or head[1] is None else (head[0], head[1])

    def take_event(self, at: int) -> None:
        """That event leaves."""
        if self.delay is not None:
            self.take(at)
            return
        offered, _ = self._queue.popleft()
        self._late = self._turn(offered) - offered
        self._left = at

    def offer_tick(self, last: bool, offered: int) -> None:
        """A tick comes on offer; it may have to wait for other routes."""
        if self.delay is not None:
            self._left = self.delay.tick(last, offered)
        else:
            self.offered, self.last = offered, last

    def finish_tick(self) -> int:
        """When the tick left."""
        self.merge.pump()
        # Another branch, which comes later, may still have to tick.
        return self._left if self.offered is None else self.offered

    def waiting(self) -> tuple[int, Addresses | None] | None:
        """Of a delayed route: when its next word is on offer, and the word, None for a tick."""
        assert self.delay is not None
        if self._rest:
            return self._rest_from, self._rest[0]
        head = self.delay.head()
        if head is None:
            return None
        word, offered = head
        if word is None:
            return offered, None
        self._rest, self._rest_from = self._parts(word), offered
        return offered, self._rest[0]

    def tick_offered(self) -> int | None:
        """When the step's tick is on offer, behind all else that waits here."""
        if self.delay is not None:
            head = self.waiting()
            return None if head is None else head[0]
        return self.offered if self.offered is None or not self.merge.parallel else self._turn(self.offered)

    def ready(self) -> bool:
        """Whether it is known what comes up to the next tick."""
        return self.offered is not None if self.delay is None else self.waiting() is not None

    def take(self, at: int) -> bool:
        """What waits is taken, in a cycle; whether it was the end of a sample."""
        if self.delay is None:
            if self.merge.parallel and self.offered is not None and self._source is not None:
                self._source.hold_up(self._turn(self.offered) - self.offered, at)
            self.offered, self._left, self._late = None, at, 0
            return self.last
        if self._rest:
            self._rest.pop(0)
            self._rest_from = at + 1
        return False if self._rest else self.delay.leave(at)


class Merge:
    """``TickMerge`` in front of a destination's buffer.

    Parameters
    ----------
    buffer
        Behind it.
    parallel
        Some of its sources run side by side. Their words are kept until all of a step are there, and
        take turns then; a source that others hold up learns of it with its tick.
    """

    def __init__(self, buffer: Buffer, parallel: bool) -> None:
        self.buffer, self.parallel = buffer, parallel
        self.arrivals: list[Arrival] = []

    def event(self, arrival: Arrival, addresses: Addresses, offered: int) -> int:
        """An event of an undelayed route, behind what delayed routes have on offer before it."""
        if self.parallel:
            return arrival.keep(addresses, offered)
        if len(self.arrivals) > 1:
            self._pass_waiting(arrival, offered)
        return self.buffer.enter(offered, addresses)

    def _pass_waiting(self, own: Arrival | None, offered: int) -> None:
        """Take events that wait as long as the merge chooses them; all where no other event comes."""
        while True:
            heads: list[tuple[int, Arrival, Addresses]] = []
            for arrival in self.arrivals:
                if arrival is own:
                    heads.append((offered, arrival, ()))
                else:
                    head = arrival.next_event()
                    if head is not None:
                        heads.append((head[0], arrival, head[1]))
            if not heads:
                return
            # The first of what is on offer when there is something; it stays the choice.
            first = max(self.buffer.entered + 1, min(head[0] for head in heads))
            _, arrival, word = next(head for head in heads if head[0] <= first)
            if arrival is own:
                return
            arrival.take_event(self.buffer.enter(first, word))

    def pump(self) -> None:
        """Pass ticks that every route has; delayed events where no others can come before."""
        while all(arrival.ready() for arrival in self.arrivals):
            self._pass_waiting(None, 0)
            offers = []
            for arrival in self.arrivals:
                offered = arrival.tick_offered()
                if offered is None:
                    return
                offers.append(offered)
            at = self.buffer.enter(max(offers), None)
            ended = [arrival.take(at) for arrival in self.arrivals]
            if self.buffer.group is not None:
                self.buffer.group.sweep(any(ended))


class Outlet:
    """``Multicast``: the copies of a source's words."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._buffer: Buffer | None = None

    def shorten(self) -> None:
        """Where the only copy reaches its buffer as it is, take that way."""
        if len(self.arrivals) == 1:
            (arrival,) = self.arrivals
            if arrival.plain and len(arrival.merge.arrivals) == 1:
                self._buffer = arrival.merge.buffer

    def event(self, addresses: Addresses, offered: int) -> int:
        """A word of events on offer: when its last copy has left."""
        if self._buffer is not None:
            return self._buffer.enter(offered, addresses)
        return max([arrival.event(addresses, offered) for arrival in self.arrivals], default=offered)

    def tick(self, last: bool, offered: int) -> int:
        """The same for a tick."""
        for arrival in self.arrivals:
            arrival.offer_tick(last, offered)
        return max([arrival.finish_tick() for arrival in self.arrivals], default=offered)
