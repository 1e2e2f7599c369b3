"""Rounding weights and potentials to integers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from qsnn_hw.quantize import membrane_scale, quantize_membrane, quantize_weights
from qsnn_hw.quantize.integers import integer_dtype, round_weights, weight_scale
from qsnn_hw.support.errors import UserError

BITS = range(2, 17)
reals = st.floats(-1e6, 1e6, allow_nan=False, width=64)
matrices = arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=6), elements=reals)


@pytest.mark.parametrize("bits", BITS)
def test_weights_dtype_range_and_scale(bits: int) -> None:
    weights = np.random.default_rng(bits).normal(size=(7, 5))
    integers, scale = quantize_weights(weights, bits)
    largest = 2 ** (bits - 1) - 1
    assert integers.dtype == (np.int8 if bits <= 8 else np.int16)
    assert integers.shape == weights.shape
    assert np.abs(integers.astype(int)).max() == largest
    assert scale == pytest.approx(np.abs(weights).max() / largest, rel=1e-15)
    assert np.abs(integers * scale - weights).max() <= scale / 2 * (1 + 1e-9)


@given(matrices, st.integers(2, 16))
def test_weights_round_trip(weights: np.ndarray, bits: int) -> None:
    integers, scale = quantize_weights(weights, bits)
    assert scale > 0
    assert np.abs(integers.astype(int)).max() <= 2 ** (bits - 1) - 1
    assert np.abs(integers * scale - weights).max() <= scale / 2 * (1 + 1e-9)
    assert (integers[weights == 0] == 0).all()
    # Symmetric: the negative weights become the negative integers.
    assert (quantize_weights(-weights, bits)[0] == -integers).all()


@given(st.integers(2, 16), st.integers(0, 2**32 - 1))
def test_integers_on_the_grid_are_kept(bits: int, seed: int) -> None:
    largest = 2 ** (bits - 1) - 1
    grid = np.random.default_rng(seed).integers(-largest, largest + 1, size=(3, 4))
    grid[0, 0] = largest
    for clip in ("max", "mse"):
        scale = weight_scale(grid * 0.37, bits, clip=clip)  # type: ignore[arg-type]
        assert (round_weights(grid * 0.37, scale, bits) == grid).all()


@pytest.mark.parametrize("weights", [np.zeros((3, 2)), np.zeros(0), np.float64(0.0)])
def test_all_zero_weights(weights: np.ndarray) -> None:
    integers, scale = quantize_weights(weights, 8)
    assert scale == 1.0
    assert integers.shape == weights.shape
    assert not integers.any()


def test_tiny_and_huge_weights_stay_finite() -> None:
    for peak in (5e-324, 1e-310, 1e308):
        integers, scale = quantize_weights(np.array([peak, -peak, 0.0]), 16)
        assert np.isfinite(scale)
        assert scale > 0
        assert integers[0] == -integers[1]
    assert quantize_weights(np.array([1e308, -1e308]), 16)[0].tolist() == [32767, -32767]


@pytest.mark.parametrize(
    ("weights", "bits", "text"),
    [
        ([[1.0, float("nan")]], 8, "weights must be finite, not nan at index (0, 1)"),
        ([[1.0], [float("-inf")]], 8, "weights must be finite, not -inf at index (1, 0)"),
        (["a"], 8, "weights must be an array of numbers: could not convert string to float: 'a'"),
        ([1.0], 1, "bits must be a whole number from 2 to 16, not 1"),
        ([1.0], 17, "bits must be a whole number from 2 to 16, not 17"),
        ([1.0], 8.0, "bits must be a whole number from 2 to 16, not 8.0"),
        ([1.0], True, "bits must be a whole number from 2 to 16, not True"),
        ([1.0], "8", "bits must be a whole number from 2 to 16, not '8'"),
    ],
)
def test_weight_errors(weights: object, bits: int, text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}"):
        quantize_weights(weights, bits)  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", BITS)
def test_membrane_has_twice_the_threshold(bits: int) -> None:
    largest = 2 ** (bits - 1) - 1
    scale = membrane_scale(1.5, bits)
    assert scale * largest == pytest.approx(3.0)
    integers = quantize_membrane(np.array([3.0, -3.0, 30.0, -30.0, 0.0]), 1.5, bits)
    assert integers.tolist() == [largest, -largest, largest, -largest, 0]
    assert integers.dtype == (np.int8 if bits <= 8 else np.int16)


@given(arrays(np.float64, 5, elements=st.floats(-10, 10)), st.floats(0.01, 100), st.integers(2, 16))
def test_membrane_saturates_and_else_rounds(v: np.ndarray, threshold: float, bits: int) -> None:
    scale = membrane_scale(threshold, bits)
    integers = quantize_membrane(v, threshold, bits)
    clipped = np.clip(v, -2 * threshold, 2 * threshold)
    assert np.abs(integers * scale - clipped).max() <= scale / 2 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("v", "threshold", "bits", "text"),
    [
        ([0.0], 0.0, 8, "v_threshold must be a finite number above 0, not 0.0"),
        ([0.0], float("nan"), 8, "v_threshold must be a finite number above 0, not nan"),
        ([float("inf")], 1.0, 8, "v must be finite, not inf at index (0,)"),
        ([0.0], 1.0, 32, "bits must be a whole number from 2 to 16, not 32"),
    ],
)
def test_membrane_errors(v: list[float], threshold: float, bits: int, text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        quantize_membrane(np.array(v), threshold, bits)


@pytest.mark.parametrize(
    ("bits", "dtype"), [(8, np.int8), (9, np.int16), (16, np.int16), (17, np.int32), (33, np.int64)]
)
def test_integer_dtype(bits: int, dtype: type) -> None:
    assert integer_dtype(bits) is dtype


def outliers() -> np.ndarray:
    weights = np.random.default_rng(3).normal(size=(20, 50))
    weights[4, 7] = 40.0
    return weights


def squared_error(weights: np.ndarray, bits: int, **options: object) -> float:
    scale = weight_scale(weights, bits, **options)  # type: ignore[arg-type]
    restored = round_weights(weights, scale, bits) * scale[:, None]
    return float(((restored - weights) ** 2).sum())


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_clipping_gives_up_outliers(bits: int) -> None:
    weights, largest = outliers(), 2 ** (bits - 1) - 1
    widest = weight_scale(weights, bits)
    assert widest.tolist() == [40.0 / largest] * 20
    percentile = weight_scale(weights, bits, clip="percentile")
    # Never so far that the largest weight would be clipped to less than half an integer step's range.
    kept = max(float(np.percentile(np.abs(weights), 99)), 40 / (2 * largest))
    assert percentile[0] * largest == pytest.approx(kept)
    assert squared_error(weights, bits, clip="mse") <= squared_error(weights, bits, clip="max")
    assert weight_scale(weights, bits, clip="mse")[0] <= widest[0]


def test_mse_clip_is_the_best_of_many_ranges() -> None:
    weights = np.random.default_rng(4).laplace(size=(6, 80))
    best = squared_error(weights, 4, clip="mse")
    peak = np.abs(weights).max()
    for fraction in np.linspace(0.2, 1.0, 41):
        scale = np.full(6, peak * fraction / 7)
        error = float(((round_weights(weights, scale, 4) * scale[:, None] - weights) ** 2).sum())
        assert best <= error * (1 + 1e-12)


def test_per_neuron_scale() -> None:
    weights = np.array([[1.0, -2.0], [0.0, 0.0], [0.25, 0.125]])
    assert weight_scale(weights, 3, per_neuron=True).tolist() == [2 / 3, 1.0, 0.25 / 3]
    assert weight_scale(weights, 3).tolist() == [2 / 3] * 3
