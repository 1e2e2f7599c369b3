"""Operator nodes to the operators of :mod:`qsnn_hw.model.network`, with their output shapes."""

import math

import numpy as np

from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import Conv2d, Dense, Operator, Pool2d, Scale
from qsnn_hw.support.errors import UserError

Shape = tuple[int, ...]

MAX_ADDRESSES = 2**22
"""Values that a node may give or work on in one time step: far more than any device here has neurons."""

_MAX_WINDOWS = 2**28


def size_of(shape: Shape) -> int:
    """The number of addresses of a shape."""
    return math.prod(shape)


def check_size(graph: Graph, name: str, what: str, shape: Shape) -> None:
    """Refuse more than ``MAX_ADDRESSES``: a wrong number in a file must not fill the memory.

    Raises
    ------
    UserError
        Names file, node, the shape and the limit.
    """
    if size_of(shape) > MAX_ADDRESSES:
        raise UserError(
            f"{graph.where(name)}: its {what} is {' x '.join(map(str, shape))}, {size_of(shape):,} values, "
            f"over {MAX_ADDRESSES:,}; look at its shape, padding and dilation, and at input_shape"
        )


def operator(
    graph: Graph, name: str, shape: Shape, *, batched: bool = False
) -> tuple[Operator | None, Shape]:
    """The operator of a node fed with ``shape``, None where only the shape changes, and its output.

    Parameters
    ----------
    batched
        Whether a Flatten node counts its dimensions from a batch dimension in front of ``shape``.

    Raises
    ------
    UserError
        Wrong shapes, missing or non-finite parameters; names file, node and type.
    """
    kind = graph.nodes[name].type
    if kind in ("Affine", "Linear"):
        return _dense(graph, name, shape)
    if kind in ("Conv1d", "Conv2d"):
        return _convolution(graph, name, shape)
    if kind in ("SumPool2d", "AvgPool2d"):
        return _pool(graph, name, shape)
    if kind == "Flatten":
        return None, _flattened(graph, name, shape, batched)
    if kind == "Scale":
        return Scale(graph.spread(name, "scale", shape)), shape
    return None, shape


def _flattened(graph: Graph, name: str, shape: Shape, batched: bool) -> Shape:
    """``shape`` with the dimensions from start_dim to end_dim, both included, made one.

    The NIR specification counts without a batch dimension, as every exporter writes it.
    """
    input_type = graph.nodes[name].parameters.get("input_type")
    ahead = 1 if batched else 0
    if input_type is not None:
        whole = tuple(int(v) for v in graph.whole(name, "input_type"))
        # An exporter that left batch or time in the shape counts from there.
        if len(whole) > len(shape) and whole[len(whole) - len(shape) :] == shape:
            ahead = len(whole) - len(shape)
    full = (*[1] * ahead, *shape)
    ends = []
    for key, default in (("start_dim", 0), ("end_dim", -1)):
        values = graph.whole(name, key, default)
        if values.size != 1 or not -len(full) <= values[0] < len(full):
            raise UserError(
                f"{graph.where(name)}: {key} is {', '.join(map(str, values))}, and its input of shape "
                f"{shape} has dimensions {-len(shape)} to {len(shape) - 1}"
            )
        ends.append(int(values[0]) % len(full))
    start, end = ends
    if start > end:
        raise UserError(f"{graph.where(name)}: start_dim {start} comes after end_dim {end}")
    flat = (*full[:start], size_of(full[start : end + 1]), *full[end + 1 :])
    return flat[min(start, ahead) :]


def weight_inputs(graph: Graph, name: str) -> int:
    """The number of inputs an Affine or Linear node's weight wants."""
    return _weight(graph, name, 2).shape[1]


def _weight(graph: Graph, name: str, dimensions: int) -> np.ndarray:
    weight = graph.numbers(name, "weight")
    while weight.ndim > dimensions and weight.shape[0] == 1:
        weight = weight[0]
    if weight.ndim != dimensions:
        raise UserError(f"{graph.where(name)}: weight has shape {weight.shape}, not {dimensions} dimensions")
    return weight


def _bias(graph: Graph, name: str, outputs: int) -> np.ndarray | None:
    if graph.nodes[name].parameters.get("bias") is None:
        return None
    bias = graph.numbers(name, "bias").reshape(-1)
    if bias.size != outputs:
        raise UserError(f"{graph.where(name)}: bias has {bias.size} values, the weight has {outputs} outputs")
    return bias


def _dense(graph: Graph, name: str, shape: Shape) -> tuple[Operator, Shape]:
    weight = _weight(graph, name, 2)
    if weight.shape[1] != size_of(shape):
        raise UserError(
            f"{graph.where(name)}: weight {weight.shape} wants {weight.shape[1]} inputs, "
            f"the nodes before it give {size_of(shape)} {shape}"
        )
    bias = _bias(graph, name, weight.shape[0])
    if graph.nodes[name].type == "Affine" and bias is None:
        raise UserError(f"{graph.where(name)} has no bias; export it again, or as Linear")
    return Dense(weight, bias), (weight.shape[0],)


def _pair(graph: Graph, name: str, key: str, default: int, least: int) -> tuple[int, int]:
    """A (vertical, horizontal) parameter; a single number counts for both."""
    values = graph.whole(name, key, default)
    if values.size not in (1, 2) or np.any(values < least):
        raise UserError(f"{graph.where(name)}: {key} is {values.tolist()}, not one or two numbers >= {least}")
    return int(values[0]), int(values[-1])


def _single(graph: Graph, name: str, key: str, default: int, least: int) -> int:
    values = graph.whole(name, key, default)
    if values.size != 1 or values[0] < least:
        raise UserError(f"{graph.where(name)}: {key} is {values.tolist()}, not one number >= {least}")
    return int(values[0])


def _planes(graph: Graph, name: str, channels: int | None, shape: Shape) -> tuple[int, int, int]:
    """The (channels, height, width) that a convolution or pool sees for an incoming ``shape``."""
    kind = graph.nodes[name].type
    own = graph.nodes[name].parameters.get("input_shape")
    space = () if own is None else tuple(int(v) for v in graph.whole(name, "input_shape"))
    if kind == "Conv1d" and space:
        space = (1, space[-1])
    if len(space) == 2 and channels is not None and channels * size_of(space) == size_of(shape):
        return channels, space[0], space[1]
    plain = _line(shape, channels) if kind == "Conv1d" else _without_ones(shape, 3)
    if len(plain) == 2 and channels in (1, None):
        plain = (1, *plain)
    fits = len(plain) == 3 and channels in (plain[0], None) and space in ((), plain[1:])
    if not fits or (kind == "Conv1d" and plain[1] != 1):
        size = " x ".join(map(str, space[-1:] if kind == "Conv1d" else space))
        size = size or ("length" if kind == "Conv1d" else "height x width")
        wants = f"{channels if channels is not None else 'channels'} x {size}"
        raise UserError(
            f"{graph.where(name)}: its input has shape {shape}, it wants {wants}; "
            "check the nodes before it and input_shape"
        )
    return plain[0], plain[1], plain[2]


def _without_ones(shape: Shape, axes: int) -> Shape:
    """``shape`` without leading axes of one that are more than ``axes``."""
    while len(shape) > axes and shape[0] == 1:
        shape = shape[1:]
    return shape


def _line(shape: Shape, channels: int | None) -> Shape:
    """What a Conv1d sees, as planes of one row."""
    plain = _without_ones(shape, 2)
    if len(plain) == 1 and channels == 1:
        plain = (1, *plain)
    return (plain[0], 1, plain[1]) if len(plain) == 2 else plain


def _extent(
    graph: Graph,
    name: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """Output height and width, as PyTorch counts them."""
    check_size(graph, name, "padded input", (size[0] + 2 * padding[0], size[1] + 2 * padding[1]))
    out = [(size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)]
    if min(out) < 1:
        raise UserError(f"{graph.where(name)}: a kernel of {kernel} does not fit its input of {size}")
    # What a convolution or pool computes in one step, and the golden model after it.
    if math.prod((*out, *kernel)) > _MAX_WINDOWS:
        raise UserError(
            f"{graph.where(name)}: {out[0]} x {out[1]} windows of {kernel[0]} x {kernel[1]} values are over "
            f"{_MAX_WINDOWS:,}; look at kernel, stride and padding"
        )
    return out[0], out[1]


def _convolution(graph: Graph, name: str, shape: Shape) -> tuple[Operator, Shape]:
    flat = graph.nodes[name].type == "Conv1d"
    weight = graph.numbers(name, "weight")
    if weight.ndim != (3 if flat else 4):
        raise UserError(
            f"{graph.where(name)}: weight has shape {weight.shape}, not {3 if flat else 4} dimensions"
        )
    if flat:
        weight = weight[:, :, np.newaxis, :]
    groups = _single(graph, name, "groups", 1, 1)
    if weight.shape[0] % groups:
        raise UserError(f"{graph.where(name)}: {weight.shape[0]} output channels do not divide by {groups}")
    kernel = (weight.shape[2], weight.shape[3])
    stride = _pair(graph, name, "stride", 1, 1)
    dilation = _pair(graph, name, "dilation", 1, 1)
    if flat:
        stride, dilation = (1, stride[1]), (1, dilation[1])
    padding = _padding(graph, name, flat, kernel, stride, dilation)
    planes = _planes(graph, name, weight.shape[1] * groups, shape)
    out = _extent(graph, name, (planes[1], planes[2]), kernel, stride, padding, dilation)
    bias = _bias(graph, name, weight.shape[0])
    convolution = Conv2d(weight, bias, planes, stride, padding, dilation, groups)
    return convolution, (weight.shape[0], out[1]) if flat else (weight.shape[0], *out)


def _padding(
    graph: Graph,
    name: str,
    flat: bool,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    value = graph.nodes[name].parameters.get("padding")
    if isinstance(value, str):
        if value == "valid":
            return 0, 0
        if value != "same":
            raise UserError(f"{graph.where(name)}: padding is numbers, 'same' or 'valid', not {value!r}")
        total = [dilation[i] * (kernel[i] - 1) for i in (0, 1)]
        if stride != (1, 1) or total[0] % 2 or total[1] % 2:
            raise UserError(
                f"{graph.where(name)}: padding 'same' needs stride 1 and an odd kernel here; "
                "export the model with numeric padding"
            )
        return total[0] // 2, total[1] // 2
    padding = _pair(graph, name, "padding", 0, 0)
    return (0, padding[1]) if flat else padding


def _pool(graph: Graph, name: str, shape: Shape) -> tuple[Operator, Shape]:
    planes = _planes(graph, name, None, shape)
    if graph.nodes[name].parameters.get("kernel_size") is None:
        raise UserError(f"{graph.where(name)} has no kernel_size; export the model again")
    kernel = _pair(graph, name, "kernel_size", 1, 1)
    stated = graph.nodes[name].parameters.get("stride")
    stride = kernel if stated is None else _pair(graph, name, "stride", 1, 1)
    padding = _pair(graph, name, "padding", 0, 0)
    out = _extent(graph, name, (planes[1], planes[2]), kernel, stride, padding)
    kind = graph.nodes[name].type
    pool = Pool2d("sum" if kind == "SumPool2d" else "average", planes, kernel, stride, padding)
    return pool, (planes[0], *out)
