"""Sinabs' layers; equations as its 3.1.3 computes them.

``v = a*v + g*I`` with ``a = exp(-1/tau)`` (1 for IAF), ``g = 1 - a`` with norm_input and 1 without;
a synaptic current is ``i = s*(i + I)``. Firing is ``v >= threshold``, the clamp acts after the reset.
"""

from typing import Any

import numpy as np

from qsnn_hw.model.graph import Node
from qsnn_hw.model.network import Reset
from qsnn_hw.model.readers.live.layers import convolution, linear, sum_pool
from qsnn_hw.model.readers.live.parts import ModuleTypes, Neuron, Require, as_array, spike_limit
from qsnn_hw.support.errors import UserError


def load(require: Require) -> ModuleTypes:
    """The neurons, layers and containers of an installed Sinabs."""
    layers = require("sinabs.layers")
    activation = require("sinabs.activation")
    network = require("sinabs.network")

    def spiking(module: Any, where: str, recurrent: tuple[Node, ...] = ()) -> Neuron:
        most = _max_spikes(module, where, activation)
        reset = _reset(module, where, activation)
        if most != 1 and reset == "zero":
            raise UserError(
                f"{where}: several spikes per step with a reset to zero is not supported; use SingleSpike"
            )
        return Neuron(
            **_membrane(module, where),
            threshold=as_array(module.spike_threshold),
            comparison=">=",
            reset=reset,
            max_spikes=most,
            recurrent=recurrent,
        )

    def recurrent(module: Any, where: str) -> Neuron:
        return spiking(module, where, _loop(module, where))

    def readout(module: Any, where: str) -> Neuron:
        return Neuron(**_membrane(module, where), threshold=None)

    return ModuleTypes(
        neurons={
            **dict.fromkeys((layers.IAF, layers.IAFSqueeze, layers.LIF, layers.LIFSqueeze), spiking),
            **dict.fromkeys((layers.IAFRecurrent, layers.LIFRecurrent), recurrent),
            **dict.fromkeys((layers.ExpLeak, layers.ExpLeakSqueeze), readout),
        },
        layers={layers.SumPool2d: sum_pool},
        passive=frozenset({layers.FlattenTime, layers.UnflattenTime}),
        sequences=frozenset({layers.Repeat, network.Network}),
    )


def _membrane(module: Any, where: str) -> dict[str, Any]:
    alpha = module.alpha_mem_calculated
    fields: dict[str, Any] = {
        "where": where,
        "decay": as_array(alpha),
        # In the module's own precision, as its forward computes it.
        "input_gain": as_array(1 - alpha) if module.norm_input else 1.0,
    }
    if module.alpha_syn_calculated is not None:
        current_decay = as_array(module.alpha_syn_calculated)
        fields |= {"current_decay": current_decay, "current_gain": current_decay}
    if module.min_v_mem is not None:
        clamp = as_array(module.min_v_mem).reshape(-1)
        if np.unique(clamp).size != 1:
            raise UserError(f"{where}: min_v_mem differs between neurons; give one number")
        fields["v_min"] = float(clamp[0])
    return fields


def _max_spikes(module: Any, where: str, activation: Any) -> int | None:
    function = module.spike_fn
    if function is activation.SingleSpike:
        return 1
    if function is activation.MultiSpike:
        return None
    if isinstance(function, activation.MaxSpike):
        most = function.max_num_spikes_per_bin
        return None if most is None else spike_limit(where, f"MaxSpike({most})", most)
    raise UserError(f"{where}: spike_fn is {function!r}; use SingleSpike, MultiSpike or MaxSpike")


def _reset(module: Any, where: str, activation: Any) -> Reset:
    function = module.reset_fn
    if type(function) is activation.MembraneSubtract:
        value = function.subtract_value
        if value is not None and np.any(as_array(value) != as_array(module.spike_threshold)):
            raise UserError(f"{where}: MembraneSubtract({value}) is not the threshold; drop subtract_value")
        return "subtract"
    if type(function) is activation.MembraneReset:
        if function.reset_value != 0:
            # Sinabs 3.1.3 adds reset_value to every neuron in every step, spike or not.
            raise UserError(f"{where}: MembraneReset({function.reset_value}) is not supported; use 0")
        return "zero"
    raise UserError(f"{where}: reset_fn is {function!r}; use MembraneSubtract or MembraneReset")


def _loop(module: Any, where: str) -> tuple[Node, ...]:
    """``rec_connect`` as nodes: Linear, Conv2d, or a Sequential of one of them and reshapes."""
    inner = module.rec_connect
    steps = list(inner.children()) if type(inner).__name__ == "Sequential" else [inner]
    nodes: list[Node] = []
    for index, step in enumerate(steps):
        kind = type(step).__name__
        if kind in ("Flatten", "Unflatten", "Identity"):
            continue
        if kind not in ("Linear", "Conv2d"):
            raise UserError(f"{where}: its rec_connect holds a {kind}; use Linear or Conv2d")
        if step.bias is not None and np.any(as_array(step.bias)):
            # It is added from the second step on; here a bias acts from the first.
            raise UserError(f"{where}: its rec_connect has a bias; train with bias=False")
        node_type, parameters = (linear if kind == "Linear" else convolution)(step, where)
        nodes.append(Node(f"rec_connect{index}", node_type, parameters))
    if not nodes:
        nodes.append(Node("rec_connect", "Identity", {}))
    return tuple(nodes)
