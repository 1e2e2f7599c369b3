"""Rockpool's torch modules; equations as its 3.1.0 computes them.

``i = (i + I)*b``, ``v = a*v + i + bias`` (``v = a*v + I + bias`` in LIFNeuronTorch), then
``min(floor(v / threshold), max_spikes_per_dt)`` spikes where ``v >= threshold``, each taking one threshold
off; ``a = exp(-dt/tau_mem)`` and ``b = exp(-dt/tau_syn)``, or what ``leak_mode`` has instead. Spikes come
back through ``w_rec``, shape (pre, post), and the synapse.
"""

from typing import Any

import numpy as np

from qsnn_hw.model.graph import Node
from qsnn_hw.model.network import FloatArray
from qsnn_hw.model.readers.live.parts import ModuleTypes, Neuron, Require, as_array, spike_limit
from qsnn_hw.support.errors import UserError

_SPIKE_FUNCTIONS = ("StepPWL", "PeriodicExponential")
"""Surrogates of different gradients and one forward."""


def load(require: Require) -> ModuleTypes:
    """The neurons, layers and containers of an installed Rockpool."""
    modules = require("rockpool.nn.modules")
    sequential = require("rockpool.nn.combinators.sequential")
    return ModuleTypes(
        neurons={
            **dict.fromkeys((modules.LIFTorch, modules.LIFBitshiftTorch), _lif),
            modules.LIFNeuronTorch: _lif_without_synapse,
            modules.ExpSynTorch: _synapse,
        },
        layers={modules.LinearTorch: _linear},
        sequences=frozenset({sequential.TorchSequential}),
        unwrapped=_unwrapped,
    )


def _unwrapped(kind: type) -> type:
    # Rockpool gives every plain torch module inside its own a subclass made for that one module.
    patched = kind.__name__ == "TorchModulePatch" and kind.__module__.startswith("rockpool.")
    return kind.__bases__[0] if patched else kind


def _linear(module: Any, where: str) -> tuple[str, dict[str, Any]]:
    """Weights are (pre, post) here."""
    weight = as_array(module.weight).T
    if module.bias is None:
        return "Linear", {"weight": weight}
    return "Affine", {"weight": weight, "bias": np.broadcast_to(as_array(module.bias), weight.shape[0])}


def _fires(module: Any, where: str) -> dict[str, Any]:
    function = getattr(getattr(module.spike_generation_fn, "__self__", None), "__name__", None)
    if function not in _SPIKE_FUNCTIONS:
        raise UserError(
            f"{where}: its spike_generation_fn is none of Rockpool's own; use {' or '.join(_SPIKE_FUNCTIONS)}"
        )
    limit = float(as_array(module.max_spikes_per_dt))
    return {
        **_quiet(module, where, ("vmem", "isyn", "spikes")),
        "leak": as_array(module.bias),
        "threshold": as_array(module.threshold),
        "comparison": ">=",
        "reset": "subtract",
        "max_spikes": spike_limit(where, f"max_spikes_per_dt={limit:g}", limit),
    }


def _quiet(module: Any, where: str, states: tuple[str, ...]) -> dict[str, Any]:
    """What every neuron has to say: no noise, and where it begins."""
    if np.any(as_array(module.noise_std) != 0):
        raise UserError(f"{where}: noise_std makes other spikes in every run; set it to 0")
    moved = [
        name for name in states if hasattr(module, name) and np.any(as_array(getattr(module, name)) != 0)
    ]
    text = (
        f"{where}: its {' and '.join(moved)} still hold what its last run left, where its next one begins; "
        "here every sample begins at 0: call reset_state() before comparing"
    )
    return {"where": where, "warnings": (text,) if moved else ()}


def _lif(module: Any, where: str) -> Neuron:
    if module.n_synapses != 1:
        raise UserError(
            f"{where}: {module.n_synapses} synapses a neuron have no counterpart here; give it one each"
        )
    beta = as_array(module.beta).reshape(-1)
    return Neuron(
        **_fires(module, where),
        decay=as_array(module.alpha),
        current_decay=beta,
        current_gain=beta,
        recurrent=_loop(module),
    )


def _loop(module: Any) -> tuple[Node, ...]:
    # Without has_rec forward applies w_rec, too; it is zeros then.
    weight = as_array(module.w_rec).T
    return (Node("w_rec", "Linear", {"weight": weight}),) if np.any(weight) else ()


def _lif_without_synapse(module: Any, where: str) -> Neuron:
    return Neuron(**_fires(module, where), decay=_decay_of(module, module.tau_mem))


def _synapse(module: Any, where: str) -> Neuron:
    """A readout, or the synapse of the LIFNeuronTorch behind it."""
    decay = _decay_of(module, module.tau)
    return Neuron(
        **_quiet(module, where, ("isyn",)), decay=decay, input_gain=decay, threshold=None, synapse=True
    )


def _decay_of(module: Any, tau: Any) -> FloatArray:
    """What is kept in a step, rounded as Rockpool rounds it."""
    return as_array((-module.dt / tau).exp())
