# amaranth: UnusedElaboratable=no
"""Memory modules of a chip: what they promise and nothing more, in Amaranth and in Verilog."""

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from qsnn_hw.rtl.macros import Macro, OnePortMacro, TwoPortMacro, verilog_of
from tests.support.streams import clocked


def test_one_port_shows_a_word_for_one_cycle() -> None:
    dut = OnePortMacro(6, 5)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.ce, 1)
        ctx.set(dut.we, 1)
        for address in range(6):
            ctx.set(dut.addr, address)
            ctx.set(dut.wdata, address * 5)
            await ctx.tick()
        ctx.set(dut.we, 0)
        ctx.set(dut.addr, 3)
        await ctx.tick()
        ctx.set(dut.ce, 0)
        assert ctx.get(dut.rdata) == 15
        await ctx.tick()
        assert ctx.get(dut.rdata) == 15 ^ 31, "nobody may rely on it any longer"

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()


def test_two_ports_read_and_write_in_one_cycle() -> None:
    dut = TwoPortMacro(4, 7)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.we, 1)
        for address in range(4):
            ctx.set(dut.waddr, address)
            ctx.set(dut.wdata, 10 + address)
            ctx.set(dut.re, address > 0)
            ctx.set(dut.raddr, max(0, address - 1))
            await ctx.tick()
            if address:
                assert ctx.get(dut.rdata) == 9 + address
        ctx.set(dut.re, 0)
        await ctx.tick()
        assert ctx.get(dut.rdata) == 12, "it stays"

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    ("macro", "name"),
    [
        (Macro("1rw", 512, 32), "sram_512x32"),
        (Macro("1r1w", 64, 60), "sram_64x60_1r1w"),
        (Macro("latches", 1, 8), "latches_1x8"),
    ],
)
def test_names(macro: Macro, name: str) -> None:
    assert macro.name == name
    assert verilog_of([macro, macro]).count(f"module {name}(") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("1rw", 0, 4), "Depth of a macro must be at least 1"), (("1rw", 4, 0), "Width of a macro must be")],
)
def test_what_no_macro_is(arguments: tuple[Any, int, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Macro(*arguments)


BENCH = """
`timescale 1ns/1ns
module bench;
  reg clk = 0, ce = 0, we = 0;
  reg [AA:0] addr = 0;
  reg [7:0] wdata = 0;
  wire [7:0] rdata;
  NAME dut(clk, ce, we, addr, wdata, rdata);
  always #5 clk = ~clk;
  task act(input c, input w, input [AA:0] a, input [7:0] d);
    begin ce = c; we = w; addr = a; wdata = d; @(posedge clk); #1; end
  endtask
  initial begin
STEPS
    $finish;
  end
endmodule
"""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.parametrize("kind", ["1rw", "latches"])
@pytest.mark.parametrize("depth", [1, 2, 5, 16])
def test_bodies_in_icarus(kind: Any, depth: int, tmp_path: Path) -> None:
    """Random reads and writes of the Verilog, rests between them: each word as it was written last."""
    macro = Macro(kind, depth, 8)
    chance = random.Random(depth)
    words = [chance.getrandbits(8) for _ in range(depth)]
    steps = [f"    act(1, 1, {k}, {word});" for k, word in enumerate(words)]
    wanted = []
    for _ in range(120):
        address, value = chance.randrange(depth), chance.getrandbits(8)
        kindly = chance.random()
        if kindly < 0.4:
            steps.append(f"    act(1, 1, {address}, {value});")
            words[address] = value
        elif kindly < 0.8:
            steps.append(f'    act(1, 0, {address}, {value}); $display("%0d", rdata);')
            wanted.append(words[address])
        else:
            steps.append(f"    act(0, {chance.randrange(2)}, {address}, {value});")
    text = BENCH.replace("NAME", macro.name).replace("AA", str(macro.address_bits - 1))
    source = tmp_path / "bench.v"
    source.write_text(verilog_of([macro]) + text.replace("STEPS", "\n".join(steps)), encoding="utf-8")
    subprocess.run(["iverilog", "-g2012", "-o", str(tmp_path / "bench"), str(source)], check=True)
    shown = subprocess.run(["vvp", str(tmp_path / "bench")], check=True, capture_output=True, text=True)
    assert [int(line) for line in shown.stdout.split() if line.isdigit()] == wanted
