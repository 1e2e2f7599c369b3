"""The functions for arrays: defaults, scales per channel, thresholds per neuron, unsigned integers."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsnn_hw
from qsnn_hw.quantize import membrane_scale, quantize_membrane, quantize_weights
from qsnn_hw.support.errors import UserError


def test_eight_bits_are_the_default() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 6))
    integers, scale = qsnn_hw.quantize_weights(weights)
    wanted, same = quantize_weights(weights, 8)
    assert (integers == wanted).all()
    assert scale == same
    assert (qsnn_hw.quantize_membrane(weights, 1.0) == quantize_membrane(weights, 1.0, 8)).all()
    assert membrane_scale(1.0) == 2 / 127


@given(st.integers(0, 2**32 - 1), st.integers(2, 16), st.sampled_from([0, 1, 2, -1, -3]), st.booleans())
def test_a_scale_for_each_channel(seed: int, bits: int, axis: int, unsigned: bool) -> None:
    weights = np.random.default_rng(seed).normal(size=(3, 4, 5))
    weights = np.abs(weights) if unsigned else weights
    integers, scale = quantize_weights(weights, bits, axis=axis, unsigned=unsigned)
    assert isinstance(scale, np.ndarray)
    assert scale.shape == tuple(n if i == axis % 3 else 1 for i, n in enumerate(weights.shape))
    assert (np.abs(integers * scale - weights) <= scale / 2 * (1 + 1e-9)).all()
    for index in range(weights.shape[axis]):
        one, own = quantize_weights(weights.take(index, axis), bits, unsigned=unsigned)
        assert (integers.take(index, axis) == one).all()
        assert scale.ravel()[index] == own


@pytest.mark.parametrize("bits", [2, 8, 9, 16])
def test_unsigned_weights_use_the_whole_range(bits: int) -> None:
    weights = np.array([0.0, 0.5, 1.0])
    integers, scale = quantize_weights(weights, bits, unsigned=True)
    assert integers.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert integers.tolist() == [0, round((2**bits - 1) / 2), 2**bits - 1]
    assert scale == pytest.approx(1 / (2**bits - 1))


def test_a_channel_of_zeros_has_scale_one() -> None:
    integers, scale = quantize_weights(np.array([[0.0, 0.0], [1.0, -2.0]]), axis=0)
    assert scale[0, 0] == 1.0  # type: ignore[index]
    assert integers[0].tolist() == [0, 0]
    assert quantize_weights(np.zeros((2, 0)), axis=0)[1].tolist() == [[1.0], [1.0]]  # type: ignore[union-attr]


@given(st.integers(0, 2**32 - 1), st.integers(2, 16), st.booleans())
def test_a_threshold_for_each_neuron(seed: int, bits: int, unsigned: bool) -> None:
    rng = np.random.default_rng(seed)
    v, thresholds = rng.normal(size=(6, 5)), rng.uniform(0.1, 2, 5)
    found = quantize_membrane(v, thresholds, bits, unsigned=unsigned)
    assert (quantize_membrane(v.T, thresholds, bits, axis=0, unsigned=unsigned) == found.T).all()
    assert (quantize_membrane(v, thresholds, bits, axis=-1, unsigned=unsigned) == found).all()
    for index, threshold in enumerate(thresholds):
        one = quantize_membrane(v[:, index], float(threshold), bits, unsigned=unsigned)
        assert (found[:, index] == one).all()
    scale = membrane_scale(thresholds, bits, unsigned=unsigned)
    clipped = np.clip(v, 0 if unsigned else -2 * thresholds, 2 * thresholds)
    assert (np.abs(found * scale - clipped) <= scale / 2 * (1 + 1e-9)).all()


def test_single_numbers() -> None:
    assert quantize_weights(-3.0)[0] == np.asarray(-127, np.int8)
    assert isinstance(quantize_weights(-3.0)[0], np.ndarray)
    assert quantize_membrane(1.0, 1.0).shape == ()
    assert quantize_membrane([[1.0], [2.0]], 1.0, axis=0).tolist() == [[64], [127]]


ERRORS: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    (quantize_weights, ([1j],), {}, "weights must be real numbers, not complex ones"),
    (quantize_weights, (np.zeros(3, complex),), {}, "weights must be real numbers, not complex ones"),
    (quantize_membrane, ([1 + 0j], 1.0), {}, "v must be real numbers, not complex ones"),
    (quantize_membrane, ([1.0], 1j), {}, "v_threshold must be real numbers, not complex ones"),
    (
        *(quantize_weights, ([[1.0, -0.5]],), {"unsigned": True}),
        "weights must not be below 0 for unsigned integers, not -0.5 at index (0, 1)",
    ),
    (quantize_weights, ([1.0],), {"axis": 1}, "axis must be an axis of weights, which has 1 of them, not 1"),
    (quantize_weights, (1.0,), {"axis": 0}, "axis must be an axis of weights, which has 0 of them, not 0"),
    (
        quantize_weights,
        ([1.0],),
        {"axis": True},
        "axis must be an axis of weights, which has 1 of them, not True",
    ),
    (
        quantize_weights,
        ([1.0],),
        {"axis": 0.0},
        "axis must be an axis of weights, which has 1 of them, not 0.0",
    ),
    (
        *(quantize_membrane, ([0.0, 1.0], [1.0, 0.0]), {}),
        "v_threshold must be a finite number above 0, not 0.0 at index (1,)",
    ),
    (
        *(quantize_membrane, (np.zeros((2, 3)), [1.0, 1.0]), {}),
        "v_threshold of shape (2,) does not fit v of shape (2, 3); name its axis",
    ),
    (
        *(quantize_membrane, (np.zeros((2, 3)), [1.0, 1.0]), {"axis": 1}),
        "v_threshold must hold one threshold for each of the 3 indices along axis 1 of v, not be of shape "
        "(2,)",
    ),
]


@pytest.mark.parametrize(("function", "given_", "options", "text"), ERRORS)
def test_errors(function: Any, given_: tuple[Any, ...], options: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        function(*given_, **options)
