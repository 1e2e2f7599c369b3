"""A small design for the ASIC target's own tests, and which tools of it are here."""

from pathlib import Path

import pytest

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.pdk import CellLibrary, cell_library
from qsnn_hw.targets.asic.synthesis import Sources
from qsnn_hw.toolchain.tools import find_tool

SMALL = """\
module small(clk, rst, i__payload, i__valid, i__ready, o__payload, o__valid, o__ready);
  input clk, rst, i__valid, o__ready;
  input [7:0] i__payload;
  output i__ready, o__valid;
  output [7:0] o__payload;
  reg [7:0] held = 8'd3;
  wire [7:0] read;
  wire [7:0] sum;
  \\small.adder adder (.clk(clk), .rst(rst), .en(i__valid), .x(i__payload), .sum(sum));
  sram_16x8 words (.clk(clk), .en(i__valid), .we(i__payload[7]), .addr(i__payload[3:0]), .d(sum), .q(read));
  always @(posedge clk)
    if (rst) held <= 8'd0;
    else if (i__valid) held <= read ^ sum;
  assign o__payload = held;
  assign o__valid = i__valid;
  assign i__ready = o__ready;
endmodule

module \\small.adder (clk, rst, en, x, sum);
  input clk, rst, en;
  input [7:0] x;
  output [7:0] sum;
  reg [7:0] sum = 8'd0;
  always @(posedge clk)
    if (rst) sum <= 8'd0;
    else if (en) sum <= sum + x;
endmodule
"""

MACROS = """\
module sram_16x8(clk, en, we, addr, d, q);
  input clk, en, we;
  input [3:0] addr;
  input [7:0] d;
  output reg [7:0] q;
  reg [7:0] words [15:0];
  always @(posedge clk) if (en) begin
    if (we) words[addr] <= d;
    q <= words[addr];
  end
endmodule
"""


def small_design(folder: Path) -> Sources:
    """The sources of a design of two parts, 16 registers and one macro, written to ``folder``."""
    design, macros = folder / "small.v", folder / "macros.v"
    design.write_text(SMALL, encoding="utf-8")
    macros.write_text(MACROS, encoding="utf-8")
    return Sources((design, macros), "small", (("small.adder", "neurons"),), ("sram_16x8",))


def osu018() -> CellLibrary:
    """Debian's osu018, or the test skips."""
    try:
        return cell_library("osu018", None)
    except UserError:
        pytest.skip("qflow-tech-osu018 is not installed")


def need_sta() -> None:
    """Skip where OpenSTA is missing."""
    try:
        find_tool("sta")
    except UserError:
        pytest.skip("OpenSTA is not installed")
