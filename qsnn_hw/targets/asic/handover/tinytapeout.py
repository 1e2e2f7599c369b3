"""Whether a network fits TinyTapeout's tiles and pins, and its project where it does.

A tile is 167 x 108 um of sky130; sizes and the rows of ``info.yaml`` are those of the project's public
template, version 6.
"""

import json
from dataclasses import dataclass

from qsnn_hw.host.protocol import address_bits
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.targets.asic.synthesis import MappedDesign

TILE_UM = (167.0, 108.0)
TILES = ("1x1", "1x2", "2x2", "3x2", "4x2", "6x2", "8x2")
"""Sizes that a project may have, in tiles."""

FILLED = 0.6
"""Share of a tile that cells may take: the template's own placement density."""

_SKY130_NAND2_UM2 = 3.7536
_PAYLOAD_PINS = 7


@dataclass(frozen=True)
class Fit:
    """Whether a design fits, and how.

    Parameters
    ----------
    area_um2
        Of its cells in sky130_fd_sc_hd, with ``basis`` saying how that is known.
    tiles
        The smallest size that holds them; None where none does, or where the project is refused.
    refused
        Why not, with the numbers; None where it fits.
    """

    area_um2: float
    basis: str
    tiles: str | None
    refused: str | None


def tile_area(tiles: str) -> float:
    """Square micrometres of a size such as "2x2"."""
    across, down = (int(part) for part in tiles.split("x"))
    return across * down * TILE_UM[0] * TILE_UM[1]


def sky130_area(mapped: MappedDesign, nand2: float | None) -> tuple[float, str]:
    """Square micrometres in sky130_fd_sc_hd, and how that is known.

    Parameters
    ----------
    nand2
        Area of the smallest two-input NAND of the library that it is mapped to, in its unit.
    """
    if mapped.name == "sky130_fd_sc_hd":
        return mapped.area, "mapped to its cells"
    if not nand2:
        return mapped.area, f"as in {mapped.name}, not scaled"
    return mapped.area / nand2 * _SKY130_NAND2_UM2, f"estimated: NAND2 equivalents of {mapped.name}"


def fit(plan: HardwarePlan, mapped: MappedDesign, nand2: float | None) -> Fit:
    """Whether the network fits a project."""
    area, basis = sky130_area(mapped, nand2)
    inputs, outputs = (payload_bits(size) for size in (plan.input_addresses, plan.output_addresses))
    tiles = next((size for size in TILES if tile_area(size) * FILLED >= area), None)
    refused = None
    if mapped.macros:
        refused = f"{sum(mapped.macros.values())} SRAM macros have no place in it: give --synapses constants"
    elif plan.loaded_groups:
        refused = "its weights are loaded, for which there are no pins: give --synapses constants"
    elif plan.input_lanes > 1 or plan.output_lanes > 1:
        refused = "its streams have several events in a word"
    elif max(inputs, outputs) > _PAYLOAD_PINS:
        refused = (
            f"a word has {inputs} bits in and {outputs} bits out, {_PAYLOAD_PINS} pins each way are there"
        )
    elif tiles is None:
        refused = (
            f"its cells take {area:,.0f} um2, {TILES[-1]} tiles hold "
            f"{tile_area(TILES[-1]) * FILLED:,.0f} um2 at {100 * FILLED:.0f} %"
        )
    return Fit(area, basis, None if refused else tiles, refused)


def payload_bits(size: int) -> int:
    """Of a word of a stream with so many addresses: the address and the tick bit."""
    return address_bits(size) + 1


def project(plan: HardwarePlan, tiles: str, clock_hz: int) -> dict[str, str]:
    """File of the project -> its text; the network's Verilog goes beside ``src/project.v``."""
    top, name = f"tt_um_{plan.name.lower()}", plan.name
    inputs, outputs = payload_bits(plan.input_addresses), payload_bits(plan.output_addresses)
    return {
        "info.yaml": _info(plan, top, tiles, clock_hz, inputs, outputs),
        "docs/info.md": _DOCS.format(
            name=name, inputs=plan.input_space.neurons, outputs=plan.output_space.neurons, tick=inputs - 1
        ),
        "src/project.v": _project_verilog(name, top, inputs, outputs),
        "src/config.json": json.dumps(
            {"CLOCK_PERIOD": round(1e9 / clock_hz, 2), "PL_TARGET_DENSITY_PCT": int(100 * FILLED)}, indent=2
        )
        + "\n",
        "test/tb.v": _TESTBENCH.format(top=top),
        "test/test.py": _TEST,
        "test/Makefile": _MAKEFILE.format(name=name),
    }


def _info(plan: HardwarePlan, top: str, tiles: str, clock_hz: int, inputs: int, outputs: int) -> str:
    sizes = f"{plan.input_space.neurons} inputs, {plan.output_space.neurons} outputs"
    pins = {f"ui[{k}]": f"i payload {k}" if k < inputs else "" for k in range(7)}
    pins["ui[7]"] = "i valid"
    pins |= {f"uo[{k}]": f"o payload {k}" if k < outputs else "" for k in range(7)}
    pins["uo[7]"] = "o valid"
    pins |= {"uio[0]": "i ready (out)", "uio[1]": "o ready (in)"}
    pins |= {f"uio[{k}]": "" for k in range(2, 8)}
    lines = "".join(f'  {pin}: "{text}"\n' for pin, text in pins.items())
    return (
        f'project:\n  title: "Spiking network {plan.name}"\n  author: "made by qsnn-hw"\n  discord: ""\n'
        f'  description: "{sizes}, events in and out"\n'
        f'  language: "Verilog"\n  clock_hz: {clock_hz}\n  tiles: "{tiles}"\n  top_module: "{top}"\n'
        f'  source_files:\n    - "project.v"\n    - "{plan.name}.v"\npinout:\n{lines}yaml_version: 6\n'
    )


def _project_verilog(name: str, top: str, inputs: int, outputs: int) -> str:
    spare = f"{7 - outputs}'d0, " if outputs < 7 else ""
    return f"""\
`default_nettype none

module {top} (
    input  wire [7:0] ui_in,
    output wire [7:0] uo_out,
    input  wire [7:0] uio_in,
    output wire [7:0] uio_out,
    output wire [7:0] uio_oe,
    input  wire       ena,
    input  wire       clk,
    input  wire       rst_n
);
  wire i_ready, o_valid;
  wire [{outputs - 1}:0] o_payload;
  {name} network (
      .clk(clk),
      .rst(~rst_n),
      .i__payload(ui_in[{inputs - 1}:0]),
      .i__valid(ui_in[7]),
      .i__ready(i_ready),
      .o__payload(o_payload),
      .o__valid(o_valid),
      .o__ready(uio_in[1]),
      .bad_words()
  );
  assign uo_out = {{o_valid, {spare}o_payload}};
  assign uio_out = {{7'd0, i_ready}};
  assign uio_oe = 8'b0000_0001;
  wire unused = &{{ena, ui_in, uio_in, 1'b0}};
endmodule
"""


_DOCS = """\
## How it works

The spiking network {name}: {inputs} inputs, {outputs} outputs. A word on `ui[6:0]` with `ui[7]` high is an
event, the number of an input that spikes, or, with bit {tick} high, the end of a time step (bit 0: also of
the sample). It is taken at a rising edge of the clock where `uio[0]` is high. Words leave in the same way on
`uo`, where `uio[1]` is high.

## How to test

`make -B` in `test/` sends samples of `vectors.json` and compares every spike of every time step.

## External hardware

None but what sends the events.
"""

_TESTBENCH = """\
`default_nettype none
`timescale 1ns / 1ps

module tb ();
  reg clk, rst_n, ena;
  reg [7:0] ui_in, uio_in;
  wire [7:0] uo_out, uio_out, uio_oe;
  {top} user_project (
      .ui_in(ui_in), .uo_out(uo_out), .uio_in(uio_in), .uio_out(uio_out), .uio_oe(uio_oe),
      .ena(ena), .clk(clk), .rst_n(rst_n)
  );
endmodule
"""

_TEST = '''\
"""Sends the samples of vectors.json and compares the spikes of every time step."""

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


@cocotb.test()
async def every_spike_of_every_step(dut):
    cocotb.start_soon(Clock(dut.clk, 100, "ns").start())
    dut.ena.value, dut.ui_in.value, dut.uio_in.value, dut.rst_n.value = 1, 0, 0, 0
    for _ in range(8):
        await RisingEdge(dut.clk)
    dut.rst_n.value = 1
    words, tick, seen, steps = list(VECTORS["words"]), VECTORS["output_tick"], [], []
    dut.uio_in.value = 2
    at = 0
    for _ in range(VECTORS["cycles"]):
        dut.ui_in.value = 128 | words[at] if at < len(words) else 0
        await ReadOnly()
        taken = at < len(words) and int(dut.uio_out.value) & 1
        out = int(dut.uo_out.value)
        if out >> 7:
            if out >> tick & 1:
                steps.append(sorted(seen))
                seen = []
            else:
                seen.append(out & (1 << tick) - 1)
        await RisingEdge(dut.clk)
        at += taken
        if len(steps) == len(VECTORS["spikes"]):
            break
    assert steps == VECTORS["spikes"]
'''

_MAKEFILE = """\
SIM ?= icarus
TOPLEVEL_LANG ?= verilog
VERILOG_SOURCES += $(CURDIR)/../src/project.v $(CURDIR)/../src/{name}.v $(CURDIR)/tb.v
TOPLEVEL = tb
MODULE = test
COCOTB_TOPLEVEL = tb
COCOTB_TEST_MODULES = test
include $(shell cocotb-config --makefiles)/Makefile.sim
"""
