"""The simulator equals the frameworks' own spikes on the trained and published models."""

from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.model.check import check_convention
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_array, load_dataset
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy, predict, simulate

CASES = [
    ("snntorch_digits_64-32-10", "snntorch_digits_64-32-10", "snntorch", {}, 0.962),
    ("snntorch_mnist_784-128-10", "snntorch_mnist_784-128-10", "snntorch", {}, 0.974),
    ("norse_digits_64-40-10.tau_fixed", "norse_digits_64-40-10", "norse", {}, 0.949),
    ("norse_digits_64-40-10.stock", "norse_digits_64-40-10", "norse", {"tau_fix": "divide_by_dt"}, 0.949),
]


@pytest.mark.parametrize(("model", "data", "preset", "settings", "correct"), CASES)
def test_no_spike_differs(
    data_dir: Path, model: str, data: str, preset: str, settings: dict[str, str], correct: float
) -> None:
    convention = Convention.preset(preset).with_settings(settings)
    network = read_network(data_dir / f"{model}.nir", convention)
    dataset = load_dataset(data_dir / f"{data}.npz", network=network)
    run = simulate(network, dataset.input, record=["1"])
    assert dataset.out is not None
    assert dataset.label is not None
    assert dataset.out.any()
    assert np.count_nonzero(run.out != dataset.out) == 0
    assert np.count_nonzero(run.spikes["1"] != load_array(data_dir / f"{data}.npz", "hidden")) == 0
    assert accuracy(run.out, dataset.label) == pytest.approx(correct, abs=6e-4)


@pytest.mark.parametrize(
    "settings", [{"reset_delay": "false"}, {"reset": "zero"}, {"dt": "1.1e-4"}, {"reset": "none"}]
)
def test_a_wrong_convention_is_seen(data_dir: Path, settings: dict[str, str]) -> None:
    convention = Convention.preset("snntorch").with_settings(settings)
    network = read_network(data_dir / "snntorch_digits_64-32-10.nir", convention)
    dataset = load_dataset(data_dir / "snntorch_digits_64-32-10.npz", network=network, samples=50)
    assert np.count_nonzero(simulate(network, dataset.input).out != dataset.out) > 50


def test_the_published_recurrent_network(data_dir: Path) -> None:
    convention = Convention.preset("snntorch").with_settings({"reset_delay": "false"})
    network = read_network(data_dir / "nir_paper" / "braille_noDelay_noBias_subtract.nir", convention)
    dataset = load_dataset(data_dir / "nir_paper" / "braille.npz", network=network)
    assert dataset.layout == "sample-time"
    run = simulate(network, dataset.input, record=["lif1.lif"])
    stored = np.load(data_dir / "nir_paper" / "braille.npz")
    for got, key in ((run.out, "out"), (run.spikes["lif1.lif"], "hidden")):
        packed = stored[f"noDelay_noBias_subtract_{key}_packed"]
        wanted = np.unpackbits(packed, axis=-1, count=got.shape[-1]).swapaxes(0, 1)
        assert wanted.any()
        assert np.count_nonzero(got != wanted) == 0
    assert dataset.label is not None
    assert accuracy(run.out, dataset.label) == pytest.approx(0.9793, abs=1e-4)
    one = simulate(network, stored["test0_input"][:, np.newaxis], record=["lif1.lif"])
    published = stored["noDelay_noBias_subtract_test0_hidden_snntorch"]
    assert np.array_equal(one.spikes["lif1.lif"][:, 0], published)
    assert np.array_equal(one.out[:, 0], stored["noDelay_noBias_subtract_test0_out"])


SINABS = [("out_multispike", "true", 0.988), ("out_singlespike", "false", 0.646)]


@pytest.mark.parametrize(("key", "multi"), [case[:2] for case in SINABS])
def test_sinabs_convolutions(data_dir: Path, key: str, multi: str) -> None:
    compare_sinabs(data_dir, key, multi, samples=50, allowed=4)


@pytest.mark.slow
@pytest.mark.parametrize(("key", "multi", "correct"), SINABS)
def test_sinabs_convolutions_on_all_samples(data_dir: Path, key: str, multi: str, correct: float) -> None:
    got = compare_sinabs(data_dir, key, multi, samples=500, allowed=20)
    assert got == pytest.approx(correct, abs=1e-9)


def compare_sinabs(data_dir: Path, key: str, multi: str, samples: int, allowed: int) -> float:
    """Output spikes up to near-ties in ``allowed`` samples, the first group's exactly; returns the accuracy.

    Which near-ties there are, and how many later spikes follow from them, hangs on the order in which this
    processor's BLAS adds; ``allowed`` values more may differ.
    """
    convention = Convention.preset("sinabs").with_settings({"multi_spike": multi})
    network = read_network(data_dir / "sinabs_conv_mnist.nir", convention)
    data = data_dir / "sinabs_conv_mnist.npz"
    dataset = load_dataset(data, network=network, out_key=key, samples=samples)
    run = simulate(network, dataset.input, record=["1"])
    assert dataset.label is not None
    assert dataset.out is not None
    assert dataset.out.any()
    found = check_convention(lambda _: network, convention, dataset, trial_samples=1, budget_s=0.0)
    assert found.mismatches == np.count_nonzero(run.out != dataset.out)
    assert found.mismatches - (found.near_ties or 0) <= allowed
    assert found.samples <= allowed
    assert np.array_equal(predict(run.out), predict(dataset.out))
    if multi == "true":
        wanted = load_array(data, "if1_multispike_first50")
        assert np.array_equal(run.spikes["1"][:, :50], wanted.reshape(40, 50, -1))
    return accuracy(run.out, dataset.label)


@pytest.mark.parametrize(("key", "multi"), [("multi", "true"), ("single", "false")])
def test_published_cnn_first_samples(data_dir: Path, key: str, multi: str) -> None:
    convention = Convention.preset("sinabs").with_settings({"multi_spike": multi})
    network = read_network(data_dir / "nir_paper" / "cnn_sinabs.nir", convention)
    assert network.projections[0].operators[0].weight.size == 16 * 2 * 5 * 5  # type: ignore[union-attr]
    stored = np.load(data_dir / "nir_paper" / "cnn_sinabs_saccade.npz")
    events = np.unpackbits(stored["X"][:3, :100], axis=-1).reshape(3, 100, 2, 34, 34).swapaxes(0, 1)
    run = simulate(network, events, record=["1"])
    first = stored[f"if1_first10_{key}"]
    first = np.unpackbits(first) if first.ndim == 1 else first
    wanted = first.reshape(10, 300, -1)[:3, :100].swapaxes(0, 1)
    assert np.array_equal(run.spikes["1"], wanted)
    # Later layers may differ where a potential meets its threshold within float32 rounding.
    assert np.count_nonzero(run.out != stored[f"out_{key}"][:3, :100].swapaxes(0, 1)) <= 3


@pytest.mark.parametrize(
    ("preset", "settings", "steps"),
    [
        ("norse", {"dt": "1e-4"}, [460, 510, 710, 760]),
        ("nir", {"dt": "1e-4"}, [460, 510, 710, 760]),
        ("snntorch", {"reset_delay": "false", "reset": "zero"}, [460, 510, 710, 760]),
        ("sinabs", {"dt": "1e-4", "input_gain": "euler"}, [450, 500, 710, 760]),
        ("rockpool", {"dt": "1e-4", "input_gain": "euler"}, [450, 500, 710, 760]),
    ],
)
def test_published_single_neuron(
    data_dir: Path, preset: str, settings: dict[str, str], steps: list[int]
) -> None:
    convention = Convention.preset(preset).with_settings(settings)
    network = read_network(data_dir / "nir_paper" / "lif_norse.nir", convention)
    trace = np.loadtxt(data_dir / "nir_paper" / "lif_csv" / "lif_norse.csv", delimiter=",")
    run = simulate(network, trace[:, 0].reshape(-1, 1, 1), record_potentials=["1"])
    assert np.flatnonzero(run.out[:, 0, 0]).tolist() == steps
    if preset == "norse":
        assert run.potentials["1"][:, 0, 0] == pytest.approx(trace[:, 1], abs=2e-7)
