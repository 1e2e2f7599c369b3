"""Verilog to a netlist of a library's cells, with yosys: registers, latches, clock gates, gates, buffers.

A module that belongs to another part than the module around it keeps its borders until the cells are counted,
so that the area of every part is known; the netlist that is left has no borders.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.asic.liberty import Cell
from qsnn_hw.targets.asic.pdk import CellLibrary
from qsnn_hw.targets.asic.synthesis_script import (
    CLOCK_BUFFER,
    CLOCK_GATE,
    FILES,
    ScriptFiles,
    enable_maps,
    reset_map,
    synthesis_script,
)
from qsnn_hw.toolchain.tools import WaysOut, find_tool, relative, run_tool
from qsnn_hw.toolchain.yosys import pass_name

CONTROL = "control"
"""The part of a module that none is named for."""


@dataclass(frozen=True)
class PartCells:
    """Standard cells of one part of the design; macros apart.

    Parameters
    ----------
    cells, registers, latches
        How many; flip-flops and latches are among the cells.
    clock_gates
        Cells of the library, or a latch and an AND each, which are among the cells.
    area
        Of all of them, in the library's unit.
    register_area
        Of flip-flops, latches and the library's clock gates.
    """

    cells: int
    registers: int
    latches: int
    clock_gates: int
    area: float
    register_area: float


@dataclass(frozen=True)
class MappedDesign(StoredRecord, form="ASIC mapping 1", again="delete it to map again"):
    """A design in the cells of a library, before any layout.

    Parameters
    ----------
    top
        Name of the top module.
    name, corner, source, unit, node_nm, timed
        Of the library, :class:`CellLibrary`.
    cells
        Cell -> how many, in the whole design; macros apart.
    parts
        Part of the design -> its cells.
    macros
        Macro module -> how many.
    area
        Of all cells, in ``unit``.
    nand2_area
        Of the smallest two-input NAND of the library; None where it has none.
    buffered
        Whether fan-out is buffered, for a driving cell and a load.
    driving_cell, load_ff
        What each input is taken to be driven by, and each output to drive, femtofarad; None where it is not.
    netlist, script, log, liberty
        Files: Verilog of the netlist, what yosys was told, what it answered, the Liberty file it used.
    version
        Of yosys.
    """

    top: str
    name: str
    corner: str
    source: str
    unit: str
    node_nm: int | None
    timed: bool
    cells: Mapping[str, int]
    parts: Mapping[str, PartCells]
    macros: Mapping[str, int]
    area: float
    nand2_area: float | None
    buffered: bool
    driving_cell: str | None
    load_ff: float | None
    netlist: Path
    script: Path
    log: Path
    liberty: Path
    version: str | None

    @property
    def registers(self) -> int:
        """Flip-flops."""
        return sum(part.registers for part in self.parts.values())


@dataclass(frozen=True)
class Sources:
    """What is mapped.

    Parameters
    ----------
    verilog
        The files.
    top
        The top module.
    parts
        (name of a module, part) pairs; a module belongs to the part of the longest name that it has or begins
        with, up to a dot; without one to "control".
    macros
        Modules that are no logic: they are left out.
    unused
        Patterns of the top module's ports that are not to be mapped, nor what only they depend on.
    """

    verilog: Sequence[Path]
    top: str
    parts: Sequence[tuple[str, str]] = ()
    macros: Sequence[str] = ()
    unused: Sequence[str] = ()

    def part_of(self, module: str) -> str:
        """The part that ``module`` belongs to."""
        fitting = [(len(n), part) for n, part in self.parts if module == n or module.startswith(n + ".")]
        return max(fitting)[1] if fitting else CONTROL


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


_MODULE = re.compile(r"^module\s+\\?(\S+?)\s*\(", re.MULTILINE)


def map_design(
    sources: Sources,
    library: CellLibrary,
    out_dir: Path,
    *,
    ways_out: WaysOut | None = None,
    progress: Progress,
) -> MappedDesign:
    """Map the design into the folder ``out_dir``: map.ys, map.log, cells.lib, netlist.v, cells.json.

    Raises
    ------
    UserError
        yosys is missing, or a file cannot be written.
    ToolError
        yosys failed, left cells that are none of the library's, or next to nothing.
    """
    tool = find_tool("yosys")
    names = [n for path in sources.verilog for n in _MODULE.findall(_text(path))]
    kept = [
        (n, sources.part_of(n))
        for n in names
        if n != sources.top and sources.part_of(n) != sources.part_of(n.rpartition(".")[0])
    ]
    driver, load_ff = _constraint(library)
    used = ScriptFiles(
        verilog=tuple(relative(path, out_dir) for path in sources.verilog),
        genlib=FILES.genlib if library.genlib is not None else None,
        constraint=FILES.constraint if driver is not None else None,
    )
    script, log = out_dir / FILES.script, out_dir / FILES.log
    out_dir.mkdir(parents=True, exist_ok=True)
    files.write_text(out_dir / FILES.liberty, library.liberty_text())
    files.write_text(out_dir / FILES.resets, reset_map())
    for name, text in zip((FILES.enables, FILES.plain), enable_maps(), strict=True):
        files.write_text(out_dir / name, text)
    if library.genlib is not None:
        files.write_text(out_dir / FILES.genlib, library.genlib)
    if driver is not None:
        files.write_text(
            out_dir / FILES.constraint, f"set_driving_cell {driver.name}\nset_load {load_ff:.6g}\n"
        )
    files.write_text(
        script,
        synthesis_script(
            used,
            sources.top,
            sources.part_of(sources.top),
            kept,
            sources.macros,
            sources.unused,
            library.liberty,
        ),
    )
    for product in (FILES.netlist, FILES.cells):
        (out_dir / product).unlink(missing_ok=True)
    run_tool(
        tool,
        ["-Q", script.name],
        log=log,
        cwd=out_dir,
        progress=progress,
        name=f"yosys for {library.liberty.name}",
        on_line=pass_name,
        ways_out=ways_out,
    )
    parts, macros, gates = _count(files.read_json(out_dir / FILES.cells), sources, library, log)
    total: Counter[str] = Counter()
    for cells in parts.values():
        total += cells
    liberty = library.liberty
    return MappedDesign(
        top=sources.top,
        name=liberty.name,
        corner=liberty.corner,
        source=library.source,
        unit=library.unit,
        node_nm=library.node_nm,
        timed=library.timed,
        cells=dict(sorted(total.items())),
        parts={part: _part(cells, gates[part], library) for part, cells in sorted(parts.items())},
        macros=dict(sorted(macros.items())),
        area=_area(total, library),
        nand2_area=liberty.nand2_area(),
        buffered=driver is not None,
        driving_cell=None if driver is None else driver.name,
        load_ff=load_ff,
        netlist=out_dir / FILES.netlist,
        script=script,
        log=log,
        liberty=out_dir / FILES.liberty,
        version=tool.version,
    )


_LOADS = 8
"""Inputs of the driving cell that an output is taken to drive."""


def _constraint(library: CellLibrary) -> tuple[Cell | None, float | None]:
    """The driving cell, and the load in femtofarad; None of a library without timing."""
    driver = library.liberty.buffer() if library.timed else None
    if driver is None:
        return None, None
    load = driver.pins[driver.inputs[0]].capacitance
    return (None, None) if not load else (driver, _LOADS * load * 1e15)


def _count(
    stat: object, sources: Sources, library: CellLibrary, log: Path
) -> tuple[dict[str, Counter[str]], Counter[str], Counter[str]]:
    """Cells of every part, macros, and clock gates of every part, of the design with its borders."""
    try:
        modules = {
            str(name).lstrip("\\"): {str(k).lstrip("\\"): int(v) for k, v in of["num_cells_by_type"].items()}
            for name, of in stat["modules"].items()  # type: ignore[index]
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ToolError(f"yosys wrote cell statistics without modules: {error!r}; see {log}") from error
    parts: dict[str, Counter[str]] = {}
    macros: Counter[str] = Counter()
    known, left_over = library.areas, set()
    # Modules of a few cells that belong to the part they stand in.
    made_of = (CLOCK_GATE, CLOCK_BUFFER)

    def visit(name: str, times: int, part: str) -> None:
        for kind, number in modules[name].items():
            if kind in sources.macros:
                macros[kind] += number * times
            elif kind in known or kind in made_of:
                parts.setdefault(part, Counter())[kind] += number * times
            elif kind in modules:
                visit(kind, number * times, sources.part_of(kind))
            elif kind != "$scopeinfo":
                left_over.add(kind)

    if sources.top not in modules:
        raise ToolError(f"yosys left no module {sources.top}; see {log}")
    visit(sources.top, 1, sources.part_of(sources.top))
    if left_over:
        raise ToolError(
            f"yosys left cells that {library.liberty.name} has not: {sorted(left_over)[:5]}; see {log}"
        )
    gates: Counter[str] = Counter()
    liberty = library.liberty.cells
    for part, cells in parts.items():
        made = {name: cells.pop(name, 0) for name in made_of}
        for name, times in made.items():
            for kind, number in modules.get(name, {}).items():
                cells[kind] += number * times
        gates[part] = made[CLOCK_GATE] + sum(
            number for kind, number in cells.items() if liberty[kind].gates_clock
        )
    if not any(liberty[kind].kind == "flip-flop" for cells in parts.values() for kind in cells):
        raise ToolError(f"no flip-flop is left of {sources.top}: all was optimised away; see {log}")
    return parts, macros, gates


def _area(cells: Mapping[str, int], library: CellLibrary) -> float:
    unknown = sorted(kind for kind in cells if not library.areas[kind])
    if unknown:
        raise ToolError(
            f"{library.liberty.name} states no area of {', '.join(unknown[:5])}, in use here: "
            "put the LEF file of these cells beside the liberty"
        )
    return sum(library.areas[kind] * number for kind, number in cells.items())


def _part(cells: Mapping[str, int], gates: int, library: CellLibrary) -> PartCells:
    kinds = library.liberty.cells

    def those(kind: str) -> dict[str, int]:
        return {name: number for name, number in cells.items() if kinds[name].kind == kind}

    bought = {name: number for name, number in cells.items() if kinds[name].gates_clock}
    state = {**those("flip-flop"), **those("latch"), **bought}
    return PartCells(
        cells=sum(cells.values()),
        registers=sum(those("flip-flop").values()),
        latches=sum(those("latch").values()),
        clock_gates=gates,
        area=_area(cells, library),
        register_area=_area(state, library),
    )
