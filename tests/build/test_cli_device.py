"""``infer --device``: the same answers through PyTorch, and what is said where there is none."""

import sys
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build.cli import main
from tests.support.places import EXAMPLES

DIGITS = (
    *("infer", str(EXAMPLES / "digits" / "digits_64-32-10.nir"), "--convention", "snntorch"),
    *("--data", str(EXAMPLES / "digits" / "digits_test.npz"), "--samples", "40"),
)


def test_says_how_to_get_pytorch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([*DIGITS, "--bits", "8", "--device", "auto"]) == 2
    error = capsys.readouterr().err
    assert "error: --device needs PyTorch, which is not installed" in error
    assert "pip install -e '.[torch]'" in error


def test_floats_run_on_no_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*DIGITS, "--device", "cpu"]) == 2
    assert "error: --device runs integers: give their width with --bits" in capsys.readouterr().err


def test_answers_are_those_of_the_golden_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs torch, an extra")
    assert main([*DIGITS, "--bits", "4", "--out", str(tmp_path / "golden.npz")]) == 0
    golden = capsys.readouterr().out
    assert main([*DIGITS, "--bits", "4", "--device", "cpu", "--out", str(tmp_path / "cpu.npz")]) == 0
    told = capsys.readouterr()
    assert told.out == golden
    assert "samples/s with transfers; sums in float32" in told.err
    with np.load(tmp_path / "golden.npz") as one, np.load(tmp_path / "cpu.npz") as other:
        assert np.array_equal(one["out"], other["out"])


def test_a_device_that_differs_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="needs torch, an extra")
    from qsnn_hw.targets.gpu import engine

    right = engine.advance

    def one_too_many(group, constants, states, x, spikes):  # type: ignore[no-untyped-def]
        v = right(group, constants, states, x, spikes)
        v[0, 3] += 1
        return v

    monkeypatch.setattr(engine, "advance", one_too_many)
    assert main([*DIGITS, "--bits", "8", "--device", "cpu"]) == 1
    assert "potential of group '1' differs first in sample 0, step 0, neuron 3" in capsys.readouterr().err


def test_no_gpu_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch, an extra")
    if torch.cuda.is_available():
        assert main([*DIGITS, "--bits", "8", "--device", "cuda"]) == 0
        return
    assert main([*DIGITS, "--bits", "8", "--device", "cuda"]) == 2
    assert "--device cpu gives the same answers" in capsys.readouterr().err


def test_a_search_by_a_device_chooses_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs torch, an extra")
    calibrated = ("--calibrate", str(EXAMPLES / "digits" / "digits_calibration.npz"), "--max-drop", "1")
    told = []
    for device in ((), ("--device", "cpu")):
        out = tmp_path / f"{len(device)}.npz"
        assert main([*DIGITS, "--bits", "5", *calibrated, "--diagnose", *device, "--out", str(out)]) == 0
        with np.load(out) as written:
            told.append((capsys.readouterr().out, written["out"].tobytes()))
    assert told[0] == told[1]


def test_a_network_past_exact_sums_runs_in_the_golden_model_unless_a_device_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="needs torch, an extra")
    from qsnn_hw.targets.gpu import sums

    assert main([*DIGITS, "--bits", "8"]) == 0
    golden = capsys.readouterr().out
    monkeypatch.setattr(sums, "EXACT", dict.fromkeys(sums.EXACT, 100))
    assert main([*DIGITS, "--bits", "8", "--device", "cpu"]) == 2
    assert "error: input -> 1: a neuron's absolute weights sum to" in capsys.readouterr().err
    assert main([*DIGITS, "--bits", "8", "--device", "auto"]) == 0
    told = capsys.readouterr()
    assert told.out == golden
    assert "past exact arithmetic): the golden model does" in told.err


def test_without_triton_a_gpu_takes_pytorch_s_own_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs torch, an extra")
    from qsnn_hw.targets.gpu import device

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch, "ones", lambda *_, **__: torch.zeros(2))
    for found, told in ((None, "a GPU (no Triton: PyTorch's own operations)"), (object(), "a GPU")):
        monkeypatch.setattr(device, "find_spec", lambda _, found=found: found)
        assert device.find_device("auto") == (torch.device("cuda"), told)
        assert device.has_kernel() == (found is not None)
