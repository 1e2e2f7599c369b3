"""The documentation is true: examples run, linked files exist, commands parse."""

import doctest
import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import qsnn_hw
from qsnn_hw.build import cli
from qsnn_hw.build.option import option_names
from qsnn_hw.support.errors import UserError
from tests.support.places import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(qsnn_hw.__path__, "qsnn_hw."):
        # __main__ would run; what needs an extra is imported by its own tests.
        if not found.name.endswith("__main__"):
            yield found.name


@pytest.mark.parametrize("name", list(modules()))
def test_examples_in_docstrings_run(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("qsnn_hw"):
            raise
        pytest.skip(f"needs the extra that brings {error.name}")
    except UserError as error:
        # Live readers of a framework that is not there; fine-tuning without torch.
        if "with: pip install torch" not in str(error) and "needs torch: pip" not in str(error):
            raise
        pytest.skip(str(error))
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_in_pages_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    sources = re.findall(r"`((?:qsnn_hw|sim|tests|scripts|docs|boards|examples)/[\w./-]+)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [source for source in sources if not (ROOT / source).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_pages_parse(page: Path) -> None:
    parser = cli.make_parser()
    text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
    for line in re.findall(r"^\s*qsnn-hw (.+?)(?:\s+#.*)?$", text, re.MULTILINE):
        parser.parse_args(shlex.split(line))


# GHDL's, which made the peers' designs.
_OTHERS = {"--synth", "--std"}
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]+")


@pytest.fixture(scope="module")
def options() -> set[str]:
    """Every option of the command line, and what the source names of scripts and other tools."""
    files = (path for name in ("qsnn_hw", "scripts", "tests/support") for path in (ROOT / name).rglob("*"))
    texts = (path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".sh"))
    own = {name for command in cli.all_commands() for name in option_names(*command.records)}
    return _OTHERS.union(own, *map(_OPTION.findall, texts))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_in_pages_exist(page: Path, options: set[str]) -> None:
    """An option that a script no longer has makes its figures nobody's."""
    assert not set(_OPTION.findall(page.read_text(encoding="utf-8"))) - options


def test_every_page_is_linked_from_the_readme() -> None:
    links = set(re.findall(r"\]\(([^)#:]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= links
