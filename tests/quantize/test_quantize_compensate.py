"""Rounding that makes up for its errors: what it minimizes, and that it does."""

import re

import numpy as np
import pytest

from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, Projection
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.compensate import compensated, measure
from qsnn_hw.quantize.integers import round_weights, weight_scale
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif


def correlated(rng: np.random.Generator, columns: int) -> np.ndarray:
    mixed = rng.normal(size=(500, columns)) @ rng.normal(size=(columns, columns))
    return mixed.T @ mixed


def cost(weights: np.ndarray, restored: np.ndarray, moments: np.ndarray) -> float:
    error = restored - weights
    return float(np.einsum("ij,jk,ik->", error, moments, error))


@pytest.mark.parametrize("bits", [2, 3, 4, 6])
@pytest.mark.parametrize("per_row", [False, True])
def test_error_on_correlated_inputs_is_far_below_rounding_to_nearest(bits: int, per_row: bool) -> None:
    rng = np.random.default_rng(bits)
    # More columns than are corrected one by one, so that both ways of correcting count.
    weights, moments = rng.normal(size=(12, 80)), correlated(rng, 80)
    scale, integers = compensated(weights, bits, moments, per_row=per_row, rows=12)
    assert np.abs(integers).max() <= 2 ** (bits - 1) - 1
    assert (integers == np.rint(integers)).all()
    assert scale.shape == (12,)
    assert len(set(scale.tolist())) == (12 if per_row else 1)
    nearest_scale = weight_scale(weights, bits, clip="mse", per_neuron=per_row)
    nearest = round_weights(weights, nearest_scale, bits) * nearest_scale[:, None]
    limit = 0.7 if bits == 2 else 0.6
    assert cost(weights, integers * scale[:, None], moments) < limit * cost(weights, nearest, moments)


def test_independent_inputs_leave_nothing_to_make_up_for() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 8))
    scale, integers = compensated(weights, 6, np.eye(8), per_row=True, rows=3)
    assert np.array_equal(integers, np.clip(np.rint(weights / scale[:, None]), -31, 31))


def test_silent_inputs_and_zero_weights() -> None:
    scale, integers = compensated(np.zeros((2, 4)), 4, np.zeros((4, 4)), per_row=True, rows=2)
    assert (scale > 0).all()
    assert not integers.any()


def network() -> Network:
    rng = np.random.default_rng(1)
    return Network(
        "n",
        (1, 3, 3),
        (
            lif("conv", 8, decay=0.5, current_decay=np.full(8, 0.25), current_gain=np.ones(8)),
            lif("out", 3, decay=0.5),
        ),
        (
            Projection("c", INPUT, "conv", (Conv2d(rng.normal(size=(2, 1, 2, 2)), None, (1, 3, 3)),)),
            Projection("d", "conv", "out", (Dense(rng.normal(size=(3, 8))),)),
            Projection("r", "out", "out", (Dense(rng.normal(size=(3, 3))),)),
        ),
        "out",
    )


def test_moments_are_those_of_the_filtered_inputs() -> None:
    inputs = np.zeros((3, 1, 9), np.uint8)
    inputs[0, 0, 0] = 1
    found = measure(network(), inputs)
    assert found.samples == 1
    # One spike in the corner: seen by one place of the kernel, at its first weight; through decays
    # of 1/4 and 1/2 it leaves 1, 3/4, 7/16.
    wanted = np.zeros((4, 4))
    wanted[0, 0] = 1 + 0.75**2 + (7 / 16) ** 2
    assert found.moments["conv"] == pytest.approx(wanted)
    # Eight columns from the convolution, three from the loop.
    assert found.moments["out"].shape == (11, 11)


def test_quantize_with_and_without_statistics() -> None:
    options = QuantizeOptions(weight_bits=3, rounding="compensate")
    with pytest.raises(
        UserError, match=re.escape('rounding "compensate" needs calibration samples; give some')
    ):
        quantize(network(), options)
    inputs = (np.random.default_rng(2).random((20, 10, 9)) < 0.4).astype(np.uint8)
    statistics = measure(network(), inputs, samples=5)
    assert statistics.samples == 5
    nearest = quantize(network(), QuantizeOptions(weight_bits=3), statistics)
    better = quantize(network(), options, statistics)
    assert [p.weight.shape for p in better.projections] == [p.weight.shape for p in nearest.projections]
    assert any(
        (a.weight != b.weight).any() for a, b in zip(better.projections, nearest.projections, strict=True)
    )


def test_statistics_of_another_network_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"^statistics have 3 columns, the weights 4; measure them on the network"
    ):
        compensated(np.ones((2, 4)), 4, np.eye(3), per_row=True, rows=2)
