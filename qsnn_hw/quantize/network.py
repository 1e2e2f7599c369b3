"""The quantized network: everything the golden model and the hardware need, in integers.

This text is the specification of record. The integer membrane update of one group and time step
is, every name a field of :class:`QuantizedGroup` or a state that starts as said below::

    x = sum over projections of (operators(spikes of the source) << shift) << fractional_bits
    u = current + x                              # only with a synaptic current
    u = clamp(u, current_low, current_high);  x = u     # clamped only where the current has a clamp
    v = state + x                                # accumulated, in any order
    v = 0 where dropped                          # only with reset_drops_input
    v = clamp(v, v_low, v_high)                  # only where the group has a clamp
    fired = v >= threshold and silent == 0       # never in a readout group
    count = fired                                # spikes emitted
    count = min(v // reset_amount, max_spikes) where fired       # only with max_spikes above 1
    silent = refractory where fired, otherwise max(silent - 1, 0)
    v = v - count * reset_amount                 # reset "subtract", not delayed
    v = reset_value where fired                  # reset "value", not delayed
    v = max(v, v_min)                            # only where the group has a v_min
    # v is now the potential that traces show
    kept = reset_value where fired               # reset "value", delayed; otherwise kept = v
    state = kept - loss(kept, leak_numerator, leak_shift) + bias
    state = state - fired * reset_amount         # reset "subtract", delayed
    dropped = fired                              # only with reset_drops_input
    current = u - loss(u, current_leak_numerator, current_leak_shift) + current_bias

With ``reset_retest`` (snnTorch's reset_delay=False: the stored potential, when itself at
threshold, is reset before the next test) the reset lines are, ``over`` being a state, too::

    v = v - (count - over) * reset_amount        # reset "subtract"
    v = v - (fired - over) * v                   # reset "value" (0)
    v = max(v, v_min)
    over = v >= threshold                        # fired, where the group has a refractory period
    kept = 0 where over                          # reset "value"
    state = kept - leak + bias - over * reset_amount    # the last term: reset "subtract"
    dropped = over                               # only with reset_drops_input

What leaks is, by ``leak_rounding``::

    loss(v, numerator, shift) = (v * numerator) >> shift                           # "floor"
    loss(v, numerator, shift) = (v * numerator + (2**shift - 1 if v > 0 else 0)) >> shift   # "zero"

"floor" rounds the loss down, so small potentials above 0 keep everything. "zero" rounds what is
*kept* toward zero, ``trunc(v * (2**shift - numerator) / 2**shift)``, as Loihi, Lava and SYNtzulA do:
every potential reaches 0.

``>>`` is the arithmetic shift and ``//`` the division that round down. Before the first step of a
sample ``state = start - loss(start) + bias``, where ``start`` is mostly 0, ``current = current_bias`` and
``dropped = over = silent = 0``.
Putting decay and bias behind the comparison is the same recurrence as decaying first; it lets a
hardware event add straight onto the stored state.

A projection reads its source's spikes ``delay`` steps late, and one step later still where its
source is not before its target in ``groups`` (recurrence); spikes before step 0 are 0. Operators
are those of the float network with integers for weights and no biases: Dense, Conv2d, sum pooling,
Scale. Averages are sums here, their divisor in the scale. All sums are exact.
"""

from dataclasses import dataclass, field, fields
from typing import Annotated, Literal

import numpy as np

from qsnn_hw.model.network import INPUT, Dense, Operator
from qsnn_hw.support.choices import LeakRounding
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord

ResetKind = Literal["subtract", "value", "none"]
PerNeuron = Annotated[np.ndarray, Array("i", "size")]
"""int64, one value for each neuron."""
RealPerNeuron = Annotated[np.ndarray, Array("f", "size")]
"""float64, likewise."""


@dataclass(frozen=True)
class NeuronDynamics:
    """What a group's neurons do in a step: the constants of the text above.

    Arrays are int64 with one value for each neuron, shape (n,); of a hardware plan, with one for each slot.

    Parameters
    ----------
    fractional_bits
        Extra low bits of the potential below one weight step.
    leak_numerator, leak_shift
        Per step the potential loses this fraction, rounded as ``leak_rounding`` says; both plain ints.
    bias
        Added every step, in potential steps.
    threshold
        Fires when ``v >= threshold``; a float ``v > t`` has become ``floor(t) + 1``.
    reset, reset_delay
        What a spike does to the potential, and whether it does so one step later.
    reset_amount
        Subtracted by reset "subtract".
    reset_value
        Potential after reset "value".
    v_low, v_high
        Saturation applied once per step, ints, or None where the width is proved without.
    v_bits
        Signed width that holds the state and every partial sum, proved from the fan-in.
    readout
        The group never fires; its potentials are its output. ``threshold`` is then out of reach.
    max_spikes
        The most spikes of a neuron in one step, 1 to 255 (which stands for no limit, too). Above 1 reset is
        "subtract", not delayed.
    v_min
        Lower limit of the potential after reset, or None.
    refractory
        Steps a neuron stays silent after a spike.
    reset_drops_input
        The delayed reset to 0 also drops that step's input and bias.
    reset_retest
        snnTorch's reset_delay=False, see above; ``reset_delay`` is then False.
    leak_numerators
        Each neuron's own numerator, or None where all have ``leak_numerator``, which is otherwise the
        largest of them.
    current_leak_numerator, current_leak_shift
        Loss per step of the synaptic current, an array and an int; None for a group without one.
        The current has the same grid as the potential.
    current_bias
        Added to the current every step, in potential steps, or None.
    current_bits
        Signed width that holds the current and every partial sum of it; 0 without a current.
    current_low, current_high
        Saturation of the current applied once per step, ints, or None where its width is proved without.
    leak_rounding
        Of potential and current, see above: "floor" rounds the loss down, "zero" what is kept toward 0.
    start
        The potential before the first step, shape (n,), or None for 0.
    """

    fractional_bits: int
    leak_numerator: int
    leak_shift: int
    bias: PerNeuron
    threshold: PerNeuron
    reset: ResetKind
    reset_delay: bool
    reset_amount: PerNeuron
    reset_value: PerNeuron
    v_low: int | None
    v_high: int | None
    v_bits: int
    readout: bool = False
    max_spikes: int = 1
    v_min: PerNeuron | None = None
    refractory: int = 0
    reset_drops_input: bool = False
    reset_retest: bool = False
    leak_numerators: PerNeuron | None = None
    current_leak_numerator: PerNeuron | None = None
    current_leak_shift: int = 0
    current_bias: PerNeuron | None = None
    current_bits: int = 0
    current_low: int | None = None
    current_high: int | None = None
    leak_rounding: LeakRounding = "floor"
    start: PerNeuron | None = None

    @property
    def multi_spike(self) -> bool:
        """Whether a neuron may emit several spikes in one step."""
        return self.max_spikes > 1

    @property
    def resets(self) -> bool:
        """Whether a spike does anything to the potential."""
        return not self.readout and self.reset != "none"

    @property
    def max_count(self) -> int:
        """The most spikes of one neuron in one step that the width of the potential lets happen."""
        if self.readout or not self.multi_spike:
            return int(not self.readout)
        high = (1 << (self.v_bits - 1)) - 1 if self.v_high is None else self.v_high
        return int(min(self.max_spikes, max(1, high // int(self.reset_amount.min()))))

    @property
    def numerator(self) -> int | np.ndarray:
        """The leak's numerator: one int, or int64 of shape (n,)."""
        return self.leak_numerator if self.leak_numerators is None else self.leak_numerators

    @property
    def has_current(self) -> bool:
        """Whether there is a synaptic current."""
        return self.current_leak_numerator is not None

    @property
    def uniform_current_leak(self) -> int | None:
        """The numerator of all currents' leaks; 0 without a current, None where neurons differ."""
        numerators = self.current_leak_numerator
        if numerators is None:
            return 0
        return int(numerators[0]) if (numerators == numerators[0]).all() else None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Every constant that is an array, by its name."""
        values = {item.name: getattr(self, item.name) for item in fields(NeuronDynamics)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


@dataclass(frozen=True)
class ScaledGroup:
    """Which neurons a group has, and what their integers are worth.

    Parameters
    ----------
    name, shape
        As in the float network.
    scale
        float64, shape (n,): the real value of one weight step. One step of the potential is worth
        ``scale / 2**fractional_bits``.
    """

    name: str
    shape: tuple[int, ...]
    scale: RealPerNeuron

    @property
    def size(self) -> int:
        """The number of neurons."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class QuantizedGroup(NeuronDynamics, ScaledGroup):
    """One neuron group in integers: the fields of both records, and two of its own.

    Parameters
    ----------
    own_integers
        The weights lay on a grid of ``scale`` already and are its integers, not rounded ones.
    rest
        As in the float network: float64, shape (n,), what potentials are counted from, or None.
    """

    own_integers: bool = False
    rest: RealPerNeuron | None = None

    @property
    def step(self) -> np.ndarray:
        """float64, shape (n,): the real value of one step of the potential."""
        return self.scale / 2.0**self.fractional_bits

    def real(self, potentials: np.ndarray) -> np.ndarray:
        """Potentials in steps, (..., n), as the framework counts them: float64 of the same shape."""
        values: np.ndarray = potentials * self.step
        return values if self.rest is None else values + self.rest


@dataclass(frozen=True)
class QuantizedProjection:
    """Integer weights from a source to a group.

    Parameters
    ----------
    name, source, target
        As in the float network.
    weight
        int8 or int16: a dense projection's weights, shape (post, pre); otherwise those of the last
        operator that has weights, in that operator's shape.
    weight_bits
        Signed width, 2 to 16.
    delay
        Whole time steps.
    shift
        The weights' step is ``2**shift`` steps of the group's ``scale``; 0 but where a projection of
        several operators with weights, whose steps multiply, needs a finer grid than another.
    operators
        What stands between source and target, in order, weights included; None for one dense
        operator made of ``weight``.
    """

    name: str
    source: str
    target: str
    weight: np.ndarray
    weight_bits: int
    delay: int = 0
    shift: int = 0
    operators: tuple[Operator, ...] | None = None

    @property
    def all_operators(self) -> tuple[Operator, ...]:
        """The operators, the dense case included."""
        return (Dense(self.weight),) if self.operators is None else self.operators

    @property
    def is_dense(self) -> bool:
        """Whether one dense operator is all there is."""
        return len(self.all_operators) == 1 and isinstance(self.all_operators[0], Dense)


@dataclass(frozen=True)
class QuantizedNetwork(StoredRecord, form="quantized network 2"):
    """A network in integers, one .npz; groups in topological order, recurrent projections aside.

    ``input_max`` is the most spikes of one input address in one step that the widths allow for.
    """

    name: str
    input_shape: tuple[int, ...]
    groups: tuple[QuantizedGroup, ...]
    projections: tuple[QuantizedProjection, ...]
    output: str
    warnings: tuple[str, ...] = field(default=())
    input_max: int = 1

    @property
    def input_size(self) -> int:
        """The number of input addresses."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    def group(self, name: str) -> QuantizedGroup:
        """The group called ``name``; KeyError when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    def into(self, target: str) -> tuple[QuantizedProjection, ...]:
        """The projections that end in group ``target``."""
        return tuple(p for p in self.projections if p.target == target)

    def source_size(self, source: str) -> int:
        """The number of addresses of a group or of the input."""
        return self.input_size if source == INPUT else self.group(source).size

    def most_events(self, source: str) -> int:
        """The most events of one address of a group or of the input in one step."""
        return self.input_max if source == INPUT else self.group(source).max_count

    def recurrent(self, projection: QuantizedProjection) -> bool:
        """Whether ``projection`` reads spikes of the step before (its source is not before its target)."""
        if projection.source == INPUT:
            return False
        order = [group.name for group in self.groups]
        return order.index(projection.source) >= order.index(projection.target)
