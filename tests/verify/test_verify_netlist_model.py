"""What is behind synthesis, simulated: ECP5's block RAM is a memory, a board's netlist answers as its RTL."""

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.families.boards import load_board
from qsnn_hw.host import frames, words
from qsnn_hw.host.virtual_board import TOP, VirtualBoard
from qsnn_hw.rtl.board_top import board_top
from qsnn_hw.rtl.text.export import write_rtlil, write_verilog
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.least import least_cells
from qsnn_hw.targets.fpga.synthesis import NETLIST, synthesize
from qsnn_hw.toolchain.tools import find_tool
from qsnn_hw.verify.native import build_bench
from qsnn_hw.verify.netlist_model import cell_models, netlist_verilog
from tests.support.memory_cells import SOURCE, WIDTHS, bench, contents
from tests.support.verify_networks import Example, chain_network, example

ICE40, ECP5 = (load_board(name).family for name in ("icebreaker", "ulx3s-85f"))


def test_every_cell_has_a_model_or_is_refused() -> None:
    yosys = find_tool("yosys")
    cells = ("SB_LUT4", "SB_PLL40_CORE", "SB_LUT4")
    netlist = "".join(f"  {name} #(\n  ) one{k} (\n  );\n" for k, name in enumerate(cells))
    models = cell_models(netlist, ICE40, yosys)
    assert models.count("\nmodule SB_LUT4") == models.count("\nmodule SB_PLL40_CORE") == 1
    assert "PLLOUTGLOBAL = REFERENCECLK" in models
    assert "SB_RAM40_4K" not in models
    assert "module DP16KD (" in cell_models("  DP16KD #(\n", ECP5, yosys)
    with pytest.raises(ToolError, match=r"cell SB_NEVER of the netlist has no simulation model"):
        cell_models("  SB_NEVER #(\n", ICE40, yosys)
    with pytest.raises(UserError, match="netlists of ice40 are not simulated"):
        cell_models(netlist, replace(ICE40, flow=replace(ICE40.flow, cell_models=None)), yosys)


def differing(folder: Path, bits: np.ndarray, model: str, mode: str = "SYNC") -> str:
    """What the program says that drives cells and memories side by side."""
    folder.mkdir()
    source, verilog = folder / "drive.cpp", folder / "cells.v"
    source.write_text(SOURCE, encoding="utf-8")
    verilog.write_text(bench(bits, mode) + model, encoding="utf-8")
    program = build_bench(verilog, TOP, folder / "work", SILENT, source).program
    return subprocess.run([program], capture_output=True, text=True, check=False).stdout.strip()


@pytest.mark.slow
def test_block_ram_of_ecp5_is_a_memory_of_every_width(tmp_path: Path) -> None:
    model = cell_models("  DP16KD #(\n", ECP5, find_tool("yosys"))
    for mode in ("SYNC", "ASYNC"):
        assert differing(tmp_path / mode, contents(), model, mode) == "equal"
    assert "if (RSTB)" in model
    # A fault for each: units swapped in words of 18 bits, a write enable of another unit, a reset ignored.
    swapped = [f"{{unit[{{at[13:4], 1'b{a}}}], unit[{{at[13:4], 1'b{1 - a}}}]}}" for a in (1, 0)]
    faults = {
        swapped[0]: swapped[1],
        "{{9{at_a[3]}}, {9{at_a[2]}}": "{{9{at_a[2]}}, {9{at_a[2]}}",
        "if (RSTB)": "if (1'b0)",
    }
    text = model
    for right, wrong in faults.items():
        assert right in text
        text = text.replace(right, wrong)
    found = differing(tmp_path / "spoiled", contents(), text)
    assert found.startswith("cycle ")
    assert "assign at_once_b = " in model
    with_the_clock = model.replace("assign at_once_b = ", "assign at_once_b = 1'b0 & ")
    assert differing(tmp_path / "late", contents(), with_the_clock, "ASYNC").startswith("cycle ")
    assert set(WIDTHS) == {1, 2, 4, 9, 18, 36}


def sent_bytes(item: Example) -> bytes:
    """Samples as frames of a session, no more than the board has places for."""
    plan, nonce = item.plan, 0x5EED
    line = frames.hello(nonce)
    for number in range(item.inputs.shape[1]):
        counts = item.inputs[:, number].reshape(len(item.inputs), -1)
        (payload,) = words.packed(words.sample(counts, plan.input_space.addresses(), plan.input_addresses))
        line += frames.data_frame(number, payload, nonce)
    return line


def answered(verilog: Path, board_name: str, data: bytes, folder: Path) -> bytes:
    """What a virtual board of this Verilog says to ``data``, until it says nothing more."""
    with VirtualBoard(verilog, load_board(board_name), folder) as board:
        line = os.open(board.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        time.sleep(0.5)
        for start in range(0, len(data), 256):
            os.write(line, data[start : start + 256])
            time.sleep(0.05)
        got, quiet = b"", 0
        while quiet < 40:
            try:
                got += os.read(line, 4096)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.1)
        os.close(line)
    return got


@pytest.mark.slow
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f"])
def test_a_board_s_netlist_answers_as_its_rtl(tmp_path: Path, name: str) -> None:
    board = load_board(name)
    item = example(chain_network(), samples=4, steps=6)
    write_rtlil(board_top(item.plan, board), TOP, tmp_path / "top.il")
    verilog = tmp_path / "top.v"
    write_verilog(tmp_path / "top.il", verilog, log=tmp_path / "export.log", progress=SILENT)
    synthesize(verilog, TOP, board, tmp_path, least=least_cells(item.plan, board.limits), progress=SILENT)
    netlist = netlist_verilog(tmp_path / NETLIST, TOP, board.family, tmp_path / "netlist", SILENT)
    data = sent_bytes(item)
    wanted = answered(verilog, name, data, tmp_path / "rtl")
    assert len(wanted) > 20
    assert answered(netlist, name, data, tmp_path / "behind") == wanted
