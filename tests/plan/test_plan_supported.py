"""Every feature the hardware lacks is refused by name, and nothing else is."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qsnn_hw.errors import UserError
from qsnn_hw.model.network import INPUT, Dense, Pool2d
from qsnn_hw.plan import PlanOptions, make_plan
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection
from tests.golden.networks import random_network

ONES = np.ones(3, dtype=np.int64)
GROUP_FEATURES: list[tuple[dict[str, Any], str]] = [
    ({"readout": True}, "a readout without a threshold is"),
    ({"current_leak_numerator": ONES, "current_bias": ONES}, "a synaptic current (CubaLIF) is"),
    ({"multi_spike": True}, "several spikes per step are"),
    ({"refractory": 2}, "a refractory period is"),
    ({"reset_retest": True}, "snnTorch's reset_delay=False retest is"),
    ({"reset_drops_input": True}, "a delayed zero reset that drops input is"),
    ({"v_min": -ONES}, "a lower clamp of the potential (v_min) is"),
    ({"leak_numerators": ONES}, "a decay of each neuron's own is"),
]
# What hardware builds from; every other field of a group is a feature it would leave out.
BUILT = {
    *(
        "name",
        "shape",
        "scale",
        "fractional_bits",
        "leak_numerator",
        "leak_shift",
        "bias",
        "threshold",
        "reset",
    ),
    *("reset_delay", "reset_amount", "reset_value", "v_low", "v_high", "v_bits"),
}
BELONGS_TO_A_CURRENT = {"current_leak_shift", "current_bits", "current_bias"}


def network() -> QuantizedNetwork:
    return random_network(np.random.default_rng(0), [4, 3, 3])


@pytest.mark.parametrize(("changes", "feature"), GROUP_FEATURES)
def test_group_features(changes: dict[str, Any], feature: str) -> None:
    plain = network()
    wide = replace(plain, groups=(plain.groups[0], replace(plain.groups[1], **changes)))
    text = f"group g2: {feature} not supported in hardware yet; the golden model runs it"
    with pytest.raises(UserError, match=f"^{re.escape(text)}"):
        make_plan(wide, PlanOptions())


def test_no_field_of_a_group_is_forgotten() -> None:
    named = {name for changes, _ in GROUP_FEATURES for name in changes}
    assert set(QuantizedGroup.__dataclass_fields__) == BUILT | named | BELONGS_TO_A_CURRENT


PROJECTION_FEATURES: list[tuple[dict[str, Any], str]] = [
    ({"delay": 2}, "a delay of 2 steps is"),
    ({"shift": 1}, "a grid of its own is"),
    ({"source": "g2"}, "a recurrent connection (g2 -> g2) is"),
    (
        {"operators": (Pool2d("sum", (1, 3, 1), (1, 1), (1, 1)), Dense(np.ones((3, 3), np.int8)))},
        "Pool2d -> Dense is",
    ),
]


@pytest.mark.parametrize(("changes", "feature"), PROJECTION_FEATURES)
def test_projection_features(changes: dict[str, Any], feature: str) -> None:
    plain = network()
    wide = replace(plain, projections=(plain.projections[0], replace(plain.projections[1], **changes)))
    text = f"projection {plain.projections[1].name}: {feature} not supported in hardware yet; "
    with pytest.raises(UserError, match=f"^{re.escape(text)}"):
        make_plan(wide, PlanOptions())


def test_no_field_of_a_projection_is_forgotten() -> None:
    built = {"name", "source", "target", "weight", "weight_bits"}
    assert set(QuantizedProjection.__dataclass_fields__) == built | {"delay", "shift", "operators"}


def test_input_counts() -> None:
    with pytest.raises(UserError, match=r"^an input of up to 3 spikes of one address in one step is not"):
        make_plan(replace(network(), input_max=3), PlanOptions())


def test_a_plain_network_with_a_skip_is_planned() -> None:
    skipping = random_network(np.random.default_rng(0), [4, 3, 3], skips=[(0, 2)])
    assert skipping.projections[2].source == INPUT
    assert len(make_plan(skipping, PlanOptions()).routes) == 4
