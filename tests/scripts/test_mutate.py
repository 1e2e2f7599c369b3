"""scripts/mutate: every fault can still be planted, and what its exit status says."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mutate
import mutations
import pytest

from qsnn_hw.support.errors import ToolError, UserError
from tests.support.places import ROOT

FAULTS = mutations.faults()

# A tree of its own: the function under fault, and tests of it.
_SOURCE = "def twice(x):\n    return 2 * x\n\n\ndef same(x):\n    return x + 0\n"
_TESTS = {
    "test_weak.py": "from qsnn_hw import double\n\n\ndef test_a_number():\n    assert double.twice(2) == 4\n",
    "test_strong.py": "from qsnn_hw import double\n\n\ndef test_more():\n    assert double.twice(3) == 6\n",
    "test_empty.py": "",
    "test_broken.py": "def test_wrong():\n    assert 0\n",
    "test_slow.py": "import time\nfrom qsnn_hw import double\n\n\ndef test_waits():\n"
    "    time.sleep(0 if double.twice(3) == 6 else 99)\n",
}
_ENTRY = (
    '[[fault]]\nname = "{}"\nfile = "qsnn_hw/double.py"\nold = "{}"\nnew = "{}"\nsays = "it"\ntests = {}\n'
)


def test_every_fault_is_found_once_and_its_tests_exist() -> None:
    for fault in FAULTS:
        text = (ROOT / fault.file).read_text(encoding="utf-8")
        assert mutations.planted(fault, text) != text
        for test in fault.tests:
            path, _, name = test.partition("::")
            assert (ROOT / path).exists(), f"{fault.name}: {test}"
            function = name.partition("[")[0]
            assert not name or f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), test


def test_there_are_faults_of_every_part() -> None:
    parts = {"/".join(fault.file.split("/")[1:3]) for fault in FAULTS}
    assert {"rtl/group", "rtl/stream", "rtl/io", "build/steps"} <= parts
    assert {"plan", "golden", "host"} <= {fault.file.split("/")[1] for fault in FAULTS}
    assert len(FAULTS) >= 60


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small tree in place of this one, without git."""
    source = tmp_path / "checkout"
    (source / "qsnn_hw").mkdir(parents=True)
    (source / "qsnn_hw" / "__init__.py").write_text("")
    (source / "qsnn_hw" / "double.py").write_text(_SOURCE)
    for name, text in _TESTS.items():
        (source / name).write_text(text)

    def copied(into: Path) -> None:
        for path in source.rglob("*.py"):
            (into / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (into / path.relative_to(source)).write_text(path.read_text())

    for module in (mutate, mutations):
        monkeypatch.setattr(module, "ROOT", source)
    monkeypatch.setattr(mutate, "copy_tree", copied)
    # These tests draw nothing, and the plugin of those that do takes seconds to start.
    monkeypatch.setattr(mutate, "SAME_DRAWS", ())
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(mutations, "TABLE", source / "mutations.toml")
    monkeypatch.setattr(mutate, "PAGE_RESULTS", source / "mutations.json")
    return source


@pytest.fixture
def quick(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, its tests run in this process; what pytest itself says is seen by the tests above."""

    def run_tests(copy: Path, tests: Sequence[str], limit: float, *options: str) -> tuple[int | None, str]:
        said, status = [], 0
        for test in tests:
            double: dict[str, Any] = {}
            exec((copy / "qsnn_hw" / "double.py").read_text(), double)
            text = (copy / test).read_text().replace("from qsnn_hw import double", "")
            names = SimpleNamespace(**double)
            scope: dict[str, Any] = {"double": names}
            exec(text, scope)
            for name in [name for name in scope if name.startswith("test_")]:
                try:
                    scope[name]()
                    said.append(f"PASSED {test}::{name}")
                except AssertionError:
                    said.append(f"FAILED {test}::{name} - AssertionError")
                    status = 1
        return status, "\n".join(said)

    monkeypatch.setattr(mutate, "run_tests", run_tests)
    return tree


def plant(tree: Path, *entries: tuple[str, str, str, list[str]], equivalent: str = "") -> None:
    text = "\n".join(_ENTRY.format(name, old, new, json.dumps(tests)) for name, old, new, tests in entries)
    (tree / "mutations.toml").write_text(text + (f'equivalent = "{equivalent}"\n' if equivalent else ""))


def run(tree: Path, *words: str) -> int:
    return mutate.main(["--results", str(tree / "results.json"), *words])


def test_a_fault_is_killed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tree, ("square", "2 * x", "x * x", ["test_weak.py", "test_strong.py"]))
    assert run(tree) == 0
    heard = capsys.readouterr()
    assert "| square | qsnn_hw/double.py | it | test_strong.py::test_more | " in heard.out
    assert "[1/1] square: killed by test_strong.py::test_more" in heard.err
    assert (tree / "qsnn_hw" / "double.py").read_text() == _SOURCE


def test_a_survivor_is_an_error_and_results_are_kept(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The weaker test sees nothing of a square, the stronger one does."""
    plant(quick, ("square", "2 * x", "x * x", ["test_weak.py"]))
    assert run(quick) == 1
    said = capsys.readouterr().out
    assert "0 of 1 faults found, 0 change nothing that can be seen, 1 survived" in said
    assert said.splitlines()[-1] == "not as the table promises: square"
    plant(quick, ("square", "2 * x", "x * x", ["test_weak.py", "test_strong.py"]))
    assert run(quick) == 0
    assert "[1/1]" in capsys.readouterr().err
    assert run(quick) == 0
    assert "[1/1]" not in capsys.readouterr().err
    # Another test: the result says nothing about it.
    (quick / "test_strong.py").write_text(_TESTS["test_strong.py"].replace("(3) == 6", "(2) == 4"))
    assert run(quick) == 1


def test_the_page_keeps_results_of_an_earlier_run(
    quick: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder of results is gone, and of faults that were not asked for this time."""
    plant(
        quick, ("square", "2 * x", "x * x", ["test_strong.py"]), ("more", "2 * x", "3 * x", ["test_weak.py"])
    )
    monkeypatch.setattr(mutate, "PAGE", quick / "mutations.md")
    head = mutate.table([], {})
    (quick / "mutations.md").write_text(f"# Faults\n\nLast run: never.\n\n{head}\nBehind it.\n")
    assert run(quick, "--only", "square", "--docs") == 0
    page = (quick / "mutations.md").read_text()
    assert "1 of 1 faults found" in page
    assert "1 more were not run" in page
    assert "| more | qsnn_hw/double.py | it | not run |  |  |" in page
    assert page.endswith("\n\nBehind it.\n")
    (quick / "results.json").unlink()
    capsys.readouterr()
    assert run(quick, "--docs") == 0
    heard = capsys.readouterr().err
    assert "[1/1] more: killed" in heard
    assert "square" not in heard
    assert "2 of 2 faults found" in (quick / "mutations.md").read_text()


def test_an_equivalent_fault_has_to_survive(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(quick, ("plus", "x + 0", "x", ["test_weak.py"]), equivalent="nothing was added")
    assert run(quick) == 0
    assert "| it | nothing was added |" in capsys.readouterr().out
    plant(quick, ("square", "2 * x", "x * x", ["test_strong.py"]), equivalent="nothing was added")
    assert run(quick) == 1


def test_tests_that_do_not_end_find_nothing(tree: Path) -> None:
    fault = mutations.Fault("square", "qsnn_hw/double.py", "2 * x", "x * x", "it", ("test_slow.py",))
    assert mutate.judge(tree, fault, 3) == ("time limit", None)
    assert not mutate.Result("", "time limit", None, 3.0, "2026-11-30").found


def test_what_did_not_end_is_planted_again(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(quick, ("square", "2 * x", "x * x", ["test_strong.py"]))
    assert run(quick) == 0
    results = quick / "results.json"
    results.write_text(results.read_text().replace('"killed"', '"time limit"'))
    capsys.readouterr()
    assert run(quick) == 0
    assert "[1/1] square: killed by test_strong.py::test_more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "tests", "code", "text"),
    [
        ("3 * x", ["test_weak.py"], 2, "fault square: its text is 0 times in qsnn_hw/double.py, not once"),
        ("x", ["test_weak.py"], 2, "fault square: its text is 4 times in qsnn_hw/double.py, not once"),
        ("2 * x", ["test_none.py"], 2, "fault square: there is no test_none.py"),
        ("2 * x", ["test_broken.py"], 1, "without any fault, test_broken.py::test_wrong failed"),
        ("2 * x", ["test_empty.py"], 1, "without any fault, test_empty.py ran no test"),
    ],
)
def test_what_says_nothing_about_a_fault_is_an_error(
    old: str, tests: list[str], code: int, text: str, quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(quick, ("square", old, "x * x", tests))
    assert run(quick) == code
    assert text in capsys.readouterr().err


def test_a_fault_that_cannot_be_imported_is_none(tree: Path) -> None:
    fault = mutations.Fault(
        "square", "qsnn_hw/double.py", "return 2 * x", "return return", "it", ("test_weak.py",)
    )
    with pytest.raises(ToolError, match=r"^fault square: pytest ended with 2"):
        mutate.judge(tree, fault, 60)


def test_only_those_asked_for(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(
        quick,
        ("square", "2 * x", "x * x", ["test_weak.py"]),
        ("thrice", "2 * x", "3 * x", ["test_weak.py"]),
    )
    assert run(quick, "--only", "thrice", "--list") == 0
    assert "square" not in (said := capsys.readouterr().out)
    assert "| thrice | qsnn_hw/double.py | it | not run |" in said
    assert run(quick, "--only", "nobody") == 2
    assert capsys.readouterr().err == "error: no fault is called nobody; --list names them\n"


def test_the_page_gets_the_table(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = quick / "mutations.md"
    page.write_text(mutate.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(mutate, "PAGE", page)
    plant(quick, ("thrice", "2 * x", "3 * x", ["test_weak.py"]))
    assert run(quick, "--docs") == 0
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert rows[2].startswith("| thrice | qsnn_hw/double.py | it | test_weak.py::test_a_number |")
    assert "1 of 1 faults found" in page.read_text(encoding="utf-8")


def test_a_copy_is_what_git_has(tmp_path: Path) -> None:
    """And what it would take; nothing else, so no result of a run and no environment."""
    (into := tmp_path / "source").mkdir()
    mutate.copy_tree(into)
    assert (into / "scripts" / "mutations.toml").read_bytes() == mutations.TABLE.read_bytes()
    assert not (into / ".git").exists()
    assert list(into.rglob("__pycache__"))


def test_two_faults_of_one_name(tree: Path) -> None:
    plant(tree, ("a", "2 * x", "x", ["test_weak.py"]), ("a", "2 * x", "3 * x", ["test_weak.py"]))
    with pytest.raises(UserError, match=r"^mutations.toml: two faults are called a$"):
        mutations.faults(tree / "mutations.toml")
