"""Shapes from the input outward, and the paths of operator nodes between neuron nodes."""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.coefficients import parameter_shape
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import NEURON_TYPES, Graph, broadcasts, channel_hint
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Operator
from qsnn_hw.model.operators import Shape, check_size, operator, size_of, weight_inputs
from qsnn_hw.support.errors import UserError

_MAX_PATHS = 1024
_MAX_DELAY = 10000
_MAX_CHAIN = 100


@dataclass(frozen=True)
class Path:
    """A way from a source through operator nodes; ``names`` are the nodes on it."""

    source: str
    operators: tuple[Operator, ...] = ()
    delay: int = 0
    names: tuple[str, ...] = ()


class PathFinder:
    """Infers every node's shape on construction, then finds the paths into any node.

    Attributes
    ----------
    shapes
        Node -> shape of what it gives per time step.
    operators
        Operator node -> its operator, None where only the shape changes.

    Raises
    ------
    UserError
        Shapes that do not fit, delays that are not whole steps, loops without neurons.
    """

    def __init__(self, graph: Graph, entry: str, convention: Convention, warnings: list[str]) -> None:
        self.graph = graph
        self.entry = entry
        self.convention = convention
        self.warnings = warnings
        self.shapes: dict[str, Shape] = {entry: self._input_shape(entry)}
        self.operators: dict[str, Operator | None] = {}
        self._before = {name: graph.before(name) for name in graph.nodes}
        self._paths: dict[str, tuple[Path, ...]] = {}
        self._batched = False
        try:
            self._infer()
        except UserError:
            if not self._infer_batched():
                raise

    def _input_shape(self, entry: str) -> Shape:
        where = self.graph.where(entry)
        values = self.graph.whole(entry, "shape")
        shape = tuple(int(v) for v in values)
        if min(shape) < 1:
            raise UserError(f"{where}: shape is {shape}, not all above 0")
        check_size(self.graph, entry, "shape", shape)
        real = shape
        # Exporters leave a batch (or time) dimension in front; what follows says how much is real.
        for name in self.graph.after(entry):
            wants = self._wants(name)
            if wants is None:
                continue
            size, dimensions = wants
            for cut in range(len(shape)):
                rest = shape[cut:]
                if size_of(rest) == size and (len(rest) <= dimensions or rest[0] != 1):
                    real = rest
                    break
            break
        else:
            while len(real) > 3 and real[0] == 1:
                real = real[1:]
        if size_of(real) != size_of(shape):
            dropped = shape[: len(shape) - len(real)]
            self.warnings.append(f"{where}: leading dimensions {dropped} of {shape} taken as batch or time")
        return real

    def _wants(self, name: str) -> tuple[int, int] | None:
        """The input size a node asks for and how many dimensions it has, where it says so."""
        node = self.graph.nodes[name]
        if node.type in ("Affine", "Linear"):
            return weight_inputs(self.graph, name), 1
        if node.type in NEURON_TYPES:
            shape = parameter_shape(self.graph, name)
            # Ones among larger sizes are there to be broadcast, so they do not say how many neurons.
            return (size_of(shape), max(len(shape), 1)) if size_of(shape) > 1 and 1 not in shape else None
        if node.type in ("Conv1d", "Conv2d") and node.parameters.get("input_shape") is not None:
            space = self.graph.whole(name, "input_shape")
            weight = self.graph.numbers(name, "weight")
            groups = self.graph.whole(name, "groups", 1)[0]
            if weight.ndim >= 3:
                return int(weight.shape[1] * groups * np.prod(space)), 1 + space.size
        return None

    def _infer_batched(self) -> bool:
        """Try again with Flatten nodes that count a batch dimension; False when nothing fits either."""
        flat = [name for name, node in self.graph.nodes.items() if node.type == "Flatten"]
        if not flat:
            return False
        self.shapes, self.operators = {self.entry: self.shapes[self.entry]}, {}
        self._batched = True
        try:
            self._infer()
        except UserError:
            return False
        self.warnings.append(
            f"{self.graph.where(flat[0])}: shapes fit only if start_dim and end_dim count a batch dimension, "
            "so they were taken so"
        )
        return True

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
                check_size(self.graph, name, "output", self.shapes[name])
                waiting.append(name)
        for pre, post in sorted(self.graph.edges):
            self._check_edge(pre, post)

    def _output(self, name: str, shape: Shape) -> Shape:
        kind = self.graph.nodes[name].type
        if kind in NEURON_TYPES:
            own = parameter_shape(self.graph, name)
            if not broadcasts(own, shape):
                raise UserError(
                    f"{self.graph.where(name)} has {size_of(own)} neurons {own}, "
                    f"the nodes before it give {size_of(shape)} {shape}{channel_hint(own, shape)}"
                )
            return shape
        if kind == "Output":
            stated = self.graph.nodes[name].parameters.get("shape")
            own = shape if stated is None else tuple(int(v) for v in self.graph.whole(name, "shape"))
            # As for the input, a batch dimension may stand in front.
            if size_of(shape) not in [size_of(own[cut:]) for cut in range(len(own))]:
                raise UserError(f"{self.graph.where(name)} has shape {own}, the nodes before it give {shape}")
            return shape
        self.operators[name], output = operator(self.graph, name, shape, batched=self._batched)
        return output

    def _check_edge(self, pre: str, post: str) -> None:
        first = self._before[post][0]
        size, taken = size_of(self.shapes[pre]), size_of(self._consumed(post))
        if size != taken:
            raise UserError(
                f"{self.graph.where(post)} takes {taken} values per step (as {first!r} gives), "
                f"but {pre!r} gives {size}"
            )

    def _consumed(self, name: str) -> Shape:
        consumer = self.operators.get(name)
        if isinstance(consumer, Dense):
            return (consumer.weight.shape[1],)
        if consumer is not None and hasattr(consumer, "input_shape"):
            return tuple(consumer.input_shape)
        return self.shapes[name]

    def paths_from(self, name: str, stack: tuple[str, ...] = ()) -> tuple[Path, ...]:
        """Every path that ends with node ``name``'s output."""
        if name == self.entry:
            return (Path(INPUT),)
        if self.graph.nodes[name].type in NEURON_TYPES:
            return (Path(name),)
        if name in stack:
            raise UserError(f"{self.graph.where(name)} is in a loop without neurons; a loop needs a delay")
        if len(stack) > _MAX_CHAIN:
            raise UserError(
                f"{self.graph.where(name)}: more than {_MAX_CHAIN} nodes without a neuron in a row; "
                "merge them before export"
            )
        if name not in self._paths:
            paths = [path for pre in self._before[name] for path in self.paths_from(pre, (*stack, name))]
            if len(paths) > _MAX_PATHS:
                raise UserError(f"{self.graph.where(name)} is reached on over {_MAX_PATHS} paths")
            self._paths[name] = tuple(self._extended(path, name, i) for i, path in enumerate(paths))
        return self._paths[name]

    def _extended(self, path: Path, name: str, index: int) -> Path:
        step = self.operators[name]
        names = (*path.names, name)
        if self.graph.nodes[name].type == "Delay":
            return replace(path, delay=path.delay + self._delay(path, name), names=names)
        if step is None:
            return replace(path, names=names)
        # Paths that meet in one node are summed there, so its bias belongs to one of them only.
        if index and isinstance(step, Dense | Conv2d):
            step = replace(step, bias=None)
        return replace(path, operators=(*path.operators, step), names=names)

    def _delay(self, path: Path, name: str) -> int:
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
        if any(getattr(operator, "bias", None) is not None for operator in path.operators):
            self.warnings.append(f"{where}: the bias before it acts from step 0, not after the delay")
        return whole

    def targets(self) -> dict[str, tuple[Path, ...]]:
        """Group name -> the paths that end in it."""
        return {name: self.into(name) for name, node in self.graph.nodes.items() if node.type in NEURON_TYPES}

    def into(self, name: str) -> tuple[Path, ...]:
        """The paths that end in node ``name``, summed there."""
        return tuple(path for pre in self._before[name] for path in self.paths_from(pre))
