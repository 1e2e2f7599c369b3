"""examples/soc: the shipped Verilog bench says PASS of 06_axi.v, and FAIL where anything differs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qsnn_hw.build.cli import main
from tests.support.places import EXAMPLES

SOC, DIGITS = EXAMPLES / "soc", EXAMPLES / "digits"

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")


def vectors(out: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run examples/soc/vectors.py on the digits."""
    words = [sys.executable, SOC / "vectors.py", out, DIGITS / "digits_test.npz", folder, "--samples", "3"]
    return subprocess.run(words, capture_output=True, text=True)


def said(out: Path, folder: Path) -> list[str]:
    """What the bench prints."""
    compiled = [
        *("iverilog", "-g2005", "-I", folder, "-o", folder / "bench"),
        *(SOC / "axi_bench.v", out / "06_axi.v"),
    ]
    subprocess.run(compiled, check=True, cwd=folder)
    ran = subprocess.run(["vvp", "bench"], check=True, cwd=folder, capture_output=True, text=True)
    return [line for line in ran.stdout.splitlines() if "$finish" not in line]


def generated(out: Path, *options: str) -> None:
    words = ["generate", str(DIGITS / "digits_64-32-10.nir"), "--convention", "snntorch"]
    words += ["--data", str(DIGITS / "digits_test.npz"), "--samples", "3", "--target", "verilog"]
    assert main([*words, "-o", str(out), *options]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [(), ("--lanes", "8,5", "--update-lanes", "4,4", "--event-lanes", "4,2")],
    ids=("one", "several"),
)
def test_the_bench_passes_and_finds_a_difference(tmp_path: Path, options: tuple[str, ...]) -> None:
    out, folder = tmp_path / "out", tmp_path / "vectors"
    generated(out, *options)
    assert vectors(out, folder).returncode == 0
    (last,) = said(out, folder)
    assert last.startswith("PASS: 3 samples, 75 steps, ")
    counts, words = folder / "counts.hex", folder / "words_in.hex"
    right, sent = counts.read_text(), words.read_text()
    assert last.endswith(f" {sum(int(n, 16) for n in right.split())} spikes equal")
    # A spike too many is wanted, in the last step.
    lines = right.split()
    counts.write_text("\n".join([*lines[:-1], f"{int(lines[-1], 16) + 1:x}"]) + "\n")
    *_, where, last = said(out, folder)
    assert where.startswith("step 74, output address 9: ")
    assert last == "FAIL: 1 differences, 0 bad words"
    # An event of the input is left out: what comes is not golden's, or at least not the words that were sent.
    counts.write_text(right)
    first = sent.split()
    kept = [word for k, word in enumerate(first) if k >= 40]
    words.write_text("\n".join([*first[40:], *kept[:40]]) + "\n")
    assert said(out, folder)[-1].startswith("FAIL: ")


@pytest.mark.slow
def test_a_design_whose_weights_are_loaded_is_refused(tmp_path: Path) -> None:
    generated(tmp_path / "out", "--weights", "ram")
    refused = vectors(tmp_path / "out", tmp_path / "vectors")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert "build with --weights rom" in refused.stderr
    assert not (tmp_path / "vectors").exists()
