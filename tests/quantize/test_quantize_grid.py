"""Weights on a grid: found, kept, and never mistaken for one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.quantize.grid import exact_leak_bits, find_grid, keep_integers, on_grid, snapped


def drawn(seed: int, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers without a common divisor."""
    rng = np.random.default_rng(seed)
    found = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape)
    found.flat[0] = 1
    return found


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    bits=st.integers(2, 16),
    wider=st.integers(0, 14),
    step=st.floats(1e-6, 1e4),
    single=st.booleans(),
)
def test_every_grid_is_found(seed: int, bits: int, wider: int, step: float, single: bool) -> None:
    whole = drawn(seed, bits, (6, 7))
    step = float(np.float32(step)) if single else step
    weights = whole * step
    if single:
        weights = weights.astype(np.float32).astype(np.float64)
    found = find_grid(weights, min(bits + wider, 16))
    assert found is not None
    assert (found.integers == whole).all()
    assert found.step == step
    assert found.certain


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(2, 16), shape=st.sampled_from([(4, 5), (64, 32)]))
def test_random_weights_are_on_none(seed: int, bits: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    for weights in (rng.normal(size=shape), rng.uniform(0.5, 1, shape)):
        assert find_grid(weights, bits) is None
        assert find_grid(weights.astype(np.float32).astype(np.float64), bits) is None
        assert keep_integers(weights, bits, by_row=True) is None


def test_bits_must_hold_the_integers() -> None:
    whole = np.array([[-128.0, 3, 1, 127]])
    assert find_grid(whole, 7) is None
    found = find_grid(whole, 8)
    assert found is not None
    assert found.integers.tolist() == [[-128, 3, 1, 127]]
    # 128 needs a ninth bit, -128 does not.
    assert find_grid(-whole, 8) is None
    kept = keep_integers(-whole, 9, by_row=False)
    assert kept is not None
    assert kept.bits == 9


def test_the_step_is_the_largest_one() -> None:
    found = find_grid(np.array([6.0, -9.0, 0.0, 12.0]), 8)
    assert found is not None
    assert found.step == 3.0
    assert found.integers.tolist() == [2, -3, 0, 4]


def test_few_weights_prove_nothing() -> None:
    two = find_grid(np.array([1.0, -0.5]), 8)
    assert two is not None
    assert not two.certain
    assert find_grid(np.zeros((3, 3)), 8) is None
    assert find_grid(np.array([1.0, np.nan]), 8) is None
    assert find_grid(np.array([1.0, np.inf]), 8) is None


def test_rows_with_steps_of_their_own() -> None:
    whole = drawn(3, 5, (4, 20))
    whole[:, 0], whole[2] = 1, 0
    steps = np.array([0.1, 0.37, 1.0, 2.5])
    weights = whole * steps[:, np.newaxis]
    assert keep_integers(weights, 8, by_row=False) is None
    kept = keep_integers(weights, 8, by_row=True)
    assert kept is not None
    assert kept.certain
    assert (kept.integers == whole).all()
    assert kept.scale == pytest.approx(steps)
    weights[3] = np.random.default_rng(0).normal(size=20)
    assert keep_integers(weights, 8, by_row=True) is None


def test_values_beside_the_weights() -> None:
    step = np.array([0.1, 0.2])
    assert on_grid((np.array([1.9, 3.8]), None, 0.0, np.array([np.inf, 0.2])), step)
    assert not on_grid((np.array([1.9, 3.7]),), step)
    # As float32 says it, 1.9 is a little more than 19 steps.
    assert snapped(np.float64(np.float32(1.9)) / np.array([0.1]))[0] == 19
    assert snapped(np.array([18.999]))[0] == 18.999


@pytest.mark.parametrize(
    ("decay", "bits"),
    [(4054 / 4096, 11), (4055 / 4096, 12), (0.5, 1), (1.0, 1), (0.0, 1), (0.9, None), (1 - 1e-7, None)],
)
def test_leaks_of_other_chips(decay: float, bits: int | None) -> None:
    assert exact_leak_bits(np.array([decay])) == bits
    assert exact_leak_bits(np.array([float(np.float32(decay))])) == bits


def test_leaks_together() -> None:
    assert exact_leak_bits(np.array([0.5, 4054 / 4096])) == 11
    assert exact_leak_bits(np.array([0.5, 0.9])) is None
