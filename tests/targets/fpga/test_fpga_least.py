"""Synthesis leaves what a plan cannot do without: real designs pass, what vanished in part is caught."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fit_resources import MEASURED
from resource_designs import EXAMPLES, Example, shapes
from resource_models import group

from qsnn_hw.cost.io.host_link import link_counts
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import export_verilog
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.files import read_json
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.least import Least, least_cells, missing
from qsnn_hw.targets.fpga.synthesis import synthesize

BOARDS = {
    "ice40": "icebreaker",
    "ecp5": "ulx3s-85f",
    "gowin": "tang-nano-9k",
    "xilinx7": "arty-a7-35t",
}
STORED: dict[str, Any] = read_json(MEASURED)
R, M = True, False
SHAPES = {
    "registers": shapes([12, 6], [4, 6], [2, 1], [R, R]),
    "memory": shapes([3, 6], [1, 2], [1, 1], [M, M]),
    # The sweep reads all accumulators at once: their registers keep the port's name.
    "one row": shapes([12, 6], [12, 6], [1, 1], [M, M]),
}


def two_groups() -> Network:
    """Input of 40 to 12 to 6 neurons."""
    rng = np.random.default_rng(3)
    sizes = {"first": (40, 12), "second": (12, 6)}
    groups = tuple(group(rng, name, (post,), {}) for name, (_, post) in sizes.items())
    sources = {"first": INPUT, "second": "first"}
    projections = tuple(
        Projection(f"to_{name}", sources[name], name, (Dense(rng.normal(0, 0.4, (post, pre))),))
        for name, (pre, post) in sizes.items()
    )
    return Network("tiny", (40,), groups, projections, "second")


def planned(network: Network, options: PlanOptions, board: str) -> HardwarePlan:
    quantized = quantize(network, QuantizeOptions(weight_bits=6))
    return make_plan(quantized, replace(options, limits=load_board(board).limits))


def synthesized(built: HardwarePlan, promised: HardwarePlan, board_name: str, folder: Path) -> None:
    """Synthesis of one plan's network, held against what another one promises."""
    board = load_board(board_name)
    folder.mkdir()
    verilog = export_verilog(SpikingNetwork(built), "top", folder, SILENT)
    least = least_cells(promised, board.limits)
    synthesize(verilog, "top", board, folder, least=least, progress=SILENT)


def without_weights(plan: HardwarePlan, number: int, lanes: slice) -> HardwarePlan:
    """The same plan with nothing but zeros for some lanes of a group."""
    groups = list(plan.groups)
    synapses = groups[number].synapses.copy()
    synapses[:, :, lanes] = 0
    groups[number] = replace(groups[number], synapses=synapses)
    return replace(plan, groups=tuple(groups))


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.name in STORED], ids=lambda e: e.name)
def test_no_measured_design_is_refused(example: Example) -> None:
    plan, board = example.plan(STORED[example.name]), example.board
    least, cells = least_cells(plan, board.limits), STORED[example.name]["cells"]
    assert 0 < least.carries <= cells[board.family.cells.carry]
    blocks = sum(found.block_rams for found in least.groups)
    # All but the weights' and sums' blocks are few, those of a link in frames apart: the bound is close.
    link = link_counts(plan, board.limits).blocks if "link" in STORED[example.name] else 0
    assert STORED[example.name]["block_rams"] - 6 - link <= blocks <= STORED[example.name]["block_rams"]
    registers = sum(count for name, count in cells.items() if name.startswith(board.family.cells.registers))
    assert sum(found.registers for found in least.groups) <= registers


@pytest.mark.parametrize(
    ("family", "shape", "lost"),
    [
        pytest.param("ice40", "memory", slice(None), marks=pytest.mark.slow),
        pytest.param("ecp5", "registers", slice(None), marks=pytest.mark.slow),
        pytest.param("ecp5", "one row", slice(None), marks=pytest.mark.slow),
        pytest.param("ice40", "one row", slice(None), marks=pytest.mark.slow),
        pytest.param("ice40", "registers", slice(0, 6), marks=pytest.mark.slow),
        pytest.param("ecp5", "memory", slice(None), marks=pytest.mark.slow),
        pytest.param("ecp5", "registers", slice(0, 6), marks=pytest.mark.slow),
        pytest.param("gowin", "memory", slice(None), marks=pytest.mark.slow),
        pytest.param("gowin", "registers", slice(None), marks=pytest.mark.slow),
        pytest.param("xilinx7", "memory", slice(None), marks=pytest.mark.slow),
        pytest.param("xilinx7", "registers", slice(None), marks=pytest.mark.slow),
    ],
)
def test_a_real_design_passes_and_one_that_lost_weights_does_not(
    family: str, shape: str, lost: slice, tmp_path: Path
) -> None:
    board = BOARDS[family]
    plan = planned(two_groups(), SHAPES[shape], board)
    synthesized(plan, plan, board, tmp_path / "whole")
    less = without_weights(plan, 0, lost)
    with pytest.raises(ToolError, match="of the accumulators of group first where at least"):
        synthesized(less, plan, board, tmp_path / "less")
    limits = load_board(board).limits
    assert least_cells(less, limits).carries < least_cells(plan, limits).carries


@pytest.mark.parametrize(
    "family",
    ["ice40", "ecp5", *(pytest.param(name, marks=pytest.mark.slow) for name in ("gowin", "xilinx7"))],
)
def test_a_network_that_no_pin_shows_is_caught(family: str, tmp_path: Path) -> None:
    board = load_board(BOARDS[family])
    plan = planned(two_groups(), SHAPES["registers"], board.name)
    verilog = export_verilog(BoardTop(plan, 100), "top", tmp_path, SILENT)
    shell = (
        "module shell (input clk, input rx, output tx, output reg led = 0);\n"
        "  wire idle;\n  top inside (.clk(clk), .rx(rx), .tx(idle), .led());\n"
        "  assign tx = 1'b1;\n  always @(posedge clk) led <= ~led;\nendmodule\n"
    )
    (tmp_path / "shell.v").write_text(verilog.read_text(encoding="utf-8") + shell, encoding="utf-8")
    least = least_cells(plan, board.limits)
    with pytest.raises(ToolError, match=r"yosys kept 0 registers of the accumulators of group first"):
        synthesize(tmp_path / "shell.v", "shell", board, tmp_path, least=least, progress=SILENT)


def test_what_is_missing_is_said_by_group() -> None:
    plan = planned(two_groups(), SHAPES["registers"], "ulx3s-85f")
    board = load_board("ulx3s-85f")
    least, names = least_cells(plan, board.limits), board.family.cells
    netlist: dict[str, Any] = {"cells": {}, "netnames": {}}
    found = missing(least, {"LUT4": 10, "TRELLIS_FF": 10}, netlist, names)
    assert found[-1] == f"0 adder cells (CCU2C) where at least {least.carries} were expected"
    wanted = least.groups[0].registers
    assert f"0 registers of the accumulators of group first where at least {wanted} were expected" in found
    assert missing(Least(), {"LUT4": 10, "TRELLIS_FF": 10}, netlist, names) == []
