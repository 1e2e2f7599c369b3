"""Operators on whole batches of spikes: one GEMM per operator, convolutions without expansion."""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.model.network import Conv2d, Dense, Operator, Pool2d, Scale

_CHUNK_BYTES = 64 << 20


def apply_operators(operators: Sequence[Operator], x: np.ndarray) -> np.ndarray:
    """Apply operators in order to rows of addresses.

    Parameters
    ----------
    x
        Floating, shape (rows, addresses); the result has the same dtype, shape (rows, outputs).
    """
    for operator in operators:
        x = _apply(operator, x)
    return x


def _apply(operator: Operator, x: np.ndarray) -> np.ndarray:
    if isinstance(operator, Dense):
        y = x @ operator.weight.T.astype(x.dtype)
        return y if operator.bias is None else y + operator.bias.astype(x.dtype)
    if isinstance(operator, Scale):
        return x * operator.factor.astype(x.dtype)
    if isinstance(operator, Conv2d):
        return _in_chunks(operator, x)
    return _pool(operator, x)


def windows(
    x: np.ndarray,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> np.ndarray:
    """A view (rows, channels, out height, out width, kernel height, kernel width)."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    spans = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
    view = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def _in_chunks(operator: Conv2d, x: np.ndarray) -> np.ndarray:
    """The convolution row block by row block, so that unfolded windows stay in a bounded buffer."""
    probe = windows(np.empty((0, *operator.input_shape), x.dtype), *_geometry(operator))
    per_row = max(1, int(np.prod(probe.shape[1:], dtype=np.int64)) * x.itemsize)
    rows = max(1, _CHUNK_BYTES // per_row)
    first = [_convolve(operator, x[start : start + rows]) for start in range(0, len(x), rows)]
    if not first:
        outputs = operator.weight.shape[0] * probe.shape[2] * probe.shape[3]
        return np.empty((0, outputs), x.dtype)
    return first[0] if len(first) == 1 else np.concatenate(first)


def _geometry(
    operator: Conv2d,
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    kernel = (operator.weight.shape[2], operator.weight.shape[3])
    return kernel, operator.stride, operator.padding, operator.dilation


def _convolve(operator: Conv2d, x: np.ndarray) -> np.ndarray:
    view = windows(x.reshape(-1, *operator.input_shape), *_geometry(operator))
    rows, channels, height, width = view.shape[:4]
    split = channels // operator.groups
    outputs = operator.weight.shape[0] // operator.groups
    y = np.empty((rows, operator.weight.shape[0], height * width), x.dtype)
    for group in range(operator.groups):
        part = view[:, group * split : (group + 1) * split]
        columns = part.transpose(0, 2, 3, 1, 4, 5).reshape(rows * height * width, -1)
        kernels = operator.weight[group * outputs : (group + 1) * outputs].reshape(outputs, -1)
        product = (columns @ kernels.T.astype(x.dtype)).reshape(rows, height * width, outputs)
        y[:, group * outputs : (group + 1) * outputs] = product.transpose(0, 2, 1)
    if operator.bias is not None:
        y += operator.bias.astype(x.dtype)[:, np.newaxis]
    return y.reshape(rows, -1)


def _pool(operator: Pool2d, x: np.ndarray) -> np.ndarray:
    view = windows(x.reshape(-1, *operator.input_shape), operator.kernel, operator.stride, operator.padding)
    total = view.sum(axis=(4, 5), dtype=x.dtype).reshape(len(x), -1)
    if operator.kind == "sum":
        return total
    # As in PyTorch's default, padding counts in the divisor.
    return total / x.dtype.type(operator.kernel[0] * operator.kernel[1])
