"""The convention check finds the field that was changed."""

from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.model.check import ConventionCheck, check_convention
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError

MODEL = "digits_64-32-10.nir"


def run(digits: Path, preset: str, settings: dict[str, str]) -> ConventionCheck:
    convention = Convention.preset(preset).with_settings(settings)
    model = digits / MODEL
    network = read_network(model, convention)
    dataset = load_dataset(digits / "digits_test.npz", network=network, samples=40)
    return check_convention(lambda c: read_network(model, c), convention, dataset, trial_samples=8)


def test_agreement(digits: Path) -> None:
    made = run(digits, "snntorch", {})
    assert made.comparison is not None
    assert (made.compared, made.mismatches, made.comparison.first, made.alternatives) == (
        25 * 40 * 10,
        0,
        None,
        (),
    )
    assert made.near_ties is None


@pytest.mark.parametrize(
    ("preset", "settings", "answer"),
    [
        ("snntorch", {"reset_delay": "false"}, "--convention snntorch --set reset_delay=true"),
        ("snntorch", {"reset": "zero"}, "--convention snntorch --set reset=subtract"),
        ("snntorch", {"dt": "2e-4"}, "--convention snntorch --set dt=0.0001"),
        ("norse", {}, "--convention snntorch"),
        (
            *("snntorch", {"dt": "2e-4", "reset": "none"}),
            "--convention snntorch --set dt=0.0001 --set reset=subtract",
        ),
    ],
)
def test_one_or_two_fields_are_found(
    digits: Path, preset: str, settings: dict[str, str], answer: str
) -> None:
    made = run(digits, preset, settings)
    assert made.mismatches > 0
    assert made.comparison is not None
    assert made.comparison.first is not None
    assert made.comparison.expected != made.comparison.got
    assert answer in [item.words for item in made.alternatives]
    assert all(item.mismatches == 0 for item in made.alternatives)


def test_data_without_reference(digits: Path) -> None:
    convention = Convention.preset("snntorch")
    data = Dataset("data.npz", np.zeros((5, 2, 64), np.uint8), None, None, "time-sample")
    with pytest.raises(UserError, match=r"data\.npz has no out: store the framework's own output spikes"):
        check_convention(lambda c: read_network(digits / MODEL, c), convention, data)
    wide = Dataset("data.npz", data.input, None, np.zeros((5, 2, 7), np.uint8), "time-sample")
    with pytest.raises(UserError, match="out has 7 neurons, the network's output has 10"):
        check_convention(lambda c: read_network(digits / MODEL, c), convention, wide)


def test_a_wrong_convention_is_not_taken_for_rounding(digits: Path) -> None:
    made = run(digits, "norse", {})
    assert made.mismatches > 1000
    assert made.near_ties == 0


@pytest.mark.slow
def test_rounding_is_told_from_a_wrong_convention(data_dir: Path) -> None:
    """The spikes of 200,000 in which Sinabs differs, two at most, hang on the order of float operations.

    How many there are depends on the processor's BLAS: two on one, none on another.
    """
    convention = Convention.preset("sinabs").with_settings({"max_spikes": "1"})
    model = data_dir / "sinabs_conv_mnist.nir"
    network = read_network(model, convention)
    dataset = load_dataset(data_dir / "sinabs_conv_mnist.npz", network=network, out_key="out_singlespike")
    made = check_convention(lambda c: read_network(model, c), convention, dataset, trial_samples=1)
    assert made.compared == 200_000
    assert made.mismatches == (made.near_ties or 0) <= 2


def test_a_spike_that_hangs_on_rounding_is_a_near_tie(tmp_path: Path) -> None:
    """0.1 + 0.2 meets a threshold of 0.3 in float32; the other input is far from it."""
    path = tmp_path / "tie.npz"
    weight = np.array([[0.1, 0.2, 0.0], [0.0, 0.0, 0.5]], np.float32)
    layers = {"fc.type": "Linear", "fc.weight": weight, "lif.type": "LIF", "lif.tau": 0.0}
    np.savez(path, **{"input_shape": [3], **layers, "lif.v_threshold": np.float32(0.3)})  # type: ignore[arg-type]
    settings = dict.fromkeys(("input_gain", "integrator_gain"), "r")
    convention = Convention.preset("nir").with_settings(
        {"decay": "direct", "current_gain": "w_in", "comparison": ">", **settings}
    )
    network = read_network(path, convention)
    # Sample 0 is the tie; sample 1 has a spike that the framework says is none.
    inputs = np.array([[[1, 1, 0], [0, 0, 1]]], np.uint8)
    out = simulate(network, inputs).out
    for sample, ties in ((0, 1), (1, 0)):
        wanted = out.copy()
        wanted[0, sample, sample] ^= 1
        data = Dataset("tie.npz", inputs, None, wanted, "time-sample")
        made = check_convention(lambda _: network, convention, data, budget_s=0)
        assert (made.mismatches, made.near_ties) == (1, ties)
