"""A skip without a listed reason fails the run that CI makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.known_skips import DATA, KNOWN, unexpected

ROOT = Path(__file__).resolve().parent.parent
REASON = "no model data in {}; set QSNN_DATA to the folder that holds it"


def test_known_reasons_pass_up_to_their_number() -> None:
    reasons = [REASON.format(number) for number in range(KNOWN[DATA])]
    assert unexpected(reasons) == []
    (line,) = unexpected([*reasons, REASON.format("more")])
    assert line.startswith(f"{KNOWN[DATA] + 1} tests skipped, where {KNOWN[DATA]} may")


@pytest.mark.parametrize("reason", ["", "flaky today", "unconditional skip", "Skipped"])
def test_other_reasons_do_not(reason: str) -> None:
    assert unexpected([reason]) == [f"skipped for a reason that tests/known_skips.py does not list: {reason}"]


@pytest.mark.parametrize(
    ("place", "workers", "reason", "status"),
    [
        ("test", [], "flaky today", 1),
        ("module", ["-n", "2"], "flaky today", 1),
        ("test", ["-n", "2"], REASON.format("here"), 0),
    ],
)
def test_a_run_fails_by_an_unknown_skip(
    tmp_path: Path, place: str, workers: list[str], reason: str, status: int
) -> None:
    """A project of its own with this project's conftest."""
    skip = f"pytest.skip({reason!r}, allow_module_level=True)"
    lines = {
        "test": f"import pytest\ndef test_it():\n    {skip}\n",
        "module": f"import pytest\n{skip}\n",
    }
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_skipping.py").write_text(lines[place])
    (tmp_path / "test_passing.py").write_text("def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(tmp_path), "-ra"]
    made = subprocess.run(
        [*command, "--known-skips", *workers, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == status, made.stdout
    assert ("does not list: flaky today" in made.stdout) == bool(status)
    assert made.stdout.count("skipped for a reason") == status
