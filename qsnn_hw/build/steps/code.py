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

from qsnn_hw.build.steps.imports import PACKAGE, absolute, closure, imports_of, source_file

# Of a module that holds steps a name counts with its own source: a step is not its neighbours.
_OF_STEPS = re.compile(r"qsnn_hw\.(build\.steps\.\w+|targets\.\w+\.steps)")
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
        Functions, methods or types of records, of this package or of a script.
    """
    sources: dict[str, bytes] = {}
    wanted: set[str] = set()
    with _PARSING:
        for function in functions:
            text, modules = _unit(function)
            sources[f"{function.__module__}:{function.__qualname__}"] = text.encode()
            wanted |= modules
        for module in closure(wanted):
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
    for path in sorted(path for folder in folders for path in (PACKAGE / folder).rglob("*.py")):
        total.update(f"{path.name} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def reached_modules(functions: Iterable[Callable[..., Any]]) -> set[str]:
    """Names of the modules whose source :func:`code_digest` takes whole."""
    return closure(set().union(*(_unit(function)[1] for function in functions)))


def _unit(function: Callable[..., Any]) -> tuple[str, set[str]]:
    """The source of a function and of what it names in its own file, and the modules of the other names.

    Of a type of records its module, whole: what its fields are is in annotations.
    """
    if isinstance(function, type):
        return "", {function.__module__}
    plain = inspect.unwrap(getattr(function, "__func__", function))
    return unit_of(inspect.getsourcefile(plain) or "", plain.__qualname__, plain.__module__)


@functools.cache
def unit_of(file: str, qualname: str, module: str) -> tuple[str, set[str]]:
    """The source of a function of ``file`` and what it names there, and the modules of the other names."""
    text = Path(file).read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.split("\n")
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
        # Whole lines: ast.get_source_segment splits the whole text for each piece.
        parts.append("\n".join(_lines(node, lines)))
        for name in _names(node):
            if isinstance(name, str):
                ahead += [definition for definition in (known.get(name),) if definition is not None]
            elif isinstance(name, ast.Attribute):
                ahead += [definition for definition in (methods.get(name.attr),) if definition is not None]
            else:
                ahead.append(name)
    return "\n".join(sorted(parts)), modules


def _lines(node: Any, lines: Sequence[str]) -> Sequence[str]:
    """The lines that a statement or an expression stands in; of a whole file all."""
    return lines if isinstance(node, ast.Module) else lines[node.lineno - 1 : node.end_lineno]


def _of_step(node: ast.Import | ast.ImportFrom, package: str) -> tuple[str, str, str] | None:
    """File, name and module of what this imports from a module that holds steps; None where it is not one."""
    if isinstance(node, ast.Import):
        return None
    base = absolute("." * node.level + (node.module or ""), package)
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
