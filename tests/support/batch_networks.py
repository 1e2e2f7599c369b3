"""Random quantized networks and samples for whoever must equal the golden model, and the comparison."""

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.wide_networks import random_network


def drawn_network(seed: int, features: list[str], *, loops: bool, delays: bool) -> QuantizedNetwork | None:
    """Integers of 2 to 16 bits; None where the draw cannot be quantized, which is a clear error."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, features, loops, delays)
    options = QuantizeOptions(
        weight_bits=int(rng.integers(2, 17)),
        per_neuron=bool(rng.random() < 0.5),
        fractional_bits=int(rng.integers(0, 4)),
        leak_bits=int(rng.integers(5, 9)),
        input_max=int(rng.integers(1, 3)),
        leak_rounding="zero" if rng.random() < 0.5 else "floor",
    )
    try:
        return quantize(network, options)
    except UserError:
        return None


def some_spikes(network: QuantizedNetwork, seed: int, samples: int = 5) -> np.ndarray:
    """uint8 (9 steps, sample, ...): about half of the inputs spike, as often as the network allows."""
    rng = np.random.default_rng(seed)
    spikes = rng.random((9, samples, *network.input_shape)) < 0.5
    return spikes.astype(np.uint8) * np.uint8(network.input_max)


def assert_same_run(run: GoldenRun, golden: GoldenRun) -> None:
    """Every spike, potential and count is equal."""
    assert run.saturations == golden.saturations
    for name, spikes in golden.spikes.items():
        assert run.spikes[name].dtype == np.uint8
        assert np.array_equal(run.spikes[name], spikes)
        assert np.array_equal(run.saturated[name], golden.saturated[name])
    assert run.potentials.keys() == golden.potentials.keys()
    for name, potentials in golden.potentials.items():
        assert np.array_equal(run.potentials[name], potentials)
