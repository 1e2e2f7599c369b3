"""A small untrained network and data for it."""

import numpy as np

from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.model.simulate import predict, simulate
from tests.support.float_groups import lif


def network() -> Network:
    rng = np.random.default_rng(5)
    return Network(
        "net",
        (12,),
        (lif("hidden", 20), lif("out", 4)),
        (
            Projection("fc1", INPUT, "hidden", (Dense(rng.normal(0.05, 0.3, (20, 12))),)),
            Projection("fc2", "hidden", "out", (Dense(rng.normal(0.0, 0.4, (4, 20))),)),
        ),
        "out",
    )


def data(samples: int = 120, labels: bool = False) -> Dataset:
    rng = np.random.default_rng(6)
    rates = rng.random((1, samples, 12)) ** 2
    spikes = (rng.random((20, samples, 12)) < rates).astype(np.uint8)
    label = predict(simulate(network(), spikes).out) if labels else None
    return Dataset("made up", spikes, label, None, "time-sample")
