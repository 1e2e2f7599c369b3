"""What the implementation of a design amounts to: one record, saved as JSON beside the files it names."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_json, write_json
from qsnn_hw.targets.fpga.bitstream import Bitstream
from qsnn_hw.targets.fpga.place_route import PlaceRoute
from qsnn_hw.targets.fpga.synthesis import Synthesis
from qsnn_hw.targets.fpga.timing import Clock, CriticalPath, Resource

FORM = "qsnn-hw implementation 1"


@dataclass(frozen=True)
class Implementation:
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
        Of the slowest clock.
    critical_path
        The slowest path; None when nextpnr reported none.
    seed
        Of the placer.
    tools
        Versions by tool name; None where a tool states none.
    files
        verilog, netlist, constraints, routed, report and bitstream (None without one).
    logs
        Log of every tool.
    """

    board: str
    top: str
    resources: Mapping[str, Resource]
    cells: Mapping[str, int]
    clocks: Mapping[str, Clock]
    fmax_mhz: float
    constraint_mhz: float
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

    def used(self) -> dict[str, int]:
        """Used units by nextpnr's own names."""
        return {name: count.used for name, count in self.resources.items()}

    def save(self, path: Path) -> None:
        """Write the record as JSON; file names in it are relative to its folder.

        Raises
        ------
        UserError
            The folder cannot be written.
        """
        folder = path.parent.resolve()

        def name(file: Path | None) -> str | None:
            return None if file is None else Path(os.path.relpath(file.resolve(), folder)).as_posix()

        value = {"form": FORM, **asdict(self)}
        value["files"] = {key: name(file) for key, file in self.files.items()}
        value["logs"] = {key: name(file) for key, file in self.logs.items()}
        write_json(path, value)

    @classmethod
    def load(cls, path: Path) -> "Implementation":
        """Read a record that :meth:`save` wrote; file names become paths below its folder.

        Raises
        ------
        UserError
            The file is missing or is not such a record.
        """
        value = read_json(path)
        if not isinstance(value, dict) or value.get("form") != FORM:
            raise UserError(f"{path} is not an implementation record; run the implementation again")
        try:
            return cls(**_fields(value, path.parent))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{path} is a damaged implementation record ({error!r}); run the implementation again"
            ) from error


def _fields(value: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    critical = value["critical_path"]
    return {
        "board": str(value["board"]),
        "top": str(value["top"]),
        "resources": {name: Resource(**counts) for name, counts in value["resources"].items()},
        "cells": {name: int(count) for name, count in value["cells"].items()},
        "clocks": {name: Clock(**clock) for name, clock in value["clocks"].items()},
        "fmax_mhz": float(value["fmax_mhz"]),
        "constraint_mhz": float(value["constraint_mhz"]),
        "critical_path": None if critical is None else CriticalPath(**critical),
        "seed": int(value["seed"]),
        "tools": dict(value["tools"]),
        "files": {
            name: None if file is None else folder.joinpath(file) for name, file in value["files"].items()
        },
        "logs": {name: folder.joinpath(file) for name, file in value["logs"].items()},
    }
