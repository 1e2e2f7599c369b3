"""The outside tools, in one place: find them, run them, say what is missing.

Every step that needs a tool asks :func:`find_tool` and starts it with :func:`run_tool`; the
simulation step wraps cocotb's runner in :func:`verilator_ready`. The parts live in
``qsnn_hw/toolchain``.
"""

from qsnn_hw.toolchain.cache import cache_folder
from qsnn_hw.toolchain.catalog import SPECS, ToolSpec
from qsnn_hw.toolchain.crash import WaysOut
from qsnn_hw.toolchain.doctor import ToolStatus, doctor, doctor_table
from qsnn_hw.toolchain.finder import Tool, find_tool
from qsnn_hw.toolchain.process import end_groups, relative, run_tool
from qsnn_hw.toolchain.simulator import (
    check_build_folder,
    has_space,
    verilator_build_args,
    verilator_environment,
    verilator_ready,
)
from qsnn_hw.toolchain.webassembly import first_use_notice, is_cold, prepare

__all__ = [
    "SPECS",
    "Tool",
    "ToolSpec",
    "ToolStatus",
    "WaysOut",
    "cache_folder",
    "check_build_folder",
    "doctor",
    "doctor_table",
    "end_groups",
    "find_tool",
    "first_use_notice",
    "has_space",
    "is_cold",
    "prepare",
    "relative",
    "run_tool",
    "verilator_build_args",
    "verilator_environment",
    "verilator_ready",
]
