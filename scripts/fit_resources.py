"""Measure what the tools make of the designs in resource_designs.py, and fit the prediction to it.

``python scripts/fit_resources.py measure --only NAME`` runs ``qsnn-hw synth`` on a design
and keeps what place and route counted (minutes each; without ``--only``: all that were never measured).
``... fit`` prints the coefficients for each file of a family in ``qsnn_hw/families/``. The predictions in
the table of docs/resources.md need no tool: ``scripts/figures --check resources`` compares them, and
``--write`` puts them there.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tables
from bare_link import bare_counts
from resource_designs import DESIGNS, EXAMPLES, Example, Trained
from script import ROOT

from qsnn_hw.build import flow
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.network import network_counts
from qsnn_hw.cost.predict import as_usage
from qsnn_hw.families.family import PlaceFiles
from qsnn_hw.families.limits import Usage
from qsnn_hw.families.registry import families
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.files import read_json, write_json, write_text
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.constraints import constraint_text
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.steps import PLAN, SYNTHESIZE
from qsnn_hw.targets.fpga.timing import parse_log_utilization
from qsnn_hw.toolchain.tools import find_tool, relative, run_tool

PAGE = ROOT / "docs" / "resources.md"
MEASURED = ROOT / "tests" / "cost" / "data" / "resources.json"

# How strongly a coefficient is drawn to what the structure says it should be.
_LINK = "frames"
"""The host link of what is measured now."""

_PULL = 0.06


NAMES = ("design", "logic", "counted", "off", "registers", "counted", "off", "block RAM", "DSP")


def measure(design: Example | Trained, folder: Path) -> dict[str, Any]:
    """Build a design as ``qsnn-hw synth`` does; what place and route counted, and what was planned."""
    folder.mkdir(parents=True, exist_ok=True)
    options = design.build_options(folder)
    if design.board.family.flow.packed_counts:
        return packed(design, Run(Job(options, folder, SILENT)), folder)
    flow.run(options, folder, part="synth", progress=SILENT)
    return counted(design, folder)


def packed(design: Example | Trained, run: Run, folder: Path) -> dict[str, Any]:
    """What a design takes where the counts are those of packing: the rest of place and route is left out."""
    board = design.board
    plan, synthesis = run.get(PLAN), run.get(SYNTHESIZE)
    tool, log, pins = find_tool(board.family.flow.tools[0].name), folder / "packed.log", folder / "pins"
    write_text(pins, constraint_text(synthesis.ports, board))
    named = PlaceFiles(relative(synthesis.netlist, folder), pins.name, "packed.json", "report.json")
    assert board.family.flow.place_words is not None
    words = [*board.family.flow.place_words(board.part, named), "--pack-only"]
    run_tool(tool, words, log=log, cwd=folder, progress=SILENT, name="packing")
    used = {name: count.used for name, count in parse_log_utilization(log.read_text("utf-8")).items()}
    return entry(design, plan, used, synthesis.cells, synthesis.version, tool.version)


def counted(design: Example | Trained, folder: Path) -> dict[str, Any]:
    """What the finished build in ``folder`` took, and what was planned."""
    made = Implementation.load(folder / outputs.IMPLEMENTATION)
    plan = HardwarePlan.load(folder / outputs.PLAN)
    versions = made.tools["yosys"], made.tools[design.board.family.flow.tools[0].name]
    return entry(design, plan, made.used(), made.cells, *versions)


def entry(
    design: Example | Trained,
    plan: HardwarePlan,
    used: Mapping[str, int],
    cells: Mapping[str, int],
    yosys: str | None,
    nextpnr: str | None,
) -> dict[str, Any]:
    """What is kept of a measured design."""
    names = design.board.family.units
    fields = ("lanes", "update_lanes", "event_lanes", "accumulators")
    return {
        "scope": "board",
        "link": _LINK,
        "logic_cells": used[names.logic_cells],
        **({} if names.registers is None else {"registers": used[names.registers]}),
        "cells": dict(cells),
        "block_rams": used.get(names.block_ram, 0),
        "sprams": 0 if names.spram is None else used.get(names.spram, 0),
        "dsps": used.get(names.dsps, 0),
        "shapes": {name: [getattr(group, name) for group in plan.groups] for name in fields},
        "parameters_in": [group.parameters_in for group in plan.groups],
        "buffer_depth": plan.buffer_depth,
        "input_max": plan.input_max,
        "yosys": yosys,
        "nextpnr": nextpnr,
    }


def counts_of(design: Example | Trained, measured: Mapping[str, Any]) -> Counts:
    """What the measured design was, with the link that it was measured with."""
    plan, limits = design.plan(measured), design.board.limits
    board = measured["scope"] == "board"
    if board and measured.get("link") != _LINK:
        return bare_counts(plan, limits)
    return network_counts(plan, limits, board=board)


def predicted(design: Example | Trained, measured: Mapping[str, Any]) -> Usage:
    """The prediction that a measurement is compared with."""
    return as_usage(counts_of(design, measured), design.board.limits)


def report(design: Example | Trained, measured: Mapping[str, Any]) -> str:
    """A row of the table in docs/resources.md: the prediction of a design beside the measurement."""
    usage = predicted(design, measured)

    def cells(value: int | None, real: int | None) -> list[str]:
        if value is None or not real:
            return ["", "", ""]
        return [str(value), str(real), f"{100 * (value / real - 1):+.1f} %"]

    row = [
        f"{design.name}{', unseen' if design.unseen else ''}",
        *cells(usage.logic_cells, measured["logic_cells"]),
        *cells(usage.registers, measured.get("registers")),
        f"{usage.block_rams} / {measured['block_rams']}",
        f"{usage.dsps} / {measured['dsps']}",
    ]
    return tables.row(*row)


def rows() -> dict[str, str]:
    """The rows of the table by the design's name, as they are right now; a model that is absent has none."""
    measured = read_json(MEASURED)
    present = [d for d in DESIGNS if d.name in measured and (isinstance(d, Example) or d.present)]
    return {design.name: report(design, measured[design.name]) for design in present}


def page_rows() -> dict[str, str]:
    """The rows of the table by the design's name, as docs/resources.md has them."""
    lines = tables.lines_under(PAGE.read_text(encoding="utf-8"), tables.row(*NAMES))
    return {tables.cells(line)[0].split(",")[0]: line for line in lines}


def table() -> str:
    """The table of docs/resources.md by the present prediction; rows of absent models stay as they are."""
    by_name = page_rows() | rows()
    lines = [tables.head(*NAMES), *(by_name[d.name] for d in DESIGNS if d.name in by_name)]
    return "\n".join(lines) + "\n"


def fit(measured: Mapping[str, Any]) -> None:
    """Print coefficients for every family, beside those in use."""
    for family in families().values():
        expected = family.costs.expected_logic
        used = [e for e in EXAMPLES if e.board.family is family and e.name in measured and not e.unseen]
        if not used:
            print(f"{family}: no design was measured")
            continue
        table, prior = [], np.array(list(expected.values()))
        for example in used:
            entry = measured[example.name]
            counts = counts_of(example, entry)
            table.append([getattr(counts, name) / entry["logic_cells"] for name in expected])
        matrix = np.array(table)
        # Relative errors, and a pull of every coefficient to what is expected of it.
        pull = np.diag(_PULL * np.sqrt(len(table)) / prior)
        left, right = np.vstack([matrix, pull]), np.concatenate([np.ones(len(table)), pull @ prior])
        solution = np.linalg.lstsq(left, right, rcond=None)[0]
        print(family, {name: round(float(value), 3) for name, value in zip(expected, solution, strict=True)})
        print(f"in use: {dict(family.costs.logic)}")


def main() -> int:
    """Measure or fit; 0 when all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["measure", "fit"])
    parser.add_argument("--only", nargs="*", help="names of designs to measure, again if they were")
    parser.add_argument("--folder", type=Path, help="keep the tools' files here")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        for design in DESIGNS:
            measured = read_json(MEASURED) if MEASURED.exists() else {}
            if design.name not in (arguments.only or DESIGNS_BY_NAME.keys() - measured.keys()):
                continue
            if isinstance(design, Trained) and not design.present:
                print(f"{design.name}: {design.model} is absent, left out", flush=True)
                continue
            with tempfile.TemporaryDirectory() as temporary:
                result = measure(design, (arguments.folder or Path(temporary)) / design.name)
            print(report(design, result), flush=True)
            write_json(MEASURED, {**measured, design.name: result})
    else:
        fit(read_json(MEASURED))
    return 0


DESIGNS_BY_NAME = {design.name: design for design in DESIGNS}


if __name__ == "__main__":
    sys.exit(main())
