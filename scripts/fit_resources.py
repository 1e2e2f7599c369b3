"""Measure what the tools make of the designs in resource_designs.py, and fit the prediction to it.

``python scripts/fit_resources.py measure`` synthesizes every design that is not in the measurements
yet (20 s to 2 min each) and packs it with nextpnr. ``python scripts/fit_resources.py fit`` prints the
coefficients for ``qsnn_hw/plan/coefficients.py``, and how far the prediction is off on every design.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resource_designs import EXAMPLES, Example, make

from qsnn_hw.files import read_json, write_json
from qsnn_hw.implement.constraints import constraint_suffix, constraint_text
from qsnn_hw.implement.least import least_cells
from qsnn_hw.implement.synthesis import relative, synthesize
from qsnn_hw.limits import FAMILIES
from qsnn_hw.plan.coefficients import LOGIC, SERIAL
from qsnn_hw.plan.predict import network_parts, predict
from qsnn_hw.progress import SILENT
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.export import export_verilog
from qsnn_hw.tools import find_tool, run_tool

MEASURED = Path(__file__).resolve().parent.parent / "tests" / "plan" / "data" / "resources.json"

# How strongly a coefficient is drawn to what the structure says it should be.
_PULL = 0.03
EXPECTED = {
    "ice40": {
        **{"adders": 1.0, "muxes": 0.8, "depth_muxes": 1.0, "copied": 1.0, "control": 0.5},
        **{"rom_luts": 1.0, "groups": 40.0},
    },
    "ecp5": {
        **{"adders": 1.1, "muxes": 0.8, "depth_muxes": 1.0, "control": 0.5, "rom_luts": 1.0},
        **{"distributed": 6.0, "groups": 40.0},
    },
}


def utilisation(text: str, cell: str) -> int:
    """Cells of one kind in the table of nextpnr's log, which place and route no longer change."""
    found = re.search(rf"\b{cell}:\s+(\d+)/", text)
    assert found is not None, f"no {cell} in the log of nextpnr"
    return int(found[1])


def measure(example: Example, folder: Path) -> dict[str, Any]:
    """Synthesize and pack one design."""
    plan, board = make(example)
    divisor = round(board.clock_mhz * 1e6 / board.baud)
    component = BoardTop(plan, divisor) if example.board else Classifier(plan)
    folder.mkdir(parents=True, exist_ok=True)
    verilog = export_verilog(component, "top", folder, SILENT)
    synthesis = synthesize(
        verilog, "top", board, folder, least=least_cells(plan, board.limits), progress=SILENT
    )
    tool = find_tool(f"nextpnr-{board.family}")
    args = [f"--{board.device}", "--package", board.package, "--json", relative(synthesis.netlist, folder)]
    if board.speed_grade is not None:
        args += ["--speed", board.speed_grade]
    if example.board:
        pins = folder / f"pins{constraint_suffix(board)}"
        pins.write_text(constraint_text(synthesis.ports, board), encoding="utf-8")
        args += ["--pcf" if board.family == "ice40" else "--lpf", pins.name]
    elif board.family == "ecp5":
        args += ["--lpf-allow-unconstrained"]
    else:
        args += ["--pcf-allow-unconstrained"]
    log = folder / "nextpnr.log"
    run_tool(tool, [*args, "--pack-only"], log=log, cwd=folder, progress=SILENT, name="pack")
    text = log.read_text(encoding="utf-8", errors="replace")
    usage, names = synthesis.usage, FAMILIES[board.family]
    return {
        "logic_cells": utilisation(text, names.logic_cells),
        **({} if names.registers is None else {"registers": utilisation(text, names.registers)}),
        "cells": dict(synthesis.cells),
        "block_rams": usage.block_rams or 0,
        "sprams": usage.sprams or 0,
        "dsps": usage.dsps or 0,
        "yosys": synthesis.version,
        "nextpnr": tool.version,
    }


def report(example: Example, measured: Mapping[str, Any]) -> str:
    """A row of the table in docs/resources.md: the prediction of an example beside the measurement."""
    plan, board = make(example)
    usage = predict(plan, board.limits, board=example.board).usage

    def cells(value: int | None, real: int | None) -> list[str]:
        if value is None or not real:
            return ["", "", ""]
        return [str(value), str(real), f"{100 * (value / real - 1):+.1f} %"]

    row = [
        f"{example.name}{', unseen' if example.unseen else ''}",
        *cells(usage.logic_cells, measured["logic_cells"]),
        *cells(usage.registers, measured.get("registers")),
        f"{usage.block_rams} / {measured['block_rams']}",
        f"{usage.dsps} / {measured['dsps']}",
    ]
    return f"| {' | '.join(row)} |"


def fit(measured: Mapping[str, Any]) -> None:
    """Print coefficients for both families, and what they come to."""
    for family, expected in EXPECTED.items():
        used = [e for e in EXAMPLES if e.family == family and e.name in measured and not e.unseen]
        rows, prior = [], np.array(list(expected.values()))
        for example in used:
            plan, board = make(example)
            parts = network_parts(plan, board.limits, board=example.board)
            serial = SERIAL[family]["logic_cells"] if example.board else 0.0
            real = measured[example.name]["logic_cells"] - serial
            rows.append([getattr(parts, name) / real for name in expected])
        matrix = np.array(rows)
        # Relative errors, and a pull of every coefficient to what is expected of it.
        pull = np.diag(_PULL * np.sqrt(len(rows)) / prior)
        left, right = np.vstack([matrix, pull]), np.concatenate([np.ones(len(rows)), pull @ prior])
        found = np.linalg.lstsq(left, right, rcond=None)[0]
        print(family, {name: round(float(value), 3) for name, value in zip(expected, found, strict=True)})
    print("in use:", LOGIC)
    for example in EXAMPLES:
        if example.name in measured:
            print(report(example, measured[example.name]))


def main() -> int:
    """Measure or fit; 0 when all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["measure", "fit"])
    parser.add_argument("--only", nargs="*", help="names of designs")
    parser.add_argument("--folder", type=Path, help="keep the tools' files here")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        for example in EXAMPLES:
            measured = read_json(MEASURED) if MEASURED.exists() else {}
            if arguments.only and example.name not in arguments.only:
                continue
            if example.name in measured and not arguments.only:
                continue
            with tempfile.TemporaryDirectory() as temporary:
                found = measure(example, (arguments.folder or Path(temporary)) / example.name)
            print(example.name, {k: v for k, v in found.items() if k != "cells"}, flush=True)
            write_json(MEASURED, {**measured, example.name: found})
        return 0
    fit(read_json(MEASURED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
