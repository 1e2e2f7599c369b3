"""Networks and groups that never fire: never a good verdict, never refused for what is silent in float."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build import cli
from tests.support.readout_networks import CONVENTION

INPUTS, CLASSES, STEPS, SAMPLES = 4, 3, 6, 8


def run(*arguments: object) -> int:
    return cli.main([str(a) for a in arguments])


def write(folder: Path, **layers: Any) -> tuple[Path, Path]:
    """A model of two dense layers, with ``layers`` put over it, and samples without ``out``."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "fc1.type": "Affine",
        "fc1.weight": rng.normal(0.4, 0.3, (5, INPUTS)),
        "fc1.bias": np.zeros(5),
        "h.type": "LIF",
        "h.tau": 0.8,
        "h.v_threshold": 1.0,
        "fc2.type": "Affine",
        "fc2.weight": rng.normal(0.3, 0.3, (CLASSES, 5)),
        "fc2.bias": np.zeros(CLASSES),
        "out.type": "LIF",
        "out.tau": 0.8,
        "out.v_threshold": 1.0,
    }
    for key, value in layers.items():
        arrays[key.replace("_", ".", 1)] = value
    model, data = folder / "net.npz", folder / "samples.npz"
    np.savez(model, **{"input_shape": [INPUTS], **{k: v for k, v in arrays.items() if v is not None}})
    spikes = (rng.random((STEPS, SAMPLES, INPUTS)) < 0.5).astype(np.uint8)
    np.savez(data, input=spikes, label=np.arange(SAMPLES) % CLASSES)
    return model, data


def built(part: str, model: Path, data: Path, folder: Path, *more: object) -> int:
    common = (part, model, *CONVENTION, "--data", data, "--board", "icebreaker", "-o", folder, *more)
    return run(*common, "-q")


DEAD = {"out_v_threshold": 1e4, "h_v_threshold": 50.0}


@pytest.mark.slow
def test_a_dead_network_never_gets_a_good_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = write(tmp_path, **DEAD)
    assert run("infer", model, *CONVENTION, "--data", data, "--bits", 8) == 0
    assert "warning: no neuron ever fires on these 8 samples, so the answers mean" in capsys.readouterr().err
    folder = tmp_path / "run"
    assert built("simulate", model, data, folder) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].startswith(
        "  NOTHING OUT   no neuron ever fires on these 8 samples, in the float network"
    )
    assert "0 mismatches, which shows nothing where nothing comes out" in "\n".join(printed)
    page = (folder / "report.html").read_text()
    assert '<p class="verdict bad">' in page
    assert "Nothing comes out: no neuron ever fires" in page
    report = json.loads((folder / "report.json").read_text())
    assert report["dead"].startswith("no neuron ever fires on these 8 samples")
    # The command that shows it again says it again.
    assert run("report", "-o", folder) == 0
    assert "NOTHING OUT" in capsys.readouterr().out


@pytest.mark.slow
def test_the_framework_may_be_as_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = write(tmp_path, **DEAD)
    arrays = dict(np.load(data))
    np.savez(data, **arrays, out=np.zeros((STEPS, SAMPLES, CLASSES), np.uint8))
    assert built("simulate", model, data, tmp_path / "run") == 0
    assert "and the framework says the same: look at the data" in capsys.readouterr().out
    assert '<p class="verdict unknown">' in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_an_output_that_never_fires_gets_no_good_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = write(tmp_path, out_v_threshold=1e4)
    assert built("generate", model, data, tmp_path / "run") == 0
    told = capsys.readouterr().out
    assert "NOTHING OUT   no output neuron ever fires on these 8 samples" in told
    assert "a network that answers by its potentials: --readout membrane" in told
    # Read by its membrane, it is a readout like any other.
    assert built("generate", model, data, tmp_path / "other", "--readout", "membrane") == 0
    assert "NOTHING OUT" not in capsys.readouterr().out


def test_a_readout_behind_silent_neurons_is_dead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = write(tmp_path, out_type="LI", out_v_threshold=None, h_v_threshold=1e3)
    assert run("infer", model, *CONVENTION, "--data", data) == 0
    assert "every potential of the output stays 0 on these 8 samples" in capsys.readouterr().err
    assert built("generate", model, data, tmp_path / "run") == 0
    assert "NOTHING OUT   no neuron ever fires on these 8 samples" in capsys.readouterr().out


def silenced(folder: Path) -> tuple[Path, Path]:
    """Hidden neurons whose strong inhibition never comes; beside it 4 bits round the rest to nothing."""
    model, data = write(folder, fc1_weight=np.tile([-9.0, 0.45, 0.5, 0.4], (5, 1)))
    arrays = dict(np.load(data))
    arrays["input"][:, :, 0] = 0
    np.savez(data, **arrays)
    return model, data


def test_silence_after_rounding_names_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = silenced(tmp_path)
    common = (model, *CONVENTION, "--data", data, "--bits", 4)
    assert run("infer", *common) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "at 4 bits no input can make any neuron reach its threshold (the exact weights take one to" in told
    assert "use more --bits or another --clip" in told
    # The advice works as it is typed.
    assert run("infer", *common, "--bits", 8) == 0
    assert "never fires" not in capsys.readouterr().err


def test_a_group_that_only_these_samples_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Input 1 still fires in 4 bits and never comes; what comes is rounded to nothing."""
    model, data = silenced(tmp_path)
    arrays = dict(np.load(model))
    arrays["fc1.weight"][:, 1] = 9.0
    np.savez(model, **arrays)
    arrays = dict(np.load(data))
    arrays["input"][:, :, 1] = 0
    np.savez(data, **arrays)
    common = (model, *CONVENTION, "--data", data, "--bits", 4)
    assert run("generate", *common, "--board", "icebreaker", "-o", tmp_path / "run", "-q") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "group h never fires once quantized, on 8 samples, and fires " in told
    way = told.split("it fires with ")[1].split()
    capsys.readouterr()
    assert run("infer", *common) == 0
    assert "warning: group h never fires once quantized" in capsys.readouterr().err
    assert run("infer", *common, *way) == 0
    assert "never fires" not in capsys.readouterr().err
