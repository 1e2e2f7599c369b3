"""The digits network for TinyTapeout: its accuracy, and from the command to a project whose test passes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import qsnn_hw
from qsnn_hw.build import cli
from tests.support.tinytapeout import problems

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "tiny_digits"
MODEL, TEST = FOLDER / "tiny_digits.nir", FOLDER / "tiny_digits_test.npz"
CALIBRATION = FOLDER / "tiny_digits_calibration.npz"


def test_its_accuracy_is_what_its_page_says() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    network = qsnn_hw.load(MODEL, convention="snntorch")
    found = network.quantize(bits=3, data=TEST, calibrate=CALIBRATION)
    assert found.accuracy is not None
    said = re.search(r"3-bit integers, calibrated \| ([\d.]+)%", page)
    assert said is not None
    assert f"{found.accuracy:.2%}" == f"{said[1]}%"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.skipif(shutil.which("make") is None, reason="no compiler and make on this machine")
def test_from_the_command_to_a_project_that_passes_its_test(tmp_path: Path) -> None:
    words = ["build", str(MODEL), "--convention", "snntorch", "--data", str(TEST), "--bits", "3"]
    words += ["--calibrate", str(CALIBRATION), "--target", "asic", "--synapses", "constants"]
    assert cli.main([*words, "--neurons", "shared", "-o", str(tmp_path)]) == 0
    project = tmp_path / "handover" / "tinytapeout"
    assert problems(project) == []
    # The simulator's own scripts lie beside this Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["make", "-B"],
        cwd=project / "test",
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TESTS=1 PASS=1 FAIL=0" in ran.stdout, ran.stdout[-2000:] + ran.stderr[-500:]
