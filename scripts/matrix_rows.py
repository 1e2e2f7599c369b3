"""One row of matrix.py: a model on a board for an aim, built by the user's command, and its verdict."""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from matrix_models import Model
from user_command import ROOT, qsnn_hw

from qsnn_hw.families.boards import Board

AIMS = ("balanced", "area", "energy", "latency")
"""``--optimize``; the first is the default and not typed."""

MOST_CYCLES_OFF = 0.05
MOST_LOGIC_OFF = 0.10

Verdict = Literal["ok", "does not fit", "failed"]
_TOO_MUCH = re.compile(r"needs (?:about )?(\d+) (\S+?), (\S+) has (\d+) \((\d+) too many\)")


@dataclass(frozen=True)
class Case:
    """What is built; ``samples`` are simulated."""

    model: Model
    board: Board
    aim: str
    samples: int
    only_plan: bool = False

    @property
    def name(self) -> str:
        """Of its row."""
        return f"{self.model.name}_{self.board.name}_{self.aim}"

    @property
    def folder(self) -> str:
        """Of its build, which the boards share: what does not hang on the board is made once."""
        return f"{self.model.name}_{self.aim}"

    @property
    def weight(self) -> float:
        """About how long it takes, digits on iCE40 being 1."""
        return self.model.weight * self.board.family.flow.time

    def arguments(self, shared: Path, data: Path) -> list[str]:
        """What a user types behind ``qsnn-hw``, but for the folder."""
        aim = () if self.aim == AIMS[0] else ("--optimize", self.aim)
        return [
            *("generate" if self.only_plan else "build", str(self.model.files(shared)[0])),
            *(*self.model.options, "--data", str(data), "--samples", str(self.samples)),
            *("--board", self.board.name, *aim),
        ]


@dataclass(frozen=True)
class Row:
    """What came of a case; figures that there are not are None.

    Parameters
    ----------
    key, source
        Digests of what is built (model, data, options), and of the source that built it.
    made
        Day of the build, ISO 8601.
    verdict, reasons
        "ok", "does not fit" with what is too much, or "failed" with every check that failed.
    command
        As typed, files by their names.
    plan
        The chosen shapes in words.
    planned, predicted, simulated
        Mean cycles of a sample, encoder and readout included: what the plan was chosen by, counted from
        the samples' spikes, and simulated.
    logic, blocks
        (predicted, counted) logic cells and block RAMs.
    fmax_mhz, clock_mhz
        Of the routed design; what the bitstream runs at.
    """

    key: str
    source: str
    made: str
    model: str
    board: str
    aim: str
    verdict: Verdict
    reasons: tuple[str, ...]
    command: str
    seconds: float
    samples: int
    plan: str = ""
    planned: float | None = None
    predicted: float | None = None
    simulated: float | None = None
    logic: tuple[int | None, int | None] = (None, None)
    blocks: tuple[int | None, int | None] = (None, None)
    fmax_mhz: float | None = None
    clock_mhz: float | None = None
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its case."""
        return f"{self.model}_{self.board}_{self.aim}"


def source_digest() -> str:
    """Of everything that can change a row beside its own files."""
    digest = hashlib.sha256()
    for folder in ("qsnn_hw", "sim", "boards"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(f"{path.relative_to(ROOT)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def run_case(case: Case, shared: Path, folder: Path, data: Path, key: str, source: str) -> Row:
    """Build ``case`` in its folder and judge it; of a failed row the folder goes to ``failed/``."""
    out = folder / "builds" / case.folder
    started = time.monotonic()
    ended = qsnn_hw([*case.arguments(shared, data), "-q", "-o", str(out)])
    seconds = time.monotonic() - started
    row: dict[str, Any] = {
        "key": key,
        "source": source,
        "made": datetime.now(UTC).date().isoformat(),
        "model": case.model.name,
        "board": case.board.name,
        "aim": case.aim,
        "command": " ".join(["qsnn-hw", *(short(word) for word in case.arguments(shared, data))]),
        "seconds": round(seconds, 1),
        "samples": case.samples,
    }
    if ended.status:
        verdict, reason = refused(ended.status, told(ended.last_line, out / "report.json"), case.board)
        result = Row(**row, verdict=verdict, reasons=(reason,))
    else:
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        figures = read_figures(report, case.board)
        reasons = judge(report, figures, case.samples, case.only_plan)
        result = Row(**row, **figures, verdict="failed" if reasons else "ok", reasons=tuple(reasons))
    if result.verdict == "failed" and out.exists():
        failed = folder / "failed" / case.name
        shutil.rmtree(failed, ignore_errors=True)
        failed.parent.mkdir(exist_ok=True)
        out.rename(failed)
    return result


def short(word: str) -> str:
    """A word of a command, a file by its name alone."""
    return Path(word).name if "/" in word else word


def told(line: str, report: Path) -> str:
    """Why a command ended badly: its last ``line``, or what the report says of a build that got so far."""
    dead = json.loads(report.read_text(encoding="utf-8"))["dead"] if report.exists() else None
    return line if dead is None else f"a report that says: {dead}"


def refused(status: int, line: str, board: Board) -> tuple[Verdict, str]:
    """Whether a command ended because the board is too small, held against what the board holds."""
    figures = _TOO_MUCH.findall(line)
    if status != 2 or not figures:
        return "failed", f"exit status {status}: {line}"
    for needed, resource, name, there, more in figures:
        right = name == board.name and int(there) == board.limits.available().get(resource)
        if not right or int(needed) - int(there) != int(more) or int(more) <= 0:
            return "failed", f"refused, but not by the board's limits: {line}"
    return "does not fit", ", ".join(f"{needed} of {there} {name}" for needed, name, _, there, _ in figures)


def read_figures(report: Mapping[str, Any], board: Board) -> dict[str, Any]:
    """The figures of a row out of report.json."""
    names = board.family.units
    prediction, resources = report["prediction"], report["resources"]

    def pair(name: str) -> tuple[int | None, int | None]:
        return prediction["resources"].get(name), resources.get(name, {}).get("used")

    cycles = [design["cycles"] for design in report["designs"] if design["chosen"]]
    return {
        "plan": ", ".join(_shape(layer) for layer in report["network"]["layers"]),
        "planned": cycles[0] if cycles else None,
        "predicted": prediction["cycles_per_sample_mean"],
        "simulated": prediction["simulated_mean"],
        "logic": pair(names.logic_cells),
        "blocks": pair(names.block_ram),
        "fmax_mhz": report["timing"]["fmax_mhz"],
        "clock_mhz": report["clock"]["board_mhz"],
        "tools": report["tools"],
    }


def _shape(layer: Mapping[str, Any]) -> str:
    events = f" e{layer['event_lanes']}" if layer["event_lanes"] > 1 else ""
    kind = "reg" if layer["accumulators"] == "registers" else "mem"
    return f"{layer['lanes']}/{layer['update_lanes']}{events} {kind}"


def judge(report: Mapping[str, Any], figures: Mapping[str, Any], samples: int, only_plan: bool) -> list[str]:
    """Every check that fails, in words; empty when all hold. ``samples``: how many were to be compared."""
    reasons = []
    checked, prediction = report["verification"], report["prediction"]
    exact = figures["predicted"] if only_plan else figures["simulated"]
    if not only_plan:
        if not checked["spikes_compared"] and not checked["potentials_compared"]:
            reasons.append("nothing was compared")
        if checked["distinct_samples"] != samples:
            reasons.append(f"{checked['distinct_samples']} samples compared, not {samples}")
        if checked["mismatches"] != 0:
            reasons.append(f"{checked['mismatches']} mismatches")
        if figures["predicted"] is None or prediction["samples_differ"] is None:
            reasons.append("no cycles predicted for the simulated samples")
        elif prediction["samples_differ"]:
            differ, of = prediction["samples_differ"], prediction["samples"]
            reasons.append(f"predicted cycles differ in {differ} of {of} samples")
        alone = _off(prediction["network_cycles_mean"], prediction["network_simulated_mean"])
        if alone is not None and abs(alone) > MOST_CYCLES_OFF:
            reasons.append(f"cycles of the network alone predicted {_percent(alone)} of the simulated ones")
        if report["files"]["bitstream"] is None:
            reasons.append("no bitstream")
        off = _off(*figures["logic"])
        if off is None or abs(off) > MOST_LOGIC_OFF:
            reasons.append(f"logic predicted {_percent(off)} of the counted")
        if figures["blocks"][0] != figures["blocks"][1]:
            reasons.append(f"block RAM predicted {figures['blocks'][0]}, counted {figures['blocks'][1]}")
    off = _off(figures["planned"], exact)
    if off is None or abs(off) > MOST_CYCLES_OFF:
        reasons.append(
            f"the plan's cycles {_percent(off)} of the {'exact' if only_plan else 'simulated'} ones"
        )
    return reasons


def _off(predicted: float | None, true: float | None) -> float | None:
    return None if predicted is None or not true else predicted / true - 1


def _percent(off: float | None) -> str:
    return "unknown" if off is None else f"{100 * off:+.1f} %"


def with_aims_compared(rows: Sequence[Row]) -> list[Row]:
    """An aim that is refused where another one fits has chosen wrong: such rows fail."""
    fitting = {(row.model, row.board): row.aim for row in rows if row.verdict != "does not fit"}
    compared = []
    for row in rows:
        other = fitting.get((row.model, row.board))
        if row.verdict == "does not fit" and other is not None:
            reasons = (f"refused with {', '.join(row.reasons)}, though {other} fits",)
            row = replace(row, verdict="failed", reasons=reasons)
        compared.append(row)
    return compared
