"""Why a tool crashed, read from its exit code and its last lines.

A tool that finds a mistake says so in an ERROR line of its own. One that crashes leaves a backtrace, or
nothing: the WebAssembly yosys ends with "thrown Wasm exception" when its 4 GB are full, a process that the
system ends for want of memory leaves no line at all.
"""

import re
import signal
from collections.abc import Iterable, Mapping
from typing import Literal

from qsnn_hw.toolchain.finder import Tool

Cause = Literal["memory", "stack", "placement", "routing"]
"""What a way out is known for: out of memory, an expression too deep, a device too full to place or route."""

WaysOut = Mapping[Cause, str]

_PATTERNS: tuple[tuple[Cause, str], ...] = (
    ("stack", r"call stack exhausted|stack overflow|maximum recursion depth"),
    ("memory", r"thrown Wasm exception|bad_alloc|out of memory|cannot allocate memory|MemoryError"),
    ("memory", r"memory exhausted|memory allocation of \d+ bytes failed|Killed signal terminated program"),
    ("placement", r"unable to find legal placement|no BELs remaining|unable to place cell|failed to place"),
    ("placement", r"failed to expand region|unable to find a placement|placing design failed"),
    ("routing", r"routing design failed|failed to (find a )?route|unable to (find a )?route|unroutable"),
)


def cause_of(code: int, lines: Iterable[str]) -> Cause | None:
    """The likely cause of a failure; None where the tool's own message has to do.

    Parameters
    ----------
    code
        Exit code, below 0 the number of the signal that ended the process.
    lines
        The last lines of output.
    """
    text = "\n".join(lines)
    for cause, pattern in _PATTERNS:
        if re.search(pattern, text, re.IGNORECASE):
            return cause
    return "memory" if code == -getattr(signal, "SIGKILL", 9) else None


def in_words(cause: Cause, tool: Tool) -> str:
    """The cause as part of a sentence."""
    if cause == "memory":
        limited = tool.origin.startswith("wheel") and tool.name.startswith(("yosys", "nextpnr"))
        more = " (a WebAssembly tool has 4 GB)" if limited else ""
        return f"most likely out of memory{more}"
    return {
        "stack": "its stack overflowed: an expression is nested too deeply",
        "placement": "the design is too full for the device to be placed",
        "routing": "the placed design cannot be routed",
    }[cause]
