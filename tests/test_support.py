"""What a test takes from elsewhere is public: shared helpers from tests/support, no private names."""

import ast
from pathlib import Path

import pytest

from tests.support.places import ROOT

TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = {path.stem for path in (ROOT / "scripts").glob("*.py")}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def ours(module: str) -> bool:
    """Whether the module is one of this project's."""
    return module.split(".")[0] in {"qsnn_hw", "sim", "tests", *SCRIPTS}


def taken(source: str) -> list[str]:
    """What ``source`` takes that is not public, each as MODULE.NAME; and imports from other tests."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names if ours(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.module and ours(node.module):
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found += [f"{node.module}.{alias.name}" for alias in node.names if is_private(alias.name)]
            if node.module.startswith("tests.") and not node.module.startswith("tests.support"):
                found.append(node.module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name, owner = node.attr, node.value.id
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "setattr"
            and len(node.args) > 1
            and isinstance(node.args[0], ast.Name)
            and isinstance(node.args[1], ast.Constant)
        ):
            name, owner = str(node.args[1].value), node.args[0].id
        else:
            continue
        if owner in modules and is_private(name):
            found.append(f"{modules[owner]}.{name}")
    return sorted(set(found))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_private_and_nothing_of_another_test(path: Path) -> None:
    assert taken(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from tests.test_readme import PAGES", ["tests.test_readme"]),
        ("from tests.support.streams import _hidden", ["tests.support.streams._hidden"]),
        ("from qsnn_hw.verify import runner\nrunner._parts(1)", ["qsnn_hw.verify.runner._parts"]),
        (
            "from qsnn_hw.verify import runner as r\nmonkeypatch.setattr(r, '_parts', 1)",
            ["qsnn_hw.verify.runner._parts"],
        ),
        ("import hostile_cases\nhostile_cases._no", ["hostile_cases._no"]),
        ("import _bootstrap\nfrom amaranth.hdl._nir import X\n_bootstrap.run", []),
        ("from tests.support.streams import take\nself._x = take.__name__", []),
    ],
)
def test_a_private_name_is_seen(source: str, expected: list[str]) -> None:
    assert taken(source) == expected
