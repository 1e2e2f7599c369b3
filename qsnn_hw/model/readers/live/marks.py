"""Where tensors' values come from, while a forward is watched.

A mark follows a tensor through reshapes and time loops. It carries the address of every value, so a
permutation of neurons is seen; anything that is neither a reshape nor a sum makes the mark Unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

UNCHANGED = ("clone", "detach", "contiguous", "to", "cpu", "float", "double", "type_as", "requires_grad")
"""Functions that keep values and shape."""

RESHAPED = (
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "ravel", "view_as", "reshape_as"),
    *("getitem", "select", "unbind", "iter", "split", "chunk", "narrow", "index_select", "stack", "cat"),
    *("concat", "concatenate", "transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "t"),
)
"""Functions that only move values about; the addresses tell whether they did harm."""

ZEROS = ("zeros", "zeros_like", "new_zeros")
"""Functions that make an initial state."""

SUMS = ("add", "radd", "iadd")
"""Functions that add, underscores aside."""


@dataclass(frozen=True)
class Spikes:
    """Values of a node, or the sum of several nodes' values.

    Parameters
    ----------
    calls
        Node name -> int64 tensor shaped like the values: which call of the node made them.
    addresses
        int64 tensor of the same shape: each value's address in its sample.
    size
        Addresses per sample and time step.
    """

    calls: dict[str, Any]
    addresses: Any
    size: int


@dataclass(frozen=True)
class Zero:
    """An initial state made of zeros."""


@dataclass(frozen=True)
class State:
    """What the neuron module ``name`` returned beside its spikes."""

    name: str


@dataclass(frozen=True)
class Unknown:
    """Values that no layer made; ``reason`` says what did."""

    reason: str


Mark = Spikes | Zero | State | Unknown


def tensors(value: Any, is_tensor: Callable[[Any], bool]) -> list[Any]:
    """The tensors in nested tuples, lists and dictionaries, in order."""
    if is_tensor(value):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in tensors(item, is_tensor)]
    return []


def substituted(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Nested tuples, lists and dictionaries with ``replace`` applied to everything else."""
    if isinstance(value, dict):
        return {key: substituted(item, replace) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(substituted(item, replace) for item in value)
    return replace(value)


class Book:
    """The marks of tensors, by identity; it keeps them alive so that no identity is used twice."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._marks: dict[int, tuple[Any, Mark]] = {}

    def is_tensor(self, value: Any) -> bool:
        """Whether ``value`` is a torch tensor."""
        return isinstance(value, self._torch.Tensor)

    def get(self, tensor: Any) -> Mark | None:
        """The mark of a tensor; None for one that nothing is known of."""
        entry = self._marks.get(id(tensor))
        return None if entry is None else entry[1]

    def put(self, tensor: Any, mark: Mark) -> None:
        """Mark a tensor."""
        self._marks[id(tensor)] = (tensor, mark)

    def fresh(self, tensor: Any, name: str, call: int, size: int) -> Spikes:
        """The mark of values that a node just gave; ``tensor`` holds whole samples of ``size`` values."""
        addresses = self._torch.arange(tensor.numel()).reshape(tensor.shape) % size
        return Spikes({name: self._torch.full_like(addresses, call)}, addresses, size)

    def note(self, func: Any, where: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Mark what a torch function, called at module ``where``, made of marked tensors."""
        results = tensors(out, self.is_tensor)
        name = getattr(func, "__name__", str(func)).strip("_")
        operands = tensors([args, kwargs], self.is_tensor)
        if name == "setitem":
            self.put(operands[0], Unknown(f"{where} writes into a tensor element by element"))
        if not results:
            return
        if name in ZEROS:
            for tensor in results:
                self.put(tensor, Zero())
            return
        marks = [mark for tensor in operands if (mark := self.get(tensor)) is not None]
        if not marks:
            return
        derived = self._derived(func, name, where, args, kwargs, operands, marks)
        each = derived if isinstance(derived, list) else [derived] * len(results)
        for tensor, mark in zip(results, each, strict=True):
            self.put(tensor, mark)

    def _derived(
        self,
        func: Any,
        name: str,
        where: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operands: list[Any],
        marks: list[Mark],
    ) -> Mark | list[Mark]:
        for mark in marks:
            if isinstance(mark, Unknown):
                return mark
        if name in UNCHANGED or (name == "dropout" and kwargs.get("training") is False):
            return marks[0]
        if name in SUMS:
            return self._sum(where, args, kwargs, operands)
        if name in RESHAPED:
            if all(isinstance(mark, Zero) for mark in marks):
                return Zero()
            if all(isinstance(mark, Spikes) for mark in marks):
                return self._moved(func, args, kwargs, where, marks)  # type: ignore[arg-type]
        state = next((mark.name for mark in marks if isinstance(mark, State)), None)
        of = f"the state of {state!r}" if state else "spikes"
        return Unknown(f"{where} applies torch's {name} to {of}")

    def _sum(self, where: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: list[Any]) -> Mark:
        numbers = [arg for arg in args if not self.is_tensor(arg) and arg != 0]
        marks = [self.get(tensor) for tensor in operands]
        summands = [mark for mark in marks if isinstance(mark, Spikes)]
        others = [mark for mark in marks if not isinstance(mark, Spikes | Zero)]
        if numbers or others or kwargs.get("alpha", 1) != 1:
            return Unknown(f"{where} adds something to spikes that is not spikes")
        if not summands:
            return Zero()
        first, *rest = summands
        calls = dict(first.calls)
        for mark in rest:
            same = bool(mark.addresses.shape == first.addresses.shape)
            same = same and bool((mark.addresses == first.addresses).all())
            if not same or calls.keys() & mark.calls.keys():
                return Unknown(f"{where} adds spikes of different neurons, or of one layer twice")
            calls |= mark.calls
        return Spikes(calls, first.addresses, first.size)

    def _moved(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], where: str, marks: list[Spikes]
    ) -> Mark | list[Mark]:
        names = marks[0].calls.keys()
        if any(mark.calls.keys() != names or mark.size != marks[0].size for mark in marks):
            return Unknown(f"{where} joins spikes of different layers")

        def apply(of: Callable[[Spikes], Any]) -> list[Any]:
            def shadow(value: Any) -> Any:
                mark = self.get(value) if self.is_tensor(value) else None
                return of(mark) if isinstance(mark, Spikes) else value

            return tensors(
                _listed(func(*substituted(args, shadow), **substituted(kwargs, shadow))), self.is_tensor
            )

        try:
            addresses = apply(lambda mark: mark.addresses)
            calls = {name: apply(lambda mark, name=name: mark.calls[name]) for name in names}  # type: ignore[misc]
        except (RuntimeError, TypeError):
            return Unknown(f"{where} joins spikes with something that is not spikes")
        size = marks[0].size
        return [Spikes({name: calls[name][i] for name in names}, at, size) for i, at in enumerate(addresses)]


def _listed(value: Any) -> Any:
    """Iterators as lists."""
    return list(value) if hasattr(value, "__next__") else value
