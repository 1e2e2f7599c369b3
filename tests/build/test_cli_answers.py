"""One answer everywhere: what ``infer`` counts as right is what calibration, report and chip count."""

import json
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.golden import GoldenRun
from qsnn_hw.plan.hardware_plan import HardwarePlan

STEPS, INPUTS, CLASSES = 8, 6, 4


def write_readout_network(folder: Path) -> Path:
    """Leaky hidden neurons and a leaky readout layer that never fires."""
    rng = np.random.default_rng(3)
    path = folder / "li.npz"
    weights = {
        "fc1.weight": rng.normal(0.4, 0.6, (7, INPUTS)),
        "fc2.weight": rng.normal(0, 0.6, (CLASSES, 7)),
    }
    layers = {
        "fc1.type": "Linear",
        "hidden.type": "LIF",
        "hidden.tau": 0.8,
        "fc2.type": "Linear",
        "out.type": "LI",
        "out.tau": 0.7,
    }
    order = ("fc1.type", "fc1.weight", "hidden.type", "hidden.tau", "fc2.type", "fc2.weight", "out.type")
    arrays = {**layers, **weights}
    np.savez(path, **{"input_shape": [INPUTS], **{k: arrays[k] for k in (*order, "out.tau")}})
    return path


CONVENTION = ("--convention", "nir", "--set", "decay=direct", "--set", "input_gain=r")
CONVENTION += ("--set", "integrator_gain=r", "--set", "current_gain=w_in")


def write_samples(path: Path, seed: int, **arrays: np.ndarray) -> Path:
    rng = np.random.default_rng(seed)
    spikes = (rng.random((STEPS, 60, INPUTS)) < 0.4).astype(np.uint8)
    np.savez(path, input=spikes, label=rng.integers(0, CLASSES, 60), **arrays)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_readout_network(tmp_path)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "samples.npz", 4)


def run(*arguments: object) -> int:
    return cli.main([str(a) for a in arguments])


def potentials(model: Path, samples: Path, folder: Path, *more: object) -> np.ndarray:
    out = folder / "out.npz"
    assert run("infer", model, *CONVENTION, "--data", samples, "--out", out, *more) == 0
    return np.asarray(np.load(out)["out"])


def test_a_readout_layer_answers_by_its_last_potential(
    model: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = potentials(model, samples, tmp_path)
    label = np.load(samples)["label"]
    last, summed = (100 * np.mean(v.argmax(axis=1) == label) for v in (out[-1], out.sum(axis=0)))
    assert last != summed, "this network must tell the two apart"
    assert f"float: accuracy {last:.2f} % on 60 samples, by highest potential after the last step" in (
        capsys.readouterr().out
    )
    assert run("infer", model, *CONVENTION, "--data", samples, "--readout", "count") == 2
    assert "--readout count needs spikes, and group out has none: give membrane" in capsys.readouterr().err


@pytest.mark.parametrize("readout", [(), ("--readout", "membrane")])
def test_infer_golden_report_and_plan_give_the_same_answers(
    readout: tuple[str, ...],
    model: Path,
    samples: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = ("--bits", 4, "--per-neuron", *readout)
    out = potentials(model, samples, tmp_path, *more)
    label = np.load(samples)["label"]
    right = float(np.mean(out[-1].argmax(axis=1) == label))
    assert f"4 bits: accuracy {100 * right:.2f} % on 60 samples" in capsys.readouterr().out
    folder = tmp_path / "run"
    assert (
        run("generate", model, *CONVENTION, "--data", samples, "--board", "icebreaker", "-o", folder, *more)
        == 0
    )
    report = json.loads((folder / "report.json").read_text())
    assert report["accuracy"]["quantized"] == right
    assert report["accuracy"]["readout"] == "highest potential after the last step"
    found = GoldenRun.load(folder / "03_golden.npz").potentials["out"]
    assert np.array_equal(found[-1].argmax(axis=1), out[-1].argmax(axis=1))
    plan = HardwarePlan.load(folder / "04_plan.npz")
    assert plan.readout is not None
    assert plan.readout.kind == "membrane"
    answers, _ = plan.readout.answers(np.zeros((1, 1, 1)), found)
    assert np.array_equal(answers, out[-1].argmax(axis=1))


@pytest.mark.slow
def test_the_chip_answers_what_infer_answers(model: Path, samples: Path, tmp_path: Path) -> None:
    """The whole design is simulated; a class that differs from the golden model's ends the run."""
    folder = tmp_path / "run"
    arguments = ("simulate", model, *CONVENTION, "--data", samples, "--samples", 10, "--bits", 4)
    more = ("--board", "icebreaker", "--readout", "membrane", "-o", folder, "-q")
    assert run(*arguments, *more) == 0
    report = json.loads((folder / "report.json").read_text())
    assert report["verification"]["answers"] == 10
    assert report["verification"]["mismatches"] == 0


def test_calibration_scores_by_the_answer_that_infer_prints(
    model: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_samples(tmp_path / "other.npz", 5)
    common = ("infer", model, *CONVENTION, "--bits", 3, "--calibrate", other, "--data", samples)
    assert run(*common) == 0
    captured = capsys.readouterr()
    out = potentials(model, other, tmp_path)
    right = 100 * float(np.mean(out[-1].argmax(axis=1) == np.load(other)["label"]))
    assert f"(float {right:.2f} %)" in captured.err
    lines = captured.out.splitlines()
    assert lines[0].startswith("3 bits: accuracy ")
    assert lines[1].startswith("calibration data: accuracy ")
    assert f"(float {right:.2f} %), drop " in lines[1]
    assert lines[1].endswith(", 60 samples")
    assert lines[2].startswith("test data: accuracy ")
    assert "standard error" in lines[2]


def test_a_build_reports_both_drops(model: Path, samples: Path, tmp_path: Path) -> None:
    other = write_samples(tmp_path / "other.npz", 5)
    folder = tmp_path / "run"
    arguments = ("generate", model, *CONVENTION, "--data", samples, "--calibrate", other, "--max-drop", 100)
    assert run(*arguments, "--board", "icebreaker", "-o", folder, "-q") == 0
    first = json.loads((folder / "report.json").read_text())
    assert first["calibration"]["samples"] == 60
    assert first["calibration"]["standard_error_pp"] > 0
    assert first["accuracy"]["standard_error_pp"] > 0
    # Read back, not forgotten.
    assert run("generate", "-o", folder, "-q") == 0
    again = json.loads((folder / "report.json").read_text())
    assert {**again, "created": None} == {**first, "created": None}


def test_test_samples_in_the_calibration_data(
    model: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("infer", model, *CONVENTION, "--bits", 8, "--data", samples, "--calibrate")
    assert run(*common, samples) == 2
    assert "error: 60 of 60 test samples are in the calibration data" in capsys.readouterr().err
    arrays = np.load(write_samples(tmp_path / "other.npz", 5))
    spikes = np.concatenate([arrays["input"], np.load(samples)["input"][:, 7:12]], axis=1)
    np.savez(tmp_path / "mixed.npz", input=spikes)
    assert run(*common, tmp_path / "mixed.npz") == 0
    warning = "warning: 5 of 60 test samples are in the calibration data: the accuracy on them is no test"
    assert warning in capsys.readouterr().err
    folder = tmp_path / "run"
    build = ("generate", model, *CONVENTION, "--board", "icebreaker", "-o", folder, "--data", samples)
    assert run(*build, "--calibrate", samples) == 2
    assert run(*build, "--calibrate", tmp_path / "mixed.npz") == 0
    assert warning.removeprefix("warning: ") in json.loads((folder / "report.json").read_text())["warnings"]


@pytest.mark.slow
def test_the_frameworks_own_output_is_compared(
    digits: Path, model: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("infer", digits / "digits_64-32-10.nir", "--convention", "snntorch", "--samples", 20)
    assert run(*common, "--data", digits / "digits_test.npz") == 0
    assert "framework's own spikes: equal, 5000 values, 0 differ" in capsys.readouterr().out
    assert run(*common, "--data", digits / "digits_test.npz", "--set", "reset=zero") == 0
    assert "of 5000 values differ, in " in capsys.readouterr().out
    out = potentials(model, samples, tmp_path)
    write_samples(tmp_path / "own.npz", 4, out=out)
    assert run("infer", model, *CONVENTION, "--data", tmp_path / "own.npz") == 0
    assert "framework's own potentials: equal within" in capsys.readouterr().out
    folder = tmp_path / "run"
    build = ("generate", model, *CONVENTION, "--board", "icebreaker", "-o", folder)
    assert run(*build, "--data", tmp_path / "own.npz") == 0
    assert "golden: framework's own potentials: equal within" in capsys.readouterr().err
    assert run(*build, "--data", samples) == 0
    assert "golden: framework's own potentials: not given" in capsys.readouterr().err


@pytest.mark.parametrize(("label", "said"), [(CLASSES, "label 4"), (1e300, "label 1e+300")])
def test_a_label_without_an_output_neuron_is_refused(
    label: float, said: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "labels.npz"
    np.savez(path, input=np.ones((STEPS, 2, INPUTS), np.uint8), label=np.array([0, label]))
    assert run("infer", model, *CONVENTION, "--data", path) == 2
    wanted = f"{said} has no output neuron; the network has 4, so labels are 0 to 3"
    assert wanted in capsys.readouterr().err


def write_two_groups(folder: Path, bias: float) -> Path:
    """Hidden neurons that some input could make fire, and these samples do not."""
    path = folder / "two.npz"
    np.savez(
        path,
        **{
            "input_shape": [INPUTS],
            "fc1.type": "Affine",
            "fc1.weight": np.tile([-9, -9, -9, 0.3, 0.3, 0.3], (3, 1)),
            "fc1.bias": np.zeros(3),
            "hidden.type": "LIF",
            "hidden.tau": 0.8,
            "fc2.type": "Affine",
            "fc2.weight": np.full((CLASSES, 3), 0.5),
            "fc2.bias": np.full(CLASSES, bias),
            "out.type": "LIF",
            "out.tau": 0.8,
        },
    )
    return path


@pytest.mark.parametrize(
    ("bias", "says"),
    [
        pytest.param(
            0.3,
            "group hidden never fires on these 60 samples, in the float network as little as in integers",
            marks=pytest.mark.slow,
        ),
        (0.0, "no neuron ever fires on these 60 samples, in the float network as little as in integers"),
    ],
)
def test_silence_in_float_is_a_warning(
    bias: float, says: str, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_two_groups(tmp_path, bias)
    assert run("infer", model, *CONVENTION, "--data", samples) == 0
    silent = (
        "warning: no output neuron ever fires on these 60 samples, so the answers mean"
        in capsys.readouterr().err
    )
    assert silent == (bias == 0)
    folder = tmp_path / "run"
    code = run("generate", model, *CONVENTION, "--data", samples, "--board", "icebreaker", "-o", folder)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert f"warning: {says}" in captured.err
    warnings = json.loads((folder / "report.json").read_text())["warnings"]
    assert any(line.startswith(says) for line in warnings)
