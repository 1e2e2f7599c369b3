"""The MNIST examples: what the shipped files hold, and what their networks make of them."""

import re
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.golden.clocked import output_of, run_clocked
from qsnn_hw.golden.encoders import latency_spikes
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset, load_pixels
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import predict, simulate
from qsnn_hw.quantize.quantizer import QuantizeOptions, quantize
from tests.support.places import EXAMPLES

NAMES = ("mnist_fast", "mnist_conv")
# As each README says.
CONVENTIONS = {"mnist_fast": "norse", "mnist_conv": "snntorch"}
# Fewest right of the 200 shipped samples, by count and by first spike: one sample below what the golden
# model gives today. All 10,000 are in each README.
LOWEST = {
    ("mnist_fast", 8): (197, 198),
    ("mnist_fast", 4): (194, 197),
    ("mnist_conv", 8): (196, 191),
    ("mnist_conv", 4): (198, 194),
}


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(name: str) -> Network:
    return read_network(EXAMPLES / name / f"{name}.nir", Convention.preset(CONVENTIONS[name]))


@pytest.fixture(scope="module")
def samples(name: str, network: Network) -> Dataset:
    return load_dataset(EXAMPLES / name / f"{name}_test.npz", network=network)


def test_network_is_read_without_a_warning(name: str, network: Network) -> None:
    assert network.warnings == ()
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert f"`{CONVENTIONS[name]}`" in text
    assert all(np.all(group.decay == 1) and group.refractory == 0 for group in network.groups)


def test_input_spikes_are_as_many_as_the_encoding_makes(name: str, samples: Dataset) -> None:
    assert samples.samples == 200
    assert samples.input.any()
    counts = np.unique(samples.input.sum(axis=0, dtype=np.int64))
    # Latency coding: at most once. Rate coding: up to once in every step.
    assert counts.tolist() == list(range({"mnist_fast": 1, "mnist_conv": samples.steps}[name] + 1))


def test_a_reset_one_step_later_is_the_same_without_a_leak() -> None:
    at_once = Convention.preset("norse").with_settings({"reset": "subtract"})
    network = read_network(EXAMPLES / "mnist_conv" / "mnist_conv.nir", at_once)
    samples = load_dataset(EXAMPLES / "mnist_conv" / "mnist_conv_test.npz", network=network)
    assert np.array_equal(simulate(network, samples.input).out, samples.out)


def test_float_network_gives_the_frameworks_own_spikes(network: Network, samples: Dataset) -> None:
    assert samples.out is not None
    assert samples.out.any()
    assert np.array_equal(simulate(network, samples.input).out, samples.out)


def test_sums_are_exact_in_any_order(network: Network, samples: Dataset) -> None:
    for projection in network.projections:
        operator = projection.operators[-1]
        rows, grid = operator.weight.reshape(len(operator.weight), -1), 2.0**14
        assert np.array_equal(rows * grid, np.round(rows * grid))
        # Even if every weight and the bias counted in every step, nothing being reset.
        largest = (np.abs(rows).sum(axis=1) + np.abs(operator.bias)).max() * samples.steps
        assert largest * grid < 2**24


@pytest.mark.parametrize("bits", [8, 4])
def test_accuracy_in_integers(name: str, network: Network, samples: Dataset, bits: int) -> None:
    made = quantize(network, QuantizeOptions(weight_bits=bits, clip="mse", per_neuron=True))
    out = output_of(made, run_clocked(made, samples.input))
    urgency = np.arange(samples.steps, 0, -1).reshape(-1, 1, 1)
    found = (predict(out), (out * urgency).max(axis=0).argmax(axis=1))
    for prediction, lowest in zip(found, LOWEST[name, bits], strict=True):
        assert np.count_nonzero(prediction == samples.label) >= lowest


def test_readme_says_how_many_events_come_in(name: str, samples: Dataset) -> None:
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert "CC BY-SA 3.0" in text
    row = re.search(r"^\| (?:dense|convolution), [^|]* \| (\d+) \| ([\d.]+) \| (\d+) \|", text, flags=re.M)
    assert row is not None
    events = samples.input.sum(axis=(0, *range(2, samples.input.ndim)), dtype=np.int64)
    assert int(row[1]) == samples.input[0, 0].size
    # The row is about all test images, of which these are 200: within five standard errors.
    assert abs(float(row[2]) - events.mean()) < 5 * events.std() / np.sqrt(events.size)
    assert events.max() <= int(row[3])


def test_files_stay_small(name: str) -> None:
    assert (EXAMPLES / name / f"{name}.nir").stat().st_size < 600_000
    assert sum(path.stat().st_size for path in (EXAMPLES / name).iterdir()) < 700_000


@pytest.mark.slow
def test_the_readmes_command_feeds_the_encoder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The pixels that are shipped make the spikes that are shipped, with the README's own options."""
    text = (EXAMPLES / "mnist_fast" / "README.md").read_text(encoding="utf-8")
    command = re.search(r"^ +qsnn-hw build (.*?)\n\n", text, flags=re.M | re.S)
    assert command is not None
    words = [word.replace("examples/", f"{EXAMPLES}/") for word in command[1].replace("\\\n", " ").split()]
    words[words.index("-o") + 1] = str(tmp_path / "out")
    assert cli.main(["generate", *words]) == 0
    said = capsys.readouterr()
    assert "framework's own spikes: equal, 8000 values, 0 differ" in said.err
    assert "on 200 samples, by first spike" in said.out
    # Spikes that another encoder makes are not those that PyTorch answered.
    network = read_network(EXAMPLES / "mnist_fast" / "mnist_fast.nir", Convention.preset("norse"))
    file = EXAMPLES / "mnist_fast" / "mnist_fast_test.npz"
    for floor, samples in ((128, 7), (128, None), (64, None)):
        found = load_pixels(
            file,
            network=network,
            encode=lambda pixels, floor=floor: latency_spikes(pixels, 4, floor=floor),
            samples=samples,
        )
        assert (found.out is None) == (floor == 64)
        assert (found.out_missing is None) == (floor == 128)
        assert found.samples == (samples or 200)
