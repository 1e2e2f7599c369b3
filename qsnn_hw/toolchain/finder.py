"""Finds the outside tools of ``catalog.py``.

The wheels come first for synthesis, place and route and simulation: their versions are chosen to
fit each other (nextpnr 0.4 of Debian 12 cannot read what yosys 0.70 writes). For the compiler and
make the machine's own come first: they start faster and are there already.
An environment variable (``QSNN_YOSYS=/opt/oss/bin/yosys``) overrides both.
"""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.errors import UserError
from qsnn_hw.toolchain import compiler
from qsnn_hw.toolchain.catalog import SPECS, ToolSpec, Version
from qsnn_hw.toolchain.within import run_within

ANSWER_S = 20.0


@dataclass(frozen=True)
class Tool:
    """A tool that was found.

    Parameters
    ----------
    name
        The name it was asked for by, e.g. ``yosys``.
    command
        How to start it; arguments follow.
    version
        As the tool or its wheel states it; None when it states none.
    origin
        ``wheel NAME``, ``PATH`` or the environment variable that named it.
    looked_at
        Places that were tried before this one, one line each.
    """

    name: str
    command: tuple[str, ...]
    version: str | None
    origin: str
    looked_at: tuple[str, ...] = ()


def find_tool(name: str) -> Tool:
    """Find the outside tool ``name``, one of :data:`SPECS`.

    Raises
    ------
    UserError
        It is missing or unusable; the line says where was looked and what to install.
    """
    if name not in SPECS:
        raise UserError(f"no such tool {name!r}; known tools: {', '.join(SPECS)}")
    spec = SPECS[name]
    return find_with(name, os.environ.get(spec.variable), os.environ.get("PATH", os.defpath))


@functools.cache
def find_with(name: str, override: str | None, path: str) -> Tool:
    """:func:`find_tool` where its variable holds ``override`` and PATH ``path``; looked for once."""
    return search(SPECS[name], override, path)


def search(spec: ToolSpec, override: str | None, path: str) -> Tool:
    """The tool of ``spec``; UserError as :func:`find_tool` raises it."""
    if override:
        return _overridden(spec, override)
    looked_at: list[str] = []
    searches = [_native, from_wheel] if spec.native_first else [from_wheel, _native]
    for place in searches:
        for origin, command in place(spec, path):
            usable = _usable(spec, origin, command)
            if isinstance(usable, str):
                looked_at.append(usable)
            else:
                return Tool(spec.name, usable[0], usable[1], origin, tuple(looked_at))
        looked_at.append(_nothing_more(spec, place))
    raise UserError(
        f"{spec.name} not found (looked at: {'; '.join(looked_at)}); install it with: {spec.install}"
    )


def _overridden(spec: ToolSpec, override: str) -> Tool:
    command = tuple(shlex.split(override))
    if not command or shutil.which(command[0]) is None:
        raise UserError(f"{spec.variable}={override} is not an executable; correct or unset {spec.variable}")
    usable = _usable(spec, spec.variable, command)
    if isinstance(usable, str):
        raise UserError(
            f"{spec.variable}={override} does not serve: {usable}; correct or unset {spec.variable}"
        )
    return Tool(spec.name, usable[0], usable[1], spec.variable)


def _native(spec: ToolSpec, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in spec.native:
        program = shutil.which(name, path=path)
        if program is not None:
            yield "PATH", (program,)


def from_wheel(spec: ToolSpec, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(origin, command) of the tool as its wheel has it, if it is installed."""
    if spec.wheel is None:
        return
    if spec.module is not None:
        module = importlib.util.find_spec(spec.module[0])
        for folder in (module.submodule_search_locations or []) if module is not None else []:
            executable = Path(folder) / spec.module[1]
            if executable.is_file():
                yield f"wheel {spec.wheel}", (str(executable),)
        return
    if spec.script is None or _wheel_version(spec.wheel) is None:
        return
    # The scripts lie beside this interpreter, whether or not its environment is activated.
    for folder in dict.fromkeys((str(Path(sys.executable).parent), sysconfig.get_path("scripts"))):
        script = shutil.which(spec.script, path=folder)
        if script is not None:
            yield f"wheel {spec.wheel}", (script,)
            return
    # pip --target puts scripts elsewhere: start the same entry point through this interpreter.
    for entry in importlib.metadata.distribution(spec.wheel).entry_points:
        if entry.group == "console_scripts" and entry.name == spec.script:
            start = f"import sys; from {entry.module} import {entry.attr}; sys.exit({entry.attr}())"
            yield f"wheel {spec.wheel}", (sys.executable, "-c", start)


def _nothing_more(spec: ToolSpec, search: Callable[..., object]) -> str:
    if search is _native:
        return f"{', '.join(spec.native)} on PATH"
    if spec.wheel is None:
        return "no wheel exists"
    return f"wheel {spec.wheel}"


def _usable(
    spec: ToolSpec, origin: str, command: tuple[str, ...]
) -> tuple[tuple[str, ...], str | None] | str:
    """The full command and version, or one line that says why it does not serve."""
    where = shlex.join(command)
    if spec.name == "c++":
        probed = compiler.probe(command)
        return probed if isinstance(probed, str) else (probed.command, probed.version)
    if spec.wheel is not None and origin.startswith("wheel"):
        # The wheel's own metadata: asking a WebAssembly tool may first compile it for a minute.
        return command, _wheel_version(spec.wheel)
    version = native_version(command) if spec.tells_version else None
    if spec.oldest and version is not None and version_numbers(version) < spec.oldest:
        oldest = ".".join(str(part) for part in spec.oldest)
        return f"{where} is version {version}, older than {oldest}"
    return command, version


def _wheel_version(wheel: str) -> str | None:
    try:
        return importlib.metadata.version(wheel)
    except importlib.metadata.PackageNotFoundError:
        return None


def native_version(command: tuple[str, ...]) -> str | None:
    """The first version number a tool prints; None when it prints none, or takes too long to."""
    for option in ("--version", "-V"):
        try:
            result = run_within([*command, option], timeout_s=ANSWER_S)
        except (OSError, subprocess.TimeoutExpired):
            return None
        number = re.search(r"\d+\.\d+[\w.+-]*|(?<=ngspice-)\d+", result.stdout + result.stderr)
        if number is not None:
            return number[0]
    return None


def version_numbers(version: str) -> Version:
    """The leading numbers of a version, to compare: ``0.70.0.post1`` gives ``(0, 70, 0)``."""
    leading = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()


def on_this_machine(name: str) -> bool:
    """Whether ``name`` is found without any wheel: by its variable or on PATH, and serves.

    Works without numpy and the rest: the set-up scripts ask before anything is installed.
    """
    spec = SPECS[name]
    override = os.environ.get(spec.variable)
    if override:
        return not isinstance(_usable(spec, spec.variable, tuple(shlex.split(override))), str)
    path = os.environ.get("PATH", os.defpath)
    return any(not isinstance(_usable(spec, *place), str) for place in _native(spec, path))
