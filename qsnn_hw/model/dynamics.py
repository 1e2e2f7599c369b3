"""Neuron parameters and a convention to one :class:`NeuronGroup` with per-step coefficients.

Equations: tau dv/dt = v_leak - v + r*I and tau_syn di/dt = -i + w_in*S (NIR specification, Pedersen
et al., Nat. Commun. 15, 8122, 2024); the convention says how a step integrates them.
"""

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import Graph, broadcasts
from qsnn_hw.model.network import FloatArray, NeuronGroup, Reset

PARAMETERS = {
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "IF": ("r", "v_threshold", "v_reset"),
    "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "LI": ("tau", "r", "v_leak"),
    "I": ("r",),
    "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak", "w_in"),
    "Threshold": ("threshold",),
}
"""Neuron type -> the parameters it reads."""

DEFAULTS = {"v_reset": 0.0, "w_in": 1.0}
"""What the NIR specification takes where an optional parameter is absent."""

_SLOW = 1e6

_SAME_STEP = 1e-3
"""Time steps that neurons name count as one within this relative distance."""


def rockpool_dt(tau: FloatArray, r: FloatArray) -> float | None:
    """The time step for which Rockpool wrote ``r``, one number for all neurons; None where there is none.

    r = tau*exp(-dt/tau)/dt, so x = dt/tau solves ``x*exp(x) = 1/r``: Newton's method on ``x + ln x = -ln r``.
    An r of 1 is what files have that say nothing by it.
    """
    if np.any(tau <= 0) or np.any(r <= 0) or np.all(r == 1):
        return None
    x = 1 / (1 + r)
    for _ in range(50):
        x = np.maximum(x - (x + np.log(x) + np.log(r)) * x / (1 + x), x / 8)
    steps = x * tau
    first = float(f"{np.median(steps):.5g}")
    return first if np.allclose(steps, first, rtol=_SAME_STEP) else None


def parameter_shape(graph: Graph, name: str) -> tuple[int, ...]:
    """What a neuron node's parameters broadcast to together; the largest shape where they do not."""
    node = graph.nodes[name]
    # build.py gives a readout that a Threshold node follows its threshold.
    keys = (*PARAMETERS[node.type], *(("threshold",) if "threshold" in node.parameters else ()))
    shapes = [graph.numbers(name, key, DEFAULTS.get(key)).shape for key in keys]
    largest = max(shapes, key=lambda shape: int(np.prod(shape, dtype=np.int64)))
    counts = {size for shape in shapes if (size := int(np.prod(shape, dtype=np.int64))) > 1}
    if len(counts) < 2:
        return largest
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return largest


class _Reader:
    """One node's parameters, each spread over its neurons, and the warnings they cause."""

    def __init__(self, graph: Graph, name: str, shape: tuple[int, ...], convention: Convention) -> None:
        self.graph = graph
        self.name = name
        self.shape = shape
        self.size = int(np.prod(shape, dtype=np.int64))
        # Behind a flat source the parameters alone may say which grid the neurons stand on.
        own = parameter_shape(graph, name)
        self.grid = own if int(np.prod(own, dtype=np.int64)) == self.size else shape
        self.convention = convention
        self.warnings: list[str] = []

    def get(self, key: str) -> FloatArray:
        default = DEFAULTS.get(key)
        given = self.graph.numbers(self.name, key, default).shape
        shape = self.shape if broadcasts(given, self.shape) else self.grid
        return self.graph.spread(self.name, key, shape, default)

    def threshold(self, key: str) -> FloatArray:
        value = self.get(key)
        if np.any(value <= 0):
            first = int(np.argmax(value <= 0))
            raise UserError(
                f"{self.graph.where(self.name)}: {key} of neuron {first} is {value[first]:g}, not above 0"
            )
        return value

    def steps(self, key: str) -> FloatArray:
        """dt/tau, shape (n,)."""
        where = self.graph.where(self.name)
        tau = self.get(key)
        if np.any(tau <= 0):
            raise UserError(f"{where}: {key} is {np.min(tau):g}, not above 0")
        dt = self.need_dt(key)
        if self.convention.tau_fix == "divide_by_dt":
            tau = tau / dt
        ratio = dt / tau
        if np.any(ratio > 1 + 1e-6):
            text = f"{where}: {key}={np.min(tau):.4g} is below the time step dt={dt:.4g}"
            hint = (
                "Norse's exporter writes tau times dt, undone by --set tau_fix=divide_by_dt; "
                "otherwise set the model's own dt with --set dt=SECONDS"
            )
            if self.convention.decay == "euler":
                raise UserError(f"{text}, so the potential would not decay but alternate; {hint}")
            self.warnings.append(f"{text}, so almost nothing is kept from step to step; {hint}")
        elif np.any(ratio > 1 - 1e-6) and self.convention.decay == "euler":
            self.warnings.append(f"{where}: {key} equals dt={dt:.4g}, so nothing is kept from step to step")
        if np.any(ratio < 1 / _SLOW):
            self.warnings.append(
                f"{where}: {key}={np.max(tau):.4g} is over a million time steps of dt={dt:.4g}, so inputs "
                "hardly count; check --set dt and tau_fix"
            )
        return ratio

    def need_dt(self, key: str) -> float:
        if self.convention.dt is None:
            raise UserError(
                f"{self.graph.where(self.name)}: {key} needs the time step, and convention "
                f"{self.convention.name} has none; give the model's own with --set dt=SECONDS"
            )
        return self.convention.dt

    def retention(self, key: str) -> FloatArray:
        """The factor kept per step, shape (n,)."""
        form = self.convention.decay
        if form == "direct":
            kept = self.get(key)
            if np.any((kept < 0) | (kept > 1)):
                raise UserError(
                    f"{self.graph.where(self.name)}: decay=direct takes {key} as the retention per step, "
                    f"from 0 to 1, not {kept[np.argmax((kept < 0) | (kept > 1))]:g}"
                )
            return kept
        steps = self.steps(key)
        return self.snap(np.maximum(1 - steps, 0.0) if form == "euler" else np.exp(-steps))

    def snap(self, value: FloatArray) -> FloatArray:
        """Replace values within the convention's tolerance of four decimals by those decimals."""
        rounded = np.round(value, 4)
        near = np.abs(value - rounded) <= self.convention.snap * np.abs(value)
        return np.where(near, rounded, value)

    def input_factor(
        self, key: str, decay: FloatArray, *, r_key: str = "r", readout: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Factors on the input and on v_leak of a leaky node, shape (n,) each; ``readout`` for an LI."""
        form = self.convention.input_gain
        r = self.get(r_key)
        leak = self.snap(self.steps(key)) if form == "euler" else 1 - decay
        if form == "euler":
            return self.snap(r * self.steps(key)), leak
        if form == "complement":
            return self.snap(r * (1 - decay)), leak
        if form == "rockpool":
            self.rockpool_step(key, r)
            return (decay if readout else np.ones(self.size)), leak
        return (self.snap(r) if form == "r" else np.ones(self.size)), leak

    def rockpool_step(self, key: str, r: FloatArray) -> None:
        """Warn where the file's r names another time step: Rockpool writes r = tau*exp(-dt/tau)/dt."""
        if self.convention.decay != "exponential":
            return
        dt, tau = self.need_dt(key), self.get(key)
        written = rockpool_dt(tau, r)
        if written is not None and not np.isclose(written, dt, rtol=1e-3):
            self.warnings.append(
                f"{self.graph.where(self.name)}: its r is what Rockpool writes for dt={written:.4g}, and the "
                f"convention has dt={dt:.4g}; if that is the model's own, --set dt={written:.4g}"
            )

    def integrator_factor(self) -> FloatArray:
        form = self.convention.integrator_gain
        if form == "one":
            return np.ones(self.size)
        r = self.get("r")
        return self.snap(r * self.need_dt("r") if form == "r*dt" else r)

    def current_factor(self, decay: FloatArray) -> FloatArray:
        if "r_syn" in self.graph.nodes[self.name].parameters:
            # build.py made the current of an LI node.
            return self.input_factor("tau_syn", decay, r_key="r_syn", readout=True)[0]
        form = self.convention.current_gain
        if form == "one":
            return np.ones(self.size)
        gain = self.get("w_in")
        if form in ("euler", "decayed_euler"):
            gain = gain * self.steps("tau_syn")
        if form in ("decayed", "decayed_euler"):
            gain = gain * decay
        return self.snap(gain)


def neuron_group(
    graph: Graph, name: str, shape: tuple[int, ...], convention: Convention, recurrent: bool
) -> tuple[NeuronGroup, tuple[str, ...]]:
    """The group of a neuron node, and one warning per implausible parameter.

    Parameters
    ----------
    shape
        Of the group; parameters are spread over it as NumPy broadcasts.
    recurrent
        Whether a loop of the graph runs through the node.

    Raises
    ------
    UserError
        A parameter is absent, of the wrong size, not finite or out of range, or the convention
        lacks a field the node needs.
    """
    kind = graph.nodes[name].type
    size = int(np.prod(shape, dtype=np.int64))
    reader = _Reader(graph, name, shape, convention)
    zero, one = np.zeros(size), np.ones(size)
    decay, gain, leak = one, one, zero
    current_decay: FloatArray | None = None
    current_gain: FloatArray | None = None
    if kind in ("IF", "I"):
        gain = reader.integrator_factor()
    elif kind == "Threshold":
        decay = zero
    else:
        tau = "tau_mem" if kind.startswith("Cuba") else "tau"
        decay = reader.retention(tau)
        gain, leak_factor = reader.input_factor(tau, decay, readout=kind == "LI")
        leak = leak_factor * reader.get("v_leak")
        if kind.startswith("Cuba"):
            current_decay = reader.retention("tau_syn")
            current_gain = reader.current_factor(current_decay)
    threshold, v_reset, reset = _firing(reader, kind)
    v_min = convention.v_min if threshold is not None and kind != "Threshold" else None
    if convention.start == "rest" and kind != "Threshold":
        # Every state starts at 0 here, so potentials are counted from the rest instead.
        rest = v_reset if kind in ("IF", "I") else reader.get("v_leak")
        if np.any(rest != 0):
            leak = zero
            threshold, v_reset, reset, v_min = _from_rest(reader, rest, threshold, v_reset, reset, v_min)
    fires = threshold is not None and kind != "Threshold"
    late = convention.reset_delay and fires and reset != "none"
    if not convention.reset_delay and convention.name == "snntorch" and recurrent and kind == "CubaLIF":
        reader.warnings.append(
            f"{graph.where(name)}: imported with reset_delay=false; snnTorch 1.0.0's RSynaptic ignores that "
            "option, so if it trained this model set reset_delay=true"
        )
    drops = convention.reset_drops_input == "always" or (
        convention.reset_drops_input == "snntorch" and (recurrent or kind == "CubaLIF")
    )
    group = NeuronGroup(
        name=name,
        shape=shape,
        decay=decay,
        input_gain=gain,
        leak=leak,
        threshold=threshold,
        v_reset=v_reset,
        comparison=convention.comparison,
        reset=reset,
        reset_delay=late,
        reset_drops_input=late and reset == "zero" and drops,
        reset_retest=fires and not late and convention.reset_retest and reset != "none",
        multi_spike=fires and convention.multi_spike,
        v_min=v_min,
        current_decay=current_decay,
        current_gain=current_gain,
        refractory=convention.refractory if fires else 0,
        relax=convention.update == "relax" and kind in ("LIF", "LI", "CubaLIF", "CubaLI"),
    )
    return group, tuple(reader.warnings)


def _from_rest(
    reader: _Reader,
    rest: FloatArray,
    threshold: FloatArray | None,
    v_reset: FloatArray,
    reset: Reset,
    v_min: float | None,
) -> tuple[FloatArray | None, FloatArray, Reset, float | None]:
    """Threshold, reset and clamp as distances from the rest."""
    where = reader.graph.where(reader.name)
    if threshold is not None and np.any(threshold <= rest):
        raise UserError(f"{where}: it starts at rest, which is not below v_threshold; check --set start=zero")
    if v_min is not None and np.any(rest != rest[0]):
        raise UserError(f"{where}: v_min and start=rest need one rest for all neurons; use --set start=zero")
    if reset == "zero":
        v_reset, reset = np.zeros(reader.size), "v_reset"
    return (
        None if threshold is None else threshold - rest,
        v_reset - rest,
        reset,
        None if v_min is None else v_min - float(rest[0]),
    )


def _firing(reader: _Reader, kind: str) -> tuple[FloatArray | None, FloatArray, Reset]:
    zero = np.zeros(reader.size)
    reset = reader.convention.reset
    if kind in ("LI", "I", "CubaLI"):
        # build.py puts a following Threshold node's value here: it fires without any reset.
        if "threshold" not in reader.graph.nodes[reader.name].parameters:
            return None, zero, "none"
        return reader.threshold("threshold"), zero, "none"
    if kind == "Threshold":
        return reader.threshold("threshold"), zero, "none"
    threshold, v_reset = reader.threshold("v_threshold"), reader.get("v_reset")
    where = reader.graph.where(reader.name)
    if reset == "v_reset" and np.any(v_reset >= threshold):
        raise UserError(f"{where}: v_reset is not below v_threshold, so a neuron would never stop firing")
    if reset != "v_reset" and np.any(v_reset != 0):
        reader.warnings.append(f"{where}: v_reset is not 0 in the file and reset={reset} does not use it")
    return threshold, v_reset, reset
