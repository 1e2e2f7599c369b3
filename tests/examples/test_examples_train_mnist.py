"""The scripts behind the MNIST examples: encoding, readouts, files, and their messages."""

import gzip
import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import Conv2d, Dense
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import simulate
from tests.support.places import ROOT

MODULES = (
    "training",
    "training_files",
    "mnist_files",
    "mnist_training",
    "mnist_conv_training",
    "mnist_example",
    "train_mnist_fast",
    "train_mnist_conv",
)


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder scripts/ is importable, as when a script in it runs."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def files(scripts: None) -> ModuleType:
    return importlib.import_module("mnist_files")


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Bars whose height is the label, in MNIST's format: 300 to train and 220 to test with."""
    rng = np.random.default_rng(0)
    for part, samples in (("train", 300), ("t10k", 220)):
        label = rng.integers(0, 10, samples).astype(np.uint8)
        pixels = np.zeros((samples, 28, 28), np.uint8)
        for image, value in zip(pixels, label, strict=True):
            image[2 + 2 * value : 5 + 2 * value, 3:25] = rng.integers(100, 256, (3, 22))
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", label)
    return tmp_path


@pytest.mark.parametrize(("steps", "floor"), [(1, 1), (3, 128), (4, 64), (8, 200)])
def test_every_pixel_spikes_in_its_step(files: ModuleType, steps: int, floor: int) -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(4).reshape(1, 32, 32)[:, :28, :28]
    spikes = files.encode(pixels, steps, floor)
    assert spikes.shape == (steps, 1, 28, 28)
    for p, s in zip(pixels.ravel().tolist(), spikes.reshape(steps, -1).T, strict=True):
        when = [(255 - p) * steps // 256] if p >= floor else []
        assert np.flatnonzero(s).tolist() == when


@pytest.mark.parametrize("steps", [1, 4, 5, 255])
def test_a_pixels_rate_is_its_value(files: ModuleType, steps: int) -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(4).reshape(1, 32, 32)[:, :28, :28]
    spikes = files.encode_rate(pixels, steps)
    assert spikes.shape == (steps, 1, 28, 28)
    assert spikes.max() == 1
    counts = spikes.cumsum(axis=0, dtype=np.int64)
    for step in range(1, steps + 1):
        # Rounded to nearest, half up.
        assert np.array_equal(counts[step - 1], np.floor(pixels / 256 * step + 0.5))


def test_readouts(files: ModuleType) -> None:
    # Steps x samples x neurons: a later majority, a tie, a single spike, none.
    out = np.zeros((3, 4, 3), np.uint8)
    out[0, 0, 2] = out[1:, 0, 1] = 1
    out[1, 1, 1:] = 1
    out[2, 2, 2] = 1
    assert files.by_count(out).tolist() == [1, 1, 2, 0]
    assert files.by_first_spike(out).tolist() == [2, 1, 2, 0]


def test_events_are_counted_by_sample(files: ModuleType) -> None:
    spikes = np.zeros((2, 2, 1, 3), np.uint8)
    spikes[:, 1] = 1
    spikes[0, 0, 0, 0] = 1
    assert files.events(spikes) == ("3.5", "6")


def test_written_network_reads_back(files: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)

    def grid(*shape: int) -> np.ndarray:
        return (rng.integers(-(2**13), 2**13, shape) / 2**14).astype(np.float32)

    layers = [files.Layer(grid(2, 1, 5, 5), grid(2), 2), files.Layer(grid(3, 2 * 12 * 12), grid(3))]
    files.write_network(tmp_path / "net.nir", layers, (1, 28, 28))
    network = read_network(tmp_path / "net.nir", Convention.preset("norse"))
    kinds = [type(projection.operators[-1]) for projection in network.projections]
    assert kinds == [Conv2d, Dense]
    assert [group.shape for group in network.groups] == [(2, 12, 12), (3,)]
    for projection, layer in zip(network.projections, layers, strict=True):
        assert np.array_equal(projection.operators[-1].weight, layer.weight)
        assert np.array_equal(projection.operators[-1].bias, layer.bias)
    # v = v + W s + b; s = v > 1; v = 0 where s: the bias alone, and only it, makes these spike.
    spikes = simulate(network, np.zeros((5, 1, 1, 28, 28), np.uint8), record=["if1"]).spikes["if1"]
    v = np.zeros(2)
    for step in spikes[:, 0].reshape(5, 2, -1):
        v += layers[0].bias
        assert np.array_equal(step, np.repeat(v[:, None] > 1, step.shape[1], axis=1))
        v[v > 1] = 0


def test_training_goes_on_from_a_written_network(files: ModuleType, tmp_path: Path) -> None:
    settings = importlib.import_module("train_mnist_fast").DEFAULTS
    rng = np.random.default_rng(4)
    layers = [
        files.Layer(rng.random((post, pre), np.float32), rng.random(post, np.float32))
        for pre, post in ((784, 128), (128, 10))
    ]
    files.write_network(tmp_path / "net.nir", layers, (784,))
    for made, given in zip(files.read_layers(tmp_path / "net.nir", settings), layers, strict=True):
        assert np.array_equal(made.weight, given.weight)
        assert np.array_equal(made.bias, given.bias)
    other = replace(settings, layers=((64, 0, 0), (10, 0, 0)))
    with pytest.raises(files.UserError, match="does not hold this script's layers"):
        files.read_layers(tmp_path / "net.nir", other)
    with pytest.raises(files.UserError, match="give a network of this script with --start"):
        files.read_layers(tmp_path / "none.nir", settings)


def test_distortion_scales_every_kind(scripts: None) -> None:
    whole = importlib.import_module("train_mnist_fast").DEFAULTS.distortion
    half, none = whole.times(0.5), whole.times(0.0)
    assert whole.is_any
    assert half.is_any
    assert not none.is_any
    assert (half.shift_pixels, half.rotation_degrees) == (whole.shift_pixels / 2, whole.rotation_degrees / 2)


BAD_OPTIONS = [
    (["--epochs", "-1"], r"--epochs must be \d+ to 1000000, not -1"),
    (["--steps", "0"], "--steps must be 1 to 255, not 0"),
    (["--seed", "-1"], "--seed must be 0 to 2147483647, not -1"),
]
BAD_OPTIONS_FAST = [
    (["--floor", "256"], "--floor must be 1 to 255, not 256"),
    (["--distortion", "-0.1"], "--distortion must be 0 to 10, not -0.1"),
    (["--learning-rate", "nan"], "--learning-rate must be 0 to 10, not nan"),
]
BAD_OPTIONS_CONV = [(["--spiking-epochs", "-1"], "--spiking-epochs must be 0 to 1000000, not -1")]


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        *(("train_mnist_fast", *case) for case in BAD_OPTIONS + BAD_OPTIONS_FAST),
        *(("train_mnist_conv", *case) for case in BAD_OPTIONS + BAD_OPTIONS_CONV),
    ],
)
def test_bad_option_is_one_line(
    scripts: None, capsys: pytest.CaptureFixture[str], script: str, arguments: list[str], message: str
) -> None:
    assert importlib.import_module(script).main(["--data", "nowhere", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(f"error: {message}\n", error)


@pytest.mark.parametrize("script", ["train_mnist_fast", "train_mnist_conv"])
def test_missing_torch_is_one_line(
    scripts: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    script: str,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    module = importlib.import_module(script)
    assert module.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    message = "training needs PyTorch, not installed here: pip install torch"
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not (tmp_path / "out").exists()


def test_missing_data_is_one_line(files: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(files.UserError, match="give MNIST's folder with --data"):
        files.load_mnist(tmp_path)


def test_validation_samples_are_not_trained_on(
    files: ModuleType, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.setattr(files, "VALIDATION_SAMPLES", 50)
    mnist = files.load_mnist(data)
    assert [len(part[1]) for part in (mnist.fit, mnist.validation, mnist.test)] == [250, 50, 220]
    images = [{image.tobytes() for image in part[0]} for part in (mnist.fit, mnist.validation, mnist.test)]
    assert sum(len(some) for some in images) == len(set.union(*images)) == 520


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train_mnist_fast", "train_mnist_conv"])
def test_same_options_same_files(
    files: ModuleType, monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path, script: str
) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    monkeypatch.setattr(files, "VALIDATION_SAMPLES", 50)
    name = script.removeprefix("train_")
    made = []
    for folder, seed in (("first", "5"), ("second", "5"), ("other", "6")):
        arguments = ["--data", str(data), "-o", str(tmp_path / folder), "--epochs", "16", "--seed", seed]
        if script == "train_mnist_conv":
            arguments += ["--spiking-epochs", "2"]
        assert importlib.import_module(script).main(arguments) == 0
        made.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert sorted(made[0]) == ["README.md", f"{name}.nir", f"{name}_test.npz"]
    assert made[0] == made[1]
    assert made[0][f"{name}.nir"] != made[2][f"{name}.nir"]
