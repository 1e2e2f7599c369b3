"""Weight scales that are powers of two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.quantize.integers import round_weights, weight_scale
from qsnn_hw.support.choices import CLIPS
from qsnn_hw.support.errors import UserError


@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(2, 16),
    clip=st.sampled_from(CLIPS),
    per_neuron=st.booleans(),
    size=st.floats(1e-6, 1e6),
)
def test_every_scale_is_a_power_of_two(
    seed: int, bits: int, clip: str, per_neuron: bool, size: float
) -> None:
    weights = size * np.random.default_rng(seed).normal(size=(5, 12))
    scale = weight_scale(weights, bits, clip=clip, per_neuron=per_neuron, power_of_two=True)  # type: ignore[arg-type]
    assert (np.frexp(scale)[0] == 0.5).all()
    if clip == "max":
        # The least one that keeps every weight.
        peak = np.abs(weights).max(axis=1) if per_neuron else np.full(5, np.abs(weights).max())
        largest = 2 ** (bits - 1) - 1
        assert (scale * largest >= peak).all()
        assert (scale / 2 * largest < peak).all()


def test_a_scale_that_is_one_already_stays() -> None:
    weights = np.array([[127.0, -3.0], [1.0, 2.0]]) / 64
    assert weight_scale(weights, 8, power_of_two=True).tolist() == [1 / 64, 1 / 64]
    assert weight_scale(np.zeros((2, 3)), 8, power_of_two=True).tolist() == [1.0, 1.0]


def test_mse_takes_the_power_with_the_least_error() -> None:
    weights = np.random.default_rng(3).normal(size=(1, 4000))
    chosen = weight_scale(weights, 4, clip="mse", power_of_two=True)

    def error(scale: np.ndarray) -> float:
        return float(((weights - round_weights(weights, scale, 4) * scale[:, None]) ** 2).sum())

    assert error(chosen) <= min(error(chosen / 2), error(chosen * 2))
    assert chosen < weight_scale(weights, 4, clip="max", power_of_two=True)


def test_compensated_rounding_has_scales_of_its_own() -> None:
    with pytest.raises(UserError, match="compensated rounding chooses its own scales"):
        QuantizeOptions(power_of_two=True, rounding="compensate")
