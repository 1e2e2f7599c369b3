"""Encoder and readout from the command line: pixels in, classes out, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.build.effective import effective_options
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.plan.hardware_plan import HardwarePlan
from tests.support.places import EXAMPLES


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    path = tmp_path / "pixels.npz"
    chance = np.random.default_rng(0)
    np.savez(path, pixels=chance.integers(0, 256, (6, 8, 8)).astype(np.uint8), label=np.arange(6))
    return path


def generate(digits: Path, out: Path, *more: object) -> int:
    arguments = ["generate", digits / "digits_64-32-10.nir", "--convention", "snntorch", "--quiet"]
    return cli.main([str(a) for a in (*arguments, "--board", "icebreaker", "-o", out, *more)])


@pytest.mark.slow
def test_generate_with_encoder_and_readout(digits: Path, pixels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wanted = ("--data", pixels, "--encoder", "latency", "--steps", 5, "--encoder-floor", 9)
    assert generate(digits, out, *wanted, "--readout", "first", "--weights", "ram") == 0
    plan = HardwarePlan.load(out / "04_plan.npz")
    assert plan.encoder is not None
    assert (plan.encoder.kind, plan.encoder.steps, plan.encoder.floor) == ("latency", 5, 9)
    assert plan.readout is not None
    assert plan.readout.kind == "first"
    for name in ("06_design.v", "06_network.v", "06_axi.v", "06_classifier.v"):
        assert "endmodule" in (out / name).read_text()
    assert (out / "06_weights.bin").read_bytes() == plan.weight_bytes()
    # Going on without them: options stay until they are taken back.
    assert BuildOptions.load(out / "options.json").encoder == "latency"
    assert cli.main(["generate", "-o", str(out), "-q", "--readout", "none"]) == 0
    plan = HardwarePlan.load(out / "04_plan.npz")
    assert plan.encoder is not None
    assert plan.readout is None


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        (("none",), (None, None, 1, 2)),
        (("rate",), ("rate", 5, 1, 1)),
        (("latency",), ("latency", 5, 9, 1)),
        (("none", "--steps", "7"), (None, 7, 1, 2)),
    ],
)
def test_what_belonged_to_an_earlier_encoder_goes_with_it(
    tmp_path: Path, typed: tuple[str, ...], left: tuple[object, ...]
) -> None:
    """Otherwise ``--encoder none`` would be refused for the sake of steps that nobody typed."""
    (tmp_path / "a.nir").touch()
    chosen: dict[str, Any] = {"encoder": "latency", "steps": 5, "encoder_floor": 9, "encoder_buffers": 1}
    earlier = BuildOptions(str(tmp_path / "a.nir"), "snntorch", board="icebreaker", **chosen)
    earlier.save(tmp_path / "options.json")
    given = cli.make_parser().parse_args(["generate", "-o", str(tmp_path), "--encoder", *typed])
    found = effective_options(given, tmp_path)
    assert (found.encoder, found.steps, found.encoder_floor, found.encoder_buffers) == left


@pytest.mark.parametrize(
    ("typed", "left"),
    [((), 20), (("--samples", "7"), 7), (("--samples", "all"), None)],
)
def test_all_samples_take_the_place_of_an_earlier_number(
    tmp_path: Path, typed: tuple[str, ...], left: int | None
) -> None:
    digits = EXAMPLES / "digits"
    model, data = str(digits / "digits_64-32-10.nir"), str(digits / "digits_test.npz")
    BuildOptions(model, "snntorch", board="icebreaker", data=data, samples=20).save(tmp_path / "options.json")
    given = cli.make_parser().parse_args(["verify", "-o", str(tmp_path), *typed])
    assert effective_options(given, tmp_path).samples == left


def test_samples_are_a_number_or_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(["verify", "-o", str(tmp_path), "--samples", "most"])
    assert "argument --samples: wants a whole number or all, not 'most'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        (("--optimize", "latency"), ("latency", None, 3000)),
        (("--optimize", "area", "--cycle-budget", "800"), ("area", 800, 3000)),
        (("--cycle-budget", "800"), ("energy", 800, 3000)),
        (("--lut-budget", "2000"), ("energy", 900, 2000)),
    ],
)
def test_a_target_takes_the_place_of_an_earlier_budget_of_cycles(
    tmp_path: Path, typed: tuple[str, ...], left: tuple[object, ...]
) -> None:
    """With both, the budget alone would decide."""
    (tmp_path / "a.nir").touch()
    model = str(tmp_path / "a.nir")
    earlier = BuildOptions(
        model, "snntorch", board="icebreaker", optimize="energy", cycle_budget=900, lut_budget=3000
    )
    earlier.save(tmp_path / "options.json")
    given = cli.make_parser().parse_args(["generate", "-o", str(tmp_path), *typed])
    found = effective_options(given, tmp_path)
    assert (found.optimize, found.cycle_budget, found.lut_budget) == left


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--encoder", "rate"), "--encoder rate needs the time steps of a sample: give --steps N"),
        (("--steps", "5"), "--steps belongs to --encoder: without one the host decides"),
        (("--encoder-floor", "5"), "--encoder-floor belongs to --encoder latency, not to none"),
        (
            ("--encoder", "rate", "--steps", "5", "--encoder-floor", "5"),
            "--encoder-floor belongs to --encoder latency, not to rate",
        ),
        (
            ("--encoder", "latency", "--steps", "300"),
            "--steps must be from 1 to 256 with encoder latency, not 300",
        ),
        (
            ("--encoder", "latency", "--steps", "5", "--encoder-floor", "300"),
            "--encoder-floor must be from 1 to 255, not 300",
        ),
        (("--encoder-shift", "5"), "--encoder-shift belongs to --encoder direct, not to none"),
        (
            ("--encoder", "direct", "--steps", "5", "--encoder-shift", "8"),
            "--encoder-shift must be from 0 to 7, not 8",
        ),
        (
            ("--encoder", "latency", "--steps", "5", "--encoder-seed", "2"),
            "--encoder-seed belongs to --encoder rate, not to latency",
        ),
        (
            ("--encoder", "rate", "--steps", "5", "--encoder-seed", "0"),
            "--encoder-seed must be from 1 to 4294967295, not 0",
        ),
        (
            ("--encoder-buffers", "1"),
            "--encoder-buffers belongs to --encoder: without one no pixels are kept",
        ),
        (
            ("--encoder", "rate", "--steps", "5", "--encoder-buffers", "3"),
            "--encoder-buffers must be 1 or 2, not 3",
        ),
        (("--readout", "count"), "--readout count sizes its counters by a sample's steps: give --data FILE"),
    ],
)
def test_refused(
    options: tuple[str, ...], text: str, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(digits, tmp_path / "out", *options) == 2
    assert capsys.readouterr().err.strip() == f"error: {text}"


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"input": np.zeros((2, 3, 64), np.uint8)}, "has no pixels; it holds input"),
        ({"pixels": np.zeros((3, 64))}, "pixels must be uint8 from 0 to 255, not float64"),
        (
            {"pixels": np.zeros((3, 63), np.uint8)},
            "pixels has shape (3, 63), not (sample, ...) with 64 a sample",
        ),
        ({"pixels": np.zeros((3, 64), np.uint8), "label": np.zeros(2)}, "2 labels for 3 samples"),
    ],
)
def test_pixels_refused(
    arrays: dict, text: str, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pixels.npz"
    np.savez(path, **arrays)
    wanted = ("--data", path, "--encoder", "latency", "--steps", 5)
    assert generate(digits, tmp_path / "out", *wanted) == 2
    assert text in capsys.readouterr().err
