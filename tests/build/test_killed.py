"""A build that SIGKILL ends at every point of every step, typed again: the bytes of one that ran through."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import killed_run
from tests.support.output_folders import differences
from tests.support.places import ROOT
from tests.support.small_model import write_data, write_model

MOST_RUNS = 60
"""Two for each step, and room."""


def build(command: list[str], out: Path, state: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The user's command; with ``state`` in a process that kills itself."""
    program = ["-m", "qsnn_hw"] if state is None else [str(killed_run.__file__), str(state)]
    return subprocess.run(
        [sys.executable, *program, *command, "-o", str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def killed_to_the_end(command: list[str], out: Path, state: Path) -> list[str]:
    """Type the command until it ends by itself; the points at which it was killed."""
    for _ in range(MOST_RUNS):
        ended = build(command, out, state)
        if ended.returncode != -signal.SIGKILL:
            assert ended.returncode == 0, ended.stderr
            return state.read_text(encoding="utf-8").splitlines()
    raise AssertionError(f"{MOST_RUNS} runs and no end: {state.read_text(encoding='utf-8')}")


@pytest.mark.slow
def test_killed_at_every_step_it_leaves_the_same_bytes(tmp_path: Path) -> None:
    """Every step that needs no board's tools, one after another in one folder."""
    model, data = write_model(tmp_path, gain=9.0), write_data(tmp_path / "d.npz")
    words = ["generate", str(model), "--convention", "snntorch", "--set", "dt=1", "--board", "icebreaker"]
    words += ["--data", str(data), "-q"]
    steps = {"read", "quantize", "golden", "diagnose", "plan", "elaborate", "verilog", "design"}
    through, killed = tmp_path / "through", tmp_path / "killed"
    usual = build(words, through)
    assert usual.returncode == 0, usual.stderr
    points = killed_to_the_end(words, killed, tmp_path / "state")
    assert steps <= {point.removesuffix(" ends") for point in points}
    assert any(point.endswith(" works") for point in points)
    assert differences(through, killed) == []
