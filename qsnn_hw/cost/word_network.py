"""A whole design, word by word: how long a sample takes.

``cost/word_timing.py`` has what this is about.
"""

from collections.abc import Hashable, Mapping

from qsnn_hw.cost.design_words import DesignWords
from qsnn_hw.cost.sweep_masks import Addresses, Mask
from qsnn_hw.cost.word_routes import Arrival, Merge, Outlet
from qsnn_hw.cost.word_timing import LONG_AGO, Buffer, Group, Taker, Walk, timed_group
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan


class WordNetwork:
    """The whole ``SpikingNetwork``, with encoder and readout where the plan has them: ``Classifier``.

    Parameters
    ----------
    plan
        The design.
    walks
        Where the groups' walks may be from an earlier design, by group, lanes, event lanes and accumulators.
    """

    def __init__(self, plan: HardwarePlan, walks: dict[Hashable, list[Walk | None]] | None = None) -> None:
        walks = {} if walks is None else walks
        names = [group.name for group in plan.groups]
        outlets = {name: Outlet() for name in (HOST, *names)}
        self._groups: dict[str, Group] = {}
        for group in plan.groups:
            # Event lanes too: a projection with rows left out is walked as sparse, and only with one of them.
            key = group.name, group.lanes, group.event_lanes, group.accumulators
            self._groups[group.name] = timed_group(group, outlets[group.name], walks.setdefault(key, []))
        parallel = _parallel(plan)
        merges = {
            name: Merge(Buffer(plan.buffer_depth, self._groups.get(name)), name in parallel)
            for name in (*names, HOST)
        }
        arrivals = [
            (route, Arrival(plan, route, merges[route.destination], self._groups.get(route.source)))
            for route in plan.routes
        ]
        for route, arrival in arrivals:
            merges[route.destination].arrivals.append(arrival)
        # A tick first goes where others wait for what it sets off: groups are in that order.
        for name in merges:
            for route, arrival in arrivals:
                if route.destination == name:
                    outlets[route.source].arrivals.append(arrival)
        for outlet in outlets.values():
            outlet.shorten()
        self._end, self._readout = merges[HOST].buffer, plan.readout
        self._answering = self._groups[plan.output_group.name]
        self._host: Taker = outlets[HOST] if plan.encoder is None else _Encoder(outlets[HOST])
        self._now = 0
        self.ticks: list[int] = []
        """When each of the sample's ticks left the network."""

    def load(self, spikes: Mapping[str, list[list[Mask]]]) -> None:
        """What the next sample's sweeps find, by group of the plan."""
        for name, events in spikes.items():
            self._groups[name].load(events)

    def run(self, words: DesignWords) -> int:
        """Cycles of a sample, from its first word to its answer: that of a readout, else its last tick."""
        host, now, started = self._host, self._now, -1
        if words.lead is not None:
            started, now = now, now + words.lead
        self.ticks = []
        for step, sent in enumerate(words.steps):
            for word in sent:
                at = host.event(word, now) if word else now
                started = at if started < 0 else started
                now = at + 1
            at = host.tick(step == len(words.steps) - 1, now)
            started = at if started < 0 else started
            now = at + 1
            self.ticks.append(self._end.left)
        answered = self._end.left
        if self._readout is not None:
            told = self._answering.shown(self._readout.rows) if self._readout.potentials else answered
            answered = told + self._readout.latency
        # The next sample is sent when this one's answer has left.
        self._now = answered + 1
        return answered - started


class _Encoder:
    """``InputEncoder`` behind its banks: the buffer of two words that it fills."""

    def __init__(self, network: Taker) -> None:
        self._network = network
        self._room = [LONG_AGO, LONG_AGO]

    def event(self, addresses: Addresses, offered: int) -> int:
        """A word at hand from a cycle on: when it is in the buffer."""
        at = max(offered, self._room[0] + 1)
        self._leaves(self._network.event(addresses, max(at, self._room[1]) + 1))
        return at

    def tick(self, last: bool, offered: int) -> int:
        """The same for a tick."""
        at = max(offered, self._room[0] + 1)
        self._leaves(self._network.tick(last, max(at, self._room[1]) + 1))
        return at

    def _leaves(self, at: int) -> None:
        self._room = [self._room[1], at]


def follows(plan: HardwarePlan) -> bool:
    """Whether following words one by one gives the cycles exactly.

    It does where everything that one destination takes comes in an order that is known beforehand: not
    where branches of the network run side by side and meet, or a group has several walkers.
    """
    return not _parallel(plan) and all(len(group.projections) == 1 for group in plan.groups)


def _parallel(plan: HardwarePlan) -> set[str]:
    """The groups that hear branches of the network which run side by side."""
    reached: dict[str, set[str]] = {HOST: set()}
    parallel = set()
    for group in plan.groups:
        sources = {r.source for r in plan.routes if r.destination == group.name and not r.delay}
        reached[group.name] = sources.union(*(reached[source] for source in sources))
        if any(a != b and a not in reached[b] and b not in reached[a] for a in sources for b in sources):
            parallel.add(group.name)
    return parallel
