"""Designs in the cells of a library: area of every part, macros, what is refused; the critical path."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from qsnn_hw.report.record import ASSUMPTIONS
from qsnn_hw.report.results import Results
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.asic.pdk import CellLibrary, cell_library
from qsnn_hw.targets.asic.power import instances
from qsnn_hw.targets.asic.record import ChipImplementation
from qsnn_hw.targets.asic.sections.area import SECTION as AREA
from qsnn_hw.targets.asic.sta import ask, head, sta_or_why_not, without_constants
from qsnn_hw.targets.asic.synthesis import MappedDesign, map_design
from qsnn_hw.targets.asic.timing import time_design
from qsnn_hw.toolchain.tools import find_tool
from tests.support.asic import need_sta, osu018, small_design


def mapped(folder: Path, library: CellLibrary) -> MappedDesign:
    return map_design(small_design(folder), library, folder / "mapped", progress=SILENT)


def assumed(found: MappedDesign, folder: Path) -> str:
    """What a report says the area was taken under, the last line of it."""
    built = ChipImplementation(found, timing=None, power=None, notes=(), tools={})
    (said,) = [added.make(Results(folder, [built])) for added in AREA.added if added.part is ASSUMPTIONS]
    return said[-1]


def test_generic_gates_count_parts_and_macros(tmp_path: Path) -> None:
    found = mapped(tmp_path, cell_library(None, None))
    assert found.macros == {"sram_16x8": 1}
    assert {part: cells.registers for part, cells in found.parts.items()} == {"control": 8, "neurons": 8}
    # Eight registers of one enable have a clock gate: a latch and an AND.
    assert {part: cells.clock_gates for part, cells in found.parts.items()} == {"control": 1, "neurons": 1}
    assert found.area == pytest.approx(sum(part.area for part in found.parts.values()))
    assert found.area > 16 * 6
    assert (found.timed, found.buffered, found.unit) == (False, False, "NAND2 equivalents")
    said = "fan-out is not buffered: the library has no timing, so the area is a lower bound"
    assert assumed(found, tmp_path) == said
    text = found.netlist.read_text(encoding="utf-8")
    assert "sram_16x8 words" in text
    assert text.count("\nmodule ") == 1
    assert MappedDesign.load(_saved(found, tmp_path)) == found
    told = sta_or_why_not(found)
    assert isinstance(told, str)
    assert "has areas only" in told


def _saved(found: MappedDesign, folder: Path) -> Path:
    found.save(folder / "mapping.json")
    return folder / "mapping.json"


def test_a_design_that_is_optimised_away_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.v"
    path.write_text("module empty(clk, o);\n input clk;\n output o;\n assign o = clk;\nendmodule\n")
    sources = replace(small_design(tmp_path), verilog=(path,), top="empty", macros=())
    with pytest.raises(ToolError, match="no flip-flop is left of empty: all was optimised away"):
        map_design(sources, cell_library(None, None), tmp_path / "mapped", progress=SILENT)


def test_osu018_area_and_timing(tmp_path: Path) -> None:
    library = osu018()
    found = mapped(tmp_path, library)
    assert (found.unit, found.node_nm, found.driving_cell) == ("um2", 180, "BUFX2")
    assert found.cells["DFFPOSX1"] == 16
    assert found.area == pytest.approx(sum(library.areas[kind] * n for kind, n in found.cells.items()))
    need_sta()
    tool = sta_or_why_not(found)
    assert not isinstance(tool, str), tool
    timing = time_design(found, tool, tmp_path / "mapped", SILENT)
    assert timing is not None
    # Eight bits of carry: longer than a register alone, far from a microsecond.
    assert 0.4 < timing.period_ns < 10
    assert timing.fmax_mhz == pytest.approx(1000 / timing.period_ns)
    assert len(timing.path) > 2


def test_no_gate_drives_more_registers_than_a_few(tmp_path: Path) -> None:
    """Of 64 registers with one enable: one gate, and buffers between it and them."""
    path = tmp_path / "wide.v"
    path.write_text(
        "module wide(clk, en, d, q);\n  input clk, en;\n  input [63:0] d;\n  output reg [63:0] q;\n"
        "  always @(posedge clk) if (en) q <= d;\nendmodule\n"
    )
    sources = replace(small_design(tmp_path), verilog=(path,), top="wide", macros=())
    found = map_design(sources, osu018(), tmp_path / "mapped", progress=SILENT)
    assert sum(part.clock_gates for part in found.parts.values()) == 1
    assert found.registers == 64
    text = found.netlist.read_text(encoding="utf-8")
    cells = instances(text)
    clocks = Counter(cell.pins["CLK"] for cell in cells if cell.kind == "DFFPOSX1")
    assert "clk" not in clocks
    assert max(clocks.values()) <= 24
    assert clocks.keys() <= {cell.pins.get("Y") for cell in cells}
    assert all(cell.name.startswith("control_") for cell in cells)


CONSTANTS = """\
module small(clk, a, y0, y1);
  input clk; input a; output y0; output y1;
  wire q;
  DFFPOSX1 r (.CLK(clk), .D(a), .Q(q));
  NAND2X1 g0 (.A(1'b0), .B(q), .Y(y0));
  NAND2X1 g1 (.A(1'b0), .B(q), .Y(y1));
endmodule
"""


def test_gates_of_constants_do_not_end_the_power_report(tmp_path: Path) -> None:
    """Two gates of a constant and one register are what it ends by SIGSEGV on."""
    library = osu018()
    need_sta()
    found = mapped(tmp_path, library)
    found.netlist.write_text(CONSTANTS, encoding="utf-8")
    folder = tmp_path / "power"
    folder.mkdir()
    script = head(found, folder, 10.0) + "set_power_activity -input -activity 0.1 -duty 0.5\nreport_power\n"
    answers = ask(find_tool("sta"), script, folder / "power.tcl", SILENT, "sta")
    assert "Combinational" in answers.text


def test_constants_at_pins_become_nets_without_a_driver() -> None:
    assert without_constants("module a(x);\nendmodule\n", "a") == "module a(x);\nendmodule\n"
    text = without_constants(CONSTANTS.replace("1'b0), .B(q), .Y(y1)", "1'h1), .B(q), .Y(y1)"), "small")
    assert "1'b" not in text
    assert text.splitlines()[1:3] == ["  wire qsnn_constant_0;", "  wire qsnn_constant_1;"]
    assert "g0 (.A(qsnn_constant_0)," in text
    assert "g1 (.A(qsnn_constant_1)," in text
    with pytest.raises(ToolError, match="no module other"):
        without_constants(CONSTANTS, "other")


def test_fan_out_is_buffered_where_the_library_has_timing(tmp_path: Path) -> None:
    """One register that 300 gates hang on: without a driving cell and a load it would drive them all."""
    library = osu018()
    body = "\n".join(f"  always @(posedge clk) q[{k}] <= a ^ d[{k}];" for k in range(300))
    path = tmp_path / "wide.v"
    path.write_text(
        "module wide(clk, x, d, q);\n  input clk, x;\n  input [299:0] d;\n  output reg [299:0] q;\n"
        f"  reg a;\n  always @(posedge clk) a <= x;\n{body}\nendmodule\n"
    )
    sources = replace(small_design(tmp_path), verilog=(path,), top="wide", macros=())
    found = map_design(sources, library, tmp_path / "mapped", progress=SILENT)
    assert found.buffered
    assert sum(n for kind, n in found.cells.items() if kind.startswith(("BUF", "INV"))) > 10
    assert found.load_ff is not None
    assert assumed(found, tmp_path) == (
        f"every input is taken to be driven by {found.driving_cell} and every output to drive "
        f"{found.load_ff:.3g} fF; fan-out is buffered for that"
    )
