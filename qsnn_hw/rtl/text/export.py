"""Amaranth component -> RTLIL -> Verilog."""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from qsnn_hw.rtl.text.readable import describe, readable
from qsnn_hw.support import files
from qsnn_hw.support.progress import Progress
from qsnn_hw.toolchain.tools import WaysOut, find_tool, relative, run_tool

_DIRECTIONS = {wiring.In: PortDirection.Input, wiring.Out: PortDirection.Output}

_EMITTING = threading.Lock()

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


class _Emitter(rtlil.ModuleEmitter):
    """Amaranth's, but for the contents of memories, which that one makes bit by bit.

    They are 60 % of the time it takes to write a network; here they are one number in binary a word.
    """

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        empty = copy.copy(cell)
        empty.init = ()
        super().emit_memory(cell_idx, empty)
        mask = (1 << cell.width) - 1
        # The first word is in the lowest bits.
        words = [f"{row & mask:0{cell.width}b}" for row in reversed(cell.init)]
        made = next(reversed(self.builder.contents.values()))
        made.ports["DATA"] = f"{cell.width * len(words)}'{''.join(words)}"


@contextmanager
def _quick_memories() -> Iterator[None]:
    """Amaranth emits modules with :class:`_Emitter` meanwhile; one thread at a time."""
    with _EMITTING:
        usual = rtlil.ModuleEmitter
        rtlil.ModuleEmitter = _Emitter
        try:
            yield
        finally:
            rtlil.ModuleEmitter = usual


def write_rtlil(component: wiring.Component, name: str, path: Path) -> None:
    """Elaborate ``component`` and write it as RTLIL with top module ``name``; needs no tool.

    Modules are named by where they are (``network.hidden.sweep.lane0``), ports as their components
    name them, and each module says in its attribute ``description`` what it is.
    """
    ports = {
        "__".join(map(str, path)): (Value.cast(value), _DIRECTIONS[member.flow])
        for path, member, value in component.signature.flatten(component)
    }
    design = Fragment.get(component, None).prepare(ports=ports, hierarchy=(name,))
    with _quick_memories():
        text, _ = rtlil.convert_fragment(design, name=name, emit_src=False)
    files.write_text(path, readable(text, describe(design)))


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
