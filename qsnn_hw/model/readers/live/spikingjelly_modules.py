"""SpikingJelly's nodes; equations as its 2.0.0 computes them, step modes and back ends alike.

Every state starts at v_reset (0 with a soft reset), so potentials are taken relative to it. Firing is
``v >= v_threshold``.
"""

from typing import Any

from qsnn_hw.model.readers.live import layers as ours
from qsnn_hw.model.readers.live.parts import ModuleTypes, Neuron, Require, as_array
from qsnn_hw.support.errors import UserError

_CONTAINERS = (
    "MultiStepContainer",
    "SeqToANNContainer",
    "TLastMultiStepContainer",
    "TLastSeqToANNContainer",
    "StepModeContainer",
)


def load(require: Require) -> ModuleTypes:
    """The neurons, layers and containers of an installed SpikingJelly."""
    neuron = require("spikingjelly.activation_based.neuron")
    layer = require("spikingjelly.activation_based.layer")
    return ModuleTypes(
        neurons={
            neuron.IFNode: _integrate,
            neuron.LIFNode: _leaky,
            neuron.ParametricLIFNode: _parametric,
            neuron.CUBALIFNode: _current,
        },
        layers={
            layer.Linear: ours.linear,
            layer.Conv1d: ours.convolution,
            layer.Conv2d: ours.convolution,
            layer.AvgPool2d: ours.average_pool,
            layer.BatchNorm1d: ours.batch_norm,
            layer.BatchNorm2d: ours.batch_norm,
            layer.Flatten: ours.flatten,
        },
        passive=frozenset({layer.Dropout, layer.Dropout2d}),
        sequences=frozenset(getattr(layer, name) for name in _CONTAINERS),
    )


def _fires(module: Any, where: str) -> dict[str, Any]:
    if not getattr(module.surrogate_function, "spiking", True):
        raise UserError(
            f"{where}: its surrogate function is not in spiking mode; call set_spiking_mode(True)"
        )
    rest = 0.0 if module.v_reset is None else float(module.v_reset)
    return {
        "where": where,
        "threshold": float(module.v_threshold) - rest,
        "rest": rest,
        "comparison": ">=",
        "reset": "subtract" if module.v_reset is None else "zero",
    }


def _integrate(module: Any, where: str) -> Neuron:
    return Neuron(**_fires(module, where))


def _leaky(module: Any, where: str) -> Neuron:
    return _with_rate(module, where, 1 / float(module.tau))


def _parametric(module: Any, where: str) -> Neuron:
    return _with_rate(module, where, float(as_array(module.w.sigmoid())))


def _with_rate(module: Any, where: str, rate: float) -> Neuron:
    inside = bool(module.decay_input)
    return Neuron(**_fires(module, where), decay=1 - rate, input_gain=rate if inside else 1.0, relax=inside)


def _current(module: Any, where: str) -> Neuron:
    if module.v_reset:
        raise UserError(
            f"{where}: v_reset is {module.v_reset:g} and the potential decays to 0; set v_reset to 0"
        )
    return Neuron(
        **_fires(module, where),
        decay=float(module.v_decay),
        current_decay=float(module.c_decay),
        current_gain=1.0,
    )
