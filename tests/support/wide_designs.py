"""Random quantized networks of chosen features, and lanes that they can have."""

import numpy as np

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.choices import Accumulators
from qsnn_hw.support.errors import UserError
from tests.support.wide_networks import random_network


def random_case(
    seed: int, features: list[str], loops: bool, delays: bool
) -> tuple[QuantizedNetwork, np.ndarray] | None:
    """A random network that can be quantized, and input for it."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, features, loops, delays)
    most = int(rng.integers(1, 3))
    options = QuantizeOptions(
        weight_bits=int(rng.integers(3, 7)), fractional_bits=int(rng.integers(0, 3)), input_max=most
    )
    try:
        quantized = quantize(network, options)
    except UserError:
        return None
    shape = (4, 2, *network.input_shape)
    inputs = (rng.integers(1, most + 1, shape) * (rng.random(shape) < 0.4)).astype(np.uint8)
    return quantized, inputs


def random_lanes(seed: int, network: QuantizedNetwork) -> PlanOptions:
    """Random lanes of all kinds that every group of the network can have."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        lanes, update, events = [], [], []
        styles: list[Accumulators] = []
        for group in network.groups:
            registers = rng.random() < 0.4
            lanes.append(group.size if registers else int(rng.integers(1, group.size + 1)))
            styles.append("registers" if registers else "memory")
            update.append(int(rng.integers(1, 5)))
            events.append(int(rng.choice([1, 1, 2, 4])))
        # ECP5 plans have registers behind block RAM, others not.
        limits = load_board("ulx3s-85f").limits if rng.random() < 0.5 else None
        options = PlanOptions(
            lanes, update, events, styles, buffer_depth=int(rng.integers(1, 4)), limits=limits
        )
        try:
            make_plan(network, options)
        except UserError:
            continue
        return options
    return PlanOptions(lanes=[2])
