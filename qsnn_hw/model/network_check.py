"""Whether a :class:`Network` that came from a file is one: every shape and range, in one line.

Readers make sound networks by construction; a saved one may have been changed or damaged since. That every
value has its type was seen when the file was read (``support/record_tree.py``).
"""

import math
import sys
from dataclasses import fields
from typing import Any

import numpy as np

from qsnn_hw.model.network import (
    INPUT,
    MAX_SPIKES,
    Conv2d,
    Dense,
    Network,
    NeuronGroup,
    Operator,
    Pool2d,
    Projection,
    Scale,
)
from qsnn_hw.support.errors import UserError

_MAX_SIZE = 2**28
_MAX_DELAY = 10_000
_OPTIONAL = ("threshold", "reset_amount", "current_decay", "current_gain", "rest", "start")


def check_network(source: str, network: Network) -> Network:
    """``network`` itself, when it is one that the simulator and the quantizer take.

    Parameters
    ----------
    source
        The file, for messages.

    Raises
    ------
    UserError
        A field has a wrong type, shape or value; names the file and the group or projection.
    """
    _need(network.name, source, "name is empty")
    _shape(source, "input_shape", network.input_shape)
    sizes = {INPUT: network.input_size}
    for group in network.groups:
        where = f"{source}: group {group.name!r}"
        _need(group.name, where, "its name is empty")
        _need(group.name not in sizes, where, f"the name stands twice, or is {INPUT!r}")
        _group(where, group)
        sizes[group.name] = group.size
    sound = network.output in sizes and network.output != INPUT
    _need(sound, source, f"output {network.output!r} is no group")
    names: set[str] = set()
    for projection in network.projections:
        where = f"{source}: projection {projection.name!r}"
        _need(projection.name not in names, where, "is no name of its own")
        names.add(projection.name)
        _projection(where, projection, sizes)
    for group in network.groups:
        _need(network.into(group.name), f"{source}: group {group.name!r}", "nothing projects to it")
    return network


def _need(holds: object, where: str, what: str) -> None:
    if not holds:
        raise UserError(f"{where}: {what}; save the network again with save_network")


def _shape(where: str, what: str, shape: tuple[int, ...], low: int = 1) -> None:
    good = len(shape) > 0 and all(low <= size <= _MAX_SIZE for size in shape)
    # Python's own integers: a product of damaged sizes must not wrap around.
    _need(good and math.prod(shape) <= _MAX_SIZE, where, f"{what} is {shape!r}, not a shape")


def _numbers(where: str, what: str, array: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    _need(array.dtype.kind in "fiu", where, f"{what} is no array of numbers")
    if shape is not None:
        _need(array.shape == shape, where, f"{what} has shape {array.shape}, not {shape}")
    _need(np.isfinite(array).all(), where, f"{what} holds values that are NaN or infinite")
    return array


def _group(where: str, group: NeuronGroup) -> None:
    _shape(where, "shape", group.shape)
    shape = (group.size,)
    for item in fields(group):
        value: Any = getattr(group, item.name)
        optional = item.name in _OPTIONAL
        if item.name in ("decay", "input_gain", "leak", "v_reset") or (optional and value is not None):
            array = _numbers(where, item.name, value, shape)
            if item.name.endswith("decay"):
                _need(((array >= 0) & (array <= 1)).all(), where, f"{item.name} is not from 0 to 1")
    _need(0 <= group.refractory <= _MAX_SIZE, where, f"refractory is {group.refractory!r}")
    several = group.max_spikes is None or 1 <= group.max_spikes <= MAX_SPIKES
    _need(several, where, f"max_spikes is {group.max_spikes!r}")
    # A whole number of hundreds of digits is none for NumPy.
    _need(group.v_min is None or abs(group.v_min) <= sys.float_info.max, where, f"v_min is {group.v_min!r}")
    current = (group.current_decay is None, group.current_gain is None)
    _need(len(set(current)) == 1, where, "current_decay and current_gain go together")
    above = group.reset != "subtract" or group.amount is None or bool((group.amount > 0).all())
    _need(above, where, "a reset by subtraction takes off nothing, or less")
    _need(group.start is None or group.threshold is not None, where, "a group that never fires starts at 0")
    _need(
        not (group.multi_spike and (group.reset != "subtract" or group.reset_delay)),
        where,
        "several spikes per step need an immediate reset by subtraction",
    )
    _need(
        not ((group.reset_delay or group.reset_retest) and group.reset == "v_reset"),
        where,
        "reset_delay and reset_retest do not go with a reset to v_reset",
    )


def _projection(where: str, projection: Projection, sizes: dict[str, int]) -> None:
    for what, name in (("source", projection.source), ("target", projection.target)):
        _need(name in sizes, where, f"{what} {name!r} is no group")
    _need(projection.target != INPUT, where, "it ends in the input")
    _need(0 <= projection.delay <= _MAX_DELAY, where, f"delay is {projection.delay!r}")
    size = sizes[projection.source]
    for number, operator in enumerate(projection.operators):
        size = _operator(f"{where}, operator {number}", operator, size)
    wanted = sizes[projection.target]
    _need(size == wanted, where, f"it gives {size} values, its target has {wanted} neurons")


def _operator(where: str, operator: Operator, size: int) -> int:
    """The number of values that ``operator`` makes of ``size``."""
    if isinstance(operator, Dense):
        weight = _numbers(where, "weight", operator.weight)
        _need(weight.ndim == 2 and weight.shape[0] > 0, where, f"weight has shape {weight.shape}")
        _need(weight.shape[1] == size, where, f"weight {weight.shape} meets {size} values")
        _bias(where, operator.bias, weight.shape[0])
        return weight.shape[0]
    if isinstance(operator, Scale):
        _numbers(where, "factor", operator.factor, (size,))
        return size
    _shape(where, "input_shape", operator.input_shape)
    _need(math.prod(operator.input_shape) == size, where, f"{operator.input_shape} meets {size} values")
    _shape(where, "stride", operator.stride)
    _shape(where, "padding", operator.padding, low=0)
    if isinstance(operator, Pool2d):
        _shape(where, "kernel", operator.kernel)
        return operator.input_shape[0] * _places(where, operator, operator.kernel, (1, 1))
    return _convolution(where, operator)


def _convolution(where: str, operator: Conv2d) -> int:
    weight = _numbers(where, "weight", operator.weight)
    _need(weight.ndim == 4 and weight.size > 0, where, f"weight has shape {weight.shape}")
    _shape(where, "dilation", operator.dilation)
    _need(1 <= operator.groups <= _MAX_SIZE, where, f"groups is {operator.groups!r}")
    fits = weight.shape[1] * operator.groups == operator.input_shape[0]
    _need(fits and weight.shape[0] % operator.groups == 0, where, f"weight {weight.shape} has other channels")
    _bias(where, operator.bias, weight.shape[0])
    kernel = (weight.shape[2], weight.shape[3])
    return weight.shape[0] * _places(where, operator, kernel, operator.dilation)


def _bias(where: str, bias: np.ndarray | None, outputs: int) -> None:
    if bias is not None:
        _numbers(where, "bias", bias, (outputs,))


def _places(where: str, operator: Conv2d | Pool2d, kernel: tuple[int, int], dilation: tuple[int, int]) -> int:
    """Height times width of the output."""
    places = 1
    for axis in (0, 1):
        padded = operator.input_shape[1 + axis] + 2 * operator.padding[axis]
        _need(padded <= _MAX_SIZE, where, f"padding is {operator.padding!r}")
        spare = padded - dilation[axis] * (kernel[axis] - 1) - 1
        _need(spare >= 0, where, f"a kernel of {kernel} does not fit {operator.input_shape}")
        places *= spare // operator.stride[axis] + 1
    _need(places <= _MAX_SIZE, where, "it gives too many values")
    return places
