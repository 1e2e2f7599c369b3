"""Families whose flow is not iCE40's or ECP5's: constraint files, logs, no bitstream."""

from dataclasses import replace
from pathlib import Path

import pytest

from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.families.family import Flow, PlaceFiles
from qsnn_hw.families.registry import families
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga import place_route
from qsnn_hw.targets.fpga.constraints import constraint_text
from qsnn_hw.targets.fpga.place_route import place_and_route
from qsnn_hw.targets.fpga.synthesis import Synthesis, TopPort
from qsnn_hw.targets.fpga.timing import hold_violations

PORTS = {"clk": "in", "rx": "in", "tx": "out", "led": "out", "rst": "in"}


def pins(board: Board) -> list[str]:
    ports = {name: TopPort(direction, 1) for name, direction in PORTS.items() if name in board.ports}
    return constraint_text(ports, board).splitlines()[1:]


def test_gowin_constraints_name_pin_standard_and_resistor() -> None:
    board = load_board("tang-nano-9k")
    assert pins(board) == [
        'IO_LOC "clk" 52;',
        'IO_PORT "clk" IO_TYPE=LVCMOS33 PULL_MODE=NONE;',
        'IO_LOC "rx" 18;',
        'IO_PORT "rx" IO_TYPE=LVCMOS33 PULL_MODE=UP;',
        'IO_LOC "tx" 17;',
        'IO_PORT "tx" IO_TYPE=LVCMOS33 PULL_MODE=NONE DRIVE=8;',
        # Of a bank at another voltage.
        'IO_LOC "led" 10;',
        'IO_PORT "led" IO_TYPE=LVCMOS18 PULL_MODE=NONE DRIVE=8;',
        'IO_LOC "rst" 3;',
        'IO_PORT "rst" IO_TYPE=LVCMOS18 PULL_MODE=UP;',
    ]
    # nextpnr takes another comment for a wrong constraint.
    assert constraint_text({"clk": TopPort("in", 1)}, board).startswith("// ")


@pytest.mark.parametrize("name", ["tang-nano-9k", "tang-nano-20k"])
def test_gowin_parts_are_those_that_are_sold(name: str) -> None:
    """Device, package and speed grade together are the ordering name."""
    board = load_board(name)
    flow = board.family.flow
    assert flow.place_words is not None
    words = flow.place_words(board.part, PlaceFiles("n", "p", "r", "t"))
    assert words[words.index("--device") + 1] == board.chip
    chip = words[words.index("--vopt") + 1].removeprefix("family=")
    assert flow.pack_words(board.part, ("-c",), "r.json", "b.fs") == [
        "-d",
        chip,
        "-c",
        "-o",
        "b.fs",
        "r.json",
    ]


def test_xilinx_constraints() -> None:
    lines = pins(load_board("arty-a7-35t"))
    assert lines[:2] == [
        "set_property LOC E3 [get_ports {clk}]",
        "set_property IOSTANDARD LVCMOS33 [get_ports {clk}]",
    ]
    assert "set_property PULLUP TRUE [get_ports {rx}]" in lines
    assert "set_property DRIVE 8 [get_ports {tx}]" in lines


def synthesis(board: Board, folder: Path) -> Synthesis:
    paths = {name: folder / name for name in ("netlist", "script", "log")}
    ports = {name: TopPort(direction, 1) for name, direction in PORTS.items() if name in board.ports}
    return Synthesis(board.name, "top", cells={}, ports=ports, version=None, **paths)


SAID = {
    "icebreaker": "ERROR: package does not have a pin named 'ZZ9' (on line 2)\nERROR: Loading PCF failed.",
    "colorlight-i5": (
        "ERROR: IO pin 'clk$tr_io' constrained to pin 'ZZ9', which does not exist for package 'CABGA381'."
    ),
    "tang-nano-9k": "ERROR: Pin ZZ9 not found (pin# style)",
}
"""A board -> what its place and route said of pin ZZ9 for the clock."""


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_pin_that_the_package_lacks_is_one_line_about_the_board_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = load_board(name)
    wrong = replace(board, ports={**board.ports, "clk": replace(board.ports["clk"], pins=("ZZ9",))})

    def fail(tool: object, args: object, *, log: Path, **_: object) -> None:
        log.write_text(SAID[name], encoding="utf-8")
        raise ToolError("nextpnr failed with exit code 255")

    monkeypatch.setattr(place_route, "run_tool", fail)
    monkeypatch.setattr(place_route, "find_tool", lambda name: None)
    where = rf"{name}\.toml: package {board.package} of {board.device}"
    with pytest.raises(UserError, match=rf"{where} has no pin ZZ9, which the file gives to clk; correct"):
        place_and_route(synthesis(wrong, tmp_path), wrong, tmp_path, progress=SILENT)


def test_every_family_that_places_knows_what_its_tool_says_of_a_wrong_pin() -> None:
    tried = {load_board(name).family.name for name in SAID}
    assert tried == {name for name, family in families().items() if family.flow.place is not None}


def test_hold_violations_are_counted_and_told() -> None:
    log = "Info: 16 Hold/min time violations (showing 10 worst paths):\nWarning: ...\n"
    assert hold_violations("Info: 3 Hold/min time violations\n" + log) == 16
    assert hold_violations("Info: Program finished normally.\n") == 0


def test_a_family_without_place_and_route_says_so_and_is_not_proposed(tmp_path: Path) -> None:
    board = load_board("arty-a7-35t")
    with pytest.raises(UserError, match=r"^no place and route here for arty-a7-35t: needs openXC7 "):
        place_and_route(synthesis(board, tmp_path), board, tmp_path, progress=SILENT)
    with pytest.raises(ValueError, match="a flow has place and route, or says what would do it"):
        replace(board.family.flow, unplaced="")
    assert isinstance(board.family.flow, Flow)
    assert board.family.flow.tools == ()
