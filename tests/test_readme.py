"""README's commands work when typed: those of its blocks run, and every option it names exists."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import figures
import matrix
import pytest

from qsnn_hw.build import cli
from qsnn_hw.families.boards import list_boards
from tests.support.places import ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "examples").rglob("README.md"))]
QUICK = ("check", "infer", "doctor", "boards")


def commands(page: Path, program: str) -> list[str]:
    """The arguments of every line of a block that starts ``program``."""
    text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
    return re.findall(rf"^\s*{re.escape(program)}(?: (.+?))?(?:\s+#.*)?$", text, re.MULTILINE)


def subcommands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (a for a in cli.make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


BLOCKS = [(page, line) for page in PAGES for line in commands(page, "qsnn-hw")]
IDS = [f"{page.parent.name}-{number}-{line.split()[0]}" for number, (page, line) in enumerate(BLOCKS)]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the examples are where a user in the checkout sees them."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_something_to_run() -> None:
    started = {line.split()[0] for page, line in BLOCKS if page == README}
    assert started >= {"build", "synth", "infer", "check", "doctor"}


@pytest.mark.parametrize(("page", "line"), BLOCKS, ids=IDS)
def test_quick_commands_run(
    page: Path, line: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line)
    cli.make_parser().parse_args(words)
    if words[0] not in QUICK or "--max-drop" in words:
        return
    assert cli.main(words) == 0, capsys.readouterr().err
    if words[0] == "check":
        assert "equal:" in capsys.readouterr().out


@pytest.mark.slow
def test_every_command_of_the_readme_runs_in_its_order(checkout: Path) -> None:
    for line in (line for page, line in BLOCKS if page == README):
        made = subprocess.run(
            [sys.executable, "-m", "qsnn_hw", *shlex.split(line)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert made.returncode == 0, f"{line}\n{made.stderr}"


@pytest.mark.slow
def test_the_python_example_of_the_readme_runs(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(
        r"^```python\n(.+?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(example.splitlines()) == 5
    exec(example, {})
    assert "bitstream     digits_64_32_10_ulx3s-85f.bit\n" in capsys.readouterr().out
    assert (checkout / "out" / "report.html").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_scripts_take_the_options_that_pages_give_them(page: Path) -> None:
    for line in commands(page, "python"):
        script, *words = shlex.split(line)
        made = subprocess.run(
            [sys.executable, script, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for option in (word for word in words if word.startswith("--")):
            assert f"{option} " in made.stdout, f"{script} has no {option}"


def test_shell_scripts_of_the_readme_start() -> None:
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"\./scripts/(\w+)", text))
    assert named >= {"demo", "test"}
    assert all(os.access(ROOT / "scripts" / name, os.X_OK) for name in named)
    from _bootstrap import DEMO

    for line in re.findall(r"\./scripts/demo( --[^`\n]+)?", text):
        cli.make_parser().parse_args(["build", *DEMO, *shlex.split(line)])
    assert set(re.findall(r"\./scripts/test (--[\w-]+)", text)) <= {"--frameworks"}


def test_every_option_in_the_readme_exists() -> None:
    parsers = [*subcommands().values(), matrix.parser(), figures.parser()]
    known = {option for parser in parsers for option in parser._option_string_actions}
    known |= {"--frameworks"}
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README.read_text(encoding="utf-8")))
    assert named - known == set()


def test_every_subcommand_in_the_readme_exists() -> None:
    named = set(re.findall(r"qsnn-hw ([a-z][a-z-]*)", README.read_text(encoding="utf-8")))
    assert named <= set(subcommands())


def test_boards_without_a_usb_bridge_are_told_apart() -> None:
    """As the board files say: who lacks an adapter would wait for a serial port for ever."""
    assert "(docs/boards.md)" in README.read_text(encoding="utf-8").partition("## On the board")[2]
    page = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8").partition("## What was built")[0]
    for board in list_boards():
        (row,) = re.findall(rf"^\| `{re.escape(board.name)}` .*$", page, re.MULTILINE)
        bare = [note for note in board.notes if "no USB bridge" in note]
        assert ("adapter: rx" in row) == bool(bare), board.name
        assert ("USB bridge: rx" in row) != bool(bare), board.name
        # Where to connect one stands below the table.
        assert all("connect a 3.3 V adapter" in note and "(rx)" in note and "(tx)" in note for note in bare)
        assert all(note in page for note in board.notes)
