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
    for made in operators:
        x = _apply(made, x)
    return x


def _apply(made: Operator, x: np.ndarray) -> np.ndarray:
    if isinstance(made, Dense):
        y = x @ made.weight.T.astype(x.dtype)
        return y if made.bias is None else y + made.bias.astype(x.dtype)
    if isinstance(made, Scale):
        return x * made.factor.astype(x.dtype)
    if isinstance(made, Conv2d):
        return _in_chunks(made, x)
    return _pool(made, x)


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


def _in_chunks(made: Conv2d, x: np.ndarray) -> np.ndarray:
    """The convolution row block by row block, so that unfolded windows stay in a bounded buffer."""
    probe = windows(np.empty((0, *made.input_shape), x.dtype), *_geometry(made))
    per_row = max(1, int(np.prod(probe.shape[1:], dtype=np.int64)) * x.itemsize)
    rows = max(1, _CHUNK_BYTES // per_row)
    first = [_convolve(made, x[start : start + rows]) for start in range(0, len(x), rows)]
    if not first:
        outputs = made.weight.shape[0] * probe.shape[2] * probe.shape[3]
        return np.empty((0, outputs), x.dtype)
    return first[0] if len(first) == 1 else np.concatenate(first)


def _geometry(
    made: Conv2d,
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    kernel = (made.weight.shape[2], made.weight.shape[3])
    return kernel, made.stride, made.padding, made.dilation


def _convolve(made: Conv2d, x: np.ndarray) -> np.ndarray:
    view = windows(x.reshape(-1, *made.input_shape), *_geometry(made))
    rows, channels, height, width = view.shape[:4]
    split = channels // made.groups
    outputs = made.weight.shape[0] // made.groups
    y = np.empty((rows, made.weight.shape[0], height * width), x.dtype)
    for group in range(made.groups):
        part = view[:, group * split : (group + 1) * split]
        columns = part.transpose(0, 2, 3, 1, 4, 5).reshape(rows * height * width, -1)
        kernels = made.weight[group * outputs : (group + 1) * outputs].reshape(outputs, -1)
        product = (columns @ kernels.T.astype(x.dtype)).reshape(rows, height * width, outputs)
        y[:, group * outputs : (group + 1) * outputs] = product.transpose(0, 2, 1)
    if made.bias is not None:
        y += made.bias.astype(x.dtype)[:, np.newaxis]
    return y.reshape(rows, -1)


def _pool(made: Pool2d, x: np.ndarray) -> np.ndarray:
    view = windows(x.reshape(-1, *made.input_shape), made.kernel, made.stride, made.padding)
    total = view.sum(axis=(4, 5), dtype=x.dtype).reshape(len(x), -1)
    if made.kind == "sum":
        return total
    # As in PyTorch's default, padding counts in the divisor.
    return total / x.dtype.type(made.kernel[0] * made.kernel[1])
