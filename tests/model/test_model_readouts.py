"""Networks that end in a readout: their potentials against a loop of their own, by the user's commands."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from tests.support.readout_networks import CONVENTION, KINDS, readout_network


def run(*arguments: object) -> int:
    return cli.main([str(a) for a in arguments])


def check(model: Path, data: Path, *more: object) -> int:
    return run("check", model, *CONVENTION, "--data", data, *more)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_check_compares_potentials(
    kind: str, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = readout_network(kind, seed)
    model = made.write(tmp_path / "net.npz")
    assert check(model, made.samples(tmp_path / "samples.npz", seed)) == 0
    told = capsys.readouterr().out
    assert "0 differ by more than 0.0001 of the largest" in told
    assert "potentials: greatest difference " in told


def test_check_finds_the_convention_of_potentials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = readout_network("LI")
    model, data = made.write(tmp_path / "net.npz"), made.samples(tmp_path / "samples.npz")
    given = [text.replace("reset=subtract", "reset=zero") for text in CONVENTION]
    assert run("check", model, *given, "--data", data) == 1
    told = capsys.readouterr().out
    assert "different: " in told
    assert re.search(r"^try --convention nir --set .*--set reset=subtract.*: 0 differ", told, re.MULTILINE)


@pytest.mark.parametrize(("part", "code"), [(1e-6, 0), (1e-3, 1)])
def test_the_tolerance_is_a_part_of_the_largest_potential(
    part: float, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = readout_network("LI")
    data = made.samples(tmp_path / "samples.npz")
    out = np.load(data)["out"]
    largest = float(np.abs(out).max())
    out[7, 3, 1] += part * largest
    assert check(made.write(tmp_path / "net.npz"), made.samples(data, out=out), "--search", 0) == code
    told = capsys.readouterr().out
    if code:
        assert "different: 1 of 960 output values by more than 0.0001 of the largest, in 1 of 12" in told
        assert f"potentials: greatest difference {part * largest:.3g} of a largest potential" in told
        assert "first: time step 7, sample 3, neuron 1" in told


@pytest.mark.parametrize("sign", [1, -1])
def test_potentials_that_are_whole_numbers_are_no_spikes(
    sign: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Integer weights into an integrator: potentials of any sign and beyond 255, whatever their type."""
    made = readout_network("I")
    made.layers["fc2.weight"] = sign * np.full((4, 7), 40)
    made.layers["fc2.bias"] = np.zeros(4)
    summed = readout_network("I").layers["fc1.weight"]
    spikes = (np.random.default_rng(1).random((20, 3, 6)) < 0.5).astype(np.uint8)
    v, fired = np.zeros((3, 7)), []
    for step in spikes:
        v = 0.8 * v + step @ summed.T
        fired.append(v > 1)
        v = v - (v > 1)
    out = sign * 40 * np.cumsum(np.sum(fired, axis=2), axis=0)[:, :, None].repeat(4, axis=2)
    assert np.abs(out).max() > 255
    path = tmp_path / "samples.npz"
    for kind in (np.int64, np.int32, np.float32):
        np.savez(path, input=spikes, label=np.zeros(3, int), out=out.astype(kind))
        model = made.write(tmp_path / "net.npz")
        assert check(model, path) == 0
        assert run("infer", model, *CONVENTION, "--data", path) == 0
        assert "framework's own potentials: equal within 0.0001" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "1 values that are NaN or infinite, not potentials"), (1j, "complex")]
)
def test_what_is_no_potential(
    value: complex, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = readout_network("LI")
    data = made.samples(tmp_path / "samples.npz")
    out = np.load(data)["out"].astype(np.result_type(value, np.float32))
    out[3, 2, 1] = value
    assert check(made.write(tmp_path / "net.npz"), made.samples(data, out=out)) == 2
    assert said in capsys.readouterr().err


def test_potentials_of_a_group_that_fires(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A threshold that nothing reaches makes a readout, too, and the data hold its membrane."""
    made = readout_network("LI")
    data = made.samples(tmp_path / "samples.npz")
    made.layers.update({"out.type": "LIF", "out.v_threshold": 1e4})
    model = made.write(tmp_path / "net.npz")
    assert check(model, data) == 0
    assert "0 differ by more than 0.0001 of the largest" in capsys.readouterr().out
    assert run("infer", model, *CONVENTION, "--data", data, "--readout", "membrane") == 0
    told = capsys.readouterr().out
    assert "framework's own potentials: equal within 0.0001" in told
    assert "accuracy 100.00 %" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (kind, more)
        for kind in KINDS
        for more in ((), ("--readout", "none"))
        if not (kind == "convolution" and more)
    ],
)
def test_hardware_equals_golden_potential_for_potential(
    kind: str, more: tuple[str, ...], tmp_path: Path
) -> None:
    made = readout_network(kind)
    model, data = made.write(tmp_path / "net.npz"), made.samples(tmp_path / "samples.npz")
    arguments = ("simulate", model, *CONVENTION, "--data", data, "--samples", 3, "--board", "ulx3s-85f")
    assert run(*arguments, *more, "-o", tmp_path / "run", "-q") == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    found = report["verification"]
    # A grid is no list of classes: nobody answers for it.
    answers = None if more or kind == "convolution" else 3
    assert (found["mismatches"], found["answers"]) == (0, answers)
    neurons = sum(layer["neurons"] for layer in report["network"]["layers"])
    assert found["potentials_compared"] == 3 * 20 * neurons
    assert found["framework"]["differ"] == 0
    assert '<p class="verdict good">' in (tmp_path / "run" / "report.html").read_text()


def test_a_bitstream_that_would_say_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = readout_network("LI")
    model, data = made.write(tmp_path / "net.npz"), made.samples(tmp_path / "samples.npz")
    arguments = ("synth", model, *CONVENTION, "--data", data, "--board", "icebreaker", "--readout", "none")
    assert run(*arguments, "-o", tmp_path / "run", "-q") == 2
    said = capsys.readouterr().err
    assert "never spikes and no readout answers by its potentials" in said
    assert "--readout membrane answers" in said
    assert not (tmp_path / "run" / "08_synthesis").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "more", [("--bits", 8), ("--bits", 8, "--diagnose"), ("--bits", 6, "--max-drop", 50)]
)
def test_integers_come_close_to_the_loop(
    kind: str, more: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By every way to integers; potentials of 8 bits are within a few parts in a hundred of the loop's."""
    made = readout_network(kind, 1)
    model, data = made.write(tmp_path / "net.npz"), made.samples(tmp_path / "samples.npz", 3)
    if "--max-drop" in more:
        more = (*more, "--calibrate", made.samples(tmp_path / "calibration.npz", 4))
    out = tmp_path / "out.npz"
    assert run("infer", model, *CONVENTION, "--data", data, "--out", out, *more) == 0
    assert "by highest potential after the last step (--readout membrane)" in capsys.readouterr().out
    if more[1] == 8:
        wanted = np.load(data)["out"]
        error = np.abs(np.load(out)["out"] - wanted)
        # A hidden spike that rounding moves counts for more than rounding itself; the median sees none.
        assert np.median(error) < 0.02 * np.abs(wanted).max()
