"""Rounding the weights of a group to signed integers, and the scales between them."""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.support.choices import Clip
from qsnn_hw.support.errors import UserError

MIN_BITS = 2
MAX_BITS = 16


# The share of the largest magnitudes that "percentile" clipping gives up.
_PERCENTILE = 99.0
# Clipping points tried by "mse", as fractions of max|w|; finer steps change the error by < 1 %.
_MSE_FRACTIONS = np.linspace(0.20, 1.0, 81)
# Halvings of a power-of-two scale tried by "mse": down to an eighth of the range.
_MSE_HALVINGS = 3


def check_bits(bits: int, what: str = "bits") -> int:
    """Return ``bits`` when it is a whole number from 2 to 16; raise UserError otherwise."""
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not MIN_BITS <= bits <= MAX_BITS:
        raise UserError(f"{what} must be a whole number from {MIN_BITS} to {MAX_BITS}, not {bits!r}")
    return int(bits)


def integer_dtype(bits: int) -> type[np.signedinteger]:
    """The smallest NumPy signed integer type that holds ``bits`` bits (8 to 64)."""
    for limit, dtype in ((8, np.int8), (16, np.int16), (32, np.int32)):
        if bits <= limit:
            return dtype
    return np.int64


def finite_numbers(values: object, what: str) -> np.ndarray:
    """``values`` as float64; UserError, naming ``what``, where they are no finite real numbers."""
    try:
        if np.iscomplexobj(np.asarray(values)):
            raise UserError(f"{what} must be real numbers, not complex ones")
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{what} must be an array of numbers: {error}") from error
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise UserError(f"{what} must be finite, not {array[where]} at index {where}")
    return array


def weight_scale(
    weights: np.ndarray,
    bits: int,
    *,
    clip: Clip = "max",
    per_neuron: bool = False,
    power_of_two: bool = False,
) -> np.ndarray:
    """Choose the value of one integer step from the weights themselves.

    Parameters
    ----------
    weights
        Real numbers, shape (post, pre).
    bits
        Signed width, 2 to 16; the largest integer is 2**(bits-1) - 1 on both sides, so that zero
        stays zero and the range is symmetric.
    clip
        "max" keeps every weight, "percentile" gives up the largest 1 % of magnitudes, "mse" takes
        the clipping point with the least mean squared rounding and clipping error.
    per_neuron
        One scale for each row instead of one for all.
    power_of_two
        Scales are powers of two: the next above what ``clip`` asks for, or for "mse" the one with
        the least error.

    Returns
    -------
    numpy.ndarray
        float64, shape (post,): the scale of each row, always > 0 (1 for a row of zeros).
    """
    check_bits(bits)
    values = finite_numbers(weights, "weights")
    rows = np.abs(values.reshape(values.shape[0], -1) if per_neuron else values.reshape(1, -1))
    largest = 2 ** (bits - 1) - 1
    peak = rows.max(axis=1, initial=0.0)
    if clip == "percentile" and rows.shape[1]:
        peak = np.maximum(np.percentile(rows, _PERCENTILE, axis=1), peak / (2 * largest))
    elif clip == "mse" and rows.shape[1]:
        best = np.full(rows.shape[0], np.inf)
        best_peak = peak.copy()
        fractions: np.ndarray = _MSE_FRACTIONS
        if power_of_two:
            peak = best_peak = _next_power_of_two(peak / largest) * largest
            fractions = 2.0 ** -np.arange(_MSE_HALVINGS, -1, -1)
        for fraction in fractions:
            scale = np.where(peak > 0, peak * fraction / largest, 1.0)
            rounded = np.minimum(np.rint(rows / scale[:, None]), largest) * scale[:, None]
            error = ((rows - rounded) ** 2).sum(axis=1)
            # "<=" prefers the widest range among equals, which keeps exact grids exact.
            better = error <= best
            best = np.where(better, error, best)
            best_peak = np.where(better, peak * fraction, best_peak)
        peak = best_peak
    scales = np.where(peak > 0, peak / largest, 1.0)
    if power_of_two:
        scales = _next_power_of_two(scales)
    # Denormal weights would underflow to a scale of 0.
    scales = np.maximum(scales, np.finfo(np.float64).tiny)
    return np.broadcast_to(scales, (values.shape[0],)).copy()


def _next_power_of_two(values: np.ndarray) -> np.ndarray:
    """The least power of two that is not below each value; zeros stay."""
    mantissa, exponent = np.frexp(values)
    # frexp's mantissa is in [0.5, 1): exactly 0.5 is a power of two already.
    return np.where(values > 0, np.ldexp(1.0, np.where(mantissa == 0.5, exponent - 1, exponent)), 0.0)


def round_weights(weights: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    """Round ``weights / scale`` to signed integers of ``bits`` bits, clipping symmetrically.

    Parameters
    ----------
    weights
        Real numbers, shape (post, ...).
    scale
        Shape (post,) as :func:`weight_scale` returns it.
    bits
        2 to 16.

    Returns
    -------
    numpy.ndarray
        int8 for up to 8 bits, int16 above; ties round to even.
    """
    largest = 2 ** (bits - 1) - 1
    divisor = np.asarray(scale, dtype=np.float64).reshape((-1,) + (1,) * (np.ndim(weights) - 1))
    rounded = np.rint(np.asarray(weights, dtype=np.float64) / divisor)
    return np.clip(rounded, -largest, largest).astype(integer_dtype(bits))


def signed_bits(values: np.ndarray) -> int:
    """The least signed width that holds all values, and 0."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1


def split_columns(matrix: np.ndarray, like: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The arrays ``like`` whose rows stand side by side in ``matrix``, in their own shapes again.

    Parameters
    ----------
    matrix
        Shape (rows, values of a row): ``w.reshape(rows, -1)`` of each, one beside the other.
    like
        Arrays of the shapes to give back.
    """
    rows = matrix.shape[0]
    cuts = np.cumsum([w.size // rows for w in like])[:-1]
    parts = np.split(matrix, cuts, axis=1)
    return tuple(part.reshape(w.shape) for part, w in zip(parts, like, strict=True))
