"""NIR files (HDF5) to a flat :class:`Graph`, read directly so that naming and shape slips survive.

``nir.read`` refuses published files over names or shapes alone: edges that name a subgraph's inner
node, parameters of shape 1 where 1x1x1 is due. The raw groups hold everything needed. Layout as in
the NIR package: ``node/type``, ``node/nodes/<name>/<parameter>``, ``node/edges`` as pairs of names.
"""

from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.model.readers.hdf5_tree import read_tree
from qsnn_hw.support.errors import UserError

_MAX_DEPTH = 16


def read_graph(path: Path) -> Graph:
    """Read the graph of a NIR file, with subgraphs flattened into ``parent.child`` names.

    Raises
    ------
    UserError
        The file is missing, is not HDF5, is damaged, or does not hold a NIR graph.
    ToolError
        The process that reads HDF5 does not start.
    """
    root = read_tree(path).get("node")
    source = str(path)
    if not isinstance(root, dict):
        raise UserError(f"{source} is an HDF5 file but not a NIR file: it has no 'node' group")
    if _text(_value(root, "type", source)) != "NIRGraph":
        raise UserError(f"{source} does not hold a NIRGraph at its root; export the whole network")
    flattener = _Flattener(source)
    flattener.add(root, "", 0)
    edges = flattener.resolved_edges()
    # Inner Input and Output nodes only hand on; at the top they are the network's ports.
    nodes = {
        name: Node(name, "Identity", node.parameters)
        if node.type in ("Input", "Output") and _inside(name, flattener.entries)
        else node
        for name, node in flattener.nodes.items()
    }
    return Graph(source, path.stem, nodes, edges, tuple(flattener.warnings))


class _Flattener:
    def __init__(self, source: str) -> None:
        self.source = source
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        # Subgraph name -> the flat names that edges into and out of it refer to.
        self.entries: dict[str, list[str]] = {}
        self.exits: dict[str, list[str]] = {}
        self.warnings: list[str] = []

    def add(self, group: dict[str, Any], prefix: str, depth: int) -> None:
        where = f"{self.source}: graph {prefix.rstrip('.') or '(top)'}"
        if depth > _MAX_DEPTH:
            raise UserError(f"{where} nests deeper than {_MAX_DEPTH} graphs; flatten it before export")
        members = group.get("nodes")
        if not isinstance(members, dict):
            raise UserError(f"{where} has no nodes; is it a NIR file?")
        for name, member in members.items():
            self._add_node(name, member, prefix, depth)
        edges = _value(group, "edges", where)
        pairs = np.empty((0, 2)) if edges is None or np.size(edges) == 0 else np.asarray(edges)
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise UserError(f"{where}: edges have shape {pairs.shape}, not pairs of node names")
        for pair in pairs:
            self.edges.append((prefix + _text(pair[0]), prefix + _text(pair[1])))

    def _add_node(self, name: str, member: Any, prefix: str, depth: int) -> None:
        flat = prefix + name
        where = f"{self.source}: node {flat!r}"
        if not isinstance(member, dict):
            raise UserError(f"{where} is not a group of parameters; the file is damaged")
        kind = _value(member, "type", where)
        if kind is None:
            raise UserError(f"{where} has no type; the file is damaged")
        if _text(kind) != "NIRGraph":
            if flat in self.nodes:
                raise UserError(f"{where} appears twice once subgraphs are flattened; rename one")
            parameters = {
                key: _value(member, key, where)
                for key, item in member.items()
                if key != "type" and not isinstance(item, dict)
            }
            self.nodes[flat] = Node(flat, _text(kind), parameters)
            return
        self.add(member, f"{flat}.", depth + 1)
        inner = [node for node in self.nodes.values() if _parent(node.name, flat)]
        self.entries[flat] = [node.name for node in inner if node.type == "Input"]
        self.exits[flat] = [node.name for node in inner if node.type == "Output"]

    def resolved_edges(self) -> tuple[tuple[str, str], ...]:
        edges: dict[tuple[str, str], None] = {}
        for pre, post in self.edges:
            for first in self._resolve(pre, self.exits, "leaves", (pre, post)):
                for second in self._resolve(post, self.entries, "enters", (pre, post)):
                    if (first, second) in edges:
                        self.warnings.append(f"{self.source}: edge {first!r} -> {second!r} appears twice")
                    edges[first, second] = None
        return tuple(edges)

    def _resolve(self, name: str, doors: dict[str, list[str]], verb: str, edge: tuple[str, str]) -> list[str]:
        if name in self.nodes:
            return [name]
        if name in doors:
            if len(doors[name]) != 1:
                raise UserError(
                    f"{self.source}: edge {edge[0]!r} -> {edge[1]!r} {verb} subgraph {name!r}, which has "
                    f"{len(doors[name])} such ports, not one"
                )
            return doors[name]
        raise UserError(
            f"{self.source}: edge {edge[0]!r} -> {edge[1]!r} names node {name!r}, which does not exist"
        )


def _parent(name: str, graph: str) -> bool:
    return name.startswith(f"{graph}.") and "." not in name[len(graph) + 1 :]


def _inside(name: str, graphs: dict[str, list[str]]) -> bool:
    return any(_parent(name, graph) for graph in graphs)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _value(group: dict[str, Any], key: str, where: str) -> Any:
    value = group.get(key)
    if isinstance(value, dict):
        raise UserError(f"{where}: {key} is a group, not a value; the file is damaged")
    return value
