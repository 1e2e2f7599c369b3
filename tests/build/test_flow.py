"""The whole chain on the shipped network, for both boards: what the README promises."""

import json
from pathlib import Path

import pytest

from qsnn_hw.build import cli
from tests.support.real_report import check_figures

# What the first design was asked to reach on the iCEBreaker.
MOST_LOGIC_CELLS = 1500
LEAST_FMAX_MHZ = 18.0
MOST_DROP = 0.003


@pytest.mark.slow
@pytest.mark.parametrize(("board", "suffix"), [("icebreaker", ".bin"), ("ulx3s-85f", ".bit")])
def test_digits_to_a_verified_bitstream(board: str, suffix: str, digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["build", str(digits / "digits_64-32-10.nir"), "--convention", "snntorch"]
    arguments += ["--data", str(digits / "digits_test.npz"), "--bits", "8", "--board", board, "-o", str(out)]
    arguments += ["--calibrate", str(digits / "digits_calibration.npz")]
    assert cli.main(arguments) == 0

    report = json.loads((out / "report.json").read_text())
    assert report["accuracy"]["float"] >= 0.96
    assert report["accuracy"]["float"] - report["accuracy"]["quantized"] <= MOST_DROP
    checked = report["verification"]
    assert checked["samples"] == 450
    assert checked["mismatches"] == 0
    # Every potential of 42 neurons after each of 25 ticks, counted once though compared twice.
    assert checked["potentials_compared"] == 450 * 25 * 42
    fired = {name: round(450 * mean) for name, mean in report["spikes_per_sample"].items()}
    assert {"input": fired["input"], **checked["spikes_by_group"]} == fired
    assert report["timing"]["fmax_mhz"] >= report["timing"]["constraint_mhz"]
    latency = report["latency"]
    assert latency["us_per_sample_mean"] == pytest.approx(
        latency["cycles_per_sample_mean"] / report["timing"]["fmax_mhz"]
    )
    power = report["power_mw"]
    assert 0 < power["low"] < power["typical"] < power["high"]
    check_figures(report)
    bitstream = out / report["files"]["bitstream"]
    assert bitstream.suffix == suffix
    assert bitstream.stat().st_size > 50_000
    assert (out / report["files"]["verilog"]).is_file()
    page = (out / "report.html").read_text()
    assert "0 mismatches" in page or "no mismatch" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    if board == "icebreaker":
        assert report["resources"]["ICESTORM_LC"]["used"] <= MOST_LOGIC_CELLS
        assert report["timing"]["fmax_mhz"] >= LEAST_FMAX_MHZ

    # A second run of the same command has nothing to do, and says the same.
    assert cli.main(arguments) == 0
    again = json.loads((out / "report.json").read_text())
    assert {**again, "created": None} == {**report, "created": None}
