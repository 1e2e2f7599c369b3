# amaranth: UnusedElaboratable=no
"""examples/soc: the shipped Verilog benches say PASS of 06_axi.v, and FAIL where anything differs."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qsnn_hw.build.cli import main
from qsnn_hw.support.errors import UserError
from tests.support.places import EXAMPLES

SOC, DIGITS = EXAMPLES / "soc", EXAMPLES / "digits"

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")


def vectors(out: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run examples/soc/vectors.py on the digits."""
    words = [sys.executable, SOC / "vectors.py", out, DIGITS / "digits_test.npz", folder, "--samples", "3"]
    return subprocess.run(words, capture_output=True, text=True)


def peripheral(out: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run examples/soc/peripheral.py."""
    return subprocess.run(
        [sys.executable, SOC / "peripheral.py", out, folder], capture_output=True, text=True
    )


def said(out: Path, folder: Path, bench: Path = SOC / "axi_bench.v", *more: Path) -> list[str]:
    """What a bench prints, of ``06_axi.v`` and ``more``."""
    compiled = ["iverilog", "-g2005", "-I", folder, "-o", folder / "bench", bench, *more, out / "06_axi.v"]
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
@pytest.mark.parametrize("options", [(), ("--lanes", "8,5", "--event-lanes", "4,2")], ids=("one", "several"))
def test_a_processor_beside_the_peripheral_gets_golden_s_answers(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    out, folder = tmp_path / "out", tmp_path / "vectors"
    generated(out, *options)
    assert vectors(out, folder).returncode == 0
    made = peripheral(out, folder)
    assert made.returncode == 0, made.stderr
    assert Path(made.stdout.strip()) == folder / "peripheral.v"
    bench, around = SOC / "bus_bench.v", folder / "peripheral.v"
    (last,) = said(out, folder, bench, around)
    assert last.startswith("PASS: 3 samples, 75 steps, ")
    # A processor that writes without room loses words, and is told.
    careless = tmp_path / "careless.v"
    careless.write_text(bench.read_text().replace("left > 0 & sent", "sent"))
    *_, last = said(out, folder, careless, around)
    assert last.startswith("FAIL: ")
    # A spike too many is wanted.
    counts = folder / "counts.hex"
    lines = counts.read_text().split()
    counts.write_text("\n".join([*lines[:-1], f"{int(lines[-1], 16) + 1:x}"]) + "\n")
    *_, where, last = said(out, folder, bench, around)
    assert where.startswith("step 74, output address 9: ")
    assert last == "FAIL: 1 differences, faults 00000000"


def test_words_wider_than_the_bus_are_refused() -> None:
    with pytest.raises(UserError, match="words of 40 bits do not fit a bus of 32"):
        runpy.run_path(str(SOC / "peripheral.py"))["Peripheral"]("network", 40, 8)


@pytest.mark.slow
def test_a_design_whose_weights_are_loaded_is_refused(tmp_path: Path) -> None:
    generated(tmp_path / "out", "--weights", "ram")
    for example in (vectors, peripheral):
        refused = example(tmp_path / "out", tmp_path / "vectors")
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: ")
        assert "build with --weights rom" in refused.stderr
        assert not (tmp_path / "vectors").exists()
