"""The embedded default: its files are whole, honest about the split, and agree with each other."""

import re

import nir
import numpy as np
import pytest

from tests.support.places import EXAMPLES

FOLDER = EXAMPLES / "digits"
STEPS = 25
DT = 1e-4
TEST_ENCODING_SEED = 1001
CALIBRATION_ENCODING_SEED = 1002

Arrays = dict[str, np.ndarray]


def load(name: str) -> Arrays:
    with np.load(FOLDER / name, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def unpack(arrays: Arrays, name: str) -> np.ndarray:
    shape = arrays[f"{name}_shape"]
    return np.unpackbits(arrays[f"{name}_packed"], axis=-1, count=int(shape[-1])).reshape(shape)


@pytest.fixture(scope="module")
def test_set() -> Arrays:
    return load("digits_test.npz")


@pytest.fixture(scope="module")
def calibration_set() -> Arrays:
    return load("digits_calibration.npz")


@pytest.fixture(scope="module")
def graph() -> nir.NIRGraph:
    return nir.read(FOLDER / "digits_64-32-10.nir")


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels from 0 to 1 and labels, straight from scikit-learn."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn holds the original images")
    data = datasets.load_digits()
    return (data.data / 16).astype(np.float32), data.target


def layers(graph: nir.NIRGraph) -> list[tuple[nir.Affine, nir.LIF]]:
    return [(graph.nodes["0"], graph.nodes["1"]), (graph.nodes["2"], graph.nodes["3"])]


def leaky(affine: nir.Affine, lif: nir.LIF, spikes: np.ndarray) -> np.ndarray:
    """snnTorch's Leaky with its defaults, in float32."""
    beta = (1 - DT / lif.tau.astype(np.float64)).astype(np.float32)
    threshold = lif.v_threshold.astype(np.float32)
    current = spikes.astype(np.float32) @ affine.weight.T + affine.bias
    v = np.zeros_like(current[0])
    out = []
    for step in current:
        reset = v > threshold
        v = beta * v + step - reset * threshold
        out.append(v > threshold)
    return np.stack(out).astype(np.uint8)


def encode(pixels: np.ndarray, seed: int) -> np.ndarray:
    draws = np.random.default_rng(seed).random((STEPS, *pixels.shape), dtype=np.float32)
    return (draws < pixels).astype(np.uint8)


def test_graph_is_a_chain_of_two_layers(graph: nir.NIRGraph) -> None:
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds == {
        "input": "Input",
        "0": "Affine",
        "1": "LIF",
        "2": "Affine",
        "3": "LIF",
        "output": "Output",
    }
    chain = [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output")]
    assert sorted(graph.edges) == sorted(chain)
    assert graph.nodes["0"].weight.shape == (32, 64)
    assert graph.nodes["2"].weight.shape == (10, 32)


def test_graph_follows_the_exporter(graph: nir.NIRGraph) -> None:
    for affine, lif in layers(graph):
        assert affine.weight.dtype == affine.bias.dtype == lif.tau.dtype == np.float32
        np.testing.assert_allclose(lif.r * DT / lif.tau, 1, rtol=1e-6)
        assert np.all(lif.v_threshold == 1)
        assert not np.any(lif.v_leak)
        assert not np.any(lif.v_reset)


def test_decay_is_one_shift(graph: nir.NIRGraph) -> None:
    for _, lif in layers(graph):
        beta = np.float32(1 - DT / lif.tau.astype(np.float64))
        assert np.unique(1 - beta).size == 1
        assert float(1 - beta[0]) in {2.0**-k for k in range(1, 9)}


def test_sums_are_exact_in_any_order(graph: nir.NIRGraph) -> None:
    for affine, _ in layers(graph):
        grid = 2.0**14
        assert np.array_equal(affine.weight * grid, np.round(affine.weight * grid))
        assert np.array_equal(affine.bias * grid, np.round(affine.bias * grid))
        largest = np.abs(affine.weight).sum(axis=1) + np.abs(affine.bias)
        assert largest.max() * grid < 2**24


def test_shapes(test_set: Arrays, calibration_set: Arrays) -> None:
    assert unpack(test_set, "input").shape == (STEPS, 450, 64)
    assert unpack(test_set, "hidden").shape == (STEPS, 450, 32)
    assert test_set["out"].shape == (STEPS, 450, 10)
    assert test_set["out"].dtype == np.uint8
    assert set(np.unique(test_set["out"])) == {0, 1}
    assert test_set["label"].shape == test_set["index"].shape == (450,)
    assert unpack(calibration_set, "input").shape == (STEPS, 256, 64)
    assert calibration_set["label"].shape == calibration_set["index"].shape == (256,)
    assert set(test_set["label"]) == set(calibration_set["label"]) == set(range(10))


def test_numpy_reproduces_the_spikes_of_the_training_framework(graph: nir.NIRGraph, test_set: Arrays) -> None:
    first, second = layers(graph)
    hidden = leaky(*first, unpack(test_set, "input"))
    assert np.count_nonzero(hidden != unpack(test_set, "hidden")) == 0
    out = leaky(*second, hidden)
    assert np.count_nonzero(out != test_set["out"]) == 0


def test_accuracy(test_set: Arrays) -> None:
    prediction = test_set["out"].sum(axis=0, dtype=np.int64).argmax(axis=1)
    right = np.mean(prediction == test_set["label"])
    assert right >= 0.96
    assert f"{right:.2%}" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_readme_spike_counts_are_those_of_the_files(test_set: Arrays) -> None:
    per_inference = [
        spikes.sum(dtype=np.int64) / 450
        for spikes in (unpack(test_set, "input"), unpack(test_set, "hidden"), test_set["out"])
    ]
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = re.search(r"output spikes per inference \| ([\d.]+), ([\d.]+), ([\d.]+)", text)
    assert found is not None
    assert [float(value) for value in found.groups()] == [round(value, 1) for value in per_inference]


def test_no_test_sample_calibrates(test_set: Arrays, calibration_set: Arrays) -> None:
    assert np.unique(test_set["index"]).size == 450
    assert np.unique(calibration_set["index"]).size == 256
    assert not set(test_set["index"].tolist()) & set(calibration_set["index"].tolist())


def test_split_is_the_one_it_claims(test_set: Arrays, digits: tuple[np.ndarray, np.ndarray]) -> None:
    selection = pytest.importorskip("sklearn.model_selection", reason="scikit-learn makes the split")
    pixels, label = digits
    _, test_pixels, _, test_label = selection.train_test_split(
        pixels, label, test_size=0.25, stratify=label, random_state=0
    )
    assert np.array_equal(test_label, test_set["label"])
    assert np.array_equal(test_pixels, pixels[test_set["index"]])


@pytest.mark.parametrize(
    ("name", "seed"),
    [("digits_test.npz", TEST_ENCODING_SEED), ("digits_calibration.npz", CALIBRATION_ENCODING_SEED)],
)
def test_spikes_are_the_samples_named_by_index(
    name: str, seed: int, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    pixels, label = digits
    arrays = load(name)
    assert np.array_equal(label[arrays["index"]], arrays["label"])
    assert np.array_equal(encode(pixels[arrays["index"]], seed), unpack(arrays, "input"))


def test_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000
