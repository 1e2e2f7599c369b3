"""Any module's wiring, seen by watching its forward run on an example."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from qsnn_hw.model.readers.live.catalog import Catalog, require
from qsnn_hw.model.readers.live.marks import Book, Mark, Spikes, State, Unknown, Zero, tensors
from qsnn_hw.model.readers.live.parts import INPUT_NODE, Wiring, node_name
from qsnn_hw.model.readers.live.sequence import chosen_output, cut
from qsnn_hw.support.errors import UserError

_LAST_DIMENSIONS = {"Linear": 1, "Affine": 1, "Conv1d": 2, "Conv2d": 3, "AvgPool2d": 3, "SumPool2d": 3}
"""Operator -> how many trailing dimensions of its output are one sample."""


def wire_trace(
    catalog: Catalog, module: Any, input_shape: tuple[int, ...], example: Any, output: str | None
) -> Wiring:
    """What feeds what in ``module``, from its forward on ``example``.

    Raises
    ------
    UserError
        The example does not fit, forward fails on it, a layer's input is neither another layer's
        output nor a sum of such, or connections differ from step to step.
    """
    return _Trace(catalog, module, input_shape).run(example, output)


class _Trace:
    def __init__(self, catalog: Catalog, module: Any, input_shape: tuple[int, ...]) -> None:
        self._catalog = catalog
        self._module = module
        self._torch = require("torch", catalog.framework)
        self._input_shape = input_shape
        self._book = Book(self._torch)
        self._paths = {id(child): path for path, child in module.named_modules()}
        self._wiring = Wiring()
        self._entries: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        # Node -> one entry per call: source -> the calls of the source that were read.
        self._fed: dict[str, list[dict[str, set[int]]]] = {}
        self._first_call: dict[str, int] = {}
        self._stack: list[Any] = []
        self._depth = 0

    def run(self, example: Any, output: str | None) -> Wiring:
        args = example if isinstance(example, tuple) else (example,)
        first = next(iter(tensors(args, self._book.is_tensor)), None)
        if first is None:
            raise UserError(f"example is a {type(example).__name__}, not a torch tensor or a tuple with one")
        self._mark_input(first)
        result = self._forward(args)
        if all(len(calls) == 1 for calls in self._fed.values()):
            # Perhaps forward is one time step: what the module itself carries over shows in a second.
            result = self._forward(args)
        if not self._wiring.neurons:
            raise UserError(
                f"{self._catalog.where('', self._module)} runs no {self._catalog.framework} neurons; "
                "nothing to read"
            )
        self._connect()
        if output is not None:
            self._wiring.output = chosen_output(self._catalog, self._wiring, output)
        else:
            self._wiring.output = self._returned(result)
        return cut(self._wiring)

    def _mark_input(self, tensor: Any) -> None:
        size = 1
        for extent in self._input_shape:
            size *= extent
        shape = tuple(tensor.shape)
        trailing = shape[-len(self._input_shape) :]
        if trailing != self._input_shape and shape[-1:] != (size,):
            raise UserError(
                f"example has shape {shape}, which does not end in the input_shape {self._input_shape}"
            )
        extra = len(shape) - (len(self._input_shape) if trailing == self._input_shape else 1)
        if extra > 1 and tensor.numel() == size:
            raise UserError(
                f"example has shape {shape}, one time step of one sample; give it two or more time steps, "
                "or recurrence would not be seen"
            )
        self._book.put(tensor, self._book.fresh(tensor, INPUT_NODE, 0, size))

    def _forward(self, args: tuple[Any, ...]) -> Any:
        modes = [(child, child.training) for _, child in self._module.named_modules()]
        self._first_call = {name: len(calls) for name, calls in self._fed.items()}
        with ExitStack() as stack:
            stack.callback(_restore, modes)
            self._module.eval()
            stack.enter_context(self._torch.no_grad())
            stack.enter_context(self._hooks())
            stack.enter_context(self._watcher())
            try:
                return self._module(*args)
            except UserError:
                raise
            # Whatever a model's own forward raises is about the example or the model.
            except Exception as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise UserError(
                    f"{self._catalog.where('', self._module)}: forward failed on the example: {reason}"
                ) from error

    def _watcher(self) -> Any:
        trace = self
        base: Any = require("torch.overrides", self._catalog.framework).TorchFunctionMode

        class Watcher(base):
            def __torch_function__(
                self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
            ) -> Any:
                out = func(*args, **(kwargs or {}))
                if not trace._depth:
                    if hasattr(out, "__next__"):
                        out = list(out)
                    trace._book.note(func, trace._here(), args, kwargs or {}, out)
                    if isinstance(out, list) and getattr(func, "__name__", "") == "__iter__":
                        out = iter(out)
                return out

        return Watcher()

    @contextmanager
    def _hooks(self) -> Iterator[None]:
        handles = []
        # Not modules(), which Rockpool's modules answer with a dictionary.
        for _, child in self._module.named_modules():
            handles.append(child.register_forward_pre_hook(self._before, with_kwargs=True))
            handles.append(child.register_forward_hook(self._after, with_kwargs=True))
        try:
            yield
        finally:
            self._stack.clear()
            self._depth = 0
            for handle in handles:
                handle.remove()

    def _here(self) -> str:
        module = self._stack[-1] if self._stack else self._module
        return self._catalog.where(self._paths[id(module)], module)

    def _is_leaf(self, module: Any) -> bool:
        return self._catalog.is_neuron(module) or self._catalog.is_layer(module)

    def _before(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._stack.append(module)
        if not self._is_leaf(module):
            return
        self._depth += 1
        if self._depth > 1:
            return
        path = self._paths[id(module)]
        where = self._catalog.where(path, module)
        operands = tensors([args, kwargs], self._book.is_tensor)
        if not operands:
            raise UserError(f"{where} is called without a tensor")
        name = self._declare(path, module)
        if self._catalog.is_neuron(module):
            self._check_state(name, where, operands[1:])
        self._fed[name].append(self._read(where, name, operands[0]))

    def _declare(self, path: str, module: Any) -> str:
        """Add the module to the wiring when it is first called."""
        name = node_name(path, module)
        if name not in self._fed:
            self._fed[name] = []
            if self._catalog.is_neuron(module):
                self._entries[name] = self._wiring.add_neuron(name, self._catalog.neuron(path, module))
            else:
                self._wiring.nodes[name] = self._catalog.layer(path, module, name)
        return name

    def _check_state(self, name: str, where: str, states: list[Any]) -> None:
        """A neuron's state may only be its own, or zeros before its first step."""
        later = len(self._fed[name]) > self._first_call.get(name, 0)
        if later and self._catalog.types.explicit_state and not states:
            raise UserError(
                f"{where} is called without the state of the step before, so it keeps no potential"
            )
        for tensor in states:
            mark = self._book.get(tensor)
            own = (isinstance(mark, State) and mark.name == name) or (
                isinstance(mark, Spikes) and mark.calls.keys() == {name}
            )
            if own or tensor.numel() == 0 or (isinstance(mark, Zero) and not later):
                continue
            if isinstance(mark, Zero):
                raise UserError(
                    f"{where} is given a state of zeros in every time step, so it keeps no potential"
                )
            raise UserError(
                f"{where} is given a state that is neither its own nor zeros; hand its state on as it is"
            )

    def _read(self, where: str, name: str, tensor: Any) -> dict[str, set[int]]:
        mark: Mark | None = self._book.get(tensor)
        if isinstance(mark, Zero):
            return {}
        if isinstance(mark, Unknown):
            raise UserError(
                f"{where} is not fed by layers alone: {mark.reason}; make it a layer or leave it out"
            )
        if isinstance(mark, State):
            raise UserError(
                f"{where} is fed by the state of {mark.name!r}; only spikes travel between neurons here: "
                "let it fire, or end the network in it"
            )
        if mark is None:
            raise UserError(
                f"{where} is fed by a tensor that forward did not make from its input with known layers; "
                "use modules of torch and the framework only"
            )
        rows = mark.addresses.reshape(-1, mark.size) if tensor.numel() % mark.size == 0 else None
        if rows is None or not bool((rows == self._torch.arange(mark.size)).all()):
            raise UserError(
                f"{where} reads the neurons before it in another order, or not all; keep their order"
            )
        self._sizes[f"{name} in"] = mark.size
        return {source: set(calls.unique().tolist()) for source, calls in mark.calls.items()}

    def _after(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self._stack.pop()
        if not self._is_leaf(module):
            return
        self._depth -= 1
        if self._depth:
            return
        name = node_name(self._paths[id(module)], module)
        spikes, *states = tensors(out, self._book.is_tensor)
        mark = self._book.fresh(spikes, name, len(self._fed[name]) - 1, self._size(name, spikes))
        self._book.put(spikes, mark)
        for tensor in states:
            if tensor is not spikes:
                self._book.put(tensor, State(name))

    def _size(self, name: str, tensor: Any) -> int:
        """Addresses of one sample in a node's output."""
        if name in self._wiring.neurons:
            inward = self._wiring.neurons[name].inward
            if inward:
                return int(inward[-1].parameters["weight"].shape[0])
        node = self._wiring.nodes.get(name)
        if node is not None and node.type in _LAST_DIMENSIONS:
            size = 1
            for extent in tensor.shape[-_LAST_DIMENSIONS[node.type] :]:
                size *= int(extent)
            return size
        # Before the first spike arrives, a module fed by an initial state has all there is.
        return self._sizes.get(f"{name} in", int(tensor.shape[1:].numel()))

    def _connect(self) -> None:
        """Edges from what every call read, the same in all calls but for what had not happened yet."""
        for name, calls in self._fed.items():
            seen = [self._lags(name, index, call) for index, call in enumerate(calls)]
            for index, edges in enumerate(seen):
                if edges != {(source, late) for source, late in seen[-1] if late <= index}:
                    raise UserError(
                        f"{self._catalog.framework} module {name!r} is fed differently in its first call "
                        "and in "
                        "later ones; give each time step the same layers, and each use of a layer a "
                        "module of its own"
                    )
            for source, late in seen[-1]:
                self._wiring.edges[source, self._entries.get(name, name)] = late

    def _lags(self, name: str, index: int, call: dict[str, set[int]]) -> set[tuple[str, int]]:
        lags = set()
        for source, read in call.items():
            total = 1 if source == INPUT_NODE else len(self._fed[source])
            if total == 1 or (len(self._fed[name]) == 1 and len(read) == total):
                lags.add((source, 0))
            elif len(read) > 1 or len(self._fed[name]) == 1:
                raise UserError(
                    f"{self._catalog.framework} module {name!r} reads some time steps of {source!r} only; "
                    "feed it "
                    "every step"
                )
            else:
                lags.add((source, index - min(read)))
        return lags

    def _returned(self, result: Any) -> str:
        returned = tensors(result, self._book.is_tensor)
        mark = self._book.get(returned[0]) if returned else None
        neurons = self._wiring.neurons
        if isinstance(mark, Spikes) and len(mark.calls) == 1 and next(iter(mark.calls)) in neurons:
            return next(iter(mark.calls))
        why = mark.reason if isinstance(mark, Unknown) else "it is not the spikes of one neuron module"
        raise UserError(
            f"{self._catalog.where('', self._module)}: what forward returns first is no network output "
            f"({why}); "
            f"pass output= one of {', '.join(neurons)}"
        )


def _restore(modes: list[tuple[Any, bool]]) -> None:
    # One by one: train() would hand a module's mode down to its children.
    for module, mode in modes:
        module.training = mode
