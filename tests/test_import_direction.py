"""Imports point one way: a part knows the parts before it, never the ones after."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKAGE = ROOT / "qsnn_hw"

# Each part may import those before it, and itself. A name with a dot is a module or package inside a part.
ORDER = [
    *(f"support.{name}" for name in ("choices", "errors", "stopping", "terminal", "files")),
    *("support.output_folder", "support.run_lock"),
    *(f"support.{name}" for name in ("progress", "fields", "values", "ranges", "record_types")),
    *(f"support.{name}" for name in ("record_tree", "records", "shipped")),
    *("families", "host", "toolchain"),
    *("model", "quantize", "golden", "finetune"),
    *("plan", "cost", "explore", "rtl", "verify"),
    # It knows what steps made, not the steps.
    "report",
    # Rows of any target and how they are shown; targets make them.
    "compare",
    # What of the host needs more than the words of the link.
    *("host.byte_mode", "host.virtual_board"),
    *("build.option", "build.option_values", "build.network_options", "build.target_options"),
    *("build.option_table", "build.options"),
    *("build.steps", "build.built"),
    "host.board",
    *("targets", "build", "__main__"),
]

# Neither reaches the other, not even through a third part: a mistake in one must not be the other's too.
WALL = ("golden", "rtl")

# Where the names are that ``import qsnn_hw`` offers.
HANDED_ON = ("qsnn_hw.build.api", "qsnn_hw.golden", "qsnn_hw.quantize", "qsnn_hw.support.errors")


def allowed(importer: str, imported: str) -> bool:
    """Whether part ``importer`` of the package may import part ``imported``."""
    if importer == imported:
        return True
    if {importer, imported} == set(WALL):
        return False
    return ORDER.index(imported) < ORDER.index(importer)


def part(module: str) -> str:
    """``qsnn_hw.rtl.lif`` belongs to ``rtl``, each module of ``support`` is a part, the package is none."""
    pieces = module.split(".")
    inner = ".".join(pieces[1:3])
    if pieces[1:2] == ["support"]:
        return inner if len(pieces) > 2 else ""
    return inner if inner in ORDER else pieces[1] if len(pieces) > 1 else ""


def imports(source: str, module: str, is_package: bool = False, *, each: bool = False) -> Iterator[str]:
    """Full names of the package's modules that ``source`` imports, at any depth of its code.

    With ``each``, also every name taken out of a module as if it were a module below it.
    """
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
            names = [f"{base}.{alias.name}" for alias in node.names] if listed or each else []
            names += [] if listed else [base]
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
        return [f"{module} imports {name}" for name in wanted if name not in HANDED_ON]
    return [
        f"{module} imports {name}"
        for name in imports(source, module, is_package)
        if part(name) and part(name) not in {"__version__"} and not allowed(importer, part(name))
    ]


def graph(sources: Mapping[str, tuple[str, bool]]) -> dict[str, set[str]]:
    """Module -> the modules that are loaded with it, of the source of each and whether it is a package.

    The package itself is left out: it hands on functions of golden, and imports them when they are asked for.
    """
    made: dict[str, set[str]] = {}
    for module, (source, is_package) in sources.items():
        named = {module, *imports(source, module, is_package, each=True)}
        # Of a module, every package above it is loaded too.
        above = {".".join(pieces[:n]) for pieces in (name.split(".") for name in named) for n in range(2, 9)}
        made[module] = (above & sources.keys()) - {module}
    return made


def way_through_the_wall(loaded: Mapping[str, set[str]]) -> list[str]:
    """The modules from one side of the wall to the other, the fewest there are; empty where it holds."""
    found: list[list[str]] = []
    for here, there in (WALL, WALL[::-1]):
        ways = [[module] for module in loaded if part(module) == here]
        seen = {way[-1] for way in ways}
        # Grows while it is walked: breadth first.
        for way in ways:
            if part(way[-1]) == there:
                found.append(way)
                break
            further = sorted(loaded[way[-1]] - seen)
            seen.update(further)
            ways += [[*way, name] for name in further]
    return min(found, key=len, default=[])


def test_golden_and_rtl_do_not_reach_each_other_through_a_third_module() -> None:
    whole = {name: (path.read_text(encoding="utf-8"), path.name == "__init__.py") for name, path in modules()}
    loaded = graph(whole)
    assert {"golden", "rtl"} <= {part(name) for name in loaded}
    assert " > ".join(way_through_the_wall(loaded)) == ""


@pytest.mark.parametrize(
    ("between", "source"),
    [
        ("qsnn_hw.plan.io_plan", "from qsnn_hw.golden import encoders"),
        ("qsnn_hw.plan.io_plan", "from ..golden.encoders import lfsr_start"),
        ("qsnn_hw.plan.io_plan", "def late():\n    import qsnn_hw.golden.encoders"),
        ("qsnn_hw.plan.io_plan", "from qsnn_hw.host import words"),
        ("qsnn_hw.plan", "from qsnn_hw.golden import encoders"),
    ],
)
def test_a_way_through_the_wall_is_seen(between: str, source: str) -> None:
    sources = {
        "qsnn_hw": ("", True),
        "qsnn_hw.golden": ("", True),
        "qsnn_hw.golden.encoders": ("import numpy", False),
        "qsnn_hw.host": ("", True),
        "qsnn_hw.host.words": ("from qsnn_hw import golden", False),
        "qsnn_hw.plan": ("", True),
        "qsnn_hw.plan.io_plan": ("", False),
        "qsnn_hw.rtl": ("", True),
        "qsnn_hw.rtl.encoder": ("from qsnn_hw.plan.io_plan import EncoderPlan", False),
    }
    assert way_through_the_wall(graph(sources)) == []
    sources[between] = (source, sources[between][1])
    way = way_through_the_wall(graph(sources))
    assert (way[0], part(way[-1])) == ("qsnn_hw.rtl.encoder", "golden")
    assert between in way


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
