"""The simulator equals the frameworks' own spikes on the networks of examples/frameworks."""

from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.model.check import check_convention
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy, simulate
from tests.support import shipped_models
from tests.support.shipped_models import CLASSIFIERS, FOLDER, MODELS


def test_there_is_one_of_each_framework() -> None:
    assert {MODELS[name]["framework"] for name in MODELS} == {
        *("snntorch", "norse", "sinabs", "spikingjelly", "rockpool")
    }
    shapes = {name: shipped_models.network(name) for name in CLASSIFIERS}
    assert any(p.source == p.target for p in shapes["snntorch_recurrent"].projections)
    assert len(shapes["sinabs_conv"].input_shape) == 3


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_no_spike_differs(name: str) -> None:
    network = shipped_models.network(name)
    dataset = shipped_models.dataset(name, network)
    entry = MODELS[name]
    first = network.groups[0].name
    run = simulate(network, dataset.input, record=[first])
    assert dataset.layout == entry["layout"]
    assert dataset.out is not None
    assert dataset.label is not None
    assert dataset.out.shape == (entry["steps"], entry["samples"], 10)
    assert int(dataset.out.sum()) == entry["output_spikes"] > 500
    assert np.count_nonzero(run.out != dataset.out) == 0
    hidden = shipped_models.stored(name, "hidden")
    hidden = hidden.reshape(*hidden.shape[:2], -1)
    assert hidden.any()
    assert np.count_nonzero(run.spikes[first][:, : hidden.shape[1]] != hidden) == 0
    assert accuracy(run.out, dataset.label) == pytest.approx(entry["accuracy"]["out"], abs=1e-9)


def test_single_spikes_of_the_same_weights() -> None:
    network = shipped_models.network("sinabs_conv", max_spikes="1")
    dataset = shipped_models.dataset("sinabs_conv", network, out_key="out_singlespike")
    assert dataset.out is not None
    assert dataset.label is not None
    out = simulate(network, dataset.input).out
    assert np.count_nonzero(out != dataset.out) == 0
    assert np.count_nonzero(out != shipped_models.stored("sinabs_conv", "out")) > 1000
    correct = MODELS["sinabs_conv"]["accuracy"]["out_singlespike"]
    assert accuracy(out, dataset.label) == pytest.approx(correct, abs=1e-9)


WRONG = [
    ("snntorch", {"reset_delay": "false"}),
    ("snntorch", {"reset": "zero"}),
    ("snntorch", {"dt": "1.1e-4"}),
    ("snntorch_recurrent", {"reset": "zero"}),
    ("norse", {"reset": "subtract"}),
    ("sinabs_conv", {"v_min": "none"}),
    ("sinabs_conv", {"max_spikes": "1"}),
    ("spikingjelly", {"reset": "subtract"}),
    ("rockpool", {"input_gain": "euler"}),
    ("rockpool", {"current_gain": "decayed_euler"}),
    ("rockpool", {"max_spikes": "1"}),
]


@pytest.mark.parametrize(("name", "settings"), WRONG)
def test_a_wrong_convention_is_seen(name: str, settings: dict[str, str]) -> None:
    network = shipped_models.network(name, **settings)
    dataset = shipped_models.dataset(name, network)
    assert np.count_nonzero(simulate(network, dataset.input).out != dataset.out) > 50


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_check_agrees(name: str) -> None:
    network = shipped_models.network(name)
    dataset = shipped_models.dataset(name, network, samples=20)
    made = check_convention(
        lambda c: read_network(FOLDER / f"{name}.nir", c), shipped_models.convention(name), dataset
    )
    assert (made.compared, made.mismatches) == (MODELS[name]["steps"] * 20 * 10, 0)


@pytest.mark.parametrize(
    ("preset", "settings"),
    [("norse", {}), ("snntorch", {"reset_delay": "false", "reset": "zero", "update": "relax"})],
)
def test_spikes_and_potentials_of_a_neuron(preset: str, settings: dict[str, str]) -> None:
    """Both describe the same neuron once the fields that the file lacks are set alike."""
    name = "norse_neuron"
    base = shipped_models.convention(name)
    changed = (
        base
        if preset == "norse"
        else type(base).preset(preset).with_settings({**MODELS[name]["settings"], **settings})
    )
    network = read_network(FOLDER / f"{name}.nir", changed)
    dataset = shipped_models.dataset(name, network)
    run = simulate(network, dataset.input, record_potentials=[network.groups[0].name])
    assert dataset.out is not None
    assert dataset.out.any()
    assert np.array_equal(run.out, dataset.out)
    potentials = run.potentials[network.groups[0].name].ravel()
    assert potentials == pytest.approx(shipped_models.stored(name, "potential"), abs=2e-7)


def test_the_readme_is_the_manifest_in_words(tmp_path: Path) -> None:
    import train_frameworks
    import training_files

    from qsnn_hw.support.files import read_json

    figures = train_frameworks.readme(read_json(FOLDER / train_frameworks.MANIFEST))
    training_files.write_readme(tmp_path / "README.md", train_frameworks.README_TEMPLATE, figures)
    assert (tmp_path / "README.md").read_bytes() == (FOLDER / "README.md").read_bytes()


def test_a_missing_framework_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    import train_frameworks

    pytest.importorskip("sklearn", reason="needs scikit-learn")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "framework_models", raising=False)
    assert train_frameworks.main(["norse", "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: norse needs torch, not installed here; docs/frameworks.md says how to install norse"
    )
