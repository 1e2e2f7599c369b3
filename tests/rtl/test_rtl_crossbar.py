"""Crossbar tiles in Amaranth's simulator: random networks of every feature in tiles, against golden."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.tiles import TileSize, cut_into_tiles
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.choices import SynapseStorage
from tests.support.network_bench import compare_network
from tests.support.streams import PACES, Pace
from tests.support.wide_designs import random_case
from tests.support.wide_networks import FEATURES

STORAGE: Sequence[SynapseStorage] = ("sram", "latches", "constants")


def tiled(network: QuantizedNetwork, size: TileSize, lanes: int, storage: SynapseStorage) -> HardwarePlan:
    """Tiles of at most ``lanes`` columns at a time, with one neuron circuit where that is more than two."""
    lanes = min(lanes, size.columns)
    options = PlanOptions(
        lanes=[lanes], update_lanes=[1 if lanes > 2 else lanes], accumulators=["memory"], synapse_store="ram"
    )
    return cut_into_tiles(make_plan(network, options), size, storage)


def compare(network: QuantizedNetwork, plan: HardwarePlan, pace: Pace, inputs: np.ndarray) -> None:
    golden = run_clocked(network, inputs, record=[g.name for g in network.groups])
    compare_network(plan, golden, inputs, pace)


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_in_tiles(feature: str) -> None:
    seed = 0
    while (made := random_case(seed, [feature, "plain"], False, False)) is None:
        seed += 1
    network, inputs = made
    for number, (pace, columns) in enumerate(((PACES[0], 3), (PACES[3], 64))):
        plan = tiled(network, TileSize(4, columns), 2 + number, STORAGE[(len(feature) + number) % 3])
        compare(network, plan, pace, inputs)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    features=st.lists(st.sampled_from(sorted(FEATURES)), min_size=1, max_size=3),
    rows=st.sampled_from([1, 2, 4, 64]),
    columns=st.integers(1, 9),
    lanes=st.integers(1, 9),
    storage=st.sampled_from(STORAGE),
    pace=st.sampled_from(PACES),
)
def test_any_network_in_any_tiles(
    seed: int,
    features: list[str],
    rows: int,
    columns: int,
    lanes: int,
    storage: SynapseStorage,
    pace: Pace,
) -> None:
    made = random_case(seed, features, False, False)
    if made is None:
        return
    network, inputs = made
    compare(network, tiled(network, TileSize(rows, columns), lanes, storage), pace, inputs)
