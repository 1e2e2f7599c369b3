"""Imports point one way: a part knows the parts before it, never the ones after."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "qsnn_hw"

# Each part may import those before it, and itself. A name with a dot is a module or package inside a part.
ORDER = [
    *(f"support.{name}" for name in ("errors", "stopping", "terminal", "files", "run_lock")),
    *(f"support.{name}" for name in ("progress", "fields", "values", "shipped")),
    *("families", "host", "toolchain"),
    *("model", "quantize", "golden", "finetune"),
    *("plan", "cost", "explore", "rtl", "verify"),
    *("build.options", "build.steps", "report", "targets", "build", "__main__"),
]


def allowed(importer: str, imported: str) -> bool:
    """Whether part ``importer`` of the package may import part ``imported``."""
    if importer == imported:
        return True
    if {importer, imported} == {"golden", "rtl"}:
        return False
    return ORDER.index(imported) < ORDER.index(importer)


def part(module: str) -> str:
    """``qsnn_hw.rtl.lif`` belongs to ``rtl``, each module of ``support`` is a part, the package is none."""
    pieces = module.split(".")
    inner = ".".join(pieces[1:3])
    if pieces[1:2] == ["support"]:
        return inner if len(pieces) > 2 else ""
    return inner if inner in ORDER else pieces[1] if len(pieces) > 1 else ""


def imports(source: str, module: str, is_package: bool = False) -> Iterator[str]:
    """Full names of the package's modules that ``source`` imports, at any depth of its code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            # "from qsnn_hw import golden" names the part in the list, not in the module.
            listed = base in ("qsnn_hw", "qsnn_hw.support")
            names = [f"{base}.{alias.name}" for alias in node.names] if listed else [base]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "qsnn_hw")


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        pieces = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        found.append((".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces), path))
    return found


def faults(module: str, source: str, is_package: bool = False) -> list[str]:
    importer = part(module)
    if not importer:
        # qsnn_hw/__init__.py is loaded before every part: it hands on the public functions, late.
        wanted = imports(source, module, is_package)
        return [f"{module} imports {name}" for name in wanted if part(name) not in ("golden", "quantize")]
    return [
        f"{module} imports {name}"
        for name in imports(source, module, is_package)
        if part(name) and part(name) not in {"__version__"} and not allowed(importer, part(name))
    ]


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_comes_before_it(module: str, path: Path) -> None:
    assert part(module) in {*ORDER, ""}, f"say in {Path(__file__).name} where {part(module)} belongs"
    assert faults(module, path.read_text(encoding="utf-8"), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("qsnn_hw.golden.lif", "from qsnn_hw.rtl.lif import Lane"),
        ("qsnn_hw.rtl.lif", "import qsnn_hw.golden.lif"),
        ("qsnn_hw.rtl.lif", "from qsnn_hw import golden"),
        ("qsnn_hw.rtl.lif", "from ..golden import lif"),
        ("qsnn_hw.rtl.lif", "def late():\n    from qsnn_hw.golden import lif"),
        ("qsnn_hw.model.network", "from qsnn_hw.quantize import scales"),
        ("qsnn_hw.support.errors", "import qsnn_hw.model.network"),
        ("qsnn_hw.families.limits", "from qsnn_hw.toolchain.tools import find_tool"),
        ("qsnn_hw.report.page", "import qsnn_hw.build.flow"),
        ("qsnn_hw.build.steps.plan", "from qsnn_hw.targets.fpga.capacity import check_fits"),
        ("qsnn_hw.targets.fpga.steps", "from qsnn_hw.build.flow import run"),
        ("qsnn_hw", "import qsnn_hw.build.cli"),
    ],
)
def test_an_import_against_the_direction_is_seen(module: str, source: str) -> None:
    assert faults(module, source, is_package=module == "qsnn_hw")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("qsnn_hw.verify.run", "from qsnn_hw.golden import clocked\nfrom qsnn_hw.rtl import top"),
        ("qsnn_hw.golden.lif", "from qsnn_hw.quantize import quantized\nfrom .other import thing"),
        ("qsnn_hw.model.readers.reader", "from qsnn_hw.support.errors import UserError\nimport numpy"),
        ("qsnn_hw.build.cli", "from qsnn_hw import build, __version__"),
    ],
)
def test_an_import_along_the_direction_is_allowed(module: str, source: str) -> None:
    assert faults(module, source) == []


@pytest.mark.skipif(not (PACKAGE / "build/cli.py").exists(), reason="there is no build/cli.py yet")
def test_the_command_line_starts_without_the_heavy_packages() -> None:
    heavy = ["amaranth", "cocotb", "cocotb_tools", "h5py", "matplotlib", "nir", "scipy", "torch"]
    program = f"import sys, qsnn_hw.build.cli; print(*[name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert result.stdout.split() == []
