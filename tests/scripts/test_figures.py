"""Figures on the pages: tables name their command, and what is cheap to make again is equal."""

import re
from pathlib import Path

import figures
import pytest

from tests.support.places import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
# What a reader can type, or the words that say that nobody here measured it.
_SOURCE = re.compile(
    r"`(?:\./|\.\./)?(?:python3? |scripts/|qsnn-hw |pytest |python -m )|^ *(?:python|qsnn-hw|\./scripts)"
    r"|[Nn]ot measured here|made by hand|To do it again",
    re.MULTILINE,
)
_FIGURE = re.compile(r"\d[\d,.]* (?:%|MHz|MiB|s|us|ms|mW|uJ|nJ|pp|GB|COMB|ICESTORM_LC|TRELLIS_COMB)\b|\d\.\d")


def sections(text: str) -> list[str]:
    """A page cut at its headings of level 1 and 2."""
    return re.split(r"^(?=##? )", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_of_figures_name_their_command(page: Path) -> None:
    found = sections(page.read_text(encoding="utf-8"))
    # What a page says in front of its sections, or of how all was made, holds for every section.
    common = "".join(part for part in found if part.startswith(("# ", "## How it was made")))
    nameless = []
    for section in found:
        rows = [line for line in section.splitlines() if line.startswith("|")]
        if sum(len(_FIGURE.findall(row)) for row in rows) >= 4 and not _SOURCE.search(common + section):
            nameless.append(section.splitlines()[0])
    assert not nameless


@pytest.mark.parametrize(
    "block",
    [
        # Half a minute of planning, or eight seconds; the others take seconds.
        pytest.param(
            block, marks=pytest.mark.slow if block.name in ("chosen", "examples") else (), id=block.name
        )
        for block in figures.BLOCKS
        if not block.slow
    ],
)
def test_figures_that_are_cheap_equal_their_page(block: figures.Block) -> None:
    if block.absent is not None:
        pytest.skip(f"data folder: {block.absent.name} is absent (QSNN_DATA)")
    assert not figures.compare(block)


def test_a_figure_that_differs_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures x -->\n| 97.5 % |\n<!-- end x -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    block = figures.Block("x", "page.md", lambda: "| 97.4 % |\n")
    assert figures.compare(block)[-2:] == ["-| 97.5 % |", "+| 97.4 % |"]
    block.write(block.make())
    assert not figures.compare(block)
    assert page.read_text(encoding="utf-8").startswith("before\n<!-- figures x -->\n| 97.4 % |")
