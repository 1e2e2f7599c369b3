"""Norse's cells and the same with time; equations as its 1.1.0 computes them.

Every state starts at ``v_leak`` (IAF: ``v_reset``), so potentials are taken relative to it. Time
constants are inverse and in 1/s, dt is the module's own. Firing is strict.
"""

from typing import Any

import numpy as np

from qsnn_hw.model.graph import Node
from qsnn_hw.model.network import FloatArray, Reset
from qsnn_hw.model.readers.live.parts import ModuleTypes, Neuron, NeuronReader, Require, as_array
from qsnn_hw.support.errors import UserError


def load(require: Require) -> ModuleTypes:
    """The neurons and containers of an installed Norse."""
    norse = require("norse.torch")
    lif = require("norse.torch.module.lif")
    iaf = require("norse.torch.module.iaf")
    leaky = require("norse.torch.module.leaky_integrator")
    reset_subtract = require("norse.torch.functional.reset").reset_subtract
    reset_value = require("norse.torch.functional.reset").reset_value

    def box(module: Any, where: str) -> Neuron:
        if module.p.reset_method not in (reset_value, reset_subtract):
            raise UserError(
                f"{where}: its reset_method is none of Norse's own; use reset_value or reset_subtract"
            )
        return _box(module, where, subtract=module.p.reset_method is reset_subtract)

    neurons: dict[type, NeuronReader] = {
        norse.LIFBoxCell: box,
        lif.LIFCell: _lif,
        lif.LIF: _lif,
        lif.LIFRecurrentCell: _lif_recurrent,
        lif.LIFRecurrent: _lif_recurrent,
        iaf.IAFCell: _iaf,
        iaf.IAF: _iaf,
        leaky.LICell: _li,
        leaky.LI: _li,
        leaky.LILinearCell: _li_linear,
        norse.LIBoxCell: _li_box,
    }
    return ModuleTypes(
        neurons=neurons, sequences=frozenset({norse.SequentialState, norse.Lift}), explicit_state=True
    )


def _rate(module: Any, value: Any) -> FloatArray:
    """dt times an inverse time constant, rounded as Norse rounds it."""
    return as_array(module.dt * value)


def _fires(module: Any, rest: FloatArray) -> dict[str, Any]:
    """Rest, and threshold and reset relative to it."""
    v_reset = as_array(module.p.v_reset) - rest
    reset: Reset = "v_reset" if np.any(v_reset) else "zero"
    threshold = as_array(module.p.v_th) - rest
    return {"threshold": threshold, "v_reset": v_reset, "reset": reset, "rest": rest}


def _box(module: Any, where: str, subtract: bool) -> Neuron:
    rest = as_array(module.p.v_leak)
    rate = _rate(module, module.p.tau_mem_inv)
    fires = _fires(module, rest)
    if subtract:
        # It subtracts the whole threshold, which is not the distance from rest to threshold.
        fires |= {"reset": "subtract", "v_reset": 0.0, "reset_amount": as_array(module.p.v_th)}
    return Neuron(where=where, decay=1 - rate, input_gain=rate, relax=True, **fires)


def _current(module: Any) -> dict[str, Any]:
    rate = _rate(module, module.p.tau_mem_inv)
    return {
        "decay": 1 - rate,
        "input_gain": rate,
        "current_decay": 1 - _rate(module, module.p.tau_syn_inv),
        "current_gain": 1.0,
        "relax": True,
    }


def _lif(module: Any, where: str) -> Neuron:
    return Neuron(where=where, **_current(module), **_fires(module, as_array(module.p.v_leak)))


def _lif_recurrent(module: Any, where: str) -> Neuron:
    return Neuron(
        where=where,
        **_current(module),
        **_fires(module, as_array(module.p.v_leak)),
        inward=(Node("input_weights", "Linear", {"weight": as_array(module.input_weights)}),),
        recurrent=(Node("recurrent_weights", "Linear", {"weight": as_array(module.recurrent_weights)}),),
    )


def _iaf(module: Any, where: str) -> Neuron:
    return Neuron(where=where, **_fires(module, as_array(module.p.v_reset)))


def _shifted(module: Any, where: str) -> dict[str, Any]:
    """A readout never fires; its potentials are counted from v_leak."""
    return {"where": where, "threshold": None, "rest": as_array(module.p.v_leak)}


def _li(module: Any, where: str) -> Neuron:
    return Neuron(**_shifted(module, where), **_current(module))


def _li_linear(module: Any, where: str) -> Neuron:
    weights = Node("input_weights", "Linear", {"weight": as_array(module.input_weights)})
    return Neuron(**_shifted(module, where), **_current(module), inward=(weights,))


def _li_box(module: Any, where: str) -> Neuron:
    rate = _rate(module, module.p.tau_mem_inv)
    return Neuron(**_shifted(module, where), decay=1 - rate, input_gain=rate, relax=True)
