"""Facts of a device family stand in its file alone."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from qsnn_hw.cost.counts import Counts
from qsnn_hw.families.boards import list_boards
from qsnn_hw.families.family import Family, FamilyTool
from qsnn_hw.families.registry import families
from tests.support.places import ROOT

FAMILIES = list(families().values())
SOURCES = [
    path
    for top in ("qsnn_hw", "sim", "scripts")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path.parent != ROOT / "qsnn_hw" / "families"
]


def words(family: Family) -> set[str]:
    """What only a family's file may say: its name, and those that its tools and its cells have."""
    cells = [getattr(family.cells, field.name) for field in fields(family.cells)]
    found = {family.name, family.flow.synth, *vars(family.units).values()}
    found |= {one for kind in cells if isinstance(kind, tuple) for one in kind}
    found |= {family.cells.carry}
    found |= {word for tool in family.flow.tools for word in (tool.name, tool.wheel)}
    # Names of two letters are in anything.
    return {word for word in found if word and len(word) > 2}


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string that a program uses: docstrings and comments may tell what they like."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def said(source: str) -> list[str]:
    """Strings of a program that name a family, or what only one has."""
    names = "|".join(sorted(re.escape(word) for family in FAMILIES for word in words(family)))
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])(?:{names})(?![a-z0-9-])")
    return [f"line {line}: {text!r}" for line, text in strings(source) if pattern.search(text)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_file_names_a_family_or_its_cells_and_tools(path: Path) -> None:
    assert said(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'if board.family == "ice40":\n    pass\n',
        'wide = limits.family in ("ecp5", "nexus")\n',
        'tool = f"nextpnr-ice40 {version}"\n',
        'luts = sum(n for name, n in cells.items() if name.startswith("SB_DFF"))\n',
        'used = resources["TRELLIS_COMB"]\n',
    ],
)
def test_a_family_that_is_named_elsewhere_is_seen(source: str) -> None:
    assert said(source)


def test_a_docstring_may_speak_of_a_family() -> None:
    assert said('"""As nextpnr-ice40 has it."""\nfor x in range(3):\n    """ecp5"""\n') == []


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_family_is_whole(family: Family) -> None:
    counts = {field.name for field in fields(Counts)}
    assert set(family.costs.logic) == set(family.costs.expected_logic) <= counts
    assert set(family.costs.registers) <= counts
    assert set(family.power) <= set(family.board.devices)
    # What is counted has a name, and what has a name is counted.
    assert (family.units.spram is None) == (family.cells.sprams == ())
    assert (family.fabric.distributed is None) == (family.cells.distributed == ())
    assert ("distributed" in family.costs.logic) == (family.fabric.distributed is not None)
    assert any(board.family is family for board in list_boards())


def test_a_tool_without_a_wheel_says_how_it_is_installed() -> None:
    with pytest.raises(ValueError, match="tool pack without a wheel must say how it is installed"):
        FamilyTool("pack")
