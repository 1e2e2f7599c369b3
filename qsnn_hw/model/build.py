"""A :class:`Graph` and a :class:`Convention` to a :class:`Network`.

Shapes flow from the input; every path of operator nodes between two groups becomes one projection;
groups are ordered so that every feed-forward source comes first and each loop is cut once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dynamics import neuron_group
from qsnn_hw.model.fold import folded
from qsnn_hw.model.graph import KNOWN_TYPES, MAX_NODES, NEURON_TYPES, Graph
from qsnn_hw.model.network import (
    INPUT,
    Network,
    NeuronGroup,
    Projection,
)
from qsnn_hw.model.operators import size_of
from qsnn_hw.model.order import order_groups
from qsnn_hw.model.paths import Path, PathFinder
from qsnn_hw.support.errors import UserError


def build_network(graph: Graph, convention: Convention) -> Network:
    """Apply a convention to a graph.

    Raises
    ------
    UserError
        Unknown node types, dangling nodes, shapes that do not fit, loops without neurons,
        parameters out of range; names file, node and type.
    """
    return Builder(graph).build(convention)


@dataclass(frozen=True)
class _Wiring:
    """What of a network no convention decides, but for delays."""

    shapes: Mapping[str, tuple[int, ...]]
    order: tuple[str, ...]
    recurrent: frozenset[str]
    projections: tuple[Projection, ...]
    output: str
    readout: NeuronGroup | None
    warnings: tuple[str, ...]


class Builder:
    """A graph to a network under one convention after another; shapes and projections are found once.

    Raises
    ------
    UserError
        As :func:`build_network`, for what no convention mends.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = folded(_check_types(graph))
        self._entry, self._exit = _port(self._graph, "Input"), _port(self._graph, "Output")
        _check_connected(self._graph, self._entry, self._exit)
        self._timed = any(node.type == "Delay" for node in self._graph.nodes.values())
        self._wired: dict[tuple[object, ...], _Wiring] = {}

    def build(self, convention: Convention) -> Network:
        """The network under ``convention``; UserError as :func:`build_network`."""
        graph = self._graph
        key = (convention.delay_unit, convention.dt) if self._timed else ()
        if key not in self._wired:
            self._wired[key] = self._wire(convention)
        wiring = self._wired[key]
        warnings = list(wiring.warnings)
        groups = []
        for name in wiring.order:
            if name == wiring.output and wiring.readout is not None:
                groups.append(wiring.readout)
                continue
            recurrent = name in wiring.recurrent
            group, more = neuron_group(graph, name, wiring.shapes[name], convention, recurrent=recurrent)
            groups.append(group)
            warnings.extend(more)
        return Network(
            name=graph.name,
            input_shape=wiring.shapes[self._entry],
            groups=tuple(groups),
            projections=wiring.projections,
            output=wiring.output,
            convention=convention.as_dict(),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _wire(self, convention: Convention) -> _Wiring:
        graph, exit_ = self._graph, self._exit
        warnings = list(graph.warnings)
        finder = PathFinder(graph, self._entry, convention, warnings)
        targets = finder.targets()
        output, readout = _output(graph, finder, exit_)
        if readout is not None:
            targets[output] = finder.into(exit_)
            warnings.append(
                f"{graph.where(exit_)} is not fed by exactly one neuron node; imported as a readout group "
                f"{output!r} without memory, which never fires: its last step alone answers, so end the "
                "network in an I node where the sum over all steps should"
            )
        order = order_groups({name: {path.source for path in paths} for name, paths in targets.items()})
        recurrent = {
            name for at, name in enumerate(order) if any(path.source in order[at:] for path in targets[name])
        }
        projections = _projections(order, targets)
        return _Wiring(
            finder.shapes, tuple(order), frozenset(recurrent), projections, output, readout, tuple(warnings)
        )


def _output(graph: Graph, builder: PathFinder, exit_: str) -> tuple[str, NeuronGroup | None]:
    """The output group's name, and a new group where the output is not one group's spikes."""
    paths = builder.into(exit_)
    if len(paths) == 1 and paths[0].source != INPUT and not paths[0].operators and not paths[0].delay:
        return paths[0].source, None
    shape = builder.shapes[exit_]
    zero = np.zeros(size_of(shape))
    name = f"{exit_}_readout"
    if name in graph.nodes:
        raise UserError(f"{graph.where(name)}: the name is needed for the output; rename the node")
    return name, NeuronGroup(name, shape, zero, zero + 1, zero, None, zero, reset="none")


def _projections(order: list[str], targets: "dict[str, tuple[Path, ...]]") -> tuple[Projection, ...]:
    projections: list[Projection] = []
    used: set[str] = set()
    for target in order:
        for path in targets[target]:
            stem = "+".join(path.names) or f"{path.source}_to_{target}"
            name, count = stem, 1
            while name in used:
                count += 1
                name = f"{stem}_{count}"
            used.add(name)
            projections.append(Projection(name, path.source, target, path.operators, path.delay))
    return tuple(projections)


def _check_types(graph: Graph) -> Graph:
    if len(graph.nodes) > MAX_NODES:
        raise UserError(
            f"{graph.source}: the graph has {len(graph.nodes):,} nodes, at most {MAX_NODES:,} are read; "
            "export layers, not single neurons or time steps, as nodes"
        )
    for node in graph.nodes.values():
        if node.type not in KNOWN_TYPES:
            raise UserError(
                f"{graph.source}: node {node.name!r} has type {node.type!r}, which is not supported; "
                f"rewrite it with {', '.join(KNOWN_TYPES)}"
            )
        if node.type in NEURON_TYPES and node.name == INPUT:
            raise UserError(f"{graph.where(node.name)}: a neuron node may not be called {INPUT!r}; rename it")
    return graph


def _port(graph: Graph, kind: str) -> str:
    ports = [name for name, node in graph.nodes.items() if node.type == kind]
    if len(ports) != 1:
        raise UserError(
            f"{graph.source}: the graph has {len(ports)} {kind} nodes, not one"
            + (f" ({', '.join(ports)}); join them before export" if ports else "; export the whole network")
        )
    return ports[0]


def _check_connected(graph: Graph, entry: str, exit_: str) -> None:
    if graph.before(entry):
        raise UserError(f"{graph.where(entry)} has an edge into it, from {graph.before(entry)[0]!r}")
    if graph.after(exit_):
        raise UserError(f"{graph.where(exit_)} has an edge out of it, to {graph.after(exit_)[0]!r}")
    ahead = _reach(entry, graph.edges)
    behind = _reach(exit_, tuple((post, pre) for pre, post in graph.edges))
    for name in sorted(graph.nodes):
        if name not in ahead:
            raise UserError(f"{graph.where(name)} is not reached from the input; an edge is missing")
        if name not in behind:
            raise UserError(f"{graph.where(name)} does not lead to the output; an edge is missing")


def _reach(start: str, edges: tuple[tuple[str, str], ...]) -> set[str]:
    following: dict[str, list[str]] = {}
    for pre, post in edges:
        following.setdefault(pre, []).append(post)
    seen, waiting = {start}, [start]
    while waiting:
        for name in following.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen
