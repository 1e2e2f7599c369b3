"""The order of neuron groups: sources first, every loop cut at the group nearest the input."""

from collections.abc import Mapping, Set

from qsnn_hw.model.network import INPUT


def order_groups(sources: Mapping[str, Set[str]]) -> list[str]:
    """Order groups so that each comes after its feed-forward sources.

    Parameters
    ----------
    sources
        Group -> the groups (or ``INPUT``) that project into it.

    Returns
    -------
    list of str
        Within a loop, groups fewer projections away from the input come first; ties go by name. A
        projection from a group that is not earlier in this order reads the previous time step.
    """
    distance = _distances(sources)
    remaining = {name: {s for s in before if s != INPUT} for name, before in sources.items()}
    order: list[str] = []
    while remaining:
        ready = [name for name, before in remaining.items() if not (before & remaining.keys()) - {name}]
        if not ready:
            ready = _source_loop(remaining)
        nearest = min(ready, key=lambda name: (distance.get(name, len(sources)), name))
        order.append(nearest)
        del remaining[nearest]
    return order


def _distances(sources: Mapping[str, Set[str]]) -> dict[str, int]:
    distance = {INPUT: 0}
    frontier = {INPUT}
    while frontier:
        step = distance[next(iter(frontier))] + 1
        frontier = {name for name, before in sources.items() if name not in distance and before & frontier}
        distance.update(dict.fromkeys(frontier, step))
    return distance


def _source_loop(remaining: Mapping[str, Set[str]]) -> list[str]:
    """The groups of a loop that nothing outside it, among those remaining, leads into."""
    # Walking backwards long enough always ends inside such a loop.
    name = min(remaining)
    for _ in remaining:
        name = min((remaining[name] & remaining.keys()) - {name})
    best = _ancestors(name, remaining)
    while True:
        smaller = min((_ancestors(member, remaining) for member in sorted(best)), key=len)
        if len(smaller) == len(best):
            return sorted(best)
        best = smaller


def _ancestors(name: str, remaining: Mapping[str, Set[str]]) -> set[str]:
    seen = {name}
    waiting = [name]
    while waiting:
        for before in remaining[waiting.pop()]:
            if before in remaining and before not in seen:
                seen.add(before)
                waiting.append(before)
    return seen
