"""Which time steps a model file may have been trained with: what its own numbers say, then usual ones."""

import math

import numpy as np

from qsnn_hw.model.coefficients import rockpool_dt
from qsnn_hw.model.graph import Graph
from qsnn_hw.support.errors import UserError

USUAL = (1.0, 1e-3, 1e-4)
_ROUND = (1.0, 2.0, 2.5, 5.0)
_SLOWEST = 400
"""Retentions nearer to 1 than a time constant of so many steps are not guessed."""
_MOST = 24


def candidates(graph: Graph | None) -> tuple[float, ...]:
    """Time steps to try, the likeliest first, in the unit of the file's time constants.

    First those that a parameter names: r = tau/dt or w_in = tau_syn/dt (snnTorch), r = tau*exp(-dt/tau)/dt
    (Rockpool), r = 1/dt of an integrator (SpikingJelly). Then the usual ones, and round numbers below the
    file's time constants.
    """
    named, taus = _named(graph) if graph is not None else ([], [])
    # A parameter in float32 may name a step that is a round number but for rounding.
    steps = [step for dt in named for step in (float(f"{dt:.3g}"), dt)] + [*USUAL]
    if taus:
        low, high = min(taus) / _SLOWEST, 2 * min(taus)
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps += sorted(
            (m * 10.0**e for e in exponents for m in _ROUND if low <= m * 10.0**e <= high), reverse=True
        )
    return tuple(dict.fromkeys(float(f"{dt:.6g}") for dt in steps if 0 < dt < math.inf))[:_MOST]


ROCKPOOL_LEAVES_OUT = (
    "exporter leaves out the bias of LIFTorch and LIFNeuronTorch, the recurrent weights of has_rec, and "
    "a max_spikes_per_dt of each layer's own"
)
"""What no file shows that Rockpool wrote."""


def wrote_rockpool(graph: Graph | None) -> bool:
    """Whether every r of the file is what Rockpool's exporter writes for one time step.

    A single tau and r always name some time step; it counts where it is a round number.
    """
    if graph is None:
        return False
    steps = []
    ratios: list[float] = []
    for name, node in graph.nodes.items():
        if node.type in ("LIF", "CubaLIF", "LI"):
            tau = _positive(graph, name, "tau_mem" if node.type == "CubaLIF" else "tau")
            r = _positive(graph, name, "r")
            if tau is None or r is None or tau.size not in (1, r.size):
                return False
            written = rockpool_dt(*np.broadcast_arrays(tau.ravel(), r.ravel()))
            if written is None:
                return False
            steps.append(written)
            ratios += [float(v) for v in np.ravel(r / tau)]
    if not steps or not np.allclose(steps, steps[0], rtol=1e-3):
        return False
    return not np.allclose(ratios, ratios[0], rtol=1e-3) or _is_round(steps[0])


def _is_round(step: float) -> bool:
    return bool(np.isclose(step, float(f"{step:.2g}"), rtol=1e-4))


def _named(graph: Graph) -> tuple[list[float], list[float]]:
    """Time steps that parameters name, in the order of nodes, and the time constants."""
    steps: list[float] = []
    taus: list[float] = []
    for name, node in graph.nodes.items():
        r = _positive(graph, name, "r")
        if node.type == "IF" and r is not None:
            steps += _one(1 / r)
        for tau_key, gain_key in (("tau", "r"), ("tau_mem", "r"), ("tau_syn", "w_in")):
            tau, gain = _positive(graph, name, tau_key), _positive(graph, name, gain_key)
            if tau is None:
                continue
            taus.append(float(tau.min()))
            if gain is None or (tau.size not in (1, gain.size) and gain.size != 1) or np.all(gain == 1):
                continue
            if gain_key == "r":
                written = rockpool_dt(*np.broadcast_arrays(tau.ravel(), gain.ravel()))
                steps += [] if written is None else [written]
            steps += _one(tau.ravel() / gain.ravel())
    return steps, taus


def _positive(graph: Graph, name: str, key: str) -> np.ndarray | None:
    """A parameter as float64 where it is there, finite and above 0."""
    if graph.nodes[name].parameters.get(key) is None:
        return None
    try:
        value = graph.numbers(name, key)
    except UserError:
        return None
    return value if np.all(value > 0) else None


def _one(steps: np.ndarray) -> list[float]:
    """The value that all have, or nothing."""
    middle = float(np.median(steps))
    return [middle] if np.allclose(steps, middle, rtol=1e-4) else []
