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
from tests.support.networks import random_input, random_network
from tests.support.streams import PACES, Pace
from tests.support.wide_designs import random_case
from tests.support.wide_networks import FEATURES

STORAGE: Sequence[SynapseStorage] = ("sram", "latches", "constants")


MOST_TILES = 24


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


IN_TILES = [
    # An eighth of the features in the fast suite, half of it in tiles of three columns, half in one tile;
    # test_rtl_network.py has a third there, without tiles.
    pytest.param(feature, number, marks=[] if place % 16 == 8 * number else [pytest.mark.slow])
    for place, feature in enumerate(FEATURES)
    for number in (0, 1)
]


@pytest.mark.parametrize(("feature", "number"), IN_TILES)
def test_each_feature_in_tiles(feature: str, number: int) -> None:
    seed = 0
    while (made := random_case(seed, [feature, "plain"], False, False)) is None:
        seed += 1
    network, inputs = made
    pace, columns = ((PACES[0], 3), (PACES[3], 64))[number]
    plan = tiled(network, TileSize(4, columns), 2 + number, STORAGE[(len(feature) + number) % 3])
    compare(network, plan, pace, inputs)


@pytest.mark.parametrize("storage", STORAGE)
def test_groups_of_several_tiles(storage: SynapseStorage) -> None:
    """Flat groups, the output among them: spikes keep their addresses between tiles."""
    rng = np.random.default_rng(5)
    network = random_network(rng, [5, 8, 7], bias_span=1, threshold_span=6)
    plan = tiled(network, TileSize(2, 3), 2, storage)
    assert len(plan.groups) == 8
    assert len(plan.output_groups) == 4
    compare(network, plan, PACES[3], random_input(rng, network, 5, 2))


# One whose hidden grid is cut in three, one whose output grid is cut in two.
@pytest.mark.parametrize(("seed", "tiles"), [(57, 4), (67, 3)])
def test_channels_of_several_tiles(seed: int, tiles: int) -> None:
    """Grids whose channels are cut: addresses keep the width of the whole group's channel field."""
    made = random_case(seed, ["plain", "plain"], False, False)
    assert made is not None
    network, inputs = made
    plan = tiled(network, TileSize(4, 2), 2, "sram")
    assert len(plan.groups) == tiles
    cut = [group for group in plan.groups if group.members is not None]
    assert len(cut) > 1
    assert all(group.space.channel_field > 1 for group in cut)
    compare(network, plan, PACES[seed % 4], inputs)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
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
    plan = tiled(network, TileSize(rows, columns), lanes, storage)
    # Tiles of one synapse would be hundreds, and a minute each.
    if len(plan.groups) <= MOST_TILES:
        compare(network, plan, pace, inputs)
