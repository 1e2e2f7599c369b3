"""``qsnn-hw program`` and ``virtual-board``: a bitstream into a board, or a board in simulation.

Nothing heavy is imported before a command needs it.
"""

import argparse
from pathlib import Path

from qsnn_hw.build.board_options import ProgramOptions, VirtualBoardOptions
from qsnn_hw.build.option import typed_values
from qsnn_hw.support.terminal import show


def program(given: argparse.Namespace) -> int:
    """Load a folder's bitstream into its board."""
    from qsnn_hw.build.built import Built
    from qsnn_hw.support.progress import Progress
    from qsnn_hw.toolchain.loaders import find_loader, load_bitstream

    asked = ProgramOptions(**typed_values(given, ProgramOptions))
    built = Built.of(asked.out)
    bitstream, board = built.bitstream, built.board
    loading = find_loader(board.loaders)
    load_bitstream(loading, bitstream, built.folder / PROGRAM_LOG, Progress())
    show(f"{bitstream.name} is in the {board.name}, by {loading.tool.name}; {board.link_place}")
    return 0


PROGRAM_LOG = "09_program.log"
"""What the loader said."""


def virtual_board(given: argparse.Namespace) -> int:
    """Simulate a folder's board behind a pseudo-terminal until a signal ends it."""
    from qsnn_hw.build.built import Built
    from qsnn_hw.host.virtual_board import TOP, VirtualBoard
    from qsnn_hw.support.errors import UserError
    from qsnn_hw.support.progress import Progress
    from qsnn_hw.verify.netlist_model import netlist_verilog

    asked = VirtualBoardOptions(**typed_values(given, VirtualBoardOptions))
    built = Built.of(Path(asked.out))
    board = built.board
    if asked.netlist and asked.byte_mode:
        raise UserError(
            "--byte-mode stands in place of the serial port's Verilog, which a netlist has no more: leave "
            "out one of --byte-mode and --netlist"
        )
    verilog = built.verilog
    if asked.netlist:
        verilog = netlist_verilog(built.netlist, TOP, board.family, built.folder / WORK, Progress())
    with VirtualBoard(
        verilog, board, built.folder / WORK, bytes_only=asked.byte_mode, progress=Progress()
    ) as virtual:
        how = "whole bytes, no bits" if asked.byte_mode else f"bit by bit at {board.rate_words}"
        try:
            what = f"{built.plan.name} on a virtual {board.name} of {board.clock_mhz:g} MHz"
            what += ", the netlist behind synthesis" if asked.netlist else ""
            show(f"{what}, {how}; Ctrl-C ends it")
            show(f"port: {virtual.port}")
            virtual.wait()
        except KeyboardInterrupt:
            # That is how it is meant to end.
            show(f"ended: {virtual.close()}")
    return 0


WORK = "10_virtual_board"
"""Folder of Verilator's and the compiler's logs."""
