"""Arrays of weights and of potentials as integers, each by one equation; for use from Python."""

import numpy as np

from qsnn_hw.quantize.integers import check_bits, finite_numbers, integer_dtype
from qsnn_hw.support.errors import UserError


def quantize_weights(
    weights: object, bits: int = 8, *, axis: int | None = None, unsigned: bool = False
) -> tuple[np.ndarray, float | np.ndarray]:
    """Quantize weights to integers with a scale taken from the data.

    ``scale = max|weights| / largest`` and ``integers = rint(weights / scale)``, with ``largest`` =
    2**(bits-1) - 1, or 2**bits - 1 unsigned; ties round to even.

    Parameters
    ----------
    weights
        Real numbers of any shape.
    bits
        Width, 2 to 16.
    axis
        One scale for each index along this axis (0 for the post neurons of a (post, pre) matrix or
        the output channels of a convolution), from the largest of the others; None: one scale for all.
    unsigned
        Integers from 0 to 2**bits - 1, for weights that are never negative.

    Returns
    -------
    integers : numpy.ndarray
        Same shape; int8 for 2 to 8 bits, int16 for 9 to 16, within +-(2**(bits-1) - 1); or uint8 and
        uint16, within 0 to 2**bits - 1.
    scale : float or numpy.ndarray
        ``weights`` is approximately ``integers * scale``. With ``axis`` float64 in the shape of
        ``weights`` with every other axis of length 1. 1.0 where every weight is zero.

    Raises
    ------
    UserError
        ``bits`` or ``axis`` is out of range, a weight is NaN, infinite or complex, or a weight is negative
        and ``unsigned``.

    Examples
    --------
    >>> quantize_weights([[1.0, -0.5], [0.25, 0.0]], bits=4)
    (array([[ 7, -4],
           [ 2,  0]], dtype=int8), 0.14285714285714285)
    >>> integers, scale = quantize_weights([[1.0, -0.5], [0.25, 0.0]], bits=4, axis=0)
    >>> integers.tolist(), scale.shape
    ([[7, -4], [7, 0]], (2, 1))
    """
    check_bits(bits)
    values = finite_numbers(weights, "weights")
    if unsigned and (values < 0).any():
        where = tuple(int(i) for i in np.argwhere(values < 0)[0])
        raise UserError(
            f"weights must not be below 0 for unsigned integers, not {values[where]:g} at index {where}"
        )
    others = _others(values, axis, "weights")
    peak = np.abs(values).max(axis=others, keepdims=axis is not None, initial=0.0)
    scale = np.where(peak > 0, peak / _largest(bits, unsigned), 1.0)
    # Denormal weights would underflow to a scale of 0.
    scale = np.maximum(scale, np.finfo(np.float64).tiny)
    return _rounded(values, scale, bits, unsigned), scale if axis is not None else float(scale)


def membrane_scale(v_threshold: object, bits: int = 8, *, unsigned: bool = False) -> float | np.ndarray:
    """The potential of one integer step when the range holds 2 x threshold: ``2 * v_threshold / largest``.

    ``largest`` is 2**(bits-1) - 1, or 2**bits - 1 unsigned. A float for one threshold, float64 in
    the shape of an array of them.

    Raises
    ------
    UserError
        ``bits`` is out of range, or a threshold is not a finite real number above 0.
    """
    check_bits(bits)
    one = np.ndim(v_threshold) == 0  # type: ignore[arg-type]
    try:
        threshold = finite_numbers(v_threshold, "v_threshold")
    except UserError as error:
        if one and isinstance(v_threshold, float | np.floating):
            raise UserError(f"v_threshold must be a finite number above 0, not {v_threshold!r}") from error
        raise
    if (threshold <= 0).any():
        where = tuple(int(i) for i in np.argwhere(threshold <= 0)[0])
        at = "" if one else f" at index {where}"
        raise UserError(f"v_threshold must be a finite number above 0, not {float(threshold[where])!r}{at}")
    scale = 2.0 * threshold / _largest(bits, unsigned)
    return float(scale) if one else scale


def quantize_membrane(
    v: object, v_threshold: object, bits: int = 8, *, axis: int | None = None, unsigned: bool = False
) -> np.ndarray:
    """Quantize membrane potentials with a headroom of 2 x threshold.

    ``integers = clip(rint(v / scale), -largest, largest)`` with ``scale = 2 * v_threshold / largest``
    (:func:`membrane_scale`): a potential may overshoot the threshold by its own size before it
    saturates. ``largest`` is 2**(bits-1) - 1; unsigned, it is 2**bits - 1 and 0 is the least.

    Parameters
    ----------
    v
        Potentials of any shape, in the units of ``v_threshold``.
    v_threshold
        Firing threshold, > 0: one number, or an array that NumPy can broadcast to ``v`` (shape (n,) for
        each of n neurons on the last axis).
    bits
        Width, 2 to 16.
    axis
        Where ``v_threshold`` is a list of one threshold for each index along this axis of ``v``.
    unsigned
        Integers from 0 to 2**bits - 1: potentials below 0 saturate at 0.

    Returns
    -------
    numpy.ndarray
        Shape of ``v``; int8 for 2 to 8 bits, int16 for 9 to 16, or uint8 and uint16.

    Raises
    ------
    UserError
        ``bits`` or ``axis`` is out of range, a threshold is not above 0 or does not fit the shape of
        ``v``, or a potential is NaN, infinite or complex.

    Examples
    --------
    >>> quantize_membrane([0.0, 1.0, 2.0, 5.0, -5.0], v_threshold=1.0)
    array([   0,   64,  127,  127, -127], dtype=int8)
    >>> quantize_membrane([[1.0, 1.0], [2.0, -2.0]], v_threshold=[1.0, 2.0])
    array([[ 64,  32],
           [127, -64]], dtype=int8)
    >>> quantize_membrane([[1.0, 1.0], [2.0, -2.0]], v_threshold=[1.0, 2.0], axis=0, unsigned=True)
    array([[128, 128],
           [128,   0]], dtype=uint8)
    """
    scale = np.asarray(membrane_scale(v_threshold, bits, unsigned=unsigned))
    values = finite_numbers(v, "v")
    others = _others(values, axis, "v")
    shape = scale.shape
    if others is not None and axis is not None and shape:
        if shape != (values.shape[axis],):
            raise UserError(
                f"v_threshold must hold one threshold for each of the {values.shape[axis]} indices along "
                f"axis {axis} of v, not be of shape {shape}"
            )
        scale = np.expand_dims(scale, others)
    try:
        scale = np.broadcast_to(scale, values.shape)
    except ValueError as error:
        raise UserError(
            f"v_threshold of shape {shape} does not fit v of shape {values.shape}; name its axis"
        ) from error
    return _rounded(values, scale, bits, unsigned)


def _largest(bits: int, unsigned: bool) -> int:
    return int(2**bits - 1 if unsigned else 2 ** (bits - 1) - 1)


def _others(values: np.ndarray, axis: int | None, what: str) -> tuple[int, ...] | None:
    """All axes but ``axis``; None where that is None."""
    if axis is None:
        return None
    if (
        isinstance(axis, bool)
        or not isinstance(axis, int | np.integer)
        or not -values.ndim <= axis < values.ndim
    ):
        raise UserError(f"axis must be an axis of {what}, which has {values.ndim} of them, not {axis!r}")
    return tuple(i for i in range(values.ndim) if i != axis % values.ndim)


def _rounded(values: np.ndarray, scale: np.ndarray, bits: int, unsigned: bool) -> np.ndarray:
    largest = _largest(bits, unsigned)
    dtype: type[np.integer] = integer_dtype(bits)
    if unsigned:
        dtype = np.uint8 if bits <= 8 else np.uint16
    rounded = np.clip(np.rint(values / scale), 0 if unsigned else -largest, largest)
    # Of a single number NumPy would make no array.
    return np.asarray(rounded, dtype=dtype)
