"""A :class:`Network` back to a NIR file, in the parameters its own convention reads.

NIR stores time constants, not coefficients per step, so each parameter is solved from the equation
with which ``model/coefficients.py`` will read it. Reset mode, delay and comparison are not in NIR at all:
they come back with the same convention.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.convention import Convention, current_fields
from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import replacing


def write_nir(network: Network, path: Path) -> None:
    """Write ``network`` so that ``read_network(path, its convention)`` gives it back.

    Parameters
    ----------
    network
        Dense projections, LIF, IF, CubaLIF groups or their readouts. ``network.convention`` says how
        the file will be read.

    Raises
    ------
    UserError
        The network has no convention, or holds something that the convention cannot express.
    """
    import nir

    convention = convention_of(network)
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array(network.input_shape)})}
    edges: list[tuple[str, str]] = []
    for group in network.groups:
        _claim(nodes, group.name)
        nodes[group.name] = _Neurons(group, convention).node()
    for p in network.projections:
        _projection(network, p, convention, nodes, edges)
    output = network.group(network.output)
    _claim(nodes, "output")
    nodes["output"] = nir.Output({"output": np.array(output.shape)})
    edges.append((network.output, "output"))
    with replacing(path) as temporary:
        nir.write(temporary, nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))


def convention_of(network: Network) -> Convention:
    """The convention a network was read by.

    Raises
    ------
    UserError
        It does not say, as networks of live readers do not.
    """
    known = {item.name for item in fields(Convention)}
    values: dict[str, Any] = current_fields(network.convention)
    if not values or set(values) - known:
        raise UserError(
            f"network {network.name} does not say by which convention it was read, so its time constants "
            "cannot be written; read it from a model file first"
        )
    try:
        return Convention(**values)
    except TypeError as error:
        raise UserError(
            f"network {network.name} was read by no convention of this version: {error}"
        ) from error


def _claim(nodes: dict[str, Any], name: str) -> None:
    if name in nodes or "/" in name:
        raise UserError(f"node name {name!r} cannot be used twice or with a slash in a NIR file; rename it")


def _projection(
    network: Network,
    p: Projection,
    convention: Convention,
    nodes: dict[str, Any],
    edges: list[tuple[str, str]],
) -> None:
    import nir

    if len(p.operators) != 1 or not isinstance(p.operators[0], Dense):
        raise UserError(f"projection {p.name} is not one dense operator; only those are written to NIR")
    operator = p.operators[0]
    _claim(nodes, p.name)
    if operator.bias is None:
        nodes[p.name] = nir.Linear(weight=operator.weight)
    else:
        nodes[p.name] = nir.Affine(weight=operator.weight, bias=operator.bias)
    source = "input" if p.source == INPUT else p.source
    if p.delay:
        late = f"{p.name}_delay"
        _claim(nodes, late)
        each = float(p.delay)
        if convention.delay_unit == "time":
            each *= _need(convention.dt, "dt", p.name)
        nodes[late] = nir.Delay(np.full(network.source_size(p.source), each))
        edges.append((source, late))
        source = late
    edges += [(source, p.name), (p.name, p.target)]


def _need(value: float | None, what: str, where: str) -> float:
    if value is None:
        raise UserError(f"{where}: writing NIR needs the convention's {what}; set it with --set {what}=...")
    return value


class _Neurons:
    """One group's NIR node."""

    def __init__(self, group: NeuronGroup, convention: Convention) -> None:
        self._group, self._convention = group, convention
        self._rest = self._find_rest()

    def _find_rest(self) -> np.ndarray:
        """What the reader took off every potential; 0 where nothing was, or nothing says so.

        Networks that were saved before that was kept tell it by a clamp, a reset to a "zero" that has become
        something else, or a reset by subtraction.
        """
        group, convention = self._group, self._convention
        rest = np.zeros(group.size)
        if convention.start != "rest":
            return rest
        if group.rest is not None:
            return group.rest
        if group.threshold is None:
            return rest
        if group.start is not None:
            # Nothing was taken off: the potentials count from 0 and begin at the rest.
            return rest
        if group.reset_amount is not None:
            return group.reset_amount - group.threshold
        if convention.v_min is not None and group.v_min is not None:
            return rest + (convention.v_min - group.v_min)
        if convention.reset == "zero" and group.reset == "v_reset":
            return -group.v_reset
        return rest

    def node(self) -> Any:
        import nir

        group = self._group
        self._check()
        cuba = group.current_decay is not None
        fires = group.threshold is not None
        ends: dict[str, Any] = {}
        if group.threshold is not None:
            ends = {"v_threshold": group.threshold + self._rest, "v_reset": group.v_reset + self._rest}
        if not cuba and bool(np.all(group.decay == 1)):
            kind: Callable[..., Any] = nir.IF if fires else nir.I
            if fires and self._convention.start == "rest":
                ends["v_reset"] = self._begin()
            return kind(r=self._integrator(), **ends)
        tau = self._tau(group.decay)
        parameters: dict[str, Any] = {"r": self._resistance(tau), "v_leak": self._leak(tau), **ends}
        if not cuba:
            return (nir.LIF if fires else nir.LI)(tau=tau, **parameters)
        assert group.current_decay is not None
        tau_syn = self._tau(group.current_decay)
        parameters |= {"tau_mem": tau, "tau_syn": tau_syn, "w_in": self._w_in(tau_syn)}
        return (nir.CubaLIF if fires else nir.CubaLI)(**parameters)

    def _check(self) -> None:
        group, reset = self._group, self._convention.reset
        at_rest = self._convention.start == "rest"
        moved = at_rest and (reset, group.reset) == ("zero", "v_reset")
        if group.threshold is not None and group.reset != reset and not moved:
            raise UserError(
                f"group {group.name} has reset {group.reset}, its convention says {reset}; such a mixture is "
                "not written to NIR"
            )
        if at_rest and group.start is None and np.any(group.leak):
            raise UserError(
                f"group {group.name} has a leak drive, but its convention starts at rest, where there is none"
            )
        cuba = group.current_decay is not None
        if (cuba or np.any(group.decay < 1)) and np.any(group.decay >= 1):
            raise UserError(
                f"group {group.name}: a decay of 1 has no finite time constant, so NIR cannot hold it"
            )
        if group.current_decay is not None and np.any(group.current_decay >= 1):
            raise UserError(
                f"group {group.name}: a current decay of 1 has no finite time constant, so NIR cannot hold it"
            )
        if np.all(group.decay == 1) and np.any(group.leak):
            raise UserError(f"group {group.name}: an integrator with a leak drive is not written to NIR")

    def _tau(self, decay: np.ndarray) -> np.ndarray:
        """The time constant that is read back as ``decay``."""
        convention = self._convention
        if convention.decay == "direct":
            return decay
        dt = _need(convention.dt, "dt", self._group.name)
        if convention.decay == "euler":
            tau = dt / (1 - decay)
        elif np.any(decay <= 0):
            raise UserError(f"group {self._group.name}: a decay of 0 has no exponential time constant")
        else:
            tau = -dt / np.log(decay)
        return tau * dt if convention.tau_fix == "divide_by_dt" else tau

    def _steps(self, tau: np.ndarray) -> np.ndarray:
        """dt / tau as the reader computes it."""
        convention = self._convention
        dt = _need(convention.dt, "dt", self._group.name)
        return dt / (tau / dt if convention.tau_fix == "divide_by_dt" else tau)

    def _resistance(self, tau: np.ndarray) -> np.ndarray:
        group, form = self._group, self._convention.input_gain
        if form == "euler":
            return group.input_gain / self._steps(tau)
        if form == "complement":
            return group.input_gain / (1 - group.decay)
        if form == "rockpool":
            return self._as_rockpool(tau)
        return self._gain(group.input_gain, form, "input_gain", form == "r")

    def _as_rockpool(self, tau: np.ndarray) -> np.ndarray:
        """What Rockpool's exporter writes for any gain, once the gain is the one that it computes with."""
        group = self._group
        readout = group.threshold is None and group.current_decay is None
        if readout and not np.allclose(group.input_gain, group.decay, rtol=1e-6):
            raise UserError(
                f"group {group.name}: convention field input_gain=rockpool means that a readout's gain is "
                f"its retention, {group.decay[0]:g}, not {group.input_gain[0]:g}"
            )
        if not readout:
            self._gain(group.input_gain, "rockpool", "input_gain", False)
        if self._convention.decay == "direct":
            return np.ones(group.size)
        return group.decay / self._steps(tau)

    def _integrator(self) -> np.ndarray:
        group, form = self._group, self._convention.integrator_gain
        if form == "r*dt":
            return group.input_gain / _need(self._convention.dt, "dt", group.name)
        return self._gain(group.input_gain, form, "integrator_gain", form == "r")

    def _begin(self) -> np.ndarray:
        """The rest that a group under ``start=rest`` begins at, as the file has it."""
        return self._rest if self._group.start is None else self._group.start

    def _leak(self, tau: np.ndarray) -> np.ndarray:
        if self._convention.start == "rest":
            return self._begin()
        euler = self._convention.input_gain == "euler"
        return self._group.leak / (self._steps(tau) if euler else 1 - self._group.decay)

    def _w_in(self, tau_syn: np.ndarray) -> np.ndarray:
        group, form = self._group, self._convention.current_gain
        assert group.current_gain is not None
        assert group.current_decay is not None
        gain = group.current_gain
        if form == "one":
            return self._gain(gain, form, "current_gain", False)
        if form in ("euler", "decayed_euler"):
            gain = gain / self._steps(tau_syn)
        return gain / group.current_decay if form in ("decayed", "decayed_euler") else gain

    def _gain(self, gain: np.ndarray, form: str, field: str, free: bool) -> np.ndarray:
        if not free and np.any(gain != 1):
            raise UserError(
                f"group {self._group.name}: convention field {field}={form} means a gain of 1, "
                f"not {gain[0]:g}"
            )
        return gain
