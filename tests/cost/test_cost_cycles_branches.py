"""Where branches of a network run side by side and meet, words followed one by one are near the cycles."""

import numpy as np
import pytest

from qsnn_hw.cost.cycles import count_cycles, follow_words
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.cost.word_network import follows
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from tests.support.thinned import slow
from tests.support.verify_networks import group

SIZES = {INPUT: 40, "a": 32, "b": 32, "c": 32, "o": 10}
SIDE_BY_SIDE = {
    "two branches": ("ia", "ib", "ao", "bo"),
    "diamond": ("ia", "ab", "ac", "bo", "co"),
    "uneven": ("ia", "ab", "ic", "bo", "co"),
    "with a skip": ("ia", "ib", "ao", "bo", "io"),
    "with a loop": ("ia", "aa", "ib", "ao", "bo"),
}
IN_A_ROW = {
    "skip": ("ia", "ab", "ao", "bo"),
    "skip of the input": ("ia", "ab", "bo", "io"),
    "loops": ("ia", "aa", "ab", "bb", "ba", "bo"),
}


def network(wires: tuple[str, ...], seed: int) -> QuantizedNetwork:
    """Groups of :data:`SIZES`, each pair of letters a projection; a third to two thirds spike in a step."""
    rng = np.random.default_rng(seed)
    names = [name for name in ("a", "b", "c", "o") if any(wire[1] == name for wire in wires)]
    projections = []
    for wire in wires:
        source, target = INPUT if wire[0] == "i" else wire[0], wire[1]
        shape = (SIZES[target], SIZES[source])
        loops = source in names and names.index(source) >= names.index(target)
        weight = rng.normal(-0.04 if loops else 0.04, 0.18, shape) * (40 / shape[1]) ** 0.5
        projections.append(Projection(wire, source, target, (Dense(weight),)))
    groups = tuple(group(name, SIZES[name], rng) for name in names)
    made = Network("branches", (SIZES[INPUT],), groups, tuple(projections), "o")
    return quantize(made, QuantizeOptions(weight_bits=6))


def apart(wires: tuple[str, ...], seed: int, **options: object) -> float:
    """By how much the mean that was followed differs from the one that was counted."""
    quantized = network(wires, seed)
    inputs = (np.random.default_rng(seed).random((8, 3, SIZES[INPUT])) < 0.3).astype(np.uint8)
    spikes = run_clocked(quantized, inputs).spikes
    if not options:
        options = {"limits": load_board("ulx3s-25f").limits, "traffic": Traffic.counted(inputs, spikes)}
    plan = make_plan(quantized, PlanOptions(**options))  # type: ignore[arg-type]
    assert follows(plan) == (wires in IN_A_ROW.values())
    counted, followed = count_cycles(plan, inputs, spikes), follow_words(plan, inputs, spikes)
    return float(followed.mean() / counted.mean() - 1)


PLANS = {"chosen": {}, "narrow": {"lanes": (4,)}, "deep": {"lanes": (8,), "buffer_depth": 16}}


@pytest.mark.parametrize(
    ("wires", "plan"),
    # Choosing a plan takes seconds.
    [
        (wires, plan) if plan != "chosen" or k == 0 else slow((wires, plan))
        for k, wires in enumerate(SIDE_BY_SIDE)
        for plan in PLANS
    ],
)
def test_side_by_side_it_is_near(wires: str, plan: str) -> None:
    assert max(abs(apart(SIDE_BY_SIDE[wires], seed, **PLANS[plan])) for seed in (0, 1)) < 0.05


@pytest.mark.parametrize("wires", IN_A_ROW)
def test_in_a_row_it_is_exact(wires: str) -> None:
    assert apart(IN_A_ROW[wires], 0) == 0
