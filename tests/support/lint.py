"""The linters' word on Verilog text, less what the generated text cannot avoid."""

import os
import re
import subprocess
from pathlib import Path

from qsnn_hw.toolchain.simulator import verilator_ready
from qsnn_hw.toolchain.tools import find_tool

WAIVED = {
    "CASEINCOMPLETE": "the value given before the case stands for all patterns it does not name",
    "DECLFILENAME": "one file holds all modules, as every tool of the chain takes it",
    "PROCASSINIT": "a register's value out of configuration stands at its declaration",
    "UNUSEDSIGNAL": "every name of the description is kept for whoever looks at waves",
    "VARHIDDEN": "a memory may be called as an instance above it is; names are looked up inside first",
    "WIDTHEXPAND": "operands are extended by the language's own rules, which the description follows",
}
"""Verilator's warnings that the generated text cannot avoid, and why."""

LOGICAL_NOT = "Logical operator LOGNOT expects 1 bit"
"""The one truncation there is: yosys writes "all bits are 0" as ``!`` of a vector."""


def verilator_lint(verilog: Path, top: str) -> tuple[set[str], list[str]]:
    """Kinds of warning that Verilator's linter gives with all on, and those that count, one line each."""
    with verilator_ready():
        done = subprocess.run(
            [*find_tool("verilator").command, "--lint-only", "-Wall", "--top-module", top, str(verilog)],
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.findall(r"^%(?:Warning-|Error-?)(\w*): (.*)$", done.stderr, re.MULTILINE)
    left = [
        f"{kind}: {text}"
        for kind, text in found
        if kind not in WAIVED
        and not (kind == "WIDTHTRUNC" and LOGICAL_NOT in text)
        and not re.fullmatch(r"Exiting due to \d+ warning\(s\)", text)
    ]
    return {kind for kind, _ in found}, left


def icarus_lint(verilog: Path, top: str) -> tuple[int, str, str]:
    """Icarus' exit status, standard output and standard error."""
    command = ["iverilog", "-g2005", "-Wall", "-tnull", "-s", top, str(verilog)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
