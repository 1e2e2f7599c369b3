"""A neuron node and a convention to one :class:`NeuronGroup`: coefficients, firing, reset and start."""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.coefficients import NodeReader
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import FloatArray, NeuronGroup, Reset
from qsnn_hw.support.errors import UserError


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
    reader = NodeReader(graph, name, shape, convention)
    leak = _leak(reader, kind)
    threshold, v_reset, reset = _firing(reader, kind)
    fires = threshold is not None and kind != "Threshold"
    levels = _Levels(leak.leak, threshold, v_reset, reset, convention.v_min if fires else None)
    if convention.start == "rest" and kind != "Threshold":
        rest = v_reset if kind in ("IF", "I") else reader.get("v_leak")
        stays = (fires and _needs_zero(convention, rest, reset)) or (threshold is None and np.ptp(rest) != 0)
        levels = _started(levels, rest, leak.steady, stays=stays)
    # The spikes of a Threshold node behind an integrator are its own: one a step, and none is held back.
    resets = fires and kind not in ("LI", "I", "CubaLI")
    late = convention.reset_delay and fires and reset != "none"
    # The current that fold.py made of an integrator is not snnTorch's own.
    synaptic = kind == "CubaLIF" and "r_syn" not in graph.nodes[name].parameters
    if not convention.reset_delay and convention.name == "snntorch" and recurrent and synaptic:
        reader.warnings.append(
            f"{graph.where(name)}: imported with reset_delay=false; snnTorch 1.0.0's RSynaptic ignores that "
            "option, so if it trained this model set reset_delay=true"
        )
    drops = convention.reset_drops_input == "always" or (
        convention.reset_drops_input == "snntorch" and (recurrent or synaptic)
    )
    group = NeuronGroup(
        name=name,
        shape=shape,
        decay=leak.decay,
        input_gain=leak.gain,
        leak=levels.leak,
        threshold=levels.threshold,
        v_reset=levels.v_reset,
        comparison=convention.comparison,
        reset=levels.reset,
        reset_delay=late,
        reset_drops_input=late and levels.reset == "zero" and drops,
        reset_retest=fires and not late and convention.reset_retest and levels.reset != "none",
        max_spikes=_limit(convention) if resets else 1,
        v_min=levels.v_min,
        current_decay=leak.current_decay,
        current_gain=leak.current_gain,
        refractory=convention.refractory if resets else 0,
        relax=convention.update == "relax" and kind in ("LIF", "LI", "CubaLIF", "CubaLI"),
        reset_amount=levels.amount,
        rest=levels.rest,
        start=levels.start,
    )
    return group, tuple(reader.warnings)


def _started(levels: "_Levels", rest: FloatArray, steady: FloatArray, *, stays: bool) -> "_Levels":
    """The levels of a group that starts at ``rest``: distances from it, or the same where they must stay."""
    if not np.any(rest != 0):
        return levels
    return replace(levels, start=rest) if stays else _from_rest(levels, rest, steady)


@dataclass(frozen=True)
class _Leak:
    """What a step keeps and takes up, float64 of shape (n,); ``steady``: ``leak`` without the rest."""

    decay: FloatArray
    gain: FloatArray
    leak: FloatArray
    steady: FloatArray
    current_decay: FloatArray | None = None
    current_gain: FloatArray | None = None


@dataclass(frozen=True)
class _Levels:
    """Where a neuron fires, is reset, is held and begins: counted from 0, or from ``rest``."""

    leak: FloatArray
    threshold: FloatArray | None
    v_reset: FloatArray
    reset: Reset
    v_min: float | None
    amount: FloatArray | None = None
    rest: FloatArray | None = None
    start: FloatArray | None = None


def _leak(reader: NodeReader, kind: str) -> _Leak:
    zero, one = np.zeros(reader.size), np.ones(reader.size)
    if kind in ("IF", "I"):
        return _Leak(one, reader.integrator_factor(), zero, zero)
    if kind == "Threshold":
        return _Leak(zero, one, zero, zero)
    tau = "tau_mem" if kind.startswith("Cuba") else "tau"
    decay = reader.retention(tau)
    gain, leak_factor = reader.input_factor(tau, decay, readout=kind == "LI")
    # fold.py put the bias behind a synaptic current here.
    driven = "drive" in reader.graph.nodes[reader.name].parameters
    steady = gain * reader.get("drive") if driven else zero
    leak = leak_factor * reader.get("v_leak") + steady
    if not kind.startswith("Cuba"):
        return _Leak(decay, gain, leak, steady)
    current_decay = reader.retention("tau_syn")
    return _Leak(decay, gain, leak, steady, current_decay, reader.current_factor(current_decay))


def _limit(convention: Convention) -> int | None:
    return None if convention.max_spikes == "unlimited" else convention.max_spikes


def _needs_zero(convention: Convention, rest: FloatArray, reset: Reset) -> bool:
    """Whether something counts from 0: several spikes, a late reset to zero, a clamp beside many rests."""
    late = convention.reset_delay or convention.reset_retest
    clamped = convention.v_min is not None and bool(np.any(rest != rest[0]))
    return convention.max_spikes != 1 or (reset == "zero" and late) or clamped


def _from_rest(levels: _Levels, rest: FloatArray, steady: FloatArray) -> _Levels:
    """Threshold, reset and clamp as distances from the rest.

    No drive has to hold a potential there then, which rounding would move.
    """
    v_reset, reset = levels.v_reset, levels.reset
    amount = levels.threshold if reset == "subtract" else None
    if reset == "zero":
        v_reset, reset = np.zeros_like(rest), "v_reset"
    return _Levels(
        leak=steady,
        threshold=None if levels.threshold is None else levels.threshold - rest,
        v_reset=v_reset - rest,
        reset=reset,
        v_min=None if levels.v_min is None else levels.v_min - float(rest[0]),
        amount=amount,
        rest=rest,
    )


def _firing(reader: NodeReader, kind: str) -> tuple[FloatArray | None, FloatArray, Reset]:
    zero = np.zeros(reader.size)
    reset = reader.convention.reset
    if kind in ("LI", "I", "CubaLI"):
        # fold.py puts a following Threshold node's value here: it fires without any reset.
        if "threshold" not in reader.graph.nodes[reader.name].parameters:
            return None, zero, "none"
        return reader.get("threshold"), zero, "none"
    if kind == "Threshold":
        return reader.get("threshold"), zero, "none"
    threshold, v_reset = reader.get("v_threshold"), reader.get("v_reset")
    where = reader.graph.where(reader.name)
    if (reset == "subtract" or reader.convention.max_spikes != 1) and np.any(threshold <= 0):
        first = int(np.argmax(threshold <= 0))
        raise UserError(
            f"{where}: v_threshold of neuron {first} is {threshold[first]:g}, not above 0, and a spike "
            "subtracts it"
        )
    if reset == "v_reset" and np.any(v_reset >= threshold):
        reader.warnings.append(
            f"{where}: v_reset is not below v_threshold, so a neuron may go on firing without input"
        )
    if reset != "v_reset" and np.any(v_reset != 0):
        reader.warnings.append(f"{where}: v_reset is not 0 in the file and reset={reset} does not use it")
    return threshold, v_reset, reset
