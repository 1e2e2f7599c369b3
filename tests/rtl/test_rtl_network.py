"""Whole networks of every feature in Amaranth's simulator: every spike and potential is golden's."""

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.quantize.network import QuantizedNetwork
from tests.support.network_bench import compare_network
from tests.support.streams import PACES, Pace
from tests.support.thinned import thinned
from tests.support.wide_designs import random_case, random_lanes
from tests.support.wide_networks import FEATURES


def compare(network: QuantizedNetwork, options: PlanOptions, pace: Pace, inputs: np.ndarray) -> None:
    """The network in hardware against golden on ``inputs``, shape (time, sample, ...)."""
    golden = run_clocked(network, inputs, record=[g.name for g in network.groups])
    compare_network(make_plan(network, options), golden, inputs, pace)


@pytest.mark.parametrize(
    "feature",
    thinned(FEATURES, 3, 1),
)
def test_each_feature(feature: str) -> None:
    seed = 0
    while (made := random_case(seed, [feature, "plain"], False, False)) is None:
        seed += 1
    network, inputs = made
    for pace in (PACES[0], PACES[3]):
        compare(network, random_lanes(seed, network), pace, inputs)
