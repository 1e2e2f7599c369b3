"""What one event adds: the column of a projection's operators that belongs to one address.

Worked out operator by operator for a single address, without windows or matrix products, so that
the event-driven golden model shares no arithmetic with the clocked one.
"""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.model.network import Conv2d, Dense, Operator, Pool2d, Scale

Sparse = dict[int, int]
"""Address -> value, zeros left out or not."""


class Columns:
    """The columns of one projection, each worked out when its first event comes.

    Parameters
    ----------
    operators
        With integer weights.
    shift
        Values are multiplied by ``2**shift``.
    """

    def __init__(self, operators: Sequence[Operator], shift: int) -> None:
        self._operators = tuple(operators)
        self._shift = shift
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __getitem__(self, address: int) -> tuple[np.ndarray, np.ndarray]:
        """(targets, values) of one spike of ``address``: int64, of the same length, values not 0."""
        column = self._known.get(address)
        if column is None:
            values: Sparse = {address: 1}
            for operator in self._operators:
                values = _spread(operator, values)
            targets = [target for target, value in sorted(values.items()) if value]
            added = [values[target] << self._shift for target in targets]
            column = np.array(targets, dtype=np.int64), np.array(added, dtype=np.int64)
            self._known[address] = column
        return column


def _spread(operator: Operator, values: Sparse) -> Sparse:
    out: Sparse = {}
    for address, value in values.items():
        for target, weight in _reached(operator, address):
            out[target] = out.get(target, 0) + weight * value
    return out


def _reached(operator: Operator, address: int) -> list[tuple[int, int]]:
    """(target, weight) pairs of one address."""
    if isinstance(operator, Dense):
        column = operator.weight[:, address]
        return [(int(target), int(column[target])) for target in np.flatnonzero(column)]
    if isinstance(operator, Scale):
        return [(address, int(operator.factor[address]))]
    if isinstance(operator, Conv2d):
        return _convolved(operator, address)
    return _pooled(operator, address)


def _places(
    at: int, kernel: int, stride: int, padding: int, dilation: int, outputs: int
) -> list[tuple[int, int]]:
    """(output position, kernel position) pairs along one axis whose window holds position ``at``."""
    places = []
    for position in range(kernel):
        start = at + padding - position * dilation
        if start % stride == 0 and 0 <= start // stride < outputs:
            places.append((start // stride, position))
    return places


def _extent(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _convolved(operator: Conv2d, address: int) -> list[tuple[int, int]]:
    _, height, width = operator.input_shape
    channel, rest = divmod(address, height * width)
    y, x = divmod(rest, width)
    outputs, inputs, rows, columns = operator.weight.shape
    stride, padding, dilation = operator.stride, operator.padding, operator.dilation
    tall = _extent(height, rows, stride[0], padding[0], dilation[0])
    wide = _extent(width, columns, stride[1], padding[1], dilation[1])
    group, local = divmod(channel, inputs)
    each = outputs // operator.groups
    reached = []
    for oy, ky in _places(y, rows, stride[0], padding[0], dilation[0], tall):
        for ox, kx in _places(x, columns, stride[1], padding[1], dilation[1], wide):
            for output in range(group * each, (group + 1) * each):
                weight = int(operator.weight[output, local, ky, kx])
                reached.append(((output * tall + oy) * wide + ox, weight))
    return reached


def _pooled(operator: Pool2d, address: int) -> list[tuple[int, int]]:
    _, height, width = operator.input_shape
    channel, rest = divmod(address, height * width)
    y, x = divmod(rest, width)
    stride, padding = operator.stride, operator.padding
    tall = _extent(height, operator.kernel[0], stride[0], padding[0], 1)
    wide = _extent(width, operator.kernel[1], stride[1], padding[1], 1)
    return [
        ((channel * tall + oy) * wide + ox, 1)
        for oy, _ in _places(y, operator.kernel[0], stride[0], padding[0], 1, tall)
        for ox, _ in _places(x, operator.kernel[1], stride[1], padding[1], 1, wide)
    ]
