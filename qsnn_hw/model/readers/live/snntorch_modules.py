"""snnTorch's neurons; equations as its 1.0.0 computes them.

The firing test is strict (``mem - threshold > 0``), decays are clamped to 0..1 in every forward, and
the reset of the step before is subtracted (or zeroes) after decay and input.
"""

from typing import Any

import numpy as np

from qsnn_hw.model.graph import Node
from qsnn_hw.model.network import FloatArray, Reset
from qsnn_hw.model.readers.live.layers import convolution, linear
from qsnn_hw.model.readers.live.parts import ModuleTypes, Neuron, Require, as_array
from qsnn_hw.support.errors import UserError

_STEPS: dict[str, Reset] = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}


def load(require: Require) -> ModuleTypes:
    """The neurons of an installed snnTorch."""
    snn = require("snntorch")
    return ModuleTypes(
        neurons={
            snn.Leaky: _leaky,
            snn.Synaptic: _synaptic,
            snn.RLeaky: _leaky_recurrent,
            snn.RSynaptic: _synaptic_recurrent,
            snn.Lapicque: _lapicque,
        }
    )


def _reset(module: Any, where: str) -> Reset:
    """The reset that really runs: chosen when the module was made, whatever was set since."""
    if module.inhibition:
        raise UserError(f"{where}: inhibition lets one neuron silence others; train without it")
    if module.state_quant:
        raise UserError(f"{where}: state_quant rounds the potential while it runs; quantize here instead")
    if np.any(as_array(module.graded_spikes_factor) != 1):
        raise UserError(
            f"{where}: graded_spikes_factor is not 1; multiply the next layer's weights by it instead"
        )
    reset: Reset | None = _STEPS.get(module.state_function.__name__)
    if reset is None or reset != module.reset_mechanism:
        raise UserError(
            f"{where}: reset_mechanism is {module.reset_mechanism!r}, but the module still steps with "
            f"{module.state_function.__name__}; make it anew with reset_mechanism={module.reset_mechanism!r}"
        )
    return reset


def _decay(value: Any) -> FloatArray:
    return np.clip(as_array(value), 0.0, 1.0)


def _leaky(module: Any, where: str, recurrent: tuple[Node, ...] = ()) -> Neuron:
    reset = _reset(module, where)
    late = bool(module.reset_delay) and reset != "none"
    return Neuron(
        where=where,
        decay=_decay(module.beta),
        threshold=as_array(module.threshold),
        reset=reset,
        reset_delay=late,
        # RLeaky multiplies the whole new potential by (1 - reset), Leaky only the old one.
        reset_drops_input=late and reset == "zero" and bool(recurrent),
        reset_retest=not module.reset_delay and reset != "none",
        recurrent=recurrent,
    )


def _synaptic(module: Any, where: str, recurrent: tuple[Node, ...] = ()) -> Neuron:
    reset = _reset(module, where)
    # RSynaptic 1.0.0 computes the early reset into a local variable that it then drops.
    delay = bool(module.reset_delay) or bool(recurrent)
    warnings = (f"{where}: reset_delay=False has no effect in snnTorch's RSynaptic",)
    late = delay and reset != "none"
    return Neuron(
        where=where,
        decay=_decay(module.beta),
        threshold=as_array(module.threshold),
        reset=reset,
        reset_delay=late,
        reset_drops_input=late and reset == "zero",
        reset_retest=not delay and reset != "none",
        current_decay=_decay(module.alpha),
        current_gain=1.0,
        recurrent=recurrent,
        warnings=warnings if recurrent and not module.reset_delay else (),
    )


def _leaky_recurrent(module: Any, where: str) -> Neuron:
    return _leaky(module, where, _loop(module, where))


def _synaptic_recurrent(module: Any, where: str) -> Neuron:
    return _synaptic(module, where, _loop(module, where))


def _loop(module: Any, where: str) -> tuple[Node, ...]:
    """Weights from a module's spikes to itself: dense, convolution, or one to one."""
    inner = module.recurrent
    if not module.all_to_all:
        return (Node("recurrent", "Scale", {"scale": as_array(inner.V)}),)
    kind = type(inner).__name__
    if kind not in ("Linear", "Conv2d"):
        raise UserError(f"{where}: its recurrent module is a {kind}; use Linear or Conv2d")
    return (Node("recurrent", *(linear if kind == "Linear" else convolution)(inner, where)),)


def _lapicque(module: Any, where: str) -> Neuron:
    reset = _reset(module, where)
    resistance, capacity = as_array(module.R), as_array(module.C)
    step = as_array(module.time_step)
    late = reset != "none"
    return Neuron(
        where=where,
        # beta only sets R and C when the module is made; the step uses R and C.
        decay=1 - step / (resistance * capacity),
        input_gain=resistance * (1 / (resistance * capacity)) * step,
        threshold=as_array(module.threshold),
        reset=reset,
        reset_delay=late,
        reset_drops_input=late and reset == "zero",
    )
