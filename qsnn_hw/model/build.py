"""A :class:`Graph` and a :class:`Convention` to a :class:`Network`.

Shapes flow from the input; every path of operator nodes between two groups becomes one projection;
groups are ordered so that every feed-forward source comes first and each loop is cut once.
"""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dynamics import neuron_group, parameter_shape
from qsnn_hw.model.graph import KNOWN_TYPES, NEURON_TYPES, Graph, Node
from qsnn_hw.model.network import (
    INPUT,
    Conv2d,
    Dense,
    Network,
    NeuronGroup,
    Operator,
    Projection,
)
from qsnn_hw.model.operators import Shape, operator, size_of, weight_inputs
from qsnn_hw.model.order import order_groups

_MAX_PATHS = 1024
_MAX_DELAY = 10000
_SILENT_TYPES = ("LI", "I", "CubaLI")


def build_network(graph: Graph, convention: Convention) -> Network:
    """Apply a convention to a graph.

    Raises
    ------
    UserError
        Unknown node types, dangling nodes, shapes that do not fit, loops without neurons,
        parameters out of range; names file, node and type.
    """
    graph = _merge_thresholds(_check_types(graph))
    entry, exit_ = _port(graph, "Input"), _port(graph, "Output")
    _check_connected(graph, entry, exit_)
    warnings = list(graph.warnings)
    builder = _Builder(graph, entry, convention, warnings)
    targets = builder.targets()
    output, readout = _output(graph, builder, exit_)
    if readout is not None:
        targets[output] = builder.into(exit_)
        warnings.append(
            f"{graph.where(exit_)} is fed by more than one neuron node's spikes alone; imported as a "
            f"readout group {output!r} without memory, which never fires"
        )
    order = order_groups({name: {path.source for path in paths} for name, paths in targets.items()})
    groups = []
    for name in order:
        if name == output and readout is not None:
            groups.append(readout)
            continue
        loops = any(path.source in order[order.index(name) :] for path in targets[name])
        group, more = neuron_group(graph, name, builder.shapes[name], convention, recurrent=loops)
        groups.append(group)
        warnings.extend(more)
    return Network(
        name=graph.name,
        input_shape=builder.shapes[entry],
        groups=tuple(groups),
        projections=_projections(order, targets),
        output=output,
        convention=convention.as_dict(),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _output(graph: Graph, builder: "_Builder", exit_: str) -> tuple[str, NeuronGroup | None]:
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


def _projections(order: list[str], targets: "dict[str, tuple[_Path, ...]]") -> tuple[Projection, ...]:
    made: list[Projection] = []
    used: set[str] = set()
    for target in order:
        for path in targets[target]:
            stem = "+".join(path.names) or f"{path.source}_to_{target}"
            name, count = stem, 1
            while name in used:
                count += 1
                name = f"{stem}_{count}"
            used.add(name)
            made.append(Projection(name, path.source, target, path.operators, path.delay))
    return tuple(made)


def _check_types(graph: Graph) -> Graph:
    for node in graph.nodes.values():
        if node.type not in KNOWN_TYPES:
            raise UserError(
                f"{graph.source}: node {node.name!r} has type {node.type!r}, which is not supported; "
                f"rewrite it with {', '.join(KNOWN_TYPES)}"
            )
        if node.type in NEURON_TYPES and node.name == INPUT:
            raise UserError(f"{graph.where(node.name)}: a neuron node may not be called {INPUT!r}; rename it")
    return graph


def _merge_thresholds(graph: Graph) -> Graph:
    """Fold ``LI -> Threshold`` into one group that fires without reset."""
    nodes, edges = dict(graph.nodes), list(graph.edges)
    for node in graph.nodes.values():
        after = graph.after(node.name)
        if node.type not in _SILENT_TYPES or not any(graph.nodes[n].type != "Output" for n in after):
            continue
        follower = after[0]
        if len(after) != 1 or graph.nodes[follower].type != "Threshold" or len(graph.before(follower)) != 1:
            raise UserError(
                f"{graph.where(node.name)} hands its potential to {', '.join(map(repr, after))}; only spikes "
                "travel between groups here, so put one Threshold node after it or use it as the output"
            )
        threshold = graph.nodes[follower].parameters.get("threshold")
        nodes[node.name] = Node(node.name, node.type, {**node.parameters, "threshold": threshold})
        del nodes[follower]
        edges = [(node.name if a == follower else a, b) for a, b in edges if b != follower]
    return replace(graph, nodes=nodes, edges=tuple(edges))


def _port(graph: Graph, kind: str) -> str:
    found = [name for name, node in graph.nodes.items() if node.type == kind]
    if len(found) != 1:
        raise UserError(
            f"{graph.source}: the graph has {len(found)} {kind} nodes, not one"
            + (f" ({', '.join(found)}); join them before export" if found else "; export the whole network")
        )
    return found[0]


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


@dataclass(frozen=True)
class _Path:
    """A way from a source through operator nodes; ``names`` are the nodes on it."""

    source: str
    operators: tuple[Operator, ...] = ()
    delay: int = 0
    names: tuple[str, ...] = ()


class _Builder:
    def __init__(self, graph: Graph, entry: str, convention: Convention, warnings: list[str]) -> None:
        self.graph = graph
        self.entry = entry
        self.convention = convention
        self.warnings = warnings
        self.shapes: dict[str, Shape] = {entry: self._input_shape(entry)}
        self.operators: dict[str, Operator | None] = {}
        self._before = {name: graph.before(name) for name in graph.nodes}
        self._paths: dict[str, tuple[_Path, ...]] = {}
        self._infer()

    def _input_shape(self, entry: str) -> Shape:
        where = self.graph.where(entry)
        values = self.graph.whole(entry, "shape")
        shape = tuple(int(v) for v in values)
        if min(shape) < 1:
            raise UserError(f"{where}: shape is {shape}, not all above 0")
        kept = shape
        # Exporters leave a batch (or time) dimension in front; what follows says how much is real.
        for name in self.graph.after(entry):
            wants = self._wants(name)
            if wants is None:
                continue
            size, dimensions = wants
            for cut in range(len(shape)):
                rest = shape[cut:]
                if size_of(rest) == size and (len(rest) <= dimensions or rest[0] != 1):
                    kept = rest
                    break
            break
        else:
            while len(kept) > 3 and kept[0] == 1:
                kept = kept[1:]
        if size_of(kept) != size_of(shape):
            dropped = shape[: len(shape) - len(kept)]
            self.warnings.append(f"{where}: leading dimensions {dropped} of {shape} taken as batch or time")
        return kept

    def _wants(self, name: str) -> tuple[int, int] | None:
        """The input size a node asks for and how many dimensions it has, where it says so."""
        node = self.graph.nodes[name]
        if node.type in ("Affine", "Linear"):
            return weight_inputs(self.graph, name), 1
        if node.type in NEURON_TYPES:
            shape = parameter_shape(self.graph, name)
            return (size_of(shape), max(len(shape), 1)) if size_of(shape) > 1 else None
        if node.type in ("Conv1d", "Conv2d") and node.parameters.get("input_shape") is not None:
            space = self.graph.whole(name, "input_shape")
            weight = self.graph.numbers(name, "weight")
            groups = self.graph.whole(name, "groups", 1)[0]
            if weight.ndim >= 3:
                return int(weight.shape[1] * groups * np.prod(space)), 1 + space.size
        return None

    def _infer(self) -> None:
        """Shapes, node by node outward from the input."""
        waiting = [self.entry]
        while waiting:
            done = waiting.pop(0)
            for name in self.graph.after(done):
                shape = self.shapes[done]
                if name in self.shapes:
                    continue
                self.shapes[name] = self._output(name, shape)
                waiting.append(name)
        for pre, post in sorted(self.graph.edges):
            self._check_edge(pre, post)

    def _output(self, name: str, shape: Shape) -> Shape:
        kind = self.graph.nodes[name].type
        if kind in NEURON_TYPES:
            own = parameter_shape(self.graph, name)
            if size_of(own) not in (1, size_of(shape)):
                raise UserError(
                    f"{self.graph.where(name)} has {size_of(own)} neurons {own}, "
                    f"the nodes before it give {size_of(shape)} {shape}"
                )
            return shape
        if kind == "Output":
            given = self.graph.nodes[name].parameters.get("shape")
            own = shape if given is None else tuple(int(v) for v in self.graph.whole(name, "shape"))
            # As for the input, a batch dimension may stand in front.
            if size_of(shape) not in [size_of(own[cut:]) for cut in range(len(own))]:
                raise UserError(f"{self.graph.where(name)} has shape {own}, the nodes before it give {shape}")
            return shape
        self.operators[name], made = operator(self.graph, name, shape)
        return made

    def _check_edge(self, pre: str, post: str) -> None:
        first = self._before[post][0]
        size, taken = size_of(self.shapes[pre]), size_of(self._consumed(post))
        if size != taken:
            raise UserError(
                f"{self.graph.where(post)} takes {taken} values per step (as {first!r} gives), "
                f"but {pre!r} gives {size}"
            )

    def _consumed(self, name: str) -> Shape:
        made = self.operators.get(name)
        if isinstance(made, Dense):
            return (made.weight.shape[1],)
        if made is not None and hasattr(made, "input_shape"):
            return tuple(made.input_shape)
        return self.shapes[name]

    def paths_from(self, name: str, stack: tuple[str, ...] = ()) -> tuple[_Path, ...]:
        """Every path that ends with node ``name``'s output."""
        if name == self.entry:
            return (_Path(INPUT),)
        if self.graph.nodes[name].type in NEURON_TYPES:
            return (_Path(name),)
        if name in stack:
            raise UserError(f"{self.graph.where(name)} is in a loop without neurons; a loop needs a delay")
        if name not in self._paths:
            found = [path for pre in self._before[name] for path in self.paths_from(pre, (*stack, name))]
            if len(found) > _MAX_PATHS:
                raise UserError(f"{self.graph.where(name)} is reached on over {_MAX_PATHS} paths")
            self._paths[name] = tuple(self._extended(path, name, i) for i, path in enumerate(found))
        return self._paths[name]

    def _extended(self, path: _Path, name: str, index: int) -> _Path:
        made = self.operators[name]
        names = (*path.names, name)
        if self.graph.nodes[name].type == "Delay":
            return replace(path, delay=path.delay + self._delay(path, name), names=names)
        if made is None:
            return replace(path, names=names)
        # Paths that meet in one node are summed there, so its bias belongs to one of them only.
        if index and isinstance(made, Dense | Conv2d):
            made = replace(made, bias=None)
        return replace(path, operators=(*path.operators, made), names=names)

    def _delay(self, path: _Path, name: str) -> int:
        where = self.graph.where(name)
        values = np.unique(self.graph.numbers(name, "delay"))
        if values.size != 1:
            raise UserError(f"{where}: delays differ between neurons; use one Delay node per delay")
        unit = 1.0
        if self.convention.delay_unit == "time":
            if self.convention.dt is None:
                raise UserError(
                    f"{where}: delay needs the time step; give the model's own with --set dt=SECONDS"
                )
            unit = self.convention.dt
        steps = float(values[0]) / unit
        whole = round(steps)
        if whole < 0 or abs(steps - whole) > 1e-3:
            raise UserError(
                f"{where}: a delay of {values[0]:g} is {steps:g} time steps, not a whole number from 0; "
                "check --set dt, or --set delay_unit=steps if the file counts steps"
            )
        if whole > _MAX_DELAY:
            raise UserError(
                f"{where}: a delay of {values[0]:g} is {whole} time steps, over {_MAX_DELAY}; "
                "check --set dt, or --set delay_unit=steps if the file counts steps"
            )
        if any(getattr(made, "bias", None) is not None for made in path.operators):
            self.warnings.append(f"{where}: the bias before it acts from step 0, not after the delay")
        return whole

    def targets(self) -> dict[str, tuple[_Path, ...]]:
        """Group name -> the paths that end in it."""
        return {name: self.into(name) for name, node in self.graph.nodes.items() if node.type in NEURON_TYPES}

    def into(self, name: str) -> tuple[_Path, ...]:
        """The paths that end in node ``name``, summed there."""
        return tuple(path for pre in self._before[name] for path in self.paths_from(pre))
