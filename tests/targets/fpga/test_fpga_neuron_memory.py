"""Synthesis puts potentials where the plan says."""

from pathlib import Path

import pytest

from qsnn_hw.families.boards import load_board
from qsnn_hw.plan.group_plan import NeuronMemoryStyle
from qsnn_hw.plan.placement import block_shape
from qsnn_hw.rtl.group.neuron_memory import NeuronMemory
from qsnn_hw.rtl.text.export import export_verilog
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.least import Least
from qsnn_hw.targets.fpga.synthesis import count_cells, synthesize

WIDTH = 28


@pytest.mark.parametrize(
    # Left alone, synthesis would choose the other one of each.
    ("style", "rows"),
    [("block", 8), ("distributed", 64)],
)
def test_ecp5_memory_of_either_kind(style: NeuronMemoryStyle, rows: int, tmp_path: Path) -> None:
    board = load_board("ulx3s-25f")
    verilog = export_verilog(NeuronMemory(WIDTH, rows, style), "potentials", tmp_path, SILENT)
    made = synthesize(verilog, "potentials", board, tmp_path, least=Least(0, registers=0), progress=SILENT)
    blocks, cells = count_cells(made.cells, board.family).block_rams, made.cells.get("TRELLIS_DPR16X4", 0)
    if style == "block":
        assert (blocks, cells) == (block_shape(board.limits, rows, WIDTH)[0], 0)
    else:
        distributed = board.family.fabric.distributed
        assert distributed is not None
        assert (blocks, cells) == (0, distributed.cells(rows, WIDTH))
