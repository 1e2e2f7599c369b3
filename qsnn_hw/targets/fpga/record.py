"""What the implementation of a design amounts to: one record, saved as JSON beside the files it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.families.boards import Board
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.fpga.bitstream import Bitstream
from qsnn_hw.targets.fpga.place_route import PlaceRoute
from qsnn_hw.targets.fpga.synthesis import Synthesis, count_cells
from qsnn_hw.targets.fpga.timing import Clock, CriticalPath, Resource


@dataclass(frozen=True)
class Implementation(StoredRecord, form="implementation 2", again="run the implementation again"):
    """A design on a board, with every figure as the tools reported it.

    Parameters
    ----------
    board, top
        Names of the board and of the top module.
    resources
        Used and available units by nextpnr's own names.
    cells
        Cells after synthesis by yosys' own names.
    clocks
        Fmax and constraint of every clock by nextpnr's own names.
    fmax_mhz, constraint_mhz
        Of the slowest clock; None where nothing was placed and routed.
    critical_path
        The slowest path; None when nextpnr reported none.
    seed
        Of the placer.
    tools
        Versions by tool name; None where a tool states none.
    files
        verilog, netlist, constraints, routed, report and bitstream; None, where there is none.
    logs
        Log of every tool.
    """

    board: str
    top: str
    resources: Mapping[str, Resource]
    cells: Mapping[str, int]
    clocks: Mapping[str, Clock]
    fmax_mhz: float | None
    constraint_mhz: float | None
    critical_path: CriticalPath | None
    seed: int
    tools: Mapping[str, str | None]
    files: Mapping[str, Path | None]
    logs: Mapping[str, Path]

    @classmethod
    def of(
        cls, verilog: Path, synthesis: Synthesis, placed: PlaceRoute, bitstream: Bitstream | None
    ) -> "Implementation":
        """Put the results of the steps together; ``bitstream`` is None when none was packed."""
        tools = {"yosys": synthesis.version, placed.tool: placed.version}
        logs = {"yosys": synthesis.log, placed.tool: placed.log}
        if bitstream is not None:
            tools[bitstream.packer] = bitstream.version
            logs[bitstream.packer] = bitstream.log
        return cls(
            board=placed.board,
            top=synthesis.top,
            resources=placed.resources,
            cells=synthesis.cells,
            clocks=placed.clocks,
            fmax_mhz=placed.fmax_mhz,
            constraint_mhz=placed.constraint_mhz,
            critical_path=placed.critical_path,
            seed=placed.seed,
            tools=tools,
            files={
                "verilog": verilog,
                "netlist": synthesis.netlist,
                "constraints": placed.constraints,
                "routed": placed.routed,
                "report": placed.report,
                "bitstream": bitstream.path if bitstream is not None else None,
            },
            logs=logs,
        )

    @classmethod
    def of_netlist(
        cls, verilog: Path, synthesis: Synthesis, board: Board, constraints: Path, seed: int
    ) -> "Implementation":
        """Where nothing places and routes: the cells of synthesis by the family's names, and no clock."""
        available = board.limits.available()
        counted = board.limits.by_name(count_cells(synthesis.cells, board.family))
        return cls(
            board=board.name,
            top=synthesis.top,
            resources={name: Resource(used, available[name]) for name, used in counted.items()},
            cells=synthesis.cells,
            clocks={},
            fmax_mhz=None,
            constraint_mhz=None,
            critical_path=None,
            seed=seed,
            tools={"yosys": synthesis.version},
            files={
                "verilog": verilog,
                "netlist": synthesis.netlist,
                "constraints": constraints,
                "routed": None,
                "report": None,
                "bitstream": None,
            },
            logs={"yosys": synthesis.log},
        )

    def used(self) -> dict[str, int]:
        """Used units by nextpnr's own names."""
        return {name: count.used for name, count in self.resources.items()}
