"""A board's design whose serial port hands whole bytes to the simulation, in place of bits on its pins.

Only the two modules of the serial port, receiver and transmitter (``qsnn_hw/rtl/io/uart.py``), are not those
of the bitstream. They call ``qsnn_receive`` and ``qsnn_send`` of ``sim/virtual_board.cpp``, one byte each
``BYTE_CYCLES`` at the most, which is the fastest line that a clock can serve. So what byte mode does not show
is: start, stop and data bits, their length and the board's rate, a byte that the receiver lost, and the time
that a byte takes on the line. Everything behind these modules, and the reset by a break, is the bitstream's.
"""

import re

from qsnn_hw.families.serial_rates import MIN_DIVISOR
from qsnn_hw.host.frames import ESCAPE, FLAG, FLIP
from qsnn_hw.support.errors import ToolError
from qsnn_hw.verify.native import verilog_ports

BYTE_CYCLES = 10 * MIN_DIVISOR
"""Cycles from a byte to the next: those of its bits on the fastest line."""

_RECEIVER_BODY = f"""
  import "DPI-C" function int qsnn_receive();
  reg [7:0] byte_held = 8'h00;
  reg byte_valid = 1'h0;
  reg [7:0] byte_wait = 8'h00;
  integer byte_next;
  assign o__payload = byte_held;
  assign o__valid = byte_valid;
  always @(posedge clk) begin
    if (byte_wait != 0) byte_wait <= byte_wait - 1;
    if (byte_valid & byte_taken) byte_valid <= 1'h0;
    if (rst) begin
      byte_valid <= 1'h0;
    end else if ((~byte_valid | byte_taken) & byte_wait == 0) begin
      byte_next = qsnn_receive();
      if (byte_next >= 0) begin
        byte_held <= byte_next[7:0];
        byte_valid <= 1'h1;
        byte_wait <= {BYTE_CYCLES - 1};
      end
    end
  end
"""

_TRANSMITTER_BODY = f"""
  import "DPI-C" function void qsnn_send(input int value);
  reg [7:0] byte_wait = 8'h00;
  reg [7:0] byte_bits = 8'h00;
  reg [2:0] byte_index = 3'h0;
  wire [7:0] byte_next = {{i__payload[0], byte_bits[7:1]}};
  wire byte_stuffed = ~i__payload[1] & (byte_next == 8'h{FLAG:02x} | byte_next == 8'h{ESCAPE:02x});
  assign i__ready = byte_wait == 0;
  assign index = byte_index;
  assign tx = 1'h1;
  always @(posedge clk) begin
    if (byte_wait != 0) byte_wait <= byte_wait - 1;
    if (rst) begin
      byte_index <= 3'h0;
      byte_wait <= {BYTE_CYCLES - 1};
    end else if (i__valid & i__ready) begin
      byte_bits <= byte_next;
      byte_index <= byte_index + 1;
      if (byte_index == 7) begin
        if (byte_stuffed) qsnn_send(32'h{ESCAPE:02x});
        qsnn_send({{24'h0, byte_next ^ (byte_stuffed ? 8'h{FLIP:02x} : 8'h00)}});
        byte_wait <= byte_stuffed ? {2 * BYTE_CYCLES - 8} : {BYTE_CYCLES - 8};
      end
    end
  end
"""

_NAMES = {"link_clk": "clk", "link_rst": "rst"}
"""Ports that are called after the clock domain, and what the bodies call them."""


def byte_mode(verilog: str, top: str) -> str:
    """``verilog`` with the serial port of byte mode.

    Parameters
    ----------
    verilog
        A board's design.
    top
        Its top module.

    Raises
    ------
    ToolError
        It has no serial port, or one with other ports.
    """
    changed = _with_body(
        verilog,
        _the_module(verilog, top, "receiver"),
        {"clk", "rst", "o__payload", "o__valid"},
        {"rx", "o__ready"},
        _RECEIVER_BODY,
    )
    return _with_body(
        changed,
        _the_module(verilog, top, "transmitter"),
        {"clk", "rst", "i__payload", "i__valid", "i__ready", "index", "tx"},
        set(),
        _TRANSMITTER_BODY,
    )


def _the_module(verilog: str, top: str, name: str) -> str:
    modules = re.findall(rf"^module \\({re.escape(top)}\.\S+\.{name}) \(", verilog, re.MULTILINE)
    if len(modules) != 1:
        raise ToolError(f"the Verilog has {len(modules)} modules called {name}, not one: no byte mode for it")
    return str(modules[0])


def _with_body(verilog: str, module: str, needed: set[str], known: set[str], body: str) -> str:
    """The Verilog with ``body`` as all that module does."""
    ports = verilog_ports(verilog, module)
    called = {_NAMES.get(name, name) for name in ports}
    if needed - called or called - needed - known:
        raise ToolError(f"module {module} has other ports ({', '.join(ports)}) than byte mode knows")
    begin = verilog.index(f"module \\{module} (")
    header = verilog.index(";\n", begin) + 2
    end = verilog.index("\nendmodule", header)
    declared = re.findall(r"^  (?:input|output) .*;$\n", verilog[header:end], re.MULTILINE)
    # Registers of the module behind its ports are not needed: what drives a port is in the body.
    text = "".join(declared)
    text += "".join(f"  wire {inner} = {name};\n" for name, inner in _NAMES.items() if name in ports) + body
    text += "  wire byte_taken = o__ready;\n" if "o__ready" in ports else "  wire byte_taken = 1'h1;\n"
    return verilog[:header] + text + verilog[end + 1 :]
