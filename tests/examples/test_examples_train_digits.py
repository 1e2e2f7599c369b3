"""The script behind examples/digits: its figures, its file layout and what it says when it cannot run."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nir
import numpy as np
import pytest

from tests.support.places import ROOT

FOLDER = ROOT / "examples" / "digits"
FILES = ("README.md", "digits_64-32-10.nir", "digits_calibration.npz", "digits_test.npz")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """scripts/train_digits.py, imported as Python imports it when it is run."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("train_digits", ROOT / "scripts" / "train_digits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "train_digits", module)
    spec.loader.exec_module(module)
    yield module
    for name in ("digits_training", "training"):
        sys.modules.pop(name, None)


def weights() -> list[tuple[np.ndarray, np.ndarray]]:
    nodes = nir.read(FOLDER / "digits_64-32-10.nir").nodes
    return [(nodes[name].weight, nodes[name].bias) for name in ("0", "2")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs must be 1 or more, not 0"),
        (["--restarts", "-2"], "--restarts must be 1 or more, not -2"),
        (["--seed", "-1"], "--seed must be 0 to 2147483647, not -1"),
        (["--beta", "1"], "--beta must lie between 0 and 1, not 1.0"),
        (["--beta", "nan"], "--beta must lie between 0 and 1, not nan"),
    ],
)
def test_bad_option_is_one_line(
    script: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert script.main(arguments) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_missing_torch_is_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert script.main(["--out", str(tmp_path / "out")]) == 2
    message = "training needs PyTorch, not installed here: pip install torch scikit-learn"
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not (tmp_path / "out").exists()


def test_missing_scikit_learn_is_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # A stand-in for the PyTorch half: only the second import matters here.
    monkeypatch.setitem(sys.modules, "digits_training", ModuleType("digits_training"))
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert script.main(["--out", str(tmp_path / "out")]) == 2
    message = "training needs scikit-learn, not installed here: pip install torch scikit-learn"
    assert capsys.readouterr().err == f"error: {message}\n"


def test_folder_that_cannot_be_made_is_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("sklearn", reason="the script asks for it before it makes the folder")
    monkeypatch.setitem(sys.modules, "digits_training", ModuleType("digits_training"))
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "out"
    assert script.main(["--out", str(folder)]) == 2
    message = f"cannot make folder {folder}: Not a directory; choose another --out"
    assert capsys.readouterr().err == f"error: {message}\n"


def test_written_network_is_the_shipped_file(script: ModuleType, tmp_path: Path) -> None:
    script.write_network(tmp_path / "net.nir", weights(), 0.9375)
    again, shipped = nir.read(tmp_path / "net.nir"), nir.read(FOLDER / "digits_64-32-10.nir")
    assert sorted(again.edges) == sorted(shipped.edges)
    for name in ("1", "3"):
        for field in ("tau", "r", "v_threshold", "v_leak", "v_reset"):
            ours, theirs = (getattr(graph.nodes[name], field) for graph in (again, shipped))
            assert ours.dtype == theirs.dtype == np.float32
            assert np.array_equal(ours, theirs)


def test_readme_is_the_template_filled_in(script: ModuleType) -> None:
    template = script.README_TEMPLATE.read_text(encoding="utf-8")
    pattern = re.sub(r"\\\$\w+", "[^|\n]+", re.escape(template))
    assert re.fullmatch(pattern, (FOLDER / "README.md").read_text(encoding="utf-8"))


def test_integer_figures_in_readme(script: ModuleType) -> None:
    with np.load(FOLDER / "digits_test.npz") as arrays:
        spikes = np.unpackbits(arrays["input_packed"], axis=-1)
        figures = [
            f"{script.integer_accuracy(weights(), spikes, arrays['label'], 0.9375, bits):.2%}"
            for bits in (8, 6, 4)
        ]
    assert f"| {', '.join(figures)} |" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_eight_bits_cost_at_most_three_tenths_of_a_point(script: ModuleType) -> None:
    with np.load(FOLDER / "digits_test.npz") as arrays:
        spikes = np.unpackbits(arrays["input_packed"], axis=-1)
        drop = script.accuracy(arrays["out"], arrays["label"]) - script.integer_accuracy(
            weights(), spikes, arrays["label"], 0.9375, 8
        )
    assert drop <= 0.003


def test_encoding_follows_the_pixels(script: ModuleType) -> None:
    pixels = np.tile(np.array([[0.0, 0.25, 1.0]], dtype=np.float32), (2000, 1))
    spikes = script.encode(pixels, 7)
    assert spikes.shape == (25, 2000, 3)
    assert not spikes[..., 0].any()
    assert spikes[..., 2].all()
    # 50000 draws at one quarter: five standard deviations are 0.0097.
    assert abs(spikes[..., 1].mean() - 0.25) < 0.0097
    assert np.array_equal(spikes, script.encode(pixels, 7))
    assert not np.array_equal(spikes, script.encode(pixels, 8))


@pytest.mark.slow
def test_same_options_same_files(script: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    options = ["--epochs", "1", "--restarts", "1"]
    for name, seed in (("first", "5"), ("second", "5"), ("other", "6")):
        assert script.main(["-o", str(tmp_path / name), *options, "--seed", seed]) == 0
    first, second, other = (
        {name: (tmp_path / folder / name).read_bytes() for name in FILES}
        for folder in ("first", "second", "other")
    )
    assert first == second
    assert first["digits_64-32-10.nir"] != other["digits_64-32-10.nir"]
    with (
        np.load(tmp_path / "other" / "digits_calibration.npz") as made,
        np.load(FOLDER / "digits_calibration.npz") as shipped,
    ):
        assert sorted(made.files) == sorted(shipped.files)
        assert all(np.array_equal(made[name], shipped[name]) for name in shipped.files)
