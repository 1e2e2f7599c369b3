"""Input words with addresses that nobody has, put among those of a sample."""

import numpy as np

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.host.stream_words import slot_bits, tick_bit
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, Projection
from qsnn_hw.plan import AddressSpace, HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.network import QuantizedNetwork
from tests.support.float_groups import lif


def stray_payloads(space: AddressSpace, slots: int) -> list[int]:
    """Every payload with one event whose address nobody has."""
    bits = slot_bits(space.size, slots)
    known = set(space.addresses().tolist())
    found = []
    for slot in range(slots):
        for field in range(1 << bits):
            if field * slots + slot not in known:
                present = 0 if slots == 1 else 1 << slots * bits + slot
                found.append(present | field << slot * bits)
    return found


def with_strays(
    payloads: list[int], space: AddressSpace, slots: int, rng: np.random.Generator
) -> tuple[list[int], int]:
    """``payloads`` with stray events in between and, where a word has room, inside; how many got one."""
    strays = stray_payloads(space, slots)
    bits, tick = slot_bits(space.size, slots), tick_bit(space.size, slots)
    made, count = [], 0
    for payload in payloads:
        while rng.random() < 0.4:
            made.append(int(rng.choice(strays)))
            count += 1
        stray = int(rng.choice(strays))
        slot = (stray >> slots * bits).bit_length() - 1
        fits = slots > 1 and not payload >> tick and not payload >> slots * bits + slot & 1
        if fits and rng.random() < 0.5:
            # Whatever an empty slot's field held is replaced.
            payload = payload & ~((1 << bits) - 1 << slot * bits) | stray
            count += 1
        made.append(payload)
    return made, count


def network_of(kind: str) -> QuantizedNetwork:
    """A small network whose input goes through a projection of one kind."""
    rng = np.random.default_rng(1)
    shape = (3, 3, 5) if kind == "grid" else (11,)
    out: tuple[int, ...] = (2, 3, 5) if kind == "grid" else (6,)
    if kind == "grid":
        operator: Conv2d | Dense = Conv2d(rng.normal(0.2, 0.4, (2, 3, 3, 3)), None, (3, 3, 5), padding=(1, 1))
    else:
        weight = rng.normal(0.3, 0.5, (6, 11))
        if kind == "sparse":
            weight *= np.arange(11) % 3 == np.arange(6)[:, np.newaxis] % 3
        operator = Dense(weight)
    projections = (
        Projection("p0", INPUT, "first", (operator,)),
        Projection("p1", "first", "last", (Dense(rng.normal(0.3, 0.5, (3, int(np.prod(out))))),)),
    )
    groups = (lif("first", out), lif("last", (3,)))
    return quantize(Network("strays", shape, groups, projections, "last"), QuantizeOptions(weight_bits=5))


CASES = {
    "dense": ("dense", [2, 3], [1, 1]),
    "dense2": ("dense", [6, 3], [2, 1]),
    "dense8": ("dense", [3, 3], [8, 1]),
    "sparse": ("sparse", [2, 3], [1, 1]),
    "grid": ("grid", [2, 3], [1, 1]),
}
"""Kind of the first projection, lanes and event lanes."""


def plan_of(case: str) -> tuple[QuantizedNetwork, HardwarePlan]:
    """Network and plan of one of ``CASES``; its input stream has codes that nobody has."""
    kind, lanes, events = CASES[case]
    network = network_of(kind)
    plan = make_plan(network, PlanOptions(lanes=lanes, event_lanes=events))
    assert plan.groups[0].projections[0].kind == kind
    assert stray_payloads(plan.input_space, plan.input_lanes)
    return network, plan
