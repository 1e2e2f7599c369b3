"""Netlist to a placed and routed design with its Fmax, with nextpnr."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from qsnn_hw.families.boards import Board
from qsnn_hw.families.family import PlaceFiles
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import read_json, replacing, write_text
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.fpga.capacity import over_capacity
from qsnn_hw.targets.fpga.constraints import constraint_text
from qsnn_hw.targets.fpga.synthesis import Synthesis, count_cells
from qsnn_hw.targets.fpga.timing import (
    Clock,
    CriticalPath,
    Resource,
    hold_violations,
    parse_log_utilization,
    parse_report,
)
from qsnn_hw.toolchain.tools import WaysOut, find_tool, relative, run_tool


@dataclass(frozen=True)
class PlaceRoute(StoredRecord, form="route 1", again="delete it to route again"):
    """What nextpnr made of a netlist.

    Parameters
    ----------
    board
        Name of the board.
    resources
        Used and available units by nextpnr's own names.
    clocks
        Fmax and constraint of every clock by nextpnr's own names.
    fmax_mhz, constraint_mhz
        Of the slowest clock.
    critical_path
        The slowest path; None when nextpnr reports none.
    seed
        Of the placer: same inputs and seed, same result.
    routed
        The routed design for the packer.
    constraints, report, log
        The pin file, nextpnr's JSON report, what it printed.
    tool, version
        Name and version of nextpnr; None when it did not say.
    """

    board: str
    resources: Mapping[str, Resource]
    clocks: Mapping[str, Clock]
    fmax_mhz: float
    constraint_mhz: float
    critical_path: CriticalPath | None
    seed: int
    routed: Path
    constraints: Path
    report: Path
    log: Path
    tool: str
    version: str | None


_SMALLER = "--optimize area, fewer --lanes or a larger --board leaves it more room"
_WAYS_OUT: WaysOut = {
    "placement": f"{_SMALLER}; another --seed may place it as it is",
    "routing": f"another --seed may route it as it is; {_SMALLER}",
    "memory": "--optimize area or fewer --lanes make the design smaller",
}


def _over_capacity_from_log(board: Board, log: Path) -> UserError | None:
    counts = parse_log_utilization(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else {}
    return over_capacity(board.limits.usage({name: count.used for name, count in counts.items()}), board)


def _unknown_pin(board: Board, log: Path) -> UserError | None:
    """The error for a pin of the board file that the package does not have; None where that is not it."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    found = re.search(board.family.flow.no_pin, text)
    if found is None:
        return None
    ports = " and ".join(name for name, port in board.ports.items() if found[1] in port.pins)
    return UserError(
        f"{board.path}: package {board.package} of {board.device} has no pin {found[1]}, "
        f"which the file gives to {ports}; correct that pin or the package"
    )


def place_and_route(
    synthesis: Synthesis,
    board: Board,
    out_dir: Path,
    *,
    seed: int = 1,
    freq_mhz: float | None = None,
    progress: Progress,
) -> PlaceRoute:
    """Place and route for ``board`` into ``out_dir``.

    Leaves pins and routed, each with the suffix of the board's family, nextpnr.json and nextpnr.log.

    Parameters
    ----------
    seed
        Of the placer.
    freq_mhz
        What nextpnr is asked to reach; the design's clock by default. Missing it is no error here:
        ``met.py`` says what follows from it.

    Raises
    ------
    UserError
        The design is larger than the device (says by how much and which board would hold it), or has ports
        the board has no pins for; or the package has no such pin.
    ToolError
        nextpnr failed otherwise.
    """
    if freq_mhz is not None and not 0 < freq_mhz < 10_000:
        raise UserError(f"target frequency must be between 0 and 10000 MHz, not {freq_mhz}")
    if synthesis.board != board.name:
        raise UserError(f"the netlist was made for {synthesis.board}, not {board.name}; synthesize it again")
    # Blocks are counted exactly before packing; logic is not, so it is left to nextpnr.
    too_large = over_capacity(replace(count_cells(synthesis.cells, board.family), logic_cells=None), board)
    if too_large is not None:
        raise too_large
    flow = board.family.flow
    if flow.place is None or flow.place_words is None:
        raise UserError(f"no place and route here for {board.name}: {flow.unplaced}")
    tool = find_tool(flow.place.name)
    constraints = out_dir / f"pins{flow.pins_suffix}"
    write_text(constraints, constraint_text(synthesis.ports, board))
    routed = out_dir / f"routed{flow.routed_suffix}"
    report, log = out_dir / "nextpnr.json", out_dir / "nextpnr.log"
    target = board.clock_mhz if freq_mhz is None else freq_mhz
    with ExitStack() as stack:
        new_routed = stack.enter_context(replacing(routed))
        new_report = stack.enter_context(replacing(report))
        named = PlaceFiles(
            relative(synthesis.netlist, out_dir), constraints.name, new_routed.name, new_report.name
        )
        args = flow.place_words(board.part, named)
        # Fmax is wanted even when the target is missed.
        args += ["--seed", str(seed), "--freq", f"{target:g}", "--timing-allow-fail", *board.place_args]
        try:
            run_tool(
                tool,
                args,
                log=log,
                cwd=out_dir,
                progress=progress,
                name=f"nextpnr for {board.name}",
                ways_out=_WAYS_OUT,
            )
        except ToolError as error:
            raise _unknown_pin(board, log) or _over_capacity_from_log(board, log) or error from error
        parsed, told = parse_report(read_json(new_report)), log.read_text(encoding="utf-8", errors="replace")
        counts = parse_log_utilization(told) if flow.packed_counts else parsed.resources
        available = board.limits.available()
        resources = {
            name: count.on_device(available.get(name))
            for name, count in counts.items()
            if name not in flow.always
        }
        holds = hold_violations(told)
        if holds:
            known = f"; {flow.false_holds}" if flow.false_holds else ""
            progress.say(f"implement: nextpnr counts {holds} hold violations, see {log}{known}")
        slowest = parsed.clocks[parsed.slowest]
    return PlaceRoute(
        board=board.name,
        resources=resources,
        clocks=parsed.clocks,
        fmax_mhz=slowest.achieved_mhz,
        constraint_mhz=slowest.constraint_mhz,
        critical_path=parsed.critical_path,
        seed=seed,
        routed=routed,
        constraints=constraints,
        report=report,
        log=log,
        tool=tool.name,
        version=tool.version,
    )
