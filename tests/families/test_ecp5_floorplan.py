"""Block RAMs of the banks get sites of their own, in a small rectangle, in the order of the lanes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.families.ecp5_floorplan import SITES, compact_sites, group_blocks, place_blocks
from qsnn_hw.support.files import read_json
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain.tools import find_tool, run_tool


def netlist(banks: int, blocks: int, others: int = 2) -> dict[str, Any]:
    cells: dict[str, Any] = {
        f"network.group_1.accumulators.sums.banks.bank{bank}.0.{index}": {"type": "DP16KD"}
        for bank in range(banks)
        for index in range(blocks)
    }
    cells |= {f"network.group_1.states.words.0.{k}": {"type": "DP16KD"} for k in range(others)}
    cells["network.group_1.accumulators.sums.banks.bank0.0.77"] = {"type": "LUT4"}
    return {"cells": cells, "ports": {}}


def test_blocks_of_the_same_lanes_stand_together() -> None:
    """Four banks of twelve blocks: the k-th of each, then the next; twelfth after ninth."""
    names = group_blocks(netlist(4, 12))
    assert [re.sub(r".*bank(\d+)\.0\.(\d+)$", r"\2 \1", name) for name in names] == [
        f"{index} {bank}" for index in range(12) for bank in range(4)
    ]


def test_accumulators_stand_between_their_weights() -> None:
    """Two blocks of sums beside four of weights; the next group comes after the first."""
    weights = [f"net.{group}.accumulators.sums.banks.bank0.0.{k}" for group in "ab" for k in range(4)]
    sums = [f"net.{group}.accumulators.neurons.words.0.{k}" for group in "ab" for k in range(2)]
    names = group_blocks({"cells": {name: {"type": "DP16KD"} for name in weights + sums}, "ports": {}})
    first = [weights[0], sums[0], weights[1], weights[2], sums[1], weights[3]]
    second = [name.replace(".a.", ".b.") for name in first]
    assert names == first + second


def test_blocks_of_built_banks() -> None:
    """Bit by bit, and the rows of one bit together."""
    names = [
        f"g.accumulators.sums.banks.bank0_row{row}_bit{bit}.0.0"
        for bit in (0, 2, 10)
        for row in (0, 8192, 16384)
    ]
    cells = {name: {"type": "DP16KD"} for name in reversed(names)}
    assert group_blocks({"cells": cells, "ports": {}}) == names


@given(st.sampled_from(sorted(SITES)), st.integers(1, 230))
def test_sites(device: str, count: int) -> None:
    columns, rows = SITES[device]
    capacity = 4 * len(columns) * len(rows)
    found = compact_sites(SITES[device], count)
    if count > capacity:
        assert found == []
        return
    assert len(found) >= count
    assert len(set(found)) == len(found)
    matches = [re.fullmatch(r"X(\d+)/Y(\d+)/EBR([0-3])", site) for site in found]
    places = [(int(m[1]) - 2 * int(m[3]), int(m[2])) for m in matches if m is not None]
    assert len(places) == len(found)
    assert {x for x, _ in places} <= set(columns)
    assert {y for _, y in places} <= set(rows)
    # A column of four less would not do.
    height = len({y for _, y in places})
    assert len(found) - 4 * height < count


def test_capacity_of_the_devices() -> None:
    """As the data sheet has it (FPGA-DS-02012): LFE5U-25, 45 and 85."""
    counts = {device: 4 * len(sites.columns) * len(sites.rows) for device, sites in SITES.items()}
    assert counts == {"25k": 56, "45k": 108, "85k": 208}


def test_every_block_gets_a_site_of_its_own() -> None:
    module = netlist(2, 20)
    assert place_blocks(module, "85k") == 40
    placed = {
        name: cell["attributes"]["BEL"] for name, cell in module["cells"].items() if "attributes" in cell
    }
    assert sorted(placed) == sorted(group_blocks(module))
    assert len(set(placed.values())) == 40


@pytest.mark.slow
@pytest.mark.parametrize("device", sorted(SITES))
def test_nextpnr_has_all_the_sites(device: str, tmp_path: Path) -> None:
    """A design that fills the device's block RAM is placed where the floor plan says."""
    columns, rows = SITES[device]
    count = 4 * len(columns) * len(rows)
    lines = ["module top(input clk, input [13:0] a, output o);", f"wire [{count - 1}:0] q; assign o = ^q;"]
    address = ", ".join(f".ADA{k}(a[{k}])" for k in range(14))
    tied = (
        ".CEA(1'b1), .OCEA(1'b1), .RSTA(1'b0), .WEA(1'b0), .CEB(1'b0), .OCEB(1'b0), .RSTB(1'b0), .WEB(1'b0)"
    )
    for k in range(count):
        widths = "#(.DATA_WIDTH_A(18), .DATA_WIDTH_B(18))"
        name = f"\\g.accumulators.sums.banks.bank0.0.{k} "
        lines.append(f"DP16KD {widths} {name} (.CLKA(clk), .CLKB(clk), {tied}, {address}, .DOA0(q[{k}]));")
    (tmp_path / "top.v").write_text("\n".join([*lines, "endmodule"]), encoding="utf-8")
    (tmp_path / "run.ys").write_text(
        "read_verilog top.v\nsynth_ecp5 -top top -json top.json\n", encoding="utf-8"
    )
    run_tool(
        find_tool("yosys"), ["-q", "run.ys"], log=tmp_path / "y.log", cwd=tmp_path, progress=SILENT, name="y"
    )
    design = read_json(tmp_path / "top.json")
    assert place_blocks(design["modules"]["top"], device) == count
    (tmp_path / "top.json").write_text(json.dumps(design), encoding="utf-8")
    args = [
        f"--{device}",
        "--package",
        "CABGA381",
        "--json",
        "top.json",
        "--no-route",
        "--write",
        "placed.json",
    ]
    nextpnr = find_tool("nextpnr-ecp5")
    run_tool(nextpnr, args, log=tmp_path / "n.log", cwd=tmp_path, progress=SILENT, name="n")
    cells = read_json(tmp_path / "placed.json")["modules"]["top"]["cells"]
    wanted = {n: c["attributes"]["BEL"] for n, c in design["modules"]["top"]["cells"].items() if "bank0" in n}
    assert {name: cells[name]["attributes"]["NEXTPNR_BEL"] for name in wanted} == wanted


@pytest.mark.parametrize(("banks", "blocks", "device"), [(1, 15, "85k"), (2, 30, "25k"), (4, 10, "up5k")])
def test_what_is_left_to_the_placer(banks: int, blocks: int, device: str) -> None:
    """Few blocks, too many, and a device that is not known."""
    module = netlist(banks, blocks)
    assert place_blocks(module, device) == 0
    assert not any("attributes" in cell for cell in module["cells"].values())
