"""A build that SIGKILL ends at every point of every step, typed again: the bytes of one that ran through."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support import killed_run
from tests.support.output_folders import differences
from tests.support.places import ROOT
from tests.support.small_model import write_data, write_model

MOST_RUNS = 60
"""Two for each step, and room."""


GENERATES = ("read", "quantize", "golden", "diagnose", "plan", "clock", "elaborate", "verilog", "design")
BEHIND = ("simulate", "verify", "synthesize", "route", "implement", "report")


def build(
    command: list[str], out: Path, state: Path | None = None, cache: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """The user's command; with ``state`` in a process that kills itself."""
    program = ["-m", "qsnn_hw"] if state is None else [str(killed_run.__file__), str(state)]
    return subprocess.run(
        [sys.executable, *program, *command, "-o", str(out)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **({} if cache is None else {"QSNN_CACHE_DIR": str(cache)}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def killed_to_the_end(command: list[str], out: Path, state: Path, cache: Path | None = None) -> list[str]:
    """Type the command until it ends by itself; the points at which it was killed."""
    for _ in range(MOST_RUNS):
        ended = build(command, out, state, cache)
        if ended.returncode != -signal.SIGKILL:
            assert ended.returncode == 0, ended.stderr
            return state.read_text(encoding="utf-8").splitlines()
    raise AssertionError(f"{MOST_RUNS} runs and no end: {state.read_text(encoding='utf-8')}")


def of_small_network(folder: Path, part: str) -> list[str]:
    """The command that does ``part`` for a network of 6-4-3 neurons on the iCEBreaker."""
    model, data = write_model(folder, gain=9.0), write_data(folder / "d.npz")
    words = [part, str(model), "--convention", "snntorch", "--set", "dt=1", "--board", "icebreaker"]
    return [*words, "--data", str(data), "-q"]


def points_of(steps: Iterable[str]) -> set[str]:
    return {f"{step} {point}" for step in steps for point in ("works", "ends")}


@pytest.mark.slow
def test_killed_at_every_step_it_leaves_the_same_bytes(tmp_path: Path) -> None:
    """Every step that needs no board's tools, one after another in one folder, and the report."""
    words = of_small_network(tmp_path, "generate")
    through, killed = tmp_path / "through", tmp_path / "killed"
    usual = build(words, through)
    assert usual.returncode == 0, usual.stderr
    points = killed_to_the_end(words, killed, tmp_path / "state")
    assert set(GENERATES) <= {point.removesuffix(" ends") for point in points}
    assert any(point.endswith(" works") for point in points)
    assert "report without its page" in points
    assert differences(through, killed) == []


@pytest.mark.slow
def test_killed_at_every_step_to_the_bitstream_it_leaves_the_same_bytes(tmp_path: Path) -> None:
    """The steps behind those of ``generate``: simulation, synthesis, place and route, pack; and the report.

    The bench is compiled in a cache of each folder's own, so that its compiler is killed, too.
    """
    words = of_small_network(tmp_path, "build")
    through, killed = tmp_path / "through", tmp_path / "killed"
    usual = build(words, through, cache=tmp_path / "cache_through")
    assert usual.returncode == 0, usual.stderr
    state = tmp_path / "state"
    # The test above has killed these.
    state.write_text("".join(f"{point}\n" for point in sorted(points_of(GENERATES))), encoding="utf-8")
    points = killed_to_the_end(words, killed, state, cache=tmp_path / "cache_killed")
    assert set(BEHIND) <= {point.removesuffix(" ends") for point in points}
    assert {"simulate works", "synthesize works", "route works", "report without its page"} <= set(points)
    assert (killed / "m_icebreaker.bin").stat().st_size > 1000
    assert differences(through, killed) == []
