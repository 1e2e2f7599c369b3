"""Trained networks keep their accuracy in integers."""

from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked, run_event_driven
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from tests.support.places import EXAMPLES

EXAMPLE = EXAMPLES / "digits"
MODELS = ["digits_64-32-10", "snntorch_digits_64-32-10", "snntorch_mnist_784-128-10"]
Files = tuple[Path, Path]


@pytest.fixture
def files(name: str, request: pytest.FixtureRequest) -> Files:
    """Network and data: the shipped example, or a larger one of the shared folder."""
    if name == MODELS[0]:
        return EXAMPLE / f"{name}.nir", EXAMPLE / "digits_test.npz"
    folder: Path = request.getfixturevalue("data_dir")
    return folder / f"{name}.nir", folder / f"{name}.npz"


def prepare(files: Files, bits: int, leak_bits: int = 8) -> tuple[QuantizedNetwork, Dataset]:
    network = read_network(files[0], Convention.preset("snntorch"))
    dataset = load_dataset(files[1], network=network)
    return quantize(network, QuantizeOptions(weight_bits=bits, leak_bits=leak_bits)), dataset


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("bits", [16, 8])
def test_accuracy_within_three_tenths_of_a_point(files: Files, bits: int) -> None:
    network, dataset = prepare(files, bits)
    assert dataset.out is not None
    assert dataset.label is not None
    run = run_clocked(network, dataset.input)
    floating = accuracy(dataset.out, dataset.label)
    assert floating > 0.96
    assert accuracy(run.spikes[network.output], dataset.label) >= floating - 0.003 - 1e-9


@pytest.mark.parametrize("name", MODELS)
def test_fine_integers_come_near_the_framework_spike_by_spike(files: Files) -> None:
    """What is left is the rounding of the decay (0.9 becomes 3686/4096), not the dynamics."""
    network, dataset = prepare(files, bits=16, leak_bits=12)
    assert dataset.out is not None
    out = run_clocked(network, dataset.input).spikes[network.output]
    assert np.count_nonzero(out != dataset.out) < 0.02 * dataset.out.sum()


@pytest.mark.parametrize("name", MODELS[:2])
def test_event_driven_equals_clocked_on_digits(files: Files) -> None:
    network, dataset = prepare(files, 8)
    few = dataset.input[:, :20]
    clocked, events = run_clocked(network, few), run_event_driven(network, few)
    for name, spikes in clocked.spikes.items():
        assert spikes.any()
        assert np.array_equal(events.spikes[name], spikes)
