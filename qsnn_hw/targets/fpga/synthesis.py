"""Verilog to a netlist of the device's own cells, with yosys.

The figures in ``docs/implementation_notes.md`` are why the scripts here look the way they do.
"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsnn_hw.families.boards import Board
from qsnn_hw.families.family import Family
from qsnn_hw.families.limits import Usage
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.files import read_json, replacing, write_json, write_text
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.fpga.least import Least, count_of, missing
from qsnn_hw.toolchain.tools import WaysOut, find_tool, relative, run_tool
from qsnn_hw.toolchain.yosys import pass_name

NETLIST = "netlist.json"


@dataclass(frozen=True)
class TopPort:
    """A port of the synthesized top module: its direction ("in", "out", "inout") and bits."""

    direction: str
    width: int


@dataclass(frozen=True)
class Synthesis(StoredRecord, form="synthesis 2", again="delete it to synthesize again"):
    """What yosys made of a design.

    Parameters
    ----------
    board
        Name of the board it was made for.
    top
        Name of the top module.
    netlist
        The JSON netlist for nextpnr.
    cells
        Number of cells by yosys' own names, the whole design flattened.
    ports
        Ports of the top module by name.
    script, log
        What yosys was told and what it answered.
    version
        Version of yosys; None when it did not say.
    """

    board: str
    top: str
    netlist: Path
    cells: Mapping[str, int]
    ports: Mapping[str, TopPort]
    script: Path
    log: Path
    version: str | None


def count_cells(cells: Mapping[str, int], family: Family) -> Usage:
    """Counts of a family's cells by kind; ``logic_cells`` counts LUTs only, before carry cells are packed."""
    names = family.cells
    luts, registers, sprams, dsps = (
        count_of(cells, kind) for kind in (names.luts, names.registers, names.sprams, names.dsps)
    )
    return Usage(luts, registers, names.blocks(cells), sprams, dsps)


def parse_stat(stat: Any) -> dict[str, int]:
    """Cell counts of the whole design out of the answer to ``stat -json``."""
    try:
        cells = stat["design"]["num_cells_by_type"]
        return {str(name): int(count) for name, count in cells.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ToolError(f"yosys wrote cell statistics without design.num_cells_by_type: {error!r}") from error


def parse_ports(netlist: Any, top: str) -> dict[str, TopPort]:
    """Ports of module ``top`` out of a yosys JSON netlist."""
    directions = {"input": "in", "output": "out", "inout": "inout"}
    try:
        ports = netlist["modules"][top]["ports"]
        return {
            str(name): TopPort(directions[port["direction"]], len(port["bits"]))
            for name, port in ports.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"yosys wrote a netlist without the ports of module {top}: {error!r}") from error


def synthesis_script(verilog: str, top: str, board: Board, netlist: str, stat: str) -> str:
    """The yosys script for one design; paths as seen from where yosys runs."""
    options = " ".join(board.synth_args)
    return (
        f'read_verilog -sv "{verilog}"\n'
        f"{board.family.flow.synth} -top {top} {options} -json {netlist}\n"
        f"tee -q -o {stat} stat -json\n"
    )


def _check_kept(
    least: Least, cells: Mapping[str, int], module: Mapping[str, Any], top: str, board: Board, log: Path
) -> None:
    """Yosys removes whatever no output depends on, without a word and with exit code 0."""
    short = missing(least, cells, module, board.family.cells)
    if short:
        raise ToolError(
            f"yosys kept {short[0]}{f' (and {len(short) - 1} more such)' if short[1:] else ''}: the rest of "
            f"{top} was optimised away, because no output of the design depends on it, or mapped to "
            f"something else; see {log}"
        )


def synthesize(
    verilog: Path,
    top: str,
    board: Board,
    out_dir: Path,
    *,
    least: Least,
    floor_plan: bool = True,
    ways_out: WaysOut | None = None,
    progress: Progress,
) -> Synthesis:
    """Synthesize module ``top`` of ``verilog`` for ``board`` into ``out_dir``.

    Leaves synth.ys, synth.log, netlist.json and cells.json. The netlist is yosys' but for what the
    board's family adds to it (``finish`` of its flow).

    Parameters
    ----------
    least
        What must be left of the design: :func:`least_cells` of its plan.
    floor_plan
        Place the blocks of large synapse memories where the family has a floor plan; otherwise the placer
        places all.
    ways_out
        What a user can do where yosys crashes, by the cause.

    Raises
    ------
    UserError
        yosys is missing or the folder cannot be written.
    ToolError
        yosys failed, or less than ``least`` is left of the design.
    """
    tool = find_tool("yosys")
    script, log = out_dir / "synth.ys", out_dir / "synth.log"
    netlist, stat = out_dir / NETLIST, out_dir / "cells.json"
    with ExitStack() as stack:
        new_netlist = stack.enter_context(replacing(netlist))
        new_stat = stack.enter_context(replacing(stat))
        write_text(
            script,
            synthesis_script(relative(verilog, out_dir), top, board, new_netlist.name, new_stat.name),
        )
        run_tool(
            tool,
            ["-Q", script.name],
            log=log,
            cwd=out_dir,
            progress=progress,
            name=f"yosys for {board.name}",
            on_line=pass_name,
            ways_out=ways_out,
        )
        cells = parse_stat(read_json(new_stat))
        design = read_json(new_netlist)
        ports = parse_ports(design, top)
        module = design["modules"][top]
        _check_kept(least, cells, module, top, board, log)
        write_json(new_stat, cells)
        finish = board.family.flow.finish
        if finish is not None and finish(module, board.device, floor_plan):
            new_netlist.write_text(json.dumps(design), encoding="utf-8")
        # The script that stays must be one a user can run again.
        write_text(script, synthesis_script(relative(verilog, out_dir), top, board, netlist.name, stat.name))
    return Synthesis(board.name, top, netlist, cells, ports, script, log, tool.version)
