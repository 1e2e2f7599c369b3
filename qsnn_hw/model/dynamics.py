"""A neuron node and a convention to one :class:`NeuronGroup`: coefficients, firing, reset and start."""

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
    size = int(np.prod(shape, dtype=np.int64))
    reader = NodeReader(graph, name, shape, convention)
    zero, one = np.zeros(size), np.ones(size)
    decay, gain, leak, steady = one, one, zero, zero
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
        if "drive" in graph.nodes[name].parameters:
            # fold.py put the bias behind a synaptic current here.
            steady = gain * reader.get("drive")
        leak = leak_factor * reader.get("v_leak") + steady
        if kind.startswith("Cuba"):
            current_decay = reader.retention("tau_syn")
            current_gain = reader.current_factor(current_decay)
    threshold, v_reset, reset = _firing(reader, kind)
    amount: FloatArray | None = None
    start: FloatArray | None = None
    counted_from: FloatArray | None = None
    fires = threshold is not None and kind != "Threshold"
    v_min = convention.v_min if fires else None
    if convention.start == "rest" and kind != "Threshold":
        rest = v_reset if kind in ("IF", "I") else reader.get("v_leak")
        if fires and np.any(rest != 0) and _needs_zero(convention, rest, reset):
            start = rest
        elif np.any(rest != 0):
            # Counted from the rest, no drive has to hold a potential there, which rounding would move.
            leak, amount = steady, threshold if reset == "subtract" else None
            counted_from = rest
            threshold, v_reset, reset, v_min = _from_rest(rest, threshold, v_reset, reset, v_min)
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
        max_spikes=_limit(convention) if fires else 1,
        v_min=v_min,
        current_decay=current_decay,
        current_gain=current_gain,
        refractory=convention.refractory if fires else 0,
        relax=convention.update == "relax" and kind in ("LIF", "LI", "CubaLIF", "CubaLI"),
        reset_amount=amount,
        rest=counted_from,
        start=start,
    )
    return group, tuple(reader.warnings)


def _limit(convention: Convention) -> int | None:
    return None if convention.max_spikes == "unlimited" else convention.max_spikes


def _needs_zero(convention: Convention, rest: FloatArray, reset: Reset) -> bool:
    """Whether something counts from 0: several spikes, a late reset to zero, a clamp beside many rests."""
    late = convention.reset_delay or convention.reset_retest
    clamped = convention.v_min is not None and bool(np.any(rest != rest[0]))
    return convention.max_spikes != 1 or (reset == "zero" and late) or clamped


def _from_rest(
    rest: FloatArray,
    threshold: FloatArray | None,
    v_reset: FloatArray,
    reset: Reset,
    v_min: float | None,
) -> tuple[FloatArray | None, FloatArray, Reset, float | None]:
    """Threshold, reset and clamp as distances from the rest."""
    if reset == "zero":
        v_reset, reset = np.zeros_like(rest), "v_reset"
    return (
        None if threshold is None else threshold - rest,
        v_reset - rest,
        reset,
        None if v_min is None else v_min - float(rest[0]),
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
