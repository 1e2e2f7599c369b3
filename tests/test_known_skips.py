"""A skip without a listed reason fails the run that CI makes."""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.known_skips import DATA, KNOWN, is_true, unexpected
from tests.support.places import ROOT

REASON = "no model data in {}; set QSNN_DATA to the folder that holds it"


def test_known_reasons_pass_up_to_their_number() -> None:
    reasons = [REASON.format(number) for number in range(KNOWN[DATA])]
    assert unexpected(reasons, _always) == []
    (line,) = unexpected([*reasons, REASON.format("more")], _always)
    assert line.startswith(f"{KNOWN[DATA] + 1} tests skipped, where {KNOWN[DATA]} may")


def _always(reason: str) -> bool:
    return True


@pytest.mark.parametrize(
    "reason",
    [
        "{} is not installed here (No module named '{}.nn')",
        "needs the extra that brings {}",
        "reading live {} modules needs {}, and importing {} failed (x); install it with: pip install {}",
    ],
)
def test_a_package_that_is_there_is_no_reason(reason: str) -> None:
    """A framework that installed and does not import must not look like one that did not install."""
    assert is_true(reason.replace("{}", "no_such_package"))
    assert not is_true(reason.replace("{}", "numpy"))


def test_a_reason_that_is_not_true_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for reason in ("fine-tuning needs torch, an extra", "training needs PyTorch"):
        assert is_true(reason) == (find_spec("torch") is None)
    monkeypatch.setenv("QSNN_DATA", str(tmp_path))
    reason = "no a.nir; set QSNN_DATA to the folder that holds it"
    assert unexpected([reason]) == []
    (tmp_path / "README.md").write_text("")
    assert unexpected([reason]) == [f"skipped for a reason that is not true here: {reason}"]


@pytest.mark.parametrize("reason", ["", "flaky today", "unconditional skip", "Skipped"])
def test_other_reasons_do_not(reason: str) -> None:
    assert unexpected([reason]) == [
        f"skipped for a reason that tests/support/known_skips.py does not list: {reason}"
    ]


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
        env={**os.environ, "QSNN_DATA": str(tmp_path)},
    )
    assert made.returncode == status, made.stdout
    assert ("does not list: flaky today" in made.stdout) == bool(status)
    assert made.stdout.count("skipped for a reason") == status


NEVER = {
    # Where CI runs there is Linux, and scikit-learn comes with the extra dev.
    "reads the process table of Linux",
    "this system opens what a link names",
    "signals of POSIX",
    "this system has no /dev/full",
    "there is no build/cli.py yet",
    "scikit-learn holds the original images",
    "scikit-learn makes the split",
    "training needs scikit-learn",
    "needs scikit-learn",
    "the script asks for it before it makes the folder",
}


def reasons(path: Path) -> list[str]:
    """What a test file gives as reasons, as far as they stand there as text; x for what is filled in."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in SKIPS:
            continue
        given = [k.value for k in node.keywords if k.arg == "reason"]
        if ast.unparse(node.func) == "pytest.skip":
            given += node.args[:1]
        for text in given:
            if isinstance(text, ast.Constant):
                found.append(str(text.value))
            elif isinstance(text, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "x" for part in text.values)
                found.append("".join(str(part) for part in parts))
    return found


SKIPS = ("pytest.skip", "pytest.importorskip", "pytest.mark.skipif", "pytest.mark.skip")


def test_every_reason_in_the_tests_is_listed() -> None:
    """Whoever adds a skip lists it: otherwise CI would be the first to say so."""
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        given = [reason for reason in reasons(path) if reason not in NEVER]
        # A framework's name is filled in; any of them will do.
        named = (reason.replace("x is not installed", "norse is not installed") for reason in given)
        lines = unexpected(named, _always)
        assert path.name == "test_known_skips.py" or not lines, f"{path.name}: {lines}"
