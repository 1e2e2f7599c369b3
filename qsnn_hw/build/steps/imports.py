"""Which modules of this project a module reaches, by the text of its imports."""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from qsnn_hw.families.registry import families
from qsnn_hw.support.shipped import resource_folder

PACKAGE = Path(__file__).resolve().parents[2]

_LIMITS = "qsnn_hw.families.limits"
"""Limits hold their family, which is found and not imported: who reaches them reaches every family's file."""

# Far quicker than a syntax tree of every module. What it finds too much (in a docstring) costs a
# repeated step at most; tests/build/test_step_code.py holds that it finds no less.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#;]+)"
    r"|import[ \t]+(?P<plain>[^\n#;]+))",
    re.MULTILINE,
)

# ``python -m qsnn_hw.verify.worker``, cocotb's ``sim.network``, a script beside the module.
_NAMED = re.compile(r"""["']((?:qsnn_hw|sim)(?:\.\w+)+)["']""")
_SCRIPT = re.compile(r"""["'](\w+)\.py["']""")


def imported_modules(module: str) -> set[str]:
    """Modules of ``qsnn_hw`` and ``sim`` that the source of ``module`` imports or starts by name."""
    path = source_file(module)
    if path is None or module == "qsnn_hw":
        # The package itself hands functions on, each imported when it is asked for: see _exported.
        return set()
    text = path.read_text(encoding="utf-8")
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    modules: set[str] = set()
    for match in _IMPORT.finditer(text):
        if match["plain"] is not None:
            for part in match["plain"].split(","):
                modules |= _existing(part.split(" as ")[0].strip())
            continue
        names = re.sub(r"#[^\n]*", "", match["names"].strip("()"))
        for name in names.split(","):
            modules |= _imported(absolute(match["base"], package), name.split(" as ")[0].strip())
    for named in _NAMED.findall(text):
        modules |= _existing(named)
    for script in _SCRIPT.findall(text):
        modules |= _existing(f"{package}.{script}")
    return modules - {module}


@functools.cache
def cached_imports(module: str) -> frozenset[str]:
    """:func:`imported_modules`, read once."""
    return frozenset(imported_modules(module))


def closure(wanted: Iterable[str]) -> set[str]:
    """``wanted`` and all modules they reach; one module of ``sim`` stands for the folder."""
    reached: set[str] = set()
    ahead = list(wanted)
    while ahead:
        module = ahead.pop()
        if module in reached:
            continue
        reached.add(module)
        # A module's packages are imported before it.
        ahead += [parent for parent in _parents(module) if source_file(parent) is not None]
        ahead += cached_imports(module)
        if module.split(".")[0] == "sim":
            ahead += sim_modules()
        if module == _LIMITS:
            ahead += _family_modules()
    return reached


def _parents(module: str) -> Iterator[str]:
    pieces = module.split(".")
    return (".".join(pieces[:count]) for count in range(1, len(pieces)))


@functools.cache
def _family_modules() -> tuple[str, ...]:
    return tuple(f"qsnn_hw.families.{name}" for name in families())


@functools.cache
def sim_modules() -> tuple[str, ...]:
    """All modules of sim/."""
    folder = resource_folder("sim")
    paths = (path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.py")))
    return tuple(".".join(("sim", *(part for part in path.parts if part != "__init__"))) for path in paths)


@functools.cache
def source_file(module: str) -> Path | None:
    """Where the source of a module of this project lies; None where there is none."""
    top, *pieces = module.split(".")
    if top not in ("qsnn_hw", "sim") or not all(piece.isidentifier() for piece in pieces):
        return None
    folder = PACKAGE if top == "qsnn_hw" else resource_folder("sim")
    for path in (folder.joinpath(*pieces).with_suffix(".py"), folder.joinpath(*pieces, "__init__.py")):
        # Without pieces the first of them is a file beside the folder.
        if path.is_file() and (pieces or path.name == "__init__.py"):
            return path
    return None


def _existing(module: str) -> set[str]:
    return {module} if source_file(module) is not None else set()


def absolute(base: str, package: str) -> str:
    """The module that ``from base import`` names, seen from ``package``."""
    name = base.lstrip(".")
    level = len(base) - len(name)
    if not level:
        return base
    above = package.split(".")
    return ".".join([*above[: len(above) - level + 1], *([name] if name else [])])


def _imported(base: str, name: str) -> set[str] | frozenset[str]:
    """What ``from base import name`` brings: the module itself, one in it, or what the package hands on."""
    inside = _existing(f"{base}.{name}")
    if base == "qsnn_hw":
        return inside or _exported(name)
    return inside | _existing(base)


@functools.cache
def _exported(name: str) -> frozenset[str]:
    """Where ``qsnn_hw/__init__.py`` has ``name`` from."""
    exported: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and any(a.name == name for a in node.names):
            exported |= _imported(node.module, name)
    return frozenset(exported | _existing("qsnn_hw"))


def imports_of(node: ast.Import | ast.ImportFrom, package: str) -> set[str]:
    """The modules of this project that an import statement of a module in ``package`` reaches."""
    modules: set[str] = set()
    for alias in node.names:
        if isinstance(node, ast.Import):
            modules |= _existing(alias.name)
        else:
            base = absolute("." * node.level + (node.module or ""), package)
            modules |= _imported(base, alias.name)
    return modules
