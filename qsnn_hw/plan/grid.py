"""Convolutions and pools as address arithmetic: which folds and kernel rows a position reaches.

Along one axis, pools in front of a kernel, the kernel's own stride, padding and dilation, and pools
behind it all come down to a list of pairs (target position, kernel position) for every source
position. Both axes are independent, so a pair of lists describes any such operators exactly, also where
one position reaches a target several times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.model.network import Conv2d, Dense, Operator, Pool2d, Scale
from qsnn_hw.plan.group_plan import AxisTable

Pairs = list[list[tuple[int, int]]]
"""For every source position along an axis, its (target position, kernel position) pairs."""


def _output_length(length: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _windows(length: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> Pairs:
    """Of one operator along one axis: (output, kernel position) pairs for every input position."""
    outputs = _output_length(length, kernel, stride, padding, dilation)
    pairs: Pairs = [[] for _ in range(length)]
    for output in range(outputs):
        for k in range(kernel):
            position = output * stride - padding + k * dilation
            if 0 <= position < length:
                pairs[position].append((output, k))
    return pairs


@dataclass(frozen=True)
class GridProjection:
    """A projection that needs no expansion.

    Parameters
    ----------
    source
        (channels, height, width) of the source.
    target
        (channels, height, width) of the target; height and width 1 behind a dense operator.
    kernel
        (height, width) of the kernel, of a dense operator those of its input.
    rows, columns
        The pairs of both axes.
    weight
        int, shape (channels out, channels in, kernel height, kernel width); 0 between the channel
        groups of a grouped convolution.
    dense
        The operator with weights is dense.
    """

    source: tuple[int, int, int]
    target: tuple[int, int, int]
    kernel: tuple[int, int]
    rows: Pairs
    columns: Pairs
    weight: np.ndarray
    dense: bool


def grid_projection(operators: Sequence[Operator]) -> GridProjection | None:
    """The grid form of a projection's operators, or None where it has none.

    It needs one convolution, with or without sum pools around it, or a dense operator or a factor
    for each neuron behind at least one pool.
    """
    weighted = [k for k, o in enumerate(operators) if not isinstance(o, Pool2d)]
    first = operators[0]
    if len(weighted) != 1 or not isinstance(first, Conv2d | Pool2d):
        return None
    at, source = weighted[0], first.input_shape
    operator, before, after = operators[at], operators[:at], operators[at + 1 :]
    pools = [o for o in before if isinstance(o, Pool2d)]
    axes: list[Pairs] = []
    if isinstance(operator, Conv2d):
        kernel = (operator.weight.shape[2], operator.weight.shape[3])
        later = [o for o in after if isinstance(o, Pool2d)]
        for axis in range(2):
            length, reached = _pooled(source[axis + 1], pools, axis)
            windows = _windows(
                length, kernel[axis], operator.stride[axis], operator.padding[axis], operator.dilation[axis]
            )
            pairs = [[pair for middle in middles for pair in windows[middle]] for middles in reached]
            axes.append(_pooled_targets(pairs, later, axis))
        target = (operator.weight.shape[0], *_lengths(operator, later))
        return GridProjection(source, target, kernel, axes[0], axes[1], _ungrouped(operator), dense=False)
    if after or not isinstance(operator, Dense | Scale):
        return None
    height, rows = _pooled(source[1], pools, 0)
    width, columns = _pooled(source[2], pools, 1)
    if isinstance(operator, Scale):
        return _scaled(source, operator.factor.reshape(source[0], height, width), rows, columns)
    post = operator.weight.shape[0]
    weight = operator.weight.reshape(post, source[0], height, width)
    whole = [[[(0, middle) for middle in middles] for middles in reached] for reached in (rows, columns)]
    return GridProjection(source, (post, 1, 1), (height, width), whole[0], whole[1], weight, dense=True)


def _scaled(
    source: tuple[int, int, int], factor: np.ndarray, rows: list[list[int]], columns: list[list[int]]
) -> GridProjection:
    """Pools and a factor: a kernel of one element per channel, or of all positions where they differ."""
    channels, height, width = factor.shape
    uniform = bool((factor == factor[:, :1, :1]).all())
    kernel = (1, 1) if uniform else (height, width)
    weight = np.zeros((channels, channels, *kernel), dtype=factor.dtype)
    each = np.arange(channels)
    weight[each, each] = factor[:, :1, :1] if uniform else factor
    pairs = [
        [[(middle, 0 if uniform else middle) for middle in middles] for middles in reached]
        for reached in (rows, columns)
    ]
    return GridProjection(source, (channels, height, width), kernel, pairs[0], pairs[1], weight, dense=False)


def flattened(source: tuple[int, int, int], weight: np.ndarray) -> GridProjection:
    """A dense operator straight behind a grid."""
    pairs = [[[(0, position)] for position in range(length)] for length in source[1:]]
    shaped = weight.reshape(weight.shape[0], *source)
    return GridProjection(source, (weight.shape[0], 1, 1), source[1:], pairs[0], pairs[1], shaped, dense=True)


def _ungrouped(operator: Conv2d) -> np.ndarray:
    """The kernel over all input channels."""
    out, each, height, width = operator.weight.shape
    if operator.groups == 1:
        return operator.weight
    full = np.zeros((out, operator.input_shape[0], height, width), dtype=operator.weight.dtype)
    for channel in range(out):
        first = channel // (out // operator.groups) * each
        full[channel, first : first + each] = operator.weight[channel]
    return full


def _pooled(length: int, pools: Sequence[Pool2d], axis: int) -> tuple[int, list[list[int]]]:
    """The length behind ``pools``, and which pooled positions every position counts for."""
    reached = [[position] for position in range(length)]
    for pool in pools:
        windows = _windows(length, pool.kernel[axis], pool.stride[axis], pool.padding[axis])
        reached = [[output for middle in middles for output, _ in windows[middle]] for middles in reached]
        length = _output_length(length, pool.kernel[axis], pool.stride[axis], pool.padding[axis])
    return length, reached


def _pooled_targets(pairs: Pairs, pools: Sequence[Pool2d], axis: int) -> Pairs:
    for pool in pools:
        length = pool.input_shape[axis + 1]
        windows = _windows(length, pool.kernel[axis], pool.stride[axis], pool.padding[axis])
        pairs = [[(output, k) for middle, k in reached for output, _ in windows[middle]] for reached in pairs]
    return pairs


def _lengths(operator: Conv2d, pools: Sequence[Pool2d]) -> tuple[int, int]:
    lengths = []
    for axis in range(2):
        length = _output_length(
            operator.input_shape[axis + 1],
            operator.weight.shape[axis + 2],
            operator.stride[axis],
            operator.padding[axis],
            operator.dilation[axis],
        )
        for pool in pools:
            length = _output_length(length, pool.kernel[axis], pool.stride[axis], pool.padding[axis])
        lengths.append(length)
    return lengths[0], lengths[1]


def axis_table(pairs: Pairs, fold_step: int, row_step: int) -> AxisTable:
    """Pairs as the walker's table; a target position is worth ``fold_step`` folds, and so on."""
    count = np.array([len(reached) for reached in pairs], dtype=np.int64)
    flat = np.array([pair for reached in pairs for pair in reached], dtype=np.int64).reshape(-1, 2)
    return AxisTable(np.cumsum(count) - count, count, flat[:, 0] * fold_step, flat[:, 1] * row_step)


__all__ = ["GridProjection", "axis_table", "flattened", "grid_projection"]
