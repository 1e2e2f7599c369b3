"""Amaranth component -> RTLIL -> Verilog."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from qsnn_hw.rtl.text.emission import quick_amaranth
from qsnn_hw.rtl.text.readable import describe, readable
from qsnn_hw.support import files
from qsnn_hw.support.progress import Progress
from qsnn_hw.toolchain.tools import WaysOut, find_tool, relative, run_tool

_DIRECTIONS = {wiring.In: PortDirection.Input, wiring.Out: PortDirection.Output}

# Of one initial block; the time of yosys' Verilog reader grows with the square of it.
_BLOCK_WORDS = 256


def split_contents(verilog: str) -> str:
    """The same Verilog with the contents of large memories in several initial blocks.

    The words of a memory are independent, so nothing changes but the time to read them: 50,000 words
    in one block take yosys 0.70 six minutes, in blocks of 256 seventeen seconds.

    Parameters
    ----------
    verilog
        As yosys writes it: one initial block for each memory, one word on each line.
    """
    lines = []
    words = None
    for line in verilog.splitlines(keepends=True):
        stripped = line.strip()
        if stripped == "initial begin":
            words = 0
        elif stripped == "end":
            words = None
        elif words is not None:
            if words == _BLOCK_WORDS:
                lines.append("  end\n  initial begin\n")
                words = 0
            words += 1
        lines.append(line)
    return "".join(lines)


def write_rtlil(component: wiring.Component, name: str, path: Path, platform: object | None = None) -> None:
    """Elaborate ``component`` and write it as RTLIL with top module ``name``; needs no tool.

    Modules are named by where they are (``network.hidden.sweep.lane0``), ports as their components
    name them, and each module says in its attribute ``description`` what it is. ``platform`` is handed to
    every ``elaborate``, as Amaranth does it.
    """
    ports = {
        "__".join(map(str, path)): (Value.cast(value), _DIRECTIONS[member.flow])
        for path, member, value in component.signature.flatten(component)
    }
    with quick_amaranth():
        design = Fragment.get(component, platform).prepare(ports=ports, hierarchy=(name,))
        text, _ = rtlil.convert_fragment(design, name=name, emit_src=False)
        text = readable(text, describe(design))
    files.write_text(path, text)


def export_verilog(component: wiring.Component, name: str, folder: Path, progress: Progress) -> Path:
    """Write ``component`` to ``<name>.il`` and ``<name>.v`` in ``folder``; the latter's path.

    Raises
    ------
    ToolError
        yosys failed; ``<name>.log`` says why.
    """
    rtlil_path, path = folder / f"{name}.il", folder / f"{name}.v"
    write_rtlil(component, name, rtlil_path)
    write_verilog(rtlil_path, path, log=folder / f"{name}.log", progress=progress)
    return path


def write_verilog(
    rtlil_path: Path, path: Path, *, log: Path, progress: Progress, ways_out: WaysOut | None = None
) -> None:
    """One form of a design; see :func:`write_verilogs`."""
    write_verilogs([(rtlil_path, path)], log=log, progress=progress, ways_out=ways_out)


def write_verilogs(
    forms: Sequence[tuple[Path, Path]],
    *,
    log: Path,
    progress: Progress,
    ways_out: WaysOut | None = None,
) -> None:
    """Translate RTLIL to Verilog-2001 with one run of yosys, keeping every name.

    Processes and memories stay as written: ``proc -nomux -norom`` prepares what the Verilog writer
    can express and optimises nothing, so what is simulated is what was described.

    Parameters
    ----------
    forms
        (RTLIL, Verilog) of every form; the files of all lie in one folder, and all are written or none.
    ways_out
        What a user can do where yosys crashes, by the cause.

    Raises
    ------
    ToolError
        yosys failed; the log says why.
    """
    folder = forms[0][1].parent
    with ExitStack() as stack:
        written = [stack.enter_context(files.replacing(path)) for _, path in forms]
        script = ""
        for (rtlil_path, _), temporary in zip(forms, written, strict=True):
            script += _SCRIPT.format(rtlil=relative(rtlil_path, folder), verilog=relative(temporary, folder))
        with files.replacing(log.with_suffix(".ys")) as script_path:
            script_path.write_text(script, encoding="utf-8")
            run_tool(
                find_tool("yosys"),
                ["-q", "-s", relative(script_path, folder)],
                log=log,
                cwd=folder,
                progress=progress,
                name="write Verilog",
                ways_out=ways_out,
            )
        for temporary in written:
            temporary.write_text(split_contents(temporary.read_text(encoding="utf-8")), encoding="utf-8")


# Single-port RAM has no initial content; Amaranth always writes one, of zeros.
_SCRIPT = """design -reset
read_rtlil "{rtlil}"
proc -nomux -norom
memory_collect
setparam -set INIT 1'x t:$mem_v2 a:ram_style=huge %i
attrmap -remove generator -remove top -remove src
attrmap -remove amaranth.hierarchy -remove amaranth.decoding
write_verilog -norename "{verilog}"
"""
