"""What a catalog says about a module: its neuron dynamics, and where it stands in the network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qsnn_hw.model.graph import Node
from qsnn_hw.model.network import MAX_SPIKES, Comparison, FloatArray, NeuronGroup, Reset
from qsnn_hw.support.errors import UserError

Value = float | FloatArray
"""A parameter before the group's size is known: one number, or an array that broadcasts to its shape."""


@dataclass(frozen=True)
class Neuron:
    """Dynamics of a live neuron module; fields as in :class:`~qsnn_hw.model.network.NeuronGroup`.

    Parameters
    ----------
    where
        Framework, path and type of the module, for messages.
    inward
        Operator nodes that the module applies to its input before its neurons; names are suffixes.
    recurrent
        Operator nodes from the module's spikes back to its neurons, in order.
    synapse
        A module that never fires, whose potential may be the synaptic current of one neuron module behind it.
    """

    where: str
    decay: Value = 1.0
    input_gain: Value = 1.0
    leak: Value = 0.0
    threshold: Value | None = 1.0
    v_reset: Value = 0.0
    comparison: Comparison = ">"
    reset: Reset = "subtract"
    reset_delay: bool = False
    reset_drops_input: bool = False
    reset_retest: bool = False
    max_spikes: int | None = 1
    v_min: float | None = None
    current_decay: Value | None = None
    current_gain: Value | None = None
    relax: bool = False
    reset_amount: Value | None = None
    rest: Value = 0.0
    inward: tuple[Node, ...] = ()
    recurrent: tuple[Node, ...] = ()
    synapse: bool = False
    warnings: tuple[str, ...] = ()

    def group(self, name: str, shape: tuple[int, ...]) -> NeuronGroup:
        """The group of this shape.

        Raises
        ------
        UserError
            A parameter does not broadcast to the shape, is not finite or out of range.
        """
        decay = self._retention("decay of the potential", self.decay, shape)
        current_decay = current_gain = None
        if self.current_decay is not None and self.current_gain is not None:
            current_decay = self._retention("decay of the current", self.current_decay, shape)
            current_gain = self._spread("gain of the current", self.current_gain, shape)
        threshold = None if self.threshold is None else self._spread("threshold", self.threshold, shape)
        v_reset = self._spread("v_reset", self.v_reset, shape)
        amount = None if self.reset_amount is None else self._spread("threshold", self.reset_amount, shape)
        taken = threshold if amount is None else amount
        if taken is not None and self.reset == "subtract" and np.any(taken <= 0):
            raise UserError(
                f"{self.where}: the threshold is {np.min(taken):g} above the resting potential, not above 0"
            )
        return NeuronGroup(
            name=name,
            shape=shape,
            decay=decay,
            input_gain=self._spread("gain of the input", self.input_gain, shape),
            leak=self._spread("bias", self.leak, shape),
            threshold=threshold,
            v_reset=v_reset,
            comparison=self.comparison,
            reset="none" if threshold is None else self.reset,
            reset_delay=self.reset_delay,
            reset_drops_input=self.reset_drops_input,
            reset_retest=self.reset_retest,
            max_spikes=self.max_spikes,
            v_min=self.v_min,
            current_decay=current_decay,
            current_gain=current_gain,
            relax=self.relax,
            reset_amount=amount,
            rest=self._spread("rest", self.rest, shape) if np.any(self.rest) else None,
        )

    def _spread(self, what: str, value: Value, shape: tuple[int, ...]) -> FloatArray:
        array = np.asarray(value, np.float64)
        if not np.all(np.isfinite(array)):
            raise UserError(f"{self.where}: its {what} is NaN or infinite; train the model again")
        while array.ndim > len(shape) and array.shape[0] == 1:
            array = array[0]
        try:
            return np.broadcast_to(array, shape).reshape(-1).copy()
        except ValueError:
            raise UserError(
                f"{self.where}: its {what} has shape {array.shape}, its input has shape {shape}"
            ) from None

    def _retention(self, what: str, value: Value, shape: tuple[int, ...]) -> FloatArray:
        spread = self._spread(what, value, shape)
        if np.any((spread < 0) | (spread > 1)):
            bad = spread[np.argmax((spread < 0) | (spread > 1))]
            raise UserError(
                f"{self.where}: the {what} per step is {bad:g}, not from 0 to 1; check dt and tau"
            )
        return spread


@dataclass
class Wiring:
    """Which module feeds which.

    Attributes
    ----------
    nodes
        Name -> operator node; neurons are in ``neurons``.
    edges
        (source, target) -> time steps between them, 0 or more; INPUT_NODE feeds the first layers.
    output
        The neuron whose spikes leave the network.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    neurons: dict[str, Neuron] = field(default_factory=dict)
    edges: dict[tuple[str, str], int] = field(default_factory=dict)
    output: str = ""

    def add_neuron(self, name: str, neuron: Neuron) -> str:
        """Add a neuron and what it brings along; returns the name of the node its input goes to."""
        self.neurons[name] = neuron
        entry = target = name
        for node in reversed(neuron.inward):
            entry = f"{name}.{node.name}"
            self.nodes[entry] = Node(entry, node.type, node.parameters)
            self.edges[entry, target] = 0
            target = entry
        source, late = name, 1
        for node in neuron.recurrent:
            inner = f"{name}.{node.name}"
            self.nodes[inner] = Node(inner, node.type, node.parameters)
            self.edges[source, inner] = late
            source, late = inner, 0
        if neuron.recurrent:
            self.edges[source, name] = 0
        return entry


INPUT_NODE, OUTPUT_NODE = "input", "output"
"""Reserved node names."""


def node_name(path: str, module: Any) -> str:
    """A module's path as a node name; the class for the root, and never a reserved name."""
    name = path or type(module).__name__.lower()
    return f"{name}_module" if name in (INPUT_NODE, OUTPUT_NODE) else name


def as_array(value: Any) -> FloatArray:
    """A torch tensor or number as float64 NumPy."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy()
    return np.asarray(value, np.float64)


def spike_limit(where: str, what: str, most: float) -> int | None:
    """The most spikes a step as groups have it: None above what arrays of spikes hold.

    Raises
    ------
    UserError
        ``most`` is no whole number above 0; ``what`` names it.
    """
    if most < 1 or most != int(most):
        raise UserError(f"{where}: {what} is no whole number of spikes from 1 on; set one")
    return int(most) if most <= MAX_SPIKES else None


NeuronReader = Callable[[Any, str], Neuron]
"""Module and where it is -> its dynamics."""

LayerReader = Callable[[Any, str], tuple[str, dict[str, Any]]]
"""Module and where it is -> node type and parameters of an operator."""


@dataclass(frozen=True)
class ModuleTypes:
    """What a framework adds to torch's own layers.

    Parameters
    ----------
    neurons, layers
        Exact type -> reader.
    passive
        Types that change no value in evaluation, shapes aside.
    sequences
        Types that apply their children in order.
    explicit_state
        Neurons called without a state start anew, so a loop over time must hand it on.
    unwrapped
        The type that a module had before the framework gave it one of its own.
    """

    neurons: dict[type, NeuronReader]
    layers: dict[type, LayerReader] = field(default_factory=dict)
    passive: frozenset[type] = frozenset()
    sequences: frozenset[type] = frozenset()
    explicit_state: bool = False
    unwrapped: Callable[[type], type] = lambda kind: kind


Require = Callable[[str], Any]
"""Imports a module of the framework, or raises a UserError that says how to install it."""
