"""From trained integers back to a float network that ``quantize`` turns into the same integers."""

from dataclasses import replace

import numpy as np
import torch

from qsnn_hw.finetune.forward import IntegerNetwork
from qsnn_hw.finetune.group import Integers, TrainableGroup, gain_of
from qsnn_hw.model.network import Dense, Network, NeuronGroup, Projection
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize
from qsnn_hw.support.errors import MismatchError

# A threshold this close to where its rounding flips is moved to a safe place between two flips.
_FRAGILE = 1e-6


def deployed_options(options: QuantizeOptions) -> QuantizeOptions:
    """``options`` with clipping at the largest weight, which is how trained weights name their scale.

    Rounding is to nearest: the weights are on the grid already.
    """
    options = options.settled()
    groups = {name: replace(own, clip=None) for name, own in options.groups.items()}
    return replace(options, clip="max", rounding="nearest", groups=groups).rounding_all()


def exported(model: IntegerNetwork) -> tuple[Network, QuantizedNetwork]:
    """The trained network as floats on the grid, and ``quantize`` of it.

    Raises
    ------
    UserError
        Training left a group that can never fire, or one too wide for the hardware.
    MismatchError
        The float network does not come back as the trained integers.
    """
    groups: list[NeuronGroup] = []
    projections: list[Projection] = []
    trained: dict[str, Integers] = {}
    for module in model.trained:
        assert isinstance(module, TrainableGroup)
        with torch.no_grad():
            integers = trained[module.source.name] = module.integers()
        step = module.integer.step
        groups.append(_group(module, integers, step, model.options.of(module.source.name)))
        projections += _projections(model, module, integers, step)
    network = replace(model.network, groups=tuple(groups), projections=tuple(projections))
    quantized = quantize(network, deployed_options(model.options))
    compare(quantized, trained, network, model.options)
    return network, quantized


def _group(
    module: TrainableGroup, integers: Integers, step: np.ndarray, options: QuantizeOptions
) -> NeuronGroup:
    group = module.source
    if group.threshold is None:
        return group
    factor = options.threshold_factor / step
    real = group.threshold * factor
    fraction = real - np.floor(real)
    fragile = np.minimum(np.minimum(fraction, 1 - fraction), np.abs(fraction - 0.5)) < _FRAGILE
    # Between threshold - 1 and threshold; which half of it decides what a spike subtracts.
    whole, amount = integers.threshold.numpy(), integers.amount.numpy()
    safe = np.where(amount < whole, whole - 0.75, whole - 0.25)
    return replace(group, threshold=np.where(fragile, safe / factor, group.threshold))


def _projections(
    model: IntegerNetwork, module: TrainableGroup, integers: Integers, step: np.ndarray
) -> list[Projection]:
    """The group's projections with weights on the grid; the first that has a bias carries its change."""
    gain = gain_of(module.source)
    steady = module.source.leak if module.integer.current_bias is None else 0.0
    # A neuron without input gain has no drive that a bias could change.
    safe = np.where(gain == 0, 1.0, gain)
    missing = (integers.drive.numpy() * step - steady) / safe
    operators = [p.operators[0] for p in module.projections]
    for operator in operators:
        assert isinstance(operator, Dense)
        missing = missing - (0.0 if operator.bias is None else operator.bias)
    scale = step * 2.0**module.integer.fractional_bits
    rows: list[Projection] = []
    carried = False
    for p, operator, whole in zip(module.projections, operators, integers.weights, strict=True):
        assert isinstance(operator, Dense)
        weight = np.where(
            gain[:, None] == 0, operator.weight, whole.double().numpy() * (scale / safe)[:, None]
        )
        bias = operator.bias
        if bias is not None and not carried and module.bias.requires_grad:
            bias, carried = np.where(gain == 0, bias, bias + missing), True
        rows.append(replace(p, operators=(Dense(weight, bias),)))
    return rows


def compare(
    quantized: QuantizedNetwork, integers_of: dict[str, Integers], network: Network, options: QuantizeOptions
) -> None:
    """Raise MismatchError where ``quantized`` is not what was trained.

    A threshold that no input can reach is shortened by ``quantize``; the rule that made it is
    compared there.
    """
    for group in quantized.groups:
        integers = integers_of[group.name]
        pairs: list[tuple[str, np.ndarray, np.ndarray]] = [
            (f"weight of {p.name}", p.weight, whole.numpy())
            for p, whole in zip(quantized.into(group.name), integers.weights, strict=True)
        ]
        drive = group.bias if group.current_bias is None else group.current_bias
        pairs.append(("bias", drive, integers.drive.numpy()))
        if integers.steady is not None:
            pairs.append(("bias of the potential", group.bias, integers.steady.numpy()))
        if not group.readout:
            source = network.group(group.name)
            assert source.threshold is not None
            real = source.threshold * options.of(group.name).threshold_factor / group.step
            above = np.floor(real) + 1 if source.comparison == ">" else np.ceil(real)
            pairs.append(("threshold", above, integers.threshold.numpy()))
            pairs.append(("reset amount", np.rint(real), integers.amount.numpy()))
        if group.v_min is not None and integers.v_min is not None:
            pairs.append(("v_min", group.v_min, integers.v_min.numpy()))
        if group.reset == "value":
            pairs.append(("reset value", group.reset_value, integers.reset_value.numpy()))
        for what, got, trained in pairs:
            off = np.argwhere(got != trained)
            if len(off):
                at = tuple(int(i) for i in off[0])
                raise MismatchError(
                    f"group {group.name}: {what} {at} comes back as {got[at]:g} from the exported network, "
                    f"trained was {trained[at]:g}"
                )
