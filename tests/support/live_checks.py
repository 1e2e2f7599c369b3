"""Helpers of the tests of live modules: import a framework or skip, and compare spikes."""

import importlib
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import simulate

STEPS, SAMPLES = 40, 6


def imported(*names: str) -> list[Any]:
    """Modules of an optional framework; the test module is skipped where one does not import."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            try:
                found.append(importlib.import_module(name))
            except ImportError as error:
                package = name.partition(".")[0]
                pytest.skip(f"{package} is not installed here ({error})", allow_module_level=True)
    found[0].set_num_threads(1)
    return found


def random_spikes(torch: Any, *shape: int, density: float = 0.4) -> Any:
    """Input spikes, float32, (STEPS, SAMPLES, *shape)."""
    return (torch.rand(STEPS, SAMPLES, *shape) < density).float()


def near_ties(network: Network, x: np.ndarray, expected: np.ndarray) -> int:
    """Check that spikes agree; returns how many differ, all of them by rounding.

    Rounding may decide a spike only where moving every threshold by one part in 100,000 decides it
    too, in that step or before it in that sample.
    """
    got = simulate(network, x).out
    expected = expected.reshape(got.shape)
    assert expected.any(), "a silent output would prove nothing"
    wrong = got != expected
    if not wrong.any():
        return 0
    assert np.count_nonzero(wrong) <= 1e-2 * wrong.size
    low, high = (simulate(_moved(network, factor), x).out for factor in (1 - 1e-5, 1 + 1e-5))
    for sample in np.flatnonzero(wrong.any(axis=(0, 2))):
        first = int(np.argmax(wrong[:, sample].any(axis=1)))
        doubtful = (low != high)[: first + 1, sample].any()
        assert doubtful, f"sample {sample} differs from step {first} on, and not by rounding"
    return int(np.count_nonzero(wrong))


def _moved(network: Network, factor: float) -> Network:
    groups = [
        g if g.threshold is None else replace(g, threshold=g.threshold * factor) for g in network.groups
    ]
    return replace(network, groups=tuple(groups))


def check(network: Network, x: Any, expected: Any) -> None:
    """Spikes of ``network`` on ``x`` equal ``expected``, both torch tensors with time in front."""
    differing = near_ties(network, x.numpy(), expected.detach().numpy())
    # With the fixed seeds of these tests, rounding has not yet decided more than a few spikes.
    assert differing <= 4
