"""A whole design, word by word: how long a sample takes.

``cost/word_timing.py`` has what this is about.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from qsnn_hw.cost.word_routes import Arrival, Merge, Outlet
from qsnn_hw.cost.word_timing import Addresses, Buffer, Group, Mask, Walk
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan


class WordNetwork:
    """The whole ``SpikingNetwork``.

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
        self._groups = {}
        for group in plan.groups:
            # Event lanes too: a projection with rows left out is walked as sparse, and only with one of them.
            key = group.name, group.lanes, group.event_lanes, group.accumulators
            self._groups[group.name] = Group(group, outlets[group.name], walks.setdefault(key, []))
        merges = {name: Merge(Buffer(plan.buffer_depth, self._groups.get(name))) for name in (*names, HOST)}
        arrivals = [(route, Arrival(plan, route, merges[route.destination])) for route in plan.routes]
        for route, arrival in arrivals:
            merges[route.destination].arrivals.append(arrival)
        # A tick first goes where others wait for what it sets off: groups are in that order.
        for name in merges:
            for route, arrival in arrivals:
                if route.destination == name:
                    outlets[route.source].arrivals.append(arrival)
        for outlet in outlets.values():
            outlet.shorten()
        self._host, self._end = outlets[HOST], merges[HOST].buffer
        self._addresses = plan.input_space.addresses()
        self._now = 0
        self.ticks: list[int] = []
        """When each of the sample's ticks left the design."""

    def load(self, spikes: Mapping[str, list[list[Mask]]]) -> None:
        """What the next sample's sweeps find, by group of the plan."""
        for name, found in spikes.items():
            self._groups[name].load(found)

    def run(self, steps: Sequence[Sequence[Addresses]]) -> int:
        """Cycles of a sample, from its first word to its last tick; ``steps`` are its words."""
        host, now, started = self._host, self._now, -1
        self.ticks = []
        for step, words in enumerate(steps):
            for word in words:
                at = host.event(word, now)
                started = at if started < 0 else started
                now = at + 1
            at = host.tick(step == len(steps) - 1, now)
            started = at if started < 0 else started
            now = at + 1
            self.ticks.append(self._end.left)
        # The next sample is sent when this one's last tick has left.
        self._now = self._end.left + 1
        return self._end.left - started


def input_words(events: np.ndarray, addresses: np.ndarray, lanes: int) -> list[list[Addresses]]:
    """A sample's words, step by step: events by ascending address, in as few words as can be.

    Parameters
    ----------
    events
        How many of every input, shape (time, input).
    addresses
        Of the inputs.
    lanes
        Events per word.
    """
    found: list[list[Addresses]] = []
    for row in events:
        fired = np.flatnonzero(row)
        sent = np.sort(np.repeat(addresses[fired], row[fired])).tolist()
        if lanes == 1:
            found.append([(address,) for address in sent])
            continue
        queues: list[list[int]] = [[] for _ in range(lanes)]
        for address in sent:
            queues[address % lanes].append(address)
        longest = max(len(queue) for queue in queues)
        found.append([tuple(q[k] for q in queues if k < len(q)) for k in range(longest)])
    return found


def follows(plan: HardwarePlan) -> bool:
    """Whether following words one by one gives the cycles exactly.

    It does where everything that one destination takes comes in an order that is known beforehand: not
    where branches of the network run side by side and meet, or a group has several walkers.
    """
    direct: dict[str, set[str]] = {}
    reached: dict[str, set[str]] = {HOST: set()}
    for group in plan.groups:
        sources = {r.source for r in plan.routes if r.destination == group.name and not r.delay}
        direct[group.name] = sources
        reached[group.name] = sources.union(*(reached[source] for source in sources))
    one = all(len(group.projections) == 1 for group in plan.groups)
    return one and all(
        a == b or a in reached[b] or b in reached[a]
        for sources in direct.values()
        for a in sources
        for b in sources
    )
