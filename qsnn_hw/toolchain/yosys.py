"""Runs of yosys on a script of ours, and what it says while it works."""

import re
from pathlib import Path

from qsnn_hw.support import files
from qsnn_hw.support.progress import Progress
from qsnn_hw.toolchain.crash import WaysOut
from qsnn_hw.toolchain.finder import find_tool
from qsnn_hw.toolchain.process import run_tool

_PASS = re.compile(r"^[\d.]+ Executing (\S+)")


def pass_name(line: str) -> str | None:
    """The pass that a line of its output announces: what there is to say meanwhile."""
    match = _PASS.match(line)
    return match[1] if match is not None else None


def run_script(
    script: Path, text: str, *, name: str, progress: Progress, ways_out: WaysOut | None = None
) -> None:
    """Write ``text`` as ``script`` and run yosys on it, in its folder, with its log beside it.

    What yosys says goes to the log alone: warnings of a netlist that is only read or rewritten are no fault.

    Parameters
    ----------
    name
        What is shown meanwhile.
    ways_out
        What a user can do where yosys crashes, by the cause.

    Raises
    ------
    ToolError
        yosys failed; the log says why.
    """
    files.write_text(script, text)
    run_tool(
        find_tool("yosys"),
        ["-Q", "-q", script.name],
        log=script.with_suffix(".log"),
        cwd=script.parent,
        progress=progress,
        name=name,
        on_line=lambda line: None,
        ways_out=ways_out,
    )
