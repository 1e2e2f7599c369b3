"""Plain descriptions give the same network as NIR, and say what is wrong with a bad one."""

import re
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import INPUT, Dense
from qsnn_hw.model.readers.batch_norm import fold_batch_norm
from qsnn_hw.model.readers.plain_file import PARAMETERS
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.support.errors import UserError
from tests.support.places import ROOT

PLAIN = Convention.preset("nir").with_settings(
    {"decay": "direct", "input_gain": "r", "integrator_gain": "r", "current_gain": "w_in"}
)
TOML = """
input_shape = [2]
[[layer]]
name = "fc"
type = "Affine"
weight = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
bias = [0.1, 0.2, 0.3]
[[layer]]
name = "hidden"
type = "LIF"
tau = 0.9
[[layer]]
name = "loop"
type = "Linear"
weight = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
[[layer]]
name = "back"
type = "LIF"
tau = 0.5
v_threshold = [1.0, 2.0, 3.0]
after = ["loop", "fc"]
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_toml(tmp_path: Path) -> None:
    network = read_network(write(tmp_path / "net.toml", TOML), PLAIN)
    assert [g.name for g in network.groups] == ["hidden", "back"]
    assert network.group("hidden").decay.tolist() == [0.9] * 3
    assert network.group("back").threshold.tolist() == [1, 2, 3]  # type: ignore[union-attr]
    assert {(p.source, p.target) for p in network.projections} == {
        (INPUT, "hidden"),
        ("hidden", "back"),
        (INPUT, "back"),
    }


def test_npz_and_toml_with_arrays_agree(tmp_path: Path) -> None:
    weight = np.arange(6.0).reshape(3, 2)
    np.savez(
        tmp_path / "net.npz",
        **{
            "input_shape": [2],
            "fc.type": "Linear",
            "fc.weight": weight,
            "lif.type": "LIF",
            "lif.tau": 0.9,
            "lif.after": "fc",
        },
    )
    np.savez(tmp_path / "arrays.npz", **{"fc.weight": weight})
    text = (
        'input_shape = [2]\narrays = "arrays.npz"\n[[layer]]\nname = "fc"\ntype = "Linear"\n'
        '[[layer]]\nname = "lif"\ntype = "LIF"\ntau = 0.9\n'
    )
    two = read_network(write(tmp_path / "net.toml", text), PLAIN)
    for network in (read_network(tmp_path / "net.npz", PLAIN), two):
        (made,) = network.projections[0].operators
        assert isinstance(made, Dense)
        assert np.array_equal(made.weight, weight)
        assert network.group("lif").decay.tolist() == [0.9] * 3


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("input_shape = [2]", "", "has no input_shape"),
        ("input_shape = [2]", "input_shape = [3]", "weight (3, 2) wants 2 inputs"),
        ('"LIF"', '"Spike"', "layer 'hidden' has type 'Spike'; a type is one of LIF"),
        ("tau = 0.9", "tua = 0.9", "layer 'hidden' (LIF) has an unknown key 'tua'; known are name, type"),
        ("tau = 0.9", "", "node 'hidden' (LIF) has no tau"),
        ("tau = 0.9", "tau = 1.5", "decay=direct takes tau as the retention per step, from 0 to 1, not 1.5"),
        ('"loop", "fc"', '"gone"', "layer 'back' comes after 'gone', which does not exist"),
        ('name = "loop"', 'name = "fc"', "two layers are called 'fc'"),
        ("input_shape", "speed = 1\ninput_shape", "the description has an unknown key 'speed'"),
        ("[[layer]]", "[[layer", "is not a readable model description"),
        ("bias = [0.1, 0.2, 0.3]", "bias = [0.1]", "bias has 1 values, the weight has 3 outputs"),
        ("bias = [0.1, 0.2, 0.3]", "bias = [0.1, 0.2, nan]", "bias holds 1 value"),
        ("input_shape = [2]", 'input_shape = [2]\noutput = "x"', "output is 'x', which does not exist"),
        ("input_shape = [2]", 'input_shape = [2]\narrays = "x.npz"', "no such file"),
    ],
)
def test_refusals(tmp_path: Path, old: str, new: str, text: str) -> None:
    assert old in TOML
    with pytest.raises(UserError, match=re.escape(text)):
        read_network(write(tmp_path / "net.toml", TOML.replace(old, new, 1)), PLAIN)


def test_suffixes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_network(tmp_path / "gone.nir", PLAIN)
    with pytest.raises(UserError, match="is a folder"):
        read_network(tmp_path, PLAIN)
    with pytest.raises(UserError, match=r"unknown model suffix '\.onnx'; known are \.nir, \.npz, \.toml"):
        read_network(write(tmp_path / "net.onnx", ""), PLAIN)
    np.savez(tmp_path / "data.npz", input=np.ones(3))
    with pytest.raises(UserError, match=r"entry 'input' is neither input_shape nor <layer>\.<parameter>"):
        read_network(tmp_path / "data.npz", PLAIN)


def test_batch_norm_folds_exactly() -> None:
    rng = np.random.default_rng(5)
    weight, bias, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(7, 3))
    mean, variance, gamma, beta = rng.normal(size=4), rng.random(4), rng.normal(size=4), rng.normal(size=4)
    folded, offset = fold_batch_norm(weight, bias, mean=mean, variance=variance, gamma=gamma, beta=beta)
    wanted = gamma * (x @ weight.T + bias - mean) / np.sqrt(variance + 1e-5) + beta
    assert np.allclose(x @ folded.T + offset, wanted)
    kernels, _ = fold_batch_norm(np.ones((2, 3, 5, 5)), None, mean=np.zeros(2), variance=np.ones(2))
    assert kernels.shape == (2, 3, 5, 5)
    with pytest.raises(UserError, match="batch norm: mean has 3 values, not 4"):
        fold_batch_norm(weight, None, mean=np.zeros(3), variance=np.ones(4))
    with pytest.raises(UserError, match="variance \\+ epsilon is not above 0"):
        fold_batch_norm(weight, None, mean=np.zeros(4), variance=-np.ones(4))


def test_the_documented_example_is_read(tmp_path: Path) -> None:
    document = ROOT / "docs" / "model_format.md"
    example = document.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    np.savez(tmp_path / "weights.npz", **{"lif.r": 2.0})
    network = read_network(write(tmp_path / "xor.toml", example), PLAIN)
    assert (network.name, network.input_size, network.output) == ("xor", 2, "lif")
    assert network.group("lif").decay.tolist() == [0.9, 0.9]
    assert network.group("lif").input_gain.tolist() == [2.0, 2.0]


def test_the_documented_types_are_all_of_them() -> None:
    document = ROOT / "docs" / "model_format.md"
    text = document.read_text(encoding="utf-8")
    for kind, keys in PARAMETERS.items():
        assert kind in text
        assert all(key in text for key in keys)


def test_arrays_that_clash_or_belong_to_no_layer(tmp_path: Path) -> None:
    text = TOML.replace("input_shape", 'arrays = "arrays.npz"\ninput_shape', 1)
    np.savez(tmp_path / "arrays.npz", **{"hidden.tau": 0.5})
    with pytest.raises(UserError, match="tau of layer 'hidden' is given here and in the arrays file"):
        read_network(write(tmp_path / "net.toml", text), PLAIN)
    for key in ("gone.tau", "hidden.speed", "tau"):
        np.savez(tmp_path / "arrays.npz", **{key: 0.5})
        with pytest.raises(UserError, match=f"arrays entry '{key}' is no parameter of a layer"):
            read_network(write(tmp_path / "net.toml", text), PLAIN)
