"""What is handed over: memories by published macros, a TinyTapeout project or why there is none."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.macros import Macro
from qsnn_hw.targets.asic import sram
from qsnn_hw.targets.asic.handover import scripts, tinytapeout
from qsnn_hw.targets.asic.handover.wrapper import wrapper_verilog
from qsnn_hw.targets.asic.synthesis import MappedDesign
from tests.support.tinytapeout import problems
from tests.support.verify_networks import chain_network

MACRO = """
module {name} (input clk0, csb0, web0, input [{m}:0] wmask0, input [{a}:0] addr0, input [{w}:0] din0,
    output reg [{w}:0] dout0, input clk1, csb1, input [{a}:0] addr1, output reg [{w}:0] dout1);
  reg [{w}:0] words [{last}:0];
  // What was read is there for one cycle.
  always @(posedge clk0) begin
    dout0 <= {{{bits}{{1'bx}}}};
    if (!csb0) begin if (!web0) words[addr0] <= din0; else dout0 <= words[addr0]; end
  end
  always @(posedge clk1) dout1 <= csb1 ? {{{bits}{{1'bx}}}} : words[addr1];
endmodule
"""

BENCH = """
module bench;
  reg clk = 0, we = 0, re = 0;
  reg [{a}:0] wa = 0, ra = 0;
  reg [{w}:0] d = 0;
  wire [{w}:0] one, two;
  integer k, wrong = 0;
  sram_{size} single (.clk(clk), .ce(we | re), .we(we), .addr(we ? wa : ra), .wdata(d), .rdata(one));
  sram_{size}_1r1w double (.clk(clk), .re(re), .raddr(ra), .rdata(two), .we(we), .waddr(wa), .wdata(d));
  function [{w}:0] value(input integer n); value = n * 40503 + 77; endfunction
  task tick; begin #1 clk = 1; #1 clk = 0; end endtask
  initial begin
    for (k = 0; k < {depth}; k = k + 1) begin we = 1; wa = k; d = value(k); tick; end
    we = 0;
    for (k = {depth} - 1; k >= 0; k = k - 1) begin
      re = 1; ra = k; tick;
      if (one !== value(k) || two !== value(k)) wrong = wrong + 1;
      re = 0; tick;
      if (two !== value(k)) wrong = wrong + 1;
    end
    $display("wrong %0d", wrong);
    $finish;
  end
endmodule
"""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.parametrize(("depth", "width"), [(5, 3), (256, 40), (600, 33), (1500, 8)])
def test_a_memory_of_published_macros_keeps_every_word(depth: int, width: int, tmp_path: Path) -> None:
    made = sram.built_of(depth, width)
    bodies = [
        MACRO.format(
            name=macro.name,
            m=max(1, macro.width // 8) - 1,
            a=(macro.depth - 1).bit_length() - 1,
            w=macro.width - 1,
            bits=macro.width,
            last=macro.depth - 1,
        )
        for macro in sram.MACROS
    ]
    one = Macro("1rw", depth, width)
    bench = BENCH.format(a=one.address_bits - 1, w=width - 1, size=f"{depth}x{width}", depth=depth)
    wrapped = wrapper_verilog([one, Macro("1r1w", depth, width), Macro("latches", depth, width)])
    assert wrapped.count(made.macro.name + " words_") == 2 * made.across * made.down
    (tmp_path / "t.v").write_text("\n".join([*bodies, wrapped, bench]), encoding="utf-8")
    subprocess.run(["iverilog", "-g2012", "-o", "t", "t.v"], cwd=tmp_path, check=True)
    shown = subprocess.run(["vvp", "t"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "wrong 0" in shown


def test_the_range_of_a_memory_has_whole_macros_at_its_high_end() -> None:
    small, large = sram.area_um2([(1, 16, 8)]), sram.area_um2([(1, 512, 32)])
    assert small.high == pytest.approx(min(macro.area_um2 for macro in sram.MACROS))
    assert large.low == pytest.approx(683.1 * 416.54)
    assert small.low < small.typical < small.high
    assert sram.area_um2([(3, 512, 32)]).low == pytest.approx(3 * large.low)
    energy = sram.access_pj(32)
    assert 9 < energy.low <= energy.typical <= energy.high < 30


def planned(**options: object) -> HardwarePlan:
    return make_plan(chain_network(2), PlanOptions(lanes=(2, 1), **options))  # type: ignore[arg-type]


def cells(area: float, macros: dict[str, int] | None = None, name: str = "sky130_fd_sc_hd") -> MappedDesign:
    here = Path("x")
    return MappedDesign(
        *("top", name, "typ", "a wheel", "um2", 130, False, {}, {}, macros or {}, area, 24.0),
        *(False, None, None, here, here, here, here, None),
    )


def test_what_fits_a_tinytapeout_project_and_what_does_not() -> None:
    plan = planned()
    one_tile = 167 * 108 * tinytapeout.FILLED
    assert tinytapeout.fit(plan, cells(one_tile - 1), 3.7).tiles == "1x1"
    assert tinytapeout.fit(plan, cells(one_tile + 1), 3.7).tiles == "1x2"
    large = tinytapeout.fit(plan, cells(1e6), 3.7)
    assert large.tiles is None
    assert large.refused == "its cells take 1,000,000 um2, 8x2 tiles hold 173,146 um2 at 60 %"
    assert "give --synapses constants" in str(tinytapeout.fit(plan, cells(1, {"sram_4x4": 2}), 1).refused)
    assert "weights are loaded" in str(tinytapeout.fit(planned(synapse_store="ram"), cells(1), 1).refused)
    scaled = tinytapeout.fit(plan, cells(2400, name="osu018_stdcells"), 24.0)
    assert scaled.area_um2 == pytest.approx(100 * 3.7536)
    assert "estimated" in scaled.basis


def test_a_project_has_what_the_template_asks_for() -> None:
    plan = planned()
    made = tinytapeout.project(plan, "1x2", 20_000_000)
    assert {
        "info.yaml",
        "docs/info.md",
        "src/project.v",
        "test/test.py",
        "test/tb.v",
        "test/Makefile",
    } <= made.keys()
    info = made["info.yaml"]
    for key in ("title", "author", "description", "language", "clock_hz: 20000000", 'tiles: "1x2"'):
        assert key in info
    assert info.count("  u") == 24
    assert 'top_module: "tt_um_' in info
    assert f"module tt_um_{plan.name.lower()} (" in made["src/project.v"]
    compile(made["test/test.py"], "test.py", "exec")


def written(folder: Path, changed: dict[str, tuple[str, str]] | None = None) -> Path:
    """A project in ``folder``; ``changed``: file -> what to replace in it, and by what."""
    plan = planned()
    made = tinytapeout.project(plan, "1x2", 20_000_000)
    made[f"src/{plan.name}.v"] = f"module {plan.name}(input clk);\nendmodule\n"
    for name, (old, new) in (changed or {}).items():
        assert old in made[name]
        made[name] = made[name].replace(old, new)
    for name, text in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_project_passes_what_the_public_tools_check(tmp_path: Path) -> None:
    assert problems(written(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("info.yaml", "yaml_version: 6", "yaml_version: 5", "yaml_version"),
        ("info.yaml", 'author: "made by qsnn-hw"', 'author: ""', "author"),
        ("info.yaml", 'tiles: "1x2"', 'tiles: "9x9"', "tiles"),
        ("info.yaml", "  uio[7]:", "  uio[8]:", "uio[7] is missing"),
        ("info.yaml", "clock_hz: 20000000", "clock_hz: fast", "clock_hz"),
        ("info.yaml", 'top_module: "tt_um_', 'top_module: "um_', "top_module"),
        ("info.yaml", '- "project.v"', '- "*.v"', "source *.v"),
        ("src/project.v", "input  wire       ena,", "", "ports"),
        ("src/project.v", "output wire [7:0] uo_out", "output wire [6:0] uo_out", "ports"),
        ("test/Makefile", "/../src/project.v", "", "project.v"),
        ("docs/info.md", "## How to test", "## Testing", "How to test"),
    ],
)
def test_a_spoiled_project_does_not(name: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    found = problems(written(tmp_path, {name: (old, new)}))
    assert any(says in problem for problem in found), found


def test_constraints_and_configuration() -> None:
    text = scripts.sdc(12.5, 0.075)
    assert "create_clock -name clk -period 12.5" in text
    assert scripts.clock_period_ns(None) == scripts.DEFAULT_PERIOD_NS
    config = json.loads(scripts.librelane("top", 12.5, [("sram_64x8", 64, 8)]))
    assert config["CLOCK_PERIOD"] == 12.5
    (macro,) = config["MACROS"]
    assert macro in {macro.name for macro in sram.MACROS}
    assert "MACROS" not in json.loads(scripts.librelane("top", 12.5, []))
