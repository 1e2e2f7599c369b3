"""Groups that keep their own integers, and what of them is made finer."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.own_integers import own_integers_notes
from tests.support.float_groups import lif

WHOLE = np.random.default_rng(2).integers(-7, 8, (3, 12))
WHOLE[:, 0] = 1


def made(weights: np.ndarray, group: NeuronGroup, **options: Any) -> QuantizedNetwork:
    single = Projection("fc", INPUT, "lif", (Dense(weights.astype(np.float64)),))
    network = Network("n", (weights.shape[1],), (group,), (single,), "lif")
    return quantize(network, QuantizeOptions(**options))


@pytest.mark.parametrize(("bits", "fractional"), [(4, 0), (5, 1), (8, 4), (12, 8), (16, 8)])
def test_trained_weights_keep_integers_and_potentials_stay_fine(bits: int, fractional: int) -> None:
    """A float threshold and a float decay: the width that the integers leave free goes to the potential."""
    found = made(WHOLE * 0.37, lif(), weight_bits=bits)
    group, projection = found.groups[0], found.projections[0]
    assert group.own_integers
    assert (projection.weight == WHOLE).all()
    assert projection.weight_bits == bits
    assert group.scale == pytest.approx(0.37)
    assert group.fractional_bits == fractional
    # As fine as rounding would make it, but for more than eight fractional bits, which there are not.
    step = 0.37 * 7 / (2 ** (min(bits, 12) - 1) - 1)
    assert (group.step <= step * 1.19).all()
    assert (group.threshold == np.floor(1 / (0.37 / 2**fractional)) + 1).all()
    assert own_integers_notes(found) == [
        "lif: its weights lie on a grid already and keep their integers: one step is 0.37, 4 bits hold them"
    ]


def test_a_step_for_each_row() -> None:
    steps = np.array([0.2, 0.37, 1.1])
    found = made(WHOLE * steps[:, np.newaxis], lif())
    assert (found.projections[0].weight == WHOLE).all()
    assert found.groups[0].scale == pytest.approx(steps)
    assert "a step for each neuron or channel" in own_integers_notes(found)[0]
    # Where potentials are compared they share a step, so nothing is kept.
    group = replace(lif(), threshold=None)
    assert not made(WHOLE * steps[:, np.newaxis], group).groups[0].own_integers
    options = QuantizeOptions().one_scale("lif")
    assert options.of("lif").keep_integers == "group"
    found = made(WHOLE * steps[:, np.newaxis], lif(), groups=options.groups)
    assert not found.groups[0].own_integers


def test_everything_on_the_grid_is_integer_arithmetic() -> None:
    group = lif(
        decay=np.full(3, 1 - 42 / 4096),
        threshold=np.full(3, 19 * 0.37),
        leak=np.full(3, -2 * 0.37),
        v_reset=np.full(3, 3 * 0.37),
        reset="v_reset",
        comparison=">=",
    )
    for bits in (4, 8, 16):
        found = made(WHOLE * 0.37, group, weight_bits=bits).groups[0]
        assert found.fractional_bits == 0
        assert (found.leak_numerator, found.leak_shift) == (21, 11)
        assert found.threshold.tolist() == [19] * 3
        assert found.bias.tolist() == [-2] * 3
        assert found.reset_value.tolist() == [3] * 3
    # 63/256 would be near enough for a float network.
    near = made(WHOLE * 0.37, replace(group, decay=np.full(3, 1 - 1001 / 4096))).groups[0]
    assert (near.leak_numerator, near.leak_shift) == (1001, 12)
    by_hand = made(WHOLE * 0.37, replace(group, decay=np.full(3, 1 - 1001 / 4096)), leak_bits=8).groups[0]
    assert (by_hand.leak_numerator, by_hand.leak_shift) == (63, 8)
    # Thresholds of float32 lie a little beside their steps.
    for steps in (19, 23, 47, 51):
        single = np.full(3, np.float64(np.float32(steps * 0.37)))
        near = made(WHOLE * 0.37, replace(group, threshold=single)).groups[0]
        assert near.threshold.tolist() == [steps] * 3
    strict = made(WHOLE * 0.37, replace(group, comparison=">")).groups[0]
    assert strict.threshold.tolist() == [20] * 3
    # One number off the grid, and potentials become fine.
    for change in ({"threshold": np.full(3, 19.5 * 0.37)}, {"decay": np.full(3, 0.9)}, {"v_min": -0.5}):
        assert made(WHOLE * 0.37, replace(group, **change)).groups[0].fractional_bits == 4


def test_what_is_asked_for_by_hand_holds() -> None:
    assert not made(WHOLE * 0.37, lif(), keep_integers="none").groups[0].own_integers
    assert not made(WHOLE * 0.37, lif(), clip="percentile").groups[0].own_integers
    assert not made(WHOLE * 0.37, lif(), power_of_two=True).groups[0].own_integers
    assert made(WHOLE * 0.25, lif(), power_of_two=True).groups[0].own_integers
    assert made(WHOLE * 0.37, lif(), clip="mse").groups[0].own_integers


def test_weights_of_no_grid_are_rounded_as_ever() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 12))
    found = made(weights, lif())
    assert not found.groups[0].own_integers
    assert own_integers_notes(found) == []
    scale = np.abs(weights).max() / 127
    assert (found.projections[0].weight == np.rint(weights / scale)).all()
    # Two weights lie on some grid always.
    assert not made(np.array([[1.0, -0.5]]), lif(shape=1)).groups[0].own_integers
