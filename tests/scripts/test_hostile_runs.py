"""A small part of the hostile runs, and that their judge finds what it looks for."""

import subprocess
import sys
from pathlib import Path

import hostile_run
import numpy as np
import pytest
from hostile_run import Case, Step, Verdict, run_cases

from tests.support.places import ROOT


@pytest.mark.slow
def test_sixty_hostile_runs(tmp_path: Path) -> None:
    """``scripts/hostile`` makes a thousand; docs/robustness.md has the counts."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "hostile.py"), "--runs", "60", "-o", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 cases not right" in done.stdout


def test_the_same_seed_draws_the_same_cases(tmp_path: Path) -> None:
    from hostile_cases import Finished, draw

    # A finished folder must hold something to be damaged.
    np.savez(tmp_path / "01_network.npz", description='{"groups": [1, 2]}')
    drawn = [
        [(c.kind, c.name, dict(c.files)) for c in draw(200, seed, Finished(tmp_path))] for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


FAKE = """
import os, subprocess, sys, time
word = sys.argv[1]
if word == "good":
    print("error: what is wrong, where, what to do", file=sys.stderr)
    sys.exit(2)
if word == "traceback":
    raise ValueError("planted")
if word == "status":
    sys.exit(3)
if word == "two lines":
    print("error: one\\nerror: two", file=sys.stderr)
    sys.exit(2)
if word == "silent":
    sys.exit(2)
if word == "control":
    print("\\x1b[2J")
if word == "outside":
    open("outside.txt", "w").write("x")
if word == "changes":
    open("kept.txt", "a").write("x")
if word == "home":
    open(os.path.expanduser("~/x"), "w").write("x")
if word == "hangs":
    time.sleep(60)
if word == "child":
    subprocess.Popen(["sleep", "60"])
if word == "slow":
    while time.process_time() < 1:
        pass
    print("error: late", file=sys.stderr)
    sys.exit(2)
if word == "bug":
    print("error: this is a mistake in qsnn-hw, planted", file=sys.stderr)
    sys.exit(1)
if word == "half":
    os.makedirs("o", exist_ok=True)
    open("o/x.json", "w").write("{")
"""

PLANTED = {
    "traceback": "a traceback or Python's own warning",
    "status": "exit status 3, not 0 or 1 or 2",
    "two lines": "2 error lines",
    "silent": "0 error lines",
    "control": "control characters in the output",
    "outside": "writes outside its output: cwd/outside.txt appears",
    "changes": "writes outside its output: cwd/kept.txt changes",
    "home": "writes outside its output: home/x appears",
    "hangs": "still runs after 2 s",
    "child": "leaves processes behind",
    "slow": "refused only after 1 s of processor time",
    "bug": "nobody foresaw",
    "half": "leaves half of x.json",
}


def verdict(word: str, folder: Path) -> Verdict:
    """How the judge finds a command that does what ``word`` says."""
    from hostile_cases import no_halves

    step = Step([word], fresh=True, after=no_halves, env={"PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"})
    files = {"qsnn_hw/__init__.py": b"", "qsnn_hw/__main__.py": FAKE.encode(), "kept.txt": b"kept"}
    case = Case("planted", word, files, (step,))
    found: list[Verdict] = []
    run_cases([case], folder, 1, found.append)
    return found[0]


def test_what_is_right_has_no_fault(tmp_path: Path) -> None:
    found = verdict("good", tmp_path)
    assert found.faults == ()
    assert (found.runs, found.refused) == (1, 1)


@pytest.mark.parametrize("word", PLANTED)
def test_the_judge_finds_what_is_planted(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile_run, "LIMIT_S", 2.0 if word == "hangs" else 60.0)
    monkeypatch.setattr(hostile_run, "REFUSAL_S", 0.8)
    faults = verdict(word, tmp_path).faults
    assert PLANTED[word] in faults[0]
