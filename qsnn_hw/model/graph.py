"""The graph a model file describes, before any convention is applied.

The NIR reader and the plain model description both produce a :class:`Graph`; ``build.py`` turns it
into a :class:`~qsnn_hw.model.network.Network`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qsnn_hw.support.errors import UserError

NEURON_TYPES = ("LIF", "IF", "CubaLIF", "LI", "I", "CubaLI", "Threshold")
OPERATOR_TYPES = (
    *("Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"),
    *("Flatten", "Scale", "Delay", "Identity"),
)
KNOWN_TYPES = ("Input", "Output", *NEURON_TYPES, *OPERATOR_TYPES)

MAX_NODES = 1000
"""Of a graph; the search for paths visits all of them for each."""

MAX_NUMBER = 1e30
"""Largest parameter: its products must not leave the numbers of 32 bits that frameworks compute with."""


@dataclass(frozen=True)
class Node:
    """One node: its name, its type as NIR spells it, and its parameters as read."""

    name: str
    type: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Nodes by name and directed edges between them; ``source`` names the file for messages."""

    source: str
    name: str
    nodes: dict[str, Node]
    edges: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()

    def where(self, name: str) -> str:
        """How messages refer to a node: file, node and type."""
        return f"{self.source}: node {name!r} ({self.nodes[name].type})"

    def before(self, name: str) -> tuple[str, ...]:
        """Names of the nodes with an edge into ``name``, in a fixed order."""
        return tuple(sorted(pre for pre, post in self.edges if post == name))

    def after(self, name: str) -> tuple[str, ...]:
        """Names of the nodes with an edge from ``name``, in a fixed order."""
        return tuple(sorted(post for pre, post in self.edges if pre == name))

    def numbers(
        self, name: str, key: str, default: float | None = None, *, infinite: bool = False
    ) -> np.ndarray:
        """A node's parameter as float64, checked to be present, numeric and finite.

        Raises
        ------
        UserError
            Missing without ``default``, not numeric, empty, or not finite; with ``infinite`` only NaN
            is refused.
        """
        value = self.nodes[name].parameters.get(key)
        if value is None:
            if default is None:
                raise UserError(f"{self.where(name)} has no {key}; export the model again")
            value = default
        try:
            if np.asarray(value).dtype.kind == "c":
                raise UserError(f"{self.where(name)}: {key} holds complex numbers, not real ones")
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{self.where(name)}: {key} is not an array of numbers") from None
        if array.size == 0:
            raise UserError(f"{self.where(name)}: {key} is empty")
        bad = int(np.count_nonzero(np.isnan(array) if infinite else ~np.isfinite(array)))
        if bad:
            raise UserError(
                f"{self.where(name)}: {key} holds {bad} value{'s' if bad > 1 else ''} that are NaN or "
                "infinite; train or export the model again"
            )
        most = float(np.abs(array[np.isfinite(array)]).max(initial=0))
        if most > MAX_NUMBER:
            raise UserError(
                f"{self.where(name)}: {key} holds {most:g}, over {MAX_NUMBER:g}, too large to compute with; "
                "train or export the model again"
            )
        return array

    def spread(
        self,
        name: str,
        key: str,
        shape: tuple[int, ...],
        default: float | None = None,
        *,
        infinite: bool = False,
    ) -> np.ndarray:
        """A node's parameter, one value for each of ``shape`` in C order; float64, one-dimensional.

        As NumPy broadcasts it; leading dimensions of 1, which a batch leaves, count for nothing, and
        an array of as many values as ``shape`` has is taken in C order.

        Raises
        ------
        UserError
            As :meth:`numbers`, or it does not broadcast.
        """
        array = self.numbers(name, key, default, infinite=infinite)
        size = int(np.prod(shape, dtype=np.int64))
        if array.size == size:
            return array.reshape(-1)
        if not broadcasts(array.shape, shape):
            raise UserError(
                f"{self.where(name)}: {key} has shape {array.shape}, which does not broadcast to "
                f"{shape}{channel_hint(array.shape, shape)}"
            )
        while array.ndim > len(shape):
            array = array[0]
        return np.broadcast_to(array, shape).reshape(-1).copy()

    def whole(self, name: str, key: str, default: int | None = None) -> np.ndarray:
        """Like :meth:`numbers`, but every value must be a whole number; int64, one-dimensional."""
        array = self.numbers(name, key, default)
        if np.any(array != np.round(array)) or np.any(np.abs(array) > 2**31):
            raise UserError(f"{self.where(name)}: {key} is not made of whole numbers")
        return np.atleast_1d(array).astype(np.int64).reshape(-1)


def broadcasts(own: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array of shape ``own`` can be :meth:`Graph.spread` over ``shape``."""
    if int(np.prod(own, dtype=np.int64)) == int(np.prod(shape, dtype=np.int64)):
        return True
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    same = zip(reversed(own), reversed(shape), strict=False)
    return len(own) <= len(shape) and all(size in (1, wanted) for size, wanted in same)


def channel_hint(own: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What to write where ``own`` was meant as one value a channel of ``shape``; empty otherwise."""
    if len(own) != 1 or len(shape) < 2 or own[0] != shape[0]:
        return ""
    return f"; one value a channel has shape {(shape[0], *[1] * (len(shape) - 1))}"
