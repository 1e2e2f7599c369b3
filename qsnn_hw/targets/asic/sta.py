"""Runs OpenSTA on a mapped design: what every script of it begins with, and how its answers are read.

The oldest build that serves is Debian's of 2019 (2.0.17).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.asic.synthesis import MappedDesign
from qsnn_hw.toolchain.tools import Tool, find_tool, relative, run_tool

CLOCK = "clk"
"""The clock's port, and its name."""

CLOCK_SLEW_NS = 0.2
"""Of the clock's edges at its port: an assumption, as behind a tree of buffers of 0.18 um."""

NETLIST = "sta_netlist.v"
"""What OpenSTA reads of the mapped design, beside its scripts."""

_TIED = "qsnn_constant_"
_CONSTANT_PIN = re.compile(r"(\.\w+\()1'[bh]([01])\)")

_ANSWER = re.compile(r"^qsnn (\w+) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Answers:
    """What a script answered.

    Parameters
    ----------
    values
        Name -> text, of the lines ``puts "qsnn NAME TEXT"``.
    text
        All it printed.
    log
        Where that is kept.
    """

    values: Mapping[str, str]
    text: str
    log: Path

    def number(self, name: str) -> float:
        """The number of that name; ToolError where there is none."""
        try:
            return float(self.values[name])
        except (KeyError, ValueError) as error:
            raise ToolError(f"sta answered without {name}; see {self.log}") from error


def sta_or_why_not(mapped: MappedDesign) -> Tool | str:
    """OpenSTA, or the line that says why there is no timing and no power."""
    if not mapped.timed:
        return f"timing and power are not measured: {mapped.name} ({mapped.source}) has areas only"
    try:
        return find_tool("sta")
    except UserError as error:
        return f"timing and power are not measured: {error}"


def without_constants(netlist: str, top: str) -> str:
    """The netlist with nets that nobody drives in place of constants at the pins of cells.

    A gate of a constant may be constant itself, and the power report of 2019 ends by SIGSEGV where it meets
    some of them. A net without a driver never switches and begins no path, as a constant.
    """
    found = _CONSTANT_PIN.search(netlist)
    if found is None:
        return netlist
    head = re.search(
        rf"^module (?:{re.escape(top)}|\\{re.escape(top)} ) ?\(.*?\);\n", netlist, re.MULTILINE | re.DOTALL
    )
    if head is None:
        raise ToolError(f"the mapped netlist has no module {top}")
    tied = _CONSTANT_PIN.sub(lambda pin: f"{pin[1]}{_TIED}{pin[2]})", netlist[head.end() :])
    nets = "".join(f"  wire {_TIED}{value};\n" for value in "01")
    return netlist[: head.end()] + nets + tied


def head(mapped: MappedDesign, folder: Path, clock_ns: float) -> str:
    """The beginning of a script that runs in ``folder``: cells, netlist, clock, what is around the design.

    Inputs come and outputs are taken at the clock's edge: a path from or to a pin has the whole period. The
    netlist stands beside the script, with :func:`without_constants`.
    """
    netlist = mapped.netlist.read_text(encoding="utf-8")
    files.write_text(folder / NETLIST, without_constants(netlist, mapped.top))
    lines = [
        "set_cmd_units -time ns -capacitance pF -power mW",
        f"read_liberty {{{relative(mapped.liberty, folder)}}}",
        f"read_verilog {{{NETLIST}}}",
        f"link_design {mapped.top}",
        "proc constrain {period} {",
        f"  create_clock -name {CLOCK} -period $period [get_ports {CLOCK}]",
        f'  foreach port [all_inputs] {{ if {{[get_property $port full_name] != "{CLOCK}"}} {{',
        f"    set_input_delay 0 -clock {CLOCK} $port",
        "  } }",
        f"  set_output_delay 0 -clock {CLOCK} [all_outputs]",
        "}",
        f"constrain {clock_ns:.6g}",
    ]
    if mapped.driving_cell is not None and mapped.load_ff is not None:
        lines += [
            "foreach port [all_inputs] {",
            f'  if {{[get_property $port full_name] != "{CLOCK}"}} {{',
            f"    set_driving_cell -lib_cell {mapped.driving_cell} $port",
            "} }",
            # The clock comes through a tree, which is not here, and not through that cell.
            f"set_input_transition {CLOCK_SLEW_NS} [get_ports {CLOCK}]",
            f"set_load {mapped.load_ff / 1000:.6g} [all_outputs]",
        ]
    return "\n".join(lines) + "\n"


def ask(tool: Tool, script: str, path: Path, progress: Progress, name: str) -> Answers:
    """Write ``script`` to ``path`` and run it in its folder; the answers.

    Raises
    ------
    ToolError
        OpenSTA failed or complained; the message names the log.
    """
    log = path.with_suffix(".log")
    files.write_text(path, script)
    run_tool(tool, ["-exit", path.name], log=log, cwd=path.parent, progress=progress, name=name)
    text = log.read_text(encoding="utf-8", errors="replace")
    # It goes on after an error, and ends with status 0.
    wrong = next((line for line in text.splitlines() if line.startswith("Error:")), None)
    if wrong is not None:
        raise ToolError(f"sta: {wrong.removeprefix('Error:').strip()}; see {log}")
    return Answers(dict(_ANSWER.findall(text)), text, log)
