"""The same input and tools give the same bytes, wherever they lie: two runs of the user's command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.output_folders import differences
from tests.support.places import EXAMPLES, ROOT

MODEL, DATA = "digits_64-32-10.nir", "digits_test.npz"
COMMAND = ["build", MODEL, "--convention", "snntorch", "--data", DATA, "--samples", "20"]
COMMAND += ["--bits", "8", "--board", "icebreaker", "-q"]
BITSTREAM = "digits_64_32_10_icebreaker.bin"


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
