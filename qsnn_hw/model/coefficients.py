"""A neuron node's parameters and a convention to the coefficients of one time step.

Equations: tau dv/dt = v_leak - v + r*I and tau_syn di/dt = -i + w_in*S (NIR specification, Pedersen
et al., Nat. Commun. 15, 8122, 2024); the convention says how a step integrates them.
"""

import numpy as np

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import Graph, broadcasts
from qsnn_hw.model.network import FloatArray
from qsnn_hw.support.errors import UserError

BoolArray = np.ndarray

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

_SAME_GAIN = 1e-5
"""How far r*dt/tau may be from 1 in a file of snnTorch's float32 exporter."""

_SAME_STEP = 1e-3
"""Time steps that neurons name count as one within this relative distance."""


def rockpool_dt(tau: FloatArray, r: FloatArray) -> float | None:
    """The time step for which Rockpool wrote ``r``, one number for all neurons; None where there is none.

    r = tau*exp(-dt/tau)/dt, so x = dt/tau solves ``x*exp(x) = 1/r``: Newton's method on ``x + ln x = -ln r``.
    An r of 1 is what files have that say nothing by it.
    """
    if np.any(tau <= 0) or np.any(np.isinf(tau)) or np.any(r <= 0) or np.all(r == 1):
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
    # fold.py gives a readout that a Threshold node follows its threshold.
    keys = (*PARAMETERS[node.type], *(("threshold",) if "threshold" in node.parameters else ()))
    shapes = [graph.numbers(name, key, DEFAULTS.get(key), infinite=True).shape for key in keys]
    largest = max(shapes, key=lambda shape: int(np.prod(shape, dtype=np.int64)))
    counts = {size for shape in shapes if (size := int(np.prod(shape, dtype=np.int64))) > 1}
    if len(counts) < 2:
        return largest
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return largest


class NodeReader:
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

    def get(self, key: str, *, infinite: bool = False) -> FloatArray:
        """A parameter, shape (n,); ``infinite`` as :meth:`Graph.numbers` has it."""
        default = DEFAULTS.get(key)
        own_shape = self.graph.numbers(self.name, key, default, infinite=infinite).shape
        shape = self.shape if broadcasts(own_shape, self.shape) else self.grid
        return self.graph.spread(self.name, key, shape, default, infinite=infinite)

    def steps(self, key: str) -> FloatArray:
        """dt/tau, shape (n,), 0 for an infinite tau; from 0 to 1 where the convention clamps decays."""
        where = self.graph.where(self.name)
        tau = self.get(key, infinite=True)
        clamped = self.clamped(key)
        wrong = ~(tau > 0) & ~clamped
        if np.any(wrong):
            hint = ""
            if np.all(tau[wrong] < 0) and not self.convention.clamp_decay:
                hint = "; snnTorch writes so for a beta above 1, and --convention snntorch reads it"
            raise UserError(f"{where}: {key} is {np.min(tau[wrong]):g}, not above 0{hint}")
        dt = self.need_dt(key)
        if self.convention.tau_fix == "divide_by_dt":
            tau = tau / dt
        with np.errstate(over="ignore"):
            ratio = dt / tau
        short = ~clamped & (ratio > 1 + 1e-6)
        if np.any(short):
            text = f"{where}: {key}={np.min(tau[short]):.4g} is below the time step dt={dt:.4g}"
            hint = "set the model's own dt with --set dt=SECONDS"
            if self.convention.name == "norse":
                written = "Norse's exporter writes tau times dt, undone by --set tau_fix=divide_by_dt"
                hint = f"{written}; otherwise {hint}"
            if self.convention.decay == "euler":
                raise UserError(f"{text}, so the potential would not decay but alternate; {hint}")
            self.warnings.append(f"{text}, so almost nothing is kept from step to step; {hint}")
        elif np.any(~clamped & (ratio > 1 - 1e-6)) and self.convention.decay == "euler":
            self.warnings.append(f"{where}: {key} equals dt={dt:.4g}, so nothing is kept from step to step")
        beyond = clamped & np.isfinite(tau)
        if np.any(beyond):
            self._tell_clamp(key, 1 - ratio[beyond])
        return np.where(clamped, np.clip(ratio, 0, 1), ratio)

    def clamped(self, key: str) -> BoolArray:
        """Where tau stands for a retention of 1 or outside 0 to 1 that the framework clamps, shape (n,).

        Only where the gain is the one that snnTorch writes with it, r = tau/dt: any other file with such a
        tau was read with a wrong dt.
        """
        if not self.convention.clamp_decay or self.convention.decay != "euler":
            return np.zeros(self.size, bool)
        tau, gain = self.get(key, infinite=True), self.get(self._gain_key(key), infinite=True)
        dt = self.need_dt(key)
        if self.convention.tau_fix == "divide_by_dt":
            tau = tau / dt
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = dt / tau
            own = np.abs(gain * ratio - 1) < _SAME_GAIN
        both = np.isposinf(tau) & np.isposinf(gain)
        return both | (own & ((ratio < 0) | (ratio > 1 + 1e-6)))

    def _gain_key(self, key: str) -> str:
        if key != "tau_syn":
            return "r"
        return "r_syn" if "r_syn" in self.graph.nodes[self.name].parameters else "w_in"

    def _tell_clamp(self, key: str, retention: FloatArray) -> None:
        what = "current" if key == "tau_syn" else "potential"
        for one, beyond in ((1, retention[retention > 1 + 1e-6]), (0, retention[retention < -1e-6])):
            if beyond.size:
                farthest = beyond[np.argmax(np.abs(beyond))]
                self.warnings.append(
                    f"{self.graph.where(self.name)}: {key} says that {farthest:.4g} of the {what} is kept "
                    f"from step to step; taken as {one}, as snnTorch does when it runs"
                )

    def gain(self, r_key: str, key: str) -> FloatArray:
        """``r*dt/tau``, shape (n,); 1 where both are snnTorch's, which writes r = tau/dt."""
        steps, clamped = self.steps(key), self.clamped(key)
        tau, r = self.get(key, infinite=True), self.get(r_key, infinite=True)
        unclear = np.isinf(tau) & np.isinf(r) & ~clamped
        if np.any(unclear):
            raise UserError(
                f"{self.graph.where(self.name)}: {key} and {r_key} are infinite, so what an input adds is "
                "not in the file; snnTorch writes so for a beta of 1, and --convention snntorch reads it"
            )
        if np.any(np.isinf(r) & ~clamped):
            self.get(r_key)
        gain = np.where(clamped, 1.0, np.where(np.isinf(r), 0.0, r) * steps)
        slow = ~clamped & (steps < 1 / _SLOW) & (np.abs(gain) < 1 / _SLOW)
        if np.any(slow):
            check = "--set dt and tau_fix" if self.convention.name == "norse" else "--set dt"
            self.warnings.append(
                f"{self.graph.where(self.name)}: {key}={np.max(tau[slow]):.4g} is over a million time steps "
                f"of dt={self.need_dt(key):.4g}, so inputs hardly count; check {check}"
            )
        return self.snap(gain)

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
            retention = self.get(key)
            if self.convention.clamp_decay:
                self._tell_clamp(key, retention)
                return np.clip(retention, 0, 1)
            if np.any((retention < 0) | (retention > 1)):
                raise UserError(
                    f"{self.graph.where(self.name)}: decay=direct takes {key} as the retention per step, "
                    f"from 0 to 1, not {retention[np.argmax((retention < 0) | (retention > 1))]:g}"
                )
            return retention
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
        if form == "euler":
            return self.gain(r_key, key), self.snap(self.steps(key))
        leak = 1 - decay
        if form == "one":
            return np.ones(self.size), leak
        r = self.get(r_key)
        if form == "complement":
            return self.snap(r * (1 - decay)), leak
        if form == "rockpool":
            self.rockpool_step(key, r)
            return (decay if readout else np.ones(self.size)), leak
        return self.snap(r), leak

    def rockpool_step(self, key: str, r: FloatArray) -> None:
        """Warn where the file's r names another time step: Rockpool writes r = tau*exp(-dt/tau)/dt."""
        if self.convention.decay != "exponential":
            return
        dt, tau = self.need_dt(key), self.get(key, infinite=True)
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
            # fold.py made the current of an LI node.
            return self.input_factor("tau_syn", decay, r_key="r_syn", readout=True)[0]
        form = self.convention.current_gain
        if form == "one":
            return np.ones(self.size)
        gain = self.gain("w_in", "tau_syn") if form in ("euler", "decayed_euler") else self.get("w_in")
        if form in ("decayed", "decayed_euler"):
            gain = gain * decay
        return self.snap(gain)
