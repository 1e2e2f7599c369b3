"""The same input and tools give the same bytes, wherever they lie: two runs of the user's command."""

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.places import EXAMPLES, ROOT

MODEL, DATA = "digits_64-32-10.nir", "digits_test.npz"
COMMAND = ["build", MODEL, "--convention", "snntorch", "--data", DATA, "--samples", "20"]
COMMAND += ["--bits", "8", "--board", "icebreaker", "-q"]
BITSTREAM = "digits_64_32_10_icebreaker.bin"

OWN = {
    "options.json": "the full paths of model and data",
    "steps.json": "the digests of 07_simulation.json and 07_verification.json",
    "06_verilog.ys": "names of temporary files",
    "06_design.ys": "names of temporary files",
    "*.log": "names of temporary files, and how long a tool took",
    "07_verification/run*/job.json": "full paths in the folder",
    "07_verification/run*/bench.job": "full paths in the folder",
}
"""Patterns of files that may differ, and what of the run itself stands in them."""

TIMES = {
    "07_simulation.json": rb'"seconds": [\d.]+',
    "07_verification.json": rb'"seconds": [\d.]+',
    "report.json": rb'"created": "[\d:T+-]+"',
    "report.html": rb"Made by qsnn-hw, [\d:T+-]+\.",
}
"""File -> the only part of it that may differ."""


def differences(one: Path, other: Path) -> list[str]:
    """The files in which two output folders differ, but for ``OWN`` and ``TIMES``."""
    names = {str(p.relative_to(side)) for side in (one, other) for p in side.rglob("*") if p.is_file()}
    compared = (n for n in sorted(names) if not any(fnmatch(n, pattern) for pattern in OWN))
    return [name for name in compared if _content(one, name) != _content(other, name)]


def _content(folder: Path, name: str) -> bytes | None:
    if not (folder / name).is_file():
        return None
    content = (folder / name).read_bytes()
    if name not in TIMES:
        return content
    less, count = re.subn(TIMES[name], b"", content)
    assert count == 1, f"{name}: {count} times instead of one"
    return less


def start(place: Path, out: Path, variables: dict[str, str]) -> "subprocess.Popen[str]":
    """The build in a process of its own, in ``place``, which receives copies of model and data."""
    place.mkdir(parents=True)
    for name in (MODEL, DATA):
        shutil.copy(EXAMPLES / "digits" / name, place)
    return subprocess.Popen(
        [sys.executable, "-m", "qsnn_hw", *COMMAND, "-o", os.path.relpath(out, place)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_paths_give_the_same_bytes(tmp_path: Path) -> None:
    """From model file to bitstream; neither the order of hashing nor the time zone takes part either."""
    outs = (tmp_path / "a" / "out", tmp_path / "b" / "result" / "of" / "it")
    running = [
        start(tmp_path / "a", outs[0], {"PYTHONHASHSEED": "1", "TZ": "UTC"}),
        start(tmp_path / "b" / "longer" / "path", outs[1], {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo"}),
    ]
    ended = [(process.communicate()[0], process.returncode) for process in running]
    assert [status for _, status in ended] == [0, 0], ended
    for name in (BITSTREAM, "04_plan.npz", "06_design.v", "08_synthesis/netlist.json", "report.json"):
        assert (outs[0] / name).stat().st_size > 1000
    assert differences(*outs) == []


def test_what_counts_as_a_difference(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, minute in ((one, 1), (other, 2)):
        (folder / "07_verification").mkdir(parents=True)
        (folder / "report.json").write_text(f'{{"created": "2026-01-01T00:0{minute}:00+00:00", "v": 1}}')
        (folder / "synth.log").write_text(str(minute))
        (folder / "x.bin").write_bytes(b"\0\1")
    assert differences(one, other) == []
    (other / "x.bin").write_bytes(b"\0\2")
    (other / "07_verification" / "case.npy").touch()
    (other / "report.json").write_text('{"created": "2026-01-01T00:02:00+00:00", "v": 2}')
    assert differences(one, other) == ["07_verification/case.npy", "report.json", "x.bin"]
