"""Which source decides what a step makes: that of its function, and of every module this reaches.

An edit elsewhere (of a page, of a later step) must not repeat hours of work; an edit of anything that
takes part must. What takes part is read from the source itself, imports inside functions included.
"""

import ast
import functools
import hashlib
import inspect
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from qsnn_hw.families.registry import families
from qsnn_hw.support.shipped import resource_folder

_PACKAGE = Path(__file__).resolve().parents[2]

_LIMITS = "qsnn_hw.families.limits"
"""Limits hold their family, which is found and not imported: who reaches them reaches every family's file."""

# Far quicker than a syntax tree of every module. What it finds too much (in a docstring) costs a
# repeated step at most; tests/build/test_step_code.py holds that it finds no less.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#;]+)"
    r"|import[ \t]+(?P<plain>[^\n#;]+))",
    re.MULTILINE,
)
# Of a module that holds steps a name counts with its own source: a step is not its neighbours.
_OF_STEPS = re.compile(r"qsnn_hw\.(build\.steps\.\w+|targets\.\w+\.steps)")
# ``python -m qsnn_hw.verify.worker``, cocotb's ``sim.network``, a script beside the module.
_NAMED = re.compile(r"""["']((?:qsnn_hw|sim)(?:\.\w+)+)["']""")
_SCRIPT = re.compile(r"""["'](\w+)\.py["']""")


# Steps run side by side, and ast.parse of CPython 3.11 in two threads at once fails with a SystemError.
_PARSING = threading.Lock()


def code_digest(functions: Iterable[Callable[..., Any]]) -> str:
    """sha256, hexadecimal, of all source that can decide what ``functions`` do.

    That is, for each: its own source with the methods and functions of its file that it names, and of other
    files that hold steps; and every module of this package that its other names come from, with all that
    those import. A module that starts
    the simulator's side brings ``sim/`` whole.

    Parameters
    ----------
    functions
        Functions or methods, of this package or of a script.
    """
    sources: dict[str, bytes] = {}
    wanted: set[str] = set()
    with _PARSING:
        for function in functions:
            text, modules = _unit(function)
            sources[f"{function.__module__}:{function.__qualname__}"] = text.encode()
            wanted |= modules
        for module in _closure(wanted):
            path = source_file(module)
            assert path is not None
            sources[module] = path.read_bytes()
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update(f"{name} {len(sources[name])}\n".encode())
        total.update(sources[name])
    return total.hexdigest()


def source_digest(*folders: str) -> str:
    """sha256, hexadecimal, of all Python files in these folders of the package, such as "rtl".

    It is for what a folder remembers beside its steps: naming it does not make a step depend on these files.
    """
    total = hashlib.sha256()
    for path in sorted(path for folder in folders for path in (_PACKAGE / folder).rglob("*.py")):
        total.update(f"{path.name} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def reached_modules(functions: Iterable[Callable[..., Any]]) -> set[str]:
    """Names of the modules whose source :func:`code_digest` takes whole."""
    return _closure(set().union(*(_unit(function)[1] for function in functions)))


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
            modules |= _imported(_absolute(match["base"], package), name.split(" as ")[0].strip())
    for named in _NAMED.findall(text):
        modules |= _existing(named)
    for script in _SCRIPT.findall(text):
        modules |= _existing(f"{package}.{script}")
    return modules - {module}


@functools.cache
def cached_imports(module: str) -> frozenset[str]:
    """:func:`imported_modules`, read once."""
    return frozenset(imported_modules(module))


def _closure(wanted: Iterable[str]) -> set[str]:
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
    folder = _PACKAGE if top == "qsnn_hw" else resource_folder("sim")
    for path in (folder.joinpath(*pieces).with_suffix(".py"), folder.joinpath(*pieces, "__init__.py")):
        # Without pieces the first of them is a file beside the folder.
        if path.is_file() and (pieces or path.name == "__init__.py"):
            return path
    return None


def _existing(module: str) -> set[str]:
    return {module} if source_file(module) is not None else set()


def _absolute(base: str, package: str) -> str:
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
    for node in ast.walk(ast.parse((_PACKAGE / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and any(a.name == name for a in node.names):
            exported |= _imported(node.module, name)
    return frozenset(exported | _existing("qsnn_hw"))


def _unit(function: Callable[..., Any]) -> tuple[str, set[str]]:
    """The source of a function and of what it names in its own file, and the modules of the other names."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    return unit_of(inspect.getsourcefile(plain) or "", plain.__qualname__, plain.__module__)


@functools.cache
def unit_of(file: str, qualname: str, module: str) -> tuple[str, set[str]]:
    """The source of a function of ``file`` and what it names there, and the modules of the other names."""
    text = Path(file).read_text(encoding="utf-8")
    tree = ast.parse(text)
    package = module if Path(file).name == "__init__.py" else module.rpartition(".")[0]
    known = _definitions(tree.body)
    # A function inside another is made by it: the outer one counts, whole.
    owner, *rest = qualname.split(".<locals>")[0].split(".")
    parts: list[str] = []
    modules: set[str] = set()
    top = known.get(owner)
    methods = _definitions(top.body) if rest and isinstance(top, ast.ClassDef) else {}
    if isinstance(top, ast.ClassDef) and rest:
        # What the methods of a class it inherits from do is not looked up one by one.
        ahead: list[ast.AST] = [methods[name] for name in (rest[0], "__init__") if name in methods]
        ahead += top.bases
    else:
        ahead = [tree if top is None else top]
    seen: set[int] = set()
    while ahead:
        node = ahead.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            of_step = _of_step(node, package)
            if of_step is None:
                modules |= imports_of(node, package)
            else:
                source, reached = unit_of(*of_step)
                parts.append(source)
                modules |= reached
            continue
        parts.append(ast.get_source_segment(text, node) or "")
        for name in _names(node):
            if isinstance(name, str):
                ahead += [definition for definition in (known.get(name),) if definition is not None]
            elif isinstance(name, ast.Attribute):
                ahead += [definition for definition in (methods.get(name.attr),) if definition is not None]
            else:
                ahead.append(name)
    return "\n".join(sorted(parts)), modules


def _of_step(node: ast.Import | ast.ImportFrom, package: str) -> tuple[str, str, str] | None:
    """File, name and module of what this imports from a module that holds steps; None where it is not one."""
    if isinstance(node, ast.Import):
        return None
    base = _absolute("." * node.level + (node.module or ""), package)
    path = source_file(base) if _OF_STEPS.fullmatch(base) else None
    return None if path is None else (str(path), node.names[0].name, base)


def _definitions(body: Sequence[ast.stmt]) -> dict[str, Any]:
    """Name -> the statement of a file or class that gives it its meaning."""
    definitions: dict[str, Any] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                one = type(node)(**{**vars(node), "names": [alias]})
                definitions[alias.asname or alias.name.split(".")[0]] = one
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                definitions |= {name.id: node for name in ast.walk(target) if isinstance(name, ast.Name)}
    return definitions


def _names(node: ast.AST) -> Iterator[str | ast.AST]:
    """Names that a piece of source uses, ``self.<name>`` and imports inside it; annotations do nothing."""
    ahead = [node]
    while ahead:
        now = ahead.pop()
        if isinstance(now, ast.Name):
            yield now.id
        elif isinstance(now, ast.Import | ast.ImportFrom) or _is_own(now):
            yield now
        for field, value in ast.iter_fields(now):
            if field in ("annotation", "returns"):
                continue
            values = value if isinstance(value, list) else [value]
            ahead += [child for child in values if isinstance(child, ast.AST)]


def _is_own(node: ast.AST) -> bool:
    """Whether this is ``self.<name>``."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def imports_of(node: ast.Import | ast.ImportFrom, package: str) -> set[str]:
    """The modules of this project that an import statement of a module in ``package`` reaches."""
    modules: set[str] = set()
    for alias in node.names:
        if isinstance(node, ast.Import):
            modules |= _existing(alias.name)
        else:
            base = _absolute("." * node.level + (node.module or ""), package)
            modules |= _imported(base, alias.name)
    return modules
