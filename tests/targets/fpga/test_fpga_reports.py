"""Parsers on what the tools really wrote, scripts and constraint files, records, and their errors.

recorded/ holds reports of yosys 0.70 and nextpnr 0.11.1 for tests/support/lif_design.py.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qsnn_hw.families.boards import load_board
from qsnn_hw.families.limits import Usage
from qsnn_hw.families.registry import families
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.bitstream import Bitstream, pack_bitstream
from qsnn_hw.targets.fpga.constraints import constraint_text
from qsnn_hw.targets.fpga.least import Least
from qsnn_hw.targets.fpga.place_route import PlaceRoute, place_and_route
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.synthesis import (
    Synthesis,
    TopPort,
    count_cells,
    parse_ports,
    parse_stat,
    synthesis_script,
    synthesize,
)
from qsnn_hw.targets.fpga.timing import Resource, parse_log_utilization, parse_report

RECORDED = Path(__file__).parent / "recorded"
PORTS = {"clk": TopPort("in", 1), "rx": TopPort("in", 1), "tx": TopPort("out", 1), "led": TopPort("out", 2)}


def _report(board):
    return json.loads((RECORDED / f"{board}-nextpnr.json").read_text())


@pytest.mark.parametrize(
    ("board", "used", "clock", "fmax"),
    [
        ("icebreaker", {"ICESTORM_LC": 302, "ICESTORM_RAM": 1, "SB_IO": 4}, "clk$SB_IO_IN_$glb_clk", 36.8949),
        (
            "ulx3s-85f",
            {"TRELLIS_COMB": 292, "TRELLIS_FF": 112, "DP16KD": 1},
            "$glbnet$clk$TRELLIS_IO_IN",
            125.9287,
        ),
    ],
)
def test_nextpnr_report(board, used, clock, fmax):
    report = parse_report(_report(board))
    assert {name: report.resources[name].used for name in used} == used
    assert report.slowest == clock
    assert report.clocks[clock].achieved_mhz == pytest.approx(fmax, abs=1e-3)
    assert report.clocks[clock].constraint_mhz == load_board(board).clock_mhz
    # The slowest path is what Fmax comes from.
    assert 1e3 / report.critical_path.total_ns == pytest.approx(fmax, rel=1e-3)
    assert report.critical_path.start.startswith("lane[")


@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-85f"])
def test_limits_of_the_board_files_are_what_nextpnr_has(board):
    available = {name: count.available for name, count in parse_report(_report(board)).resources.items()}
    limits = load_board(board).limits.available()
    assert limits == {name: available[name] for name in limits}
    assert set(limits) == {name for name in vars(load_board(board).family.units).values() if name is not None}


def test_a_device_has_no_more_than_it_is_sold_with():
    """An LFE5U-12F is the die of a 25F, which is what nextpnr counts."""
    limits = load_board("ulx3s-12f").limits.available()
    assert Resource(31, 56).on_device(limits["DP16KD"]) == Resource(31, 32)
    assert Resource(3, 100).on_device(limits.get("TRELLIS_IO")) == Resource(3, 100)
    assert Resource(3, 2).on_device(5) == Resource(3, 2)


def test_a_report_without_a_clock_is_an_error():
    with pytest.raises(ToolError, match="nextpnr found no clocked path in the design, so there is no Fmax"):
        parse_report({**_report("icebreaker"), "fmax": {}})


@pytest.mark.parametrize("broken", [{}, {"utilization": {}}, [], {"utilization": 3, "fmax": {}}])
def test_a_report_of_another_form_is_an_error(broken):
    with pytest.raises(ToolError, match="nextpnr wrote a report of an unknown form"):
        parse_report(broken)


def test_the_slowest_of_several_clocks_counts():
    report = _report("icebreaker")
    report["fmax"]["fast"] = {"achieved": 90.0, "constraint": 12.0}
    assert parse_report(report).slowest == "clk$SB_IO_IN_$glb_clk"
    report["fmax"]["slow"] = {"achieved": 9.0, "constraint": 12.0}
    assert parse_report(report).slowest == "slow"
    assert parse_report(report).critical_path is None


def test_a_report_without_paths_has_no_critical_path():
    assert parse_report({**_report("icebreaker"), "critical_paths": []}).critical_path is None


def test_utilization_out_of_the_log():
    log = (RECORDED / "icebreaker-nextpnr-over.log").read_text()
    found = parse_log_utilization(log)
    assert found["ICESTORM_LC"].available == 5280 < found["ICESTORM_LC"].used
    assert found["ICESTORM_SPRAM"] == Resource(0, 4)


def test_yosys_statistics():
    assert parse_stat({"design": {"num_cells_by_type": {"SB_LUT4": 3}}}) == {"SB_LUT4": 3}
    with pytest.raises(ToolError, match=r"yosys wrote cell statistics without design\.num_cells_by_type"):
        parse_stat({"modules": {}})
    with pytest.raises(ToolError, match="yosys wrote a netlist without the ports of module top"):
        parse_ports({"modules": {"other": {}}}, "top")


def test_cells_are_counted_by_kind_in_each_family():
    ice = {"SB_LUT4": 5, "SB_CARRY": 9, "SB_DFF": 2, "SB_DFFESR": 3, "SB_RAM40_4K": 4, "SB_SPRAM256KA": 1}
    assert count_cells(ice, families()["ice40"]) == Usage(5, 5, 4, 1, 0)
    ecp = {"LUT4": 5, "CCU2C": 9, "TRELLIS_FF": 2, "DP16KD": 3, "PDPW16KD": 1, "MULT18X18D": 2}
    assert count_cells(ecp, families()["ecp5"]) == Usage(5, 2, 4, 0, 2)
    # A block of 36 Kbit is two of the 18 that are counted.
    seven = {"LUT1": 1, "LUT6": 4, "CARRY4": 9, "FDRE": 2, "RAMB36E1": 4, "RAMB18E1": 5}
    assert count_cells(seven, families()["xilinx7"]) == Usage(5, 2, 13, 0, 0)


def test_script_quotes_a_file_name_with_a_space():
    script = synthesis_script("../a b.v", "top", load_board("ulx3s-85f"), "n.json", "c.json")
    assert 'read_verilog -sv "../a b.v"\n' in script
    assert "synth_ecp5 -top top -no-rw-check -json n.json\n" in script


def test_ice40_constraints():
    text = constraint_text(PORTS, load_board("icebreaker"))
    assert text.splitlines()[1:] == [
        "set_io clk 35",
        "set_io -pullup yes rx 6",
        "set_io tx 9",
        "set_io led[0] 11",
        "set_io led[1] 37",
    ]


def test_ecp5_constraints():
    lines = constraint_text({"rx": TopPort("in", 1), "tx": TopPort("out", 1)}, load_board("ulx3s-85f"))
    assert lines.splitlines()[1:] == [
        'LOCATE COMP "rx" SITE "M1";',
        'IOBUF PORT "rx" IO_TYPE=LVCMOS33 PULLMODE=UP;',
        'LOCATE COMP "tx" SITE "L4";',
        'IOBUF PORT "tx" IO_TYPE=LVCMOS33 PULLMODE=NONE DRIVE=4;',
    ]


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        (
            {"spi": TopPort("in", 1)},
            r"icebreaker has no pins for port spi of the design; it has clk, rx, tx, led",
        ),
        ({"tx": TopPort("in", 1)}, r"port tx is out on icebreaker, not in"),
        ({"led": TopPort("out", 3)}, r"port led of the design has 3 bits, icebreaker has 2 pins"),
    ],
)
def test_ports_the_board_cannot_serve(ports, message):
    with pytest.raises(UserError, match=message):
        constraint_text(ports, load_board("icebreaker"))


def _synthesis(folder, **changes):
    made = Synthesis(
        board="icebreaker",
        top="lif_uart",
        netlist=folder / "netlist.json",
        cells={"SB_LUT4": 9, "SB_DFF": 4, "SB_RAM40_4K": 1},
        ports=PORTS,
        script=folder / "synth.ys",
        log=folder / "synth.log",
        version="0.70",
    )
    return replace(made, **changes)


def _placed(folder):
    report = parse_report(_report("icebreaker"))
    clock = report.clocks[report.slowest]
    return PlaceRoute(
        board="icebreaker",
        resources=report.resources,
        clocks=report.clocks,
        fmax_mhz=clock.achieved_mhz,
        constraint_mhz=clock.constraint_mhz,
        critical_path=report.critical_path,
        seed=3,
        routed=folder / "routed.asc",
        constraints=folder / "pins.pcf",
        report=folder / "nextpnr.json",
        log=folder / "nextpnr.log",
        tool="nextpnr-ice40",
        version=None,
    )


def test_record_survives_saving_and_moving(tmp_path):
    old = tmp_path / "old"
    bitstream = Bitstream(old / "top.bin", 104090, old / "pack.log", "icepack", "0.11.1")
    record = Implementation.of(tmp_path / "top.v", _synthesis(old), _placed(old), bitstream)
    record.save(old / "implementation.json")
    assert record.tools == {"yosys": "0.70", "nextpnr-ice40": None, "icepack": "0.11.1"}
    assert record.used()["ICESTORM_LC"] == 302
    assert str(tmp_path) not in (old / "implementation.json").read_text()
    moved = tmp_path / "new"
    old.rename(moved)
    loaded = Implementation.load(moved / "implementation.json")
    assert loaded.files["bitstream"] == moved / "top.bin"
    assert loaded.logs["icepack"] == moved / "pack.log"
    assert replace(loaded, files=record.files, logs=record.logs) == record


def test_record_without_a_bitstream_says_so(tmp_path):
    record = Implementation.of(tmp_path / "top.v", _synthesis(tmp_path), _placed(tmp_path), None)
    record.save(tmp_path / "implementation.json")
    assert Implementation.load(tmp_path / "implementation.json").files["bitstream"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not readable JSON"),
        (
            "[]",
            "it must be an object, not .*; run the implementation again",
        ),
        (
            '{"form": "qsnn-hw implementation 1"}',
            "format is None, this version reads 'qsnn-hw implementation 2'",
        ),
        ('{"format": "qsnn-hw implementation 2"}', "it lacks the key 'board'; run the implementation again"),
    ],
)
def test_a_damaged_record_is_refused(tmp_path, text, message):
    path = tmp_path / "implementation.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        Implementation.load(path)


def test_a_netlist_of_another_board_is_refused(tmp_path):
    with pytest.raises(UserError, match="made for icebreaker, not tinyfpga-bx; synthesize it again"):
        place_and_route(_synthesis(tmp_path), load_board("tinyfpga-bx"), tmp_path, progress=SILENT)
    with pytest.raises(UserError, match="routed for icebreaker, not tinyfpga-bx; route it again"):
        pack_bitstream(_placed(tmp_path), load_board("tinyfpga-bx"), tmp_path, progress=SILENT)


def test_a_target_frequency_must_make_sense(tmp_path):
    with pytest.raises(UserError, match="target frequency must be between 0 and 10000 MHz, not 0"):
        place_and_route(_synthesis(tmp_path), load_board("icebreaker"), tmp_path, freq_mhz=0, progress=SILENT)


def test_too_many_block_rams_are_refused_before_nextpnr_runs(tmp_path):
    made = _synthesis(tmp_path, cells={"SB_LUT4": 9, "SB_DFF": 4, "SB_RAM40_4K": 40})
    message = r"needs 40 ICESTORM_RAM, icebreaker has 30 \(10 too many\); it would fit .*colorlight-i5 or "
    with pytest.raises(UserError, match=message):
        place_and_route(made, load_board("icebreaker"), tmp_path, progress=SILENT)
    assert list(tmp_path.iterdir()) == []


def test_a_design_nextpnr_finds_too_large_is_reported_with_its_excess(tmp_path, monkeypatch):
    def fail(tool, args, *, log, **_):
        log.write_text((RECORDED / "icebreaker-nextpnr-over.log").read_text())
        raise ToolError("nextpnr-ice40 failed with exit code 255")

    monkeypatch.setattr("qsnn_hw.targets.fpga.place_route.run_tool", fail)
    message = r"needs 6276 ICESTORM_LC, .* 5280 \(996 too many\); it would fit with --board ice40-hx8k-evn, "
    with pytest.raises(UserError, match=message):
        place_and_route(_synthesis(tmp_path), load_board("icebreaker"), tmp_path, progress=SILENT)


@pytest.mark.parametrize("step", ["synthesis", "place_route", "bitstream"])
def test_an_interrupted_tool_leaves_nothing_under_a_final_name(step, tmp_path, monkeypatch):
    def interrupted(tool, args, *, cwd, **_):
        for path in cwd.iterdir():
            if path.name.startswith("."):
                path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(f"qsnn_hw.targets.fpga.{step}.run_tool", interrupted)
    board = load_board("icebreaker")
    calls = {
        "synthesis": lambda: synthesize(
            tmp_path / "a.v", "a", board, tmp_path, least=Least(), progress=SILENT
        ),
        "place_route": lambda: place_and_route(_synthesis(tmp_path), board, tmp_path, progress=SILENT),
        "bitstream": lambda: pack_bitstream(_placed(tmp_path), board, tmp_path, progress=SILENT),
    }
    with pytest.raises(KeyboardInterrupt):
        calls[step]()
    # Only what was written whole by this side: the script or the pin file.
    assert {path.name for path in tmp_path.iterdir()} <= {"synth.ys", "pins.pcf"}
