"""The trained network in floating point, with every framework convention already resolved.

A :class:`Network` is neuron groups joined by projections. Readers (NIR, .npz) build it; the float
reference simulator and the quantizer consume it. Nothing here knows about hardware.

The membrane update of a spiking group, per time step, with ``x`` the sum over its projections::

    u = current_decay * u + current_gain * x      (only where the group has a synaptic current)
    v = decay * v + input_gain * (u or x) + leak  (then the clamp at v_min, then fire and reset)
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

FloatArray = np.ndarray

INPUT = "input"
"""The name under which projections refer to the network's input."""

MAX_SPIKES = 255
"""The most spikes of a neuron or of an address in one step; arrays of spikes are uint8."""

Reset = Literal["subtract", "zero", "v_reset", "none"]
Comparison = Literal[">", ">="]


@dataclass(frozen=True)
class Dense:
    """A fully connected operator, ``y = weight @ x + bias``.

    Parameters
    ----------
    weight
        float64, shape (post, pre).
    bias
        float64, shape (post,), or None. Added every time step, spikes or not.
    """

    weight: FloatArray
    bias: FloatArray | None = None


@dataclass(frozen=True)
class Conv2d:
    """A two-dimensional convolution (cross-correlation, as in PyTorch); Conv1d has height 1.

    Parameters
    ----------
    weight
        float64, shape (channels out, channels in / groups, kernel height, kernel width).
    bias
        float64, shape (channels out,), or None.
    input_shape
        (channels, height, width) of the input.
    stride, padding, dilation
        (vertical, horizontal).
    groups
        Number of channel groups.
    """

    weight: FloatArray
    bias: FloatArray | None
    input_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class Pool2d:
    """Sum or average pooling over (channels, height, width)."""

    kind: Literal["sum", "average"]
    input_shape: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Scale:
    """An elementwise factor; ``factor`` is float64 of the operator's flat input size."""

    factor: FloatArray


Operator = Dense | Conv2d | Pool2d | Scale


@dataclass(frozen=True)
class Projection:
    """Connects a source (a neuron group or ``INPUT``) to a target group.

    Parameters
    ----------
    name
        Unique; derived from the NIR node names on the way.
    source, target
        Names of neuron groups; ``source`` may be ``INPUT``.
    operators
        Applied in order to the source's spikes (flattened C order between operators). Empty
        means the identity.
    delay
        Whole time steps added to the path. A recurrent projection (its source is not before its
        target in ``Network.groups``) reads the previous step's spikes even with delay 0, and
        ``delay`` steps earlier otherwise. A bias acts from step 0, whatever the delay.
    """

    name: str
    source: str
    target: str
    operators: tuple[Operator, ...]
    delay: int = 0


@dataclass(frozen=True)
class NeuronGroup:
    """Neurons that share one kind of dynamics; every parameter is float64 of shape (n,).

    Parameters
    ----------
    name
        Unique; the NIR node's name.
    shape
        Shape of the group, e.g. (32,) or (16, 13, 13); ``n`` is its product.
    decay
        Retention of the membrane potential per time step (1 for IF).
    input_gain
        Factor on the input (or on the synaptic current).
    leak
        Constant drive added every time step (``v_leak`` scaled by the integration step).
    threshold
        Firing threshold; None for a readout group that never fires. Of any sign: potentials may be
        counted from a rest that is above it.
    v_reset
        Potential after a spike when ``reset`` is "v_reset".
    comparison
        ``v > threshold`` or ``v >= threshold``.
    reset
        "subtract" the reset amount, set to "zero", set to "v_reset", or "none".
    reset_amount
        What "subtract" takes off; None for the threshold.
    reset_delay
        True: the reset a spike causes is applied in the next time step's update, after decay
        and input (snnTorch's default). False: applied at once, before the next decay.
    reset_drops_input
        Only with ``reset_delay`` and "zero": the delayed reset also drops that step's input
        (snnTorch Synaptic), instead of only the old potential (snnTorch Leaky).
    reset_retest
        Only without ``reset_delay``: snnTorch's reset_delay=False, which tests firing on the
        potential less one threshold when the stored potential is itself above threshold.
    max_spikes
        The most spikes of a neuron in one step: 1, or as many as ``v`` holds thresholds up to this many,
        each taking one off; None for no limit. The rest of ``v`` stays.
    v_min
        Lower clamp of the potential, applied after reset; None for no clamp.
    current_decay, current_gain
        Synaptic current (CubaLIF); None for a group without one.
    refractory
        Whole time steps a neuron stays silent after a spike.
    relax
        True: the source framework evaluates ``v + a*(x + leak' - v)`` rather than
        ``decay*v + gain*x``; equal but for rounding. The float simulator follows the framework.
    rest
        Where every potential starts in the framework, shape (n,), and what all of the above is counted from:
        added where potentials are reported. None where that is 0.
    start
        The potential before the first step; None for 0. Of groups that fire alone.
    """

    name: str
    shape: tuple[int, ...]
    decay: FloatArray
    input_gain: FloatArray
    leak: FloatArray
    threshold: FloatArray | None
    v_reset: FloatArray
    comparison: Comparison = ">"
    reset: Reset = "subtract"
    reset_delay: bool = False
    reset_drops_input: bool = False
    reset_retest: bool = False
    max_spikes: int | None = 1
    v_min: float | None = None
    current_decay: FloatArray | None = None
    current_gain: FloatArray | None = None
    refractory: int = 0
    relax: bool = False
    reset_amount: FloatArray | None = None
    rest: FloatArray | None = None
    start: FloatArray | None = None

    @property
    def multi_spike(self) -> bool:
        """Whether a neuron may emit several spikes in one step."""
        return self.max_spikes != 1

    @property
    def amount(self) -> FloatArray | None:
        """What a reset by subtraction takes off, shape (n,); None for a readout group."""
        return self.threshold if self.reset_amount is None else self.reset_amount

    @property
    def size(self) -> int:
        """The number of neurons."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Network:
    """A trained network: groups in an order in which every feed-forward source comes first.

    Parameters
    ----------
    name
        From the model file's name.
    input_shape
        Shape of one time step of input, e.g. (64,) or (1, 28, 28).
    groups
        Topologically ordered, recurrent edges aside.
    projections
        All connections, in the order of their targets.
    output
        Name of the group whose spikes are the network's output.
    convention
        Field name -> value of the convention that was applied, for the report.
    warnings
        One line each: what was inexact or implausible in the file.
    """

    name: str
    input_shape: tuple[int, ...]
    groups: tuple[NeuronGroup, ...]
    projections: tuple[Projection, ...]
    output: str
    convention: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def input_size(self) -> int:
        """The number of input addresses."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    def group(self, name: str) -> NeuronGroup:
        """The neuron group called ``name``; KeyError when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    def into(self, target: str) -> tuple[Projection, ...]:
        """The projections that end in group ``target``."""
        return tuple(p for p in self.projections if p.target == target)

    def source_size(self, source: str) -> int:
        """The number of addresses of a group or of the input."""
        return self.input_size if source == INPUT else self.group(source).size
