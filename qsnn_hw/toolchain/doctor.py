"""What ``qsnn-hw doctor`` says: every tool and package, its version, and what to do about a missing one."""

import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qsnn_hw.support.errors import UserError
from qsnn_hw.toolchain import webassembly
from qsnn_hw.toolchain.cache import cache_folder
from qsnn_hw.toolchain.catalog import SPECS, ToolSpec
from qsnn_hw.toolchain.finder import Tool, find_tool
from qsnn_hw.toolchain.loaders import LOADERS, find_program


@dataclass(frozen=True)
class ToolStatus:
    """One line of the doctor's table.

    Parameters
    ----------
    name, purpose
        The tool or Python package and what it does here.
    found, required
        ``required and not found`` is a fault.
    version
        None when missing or not stated.
    origin
        Where it was found; for a missing one, how to get it.
    note
        A further remark, e.g. a long first use; empty when there is none.
    """

    name: str
    purpose: str
    found: bool
    required: bool
    version: str | None
    origin: str
    note: str = ""

    @property
    def faulty(self) -> bool:
        """Whether the flow cannot run to its end because of this line."""
        return self.required and not self.found


def doctor() -> list[ToolStatus]:
    """Look for everything the flow uses; starts compilers and native tools, never a WebAssembly one."""
    return [
        ToolStatus("python", "runs the flow", True, True, platform.python_version(), sys.executable),
        *(_tool(spec, find_tool) for spec in SPECS.values()),
        *(_tool(spec, find_program) for spec in LOADERS.values()),
        *_packages(),
        _cache(),
    ]


def doctor_table(statuses: Iterable[ToolStatus]) -> str:
    """The statuses as aligned plain text, one line each, and a last line that sums them up."""
    rows = list(statuses)
    cells = [(_mark(row), row.name, row.version or "-", row.purpose) for row in rows]
    widths = [max((len(line[column]) for line in cells), default=0) for column in range(4)]
    lines = []
    for row, cell in zip(rows, cells, strict=True):
        left = "  ".join(text.ljust(width) for text, width in zip(cell, widths, strict=True))
        lines.append(f"{left}  {row.origin}{'; ' + row.note if row.note else ''}".rstrip())
    missing = [row.name for row in rows if row.faulty]
    lines.append(f"missing: {', '.join(missing)}" if missing else "everything the flow needs is here")
    return "\n".join(lines)


def _mark(row: ToolStatus) -> str:
    if row.found:
        return "ok"
    return "MISSING" if row.required else "absent"


def _tool(spec: ToolSpec, find: Callable[[str], Tool]) -> ToolStatus:
    try:
        tool = find(spec.name)
    except UserError as error:
        return ToolStatus(spec.name, spec.purpose, False, spec.required, None, str(error))
    note = "first use compiles it" if webassembly.is_cold(tool) else ""
    origin = f"{tool.origin}: {tool.command[0]}"
    return ToolStatus(spec.name, spec.purpose, True, spec.required, tool.version, origin, note)


def _packages() -> list[ToolStatus]:
    """The packages this distribution requires, tools shipped as wheels aside."""
    wheels = {spec.wheel for spec in SPECS.values()}
    try:
        requirements = importlib.metadata.requires("qsnn-hw") or []
    except importlib.metadata.PackageNotFoundError:
        note = "qsnn-hw itself is not installed: pip install -e . in its checkout"
        return [ToolStatus("qsnn-hw", "this package", False, False, None, note)]
    rows = []
    for requirement in requirements:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is None or "extra ==" in requirement or name[0] in wheels:
            continue
        rows.append(_package(name[0], requirement))
    return rows


def _package(name: str, requirement: str) -> ToolStatus:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ToolStatus(
            name, "Python package", False, True, None, f"install it with: pip install '{requirement}'"
        )
    return ToolStatus(name, "Python package", True, True, version, "this Python environment")


def _cache() -> ToolStatus:
    try:
        return ToolStatus("cache", "compiled tools", True, True, None, str(cache_folder()))
    except UserError as error:
        return ToolStatus("cache", "compiled tools", False, True, None, str(error))
