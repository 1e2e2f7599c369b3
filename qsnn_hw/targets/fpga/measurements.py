"""``qsnn-hw calibrate``: a file of measurements becomes the power coefficients of somebody's own board.

A row of the file is a design that was measured: the power of the core supply, and what the design did, either
in columns (``AMOUNTS``) or in the ``report.json`` of its build. ``docs/power.md`` explains the columns.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.report.record import Report
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.power_fit import Fit, Measurement, fit
from qsnn_hw.targets.fpga.power_terms import FIELDS

MAX_BYTES, MAX_ROWS = 1_000_000, 1000
"""Of a file of measurements: one of a hundred designs has 10 KB."""

AMOUNTS = (
    "clock_mhz",
    "cells",
    "registers",
    "switching",
    "block_ram_per_cycle",
    "spram_per_cycle",
    "multipliers",
    "vco_mhz",
    "oscillator",
)
"""Columns of numbers >= 0 that say what a design did; an empty field is 0."""

REPORTED = ("report", "samples_per_s")
"""Columns that say it by a build: its report.json, and how many samples a second were sent meanwhile."""

COLUMNS = ("name", "board", "power_mw", *AMOUNTS, *REPORTED)

UNLIKELY = 30.0
"""Measured over published power, or its inverse, from which on a unit must be wrong."""


@dataclass(frozen=True)
class Found:
    """A calibration, and what it was made of.

    Parameters
    ----------
    calibration, fit
        What was found.
    measurements
        In their order in the file.
    board
        The first one's.
    """

    calibration: Calibration
    fit: Fit
    measurements: tuple[Measurement, ...]
    board: Board


def calibrate(path: Path) -> Found:
    """Fit coefficients to the measurements in a CSV file.

    Raises
    ------
    UserError
        The file is none, a value is nonsense, or the measurements do not tell the coefficients.
    """
    rows = list(_rows(path))
    if not rows:
        raise UserError(f"{path} has no measurements: a row for each, below the line of column names")
    boards = {(board.family.name, board.device): board for board, _ in rows}
    if len(boards) > 1:
        devices = " and ".join(" ".join(device) for device in sorted(boards))
        raise UserError(f"{path} has measurements of {devices}; one device a file")
    board = rows[0][0]
    measurements = tuple(measurement for _, measurement in rows)
    _check_units(path, board, measurements)
    fitted = fit(measurements, path.name)
    made = Calibration(
        board.family.name,
        board.device,
        path.name,
        len(rows),
        fitted.mean_error,
        fitted.worst_error,
        fitted.coefficients,
    )
    # Refused where the rest of the coefficients would be missing.
    made.of(board)
    return Found(made, fitted, measurements, board)


def lines(found: Found) -> Iterator[str]:
    """What the terminal says: every row beside the fit, and every coefficient beside the published one."""
    made, board = found.calibration, found.board
    width = max(len("measurement"), *(len(row.name) for row in found.measurements))
    table = zip(found.measurements, found.fit.errors, found.fit.left_out, strict=True)
    yield f"{'measurement':<{width}}  measured mW  fitted mW    error  left out"
    for row, error, missed in table:
        left = "no other row" if missed is None else f"{100 * missed:+7.1f} %"
        fitted = row.power_mw * (1 + error)
        yield f"{row.name:<{width}}  {row.power_mw:11.4f}  {fitted:9.4f}  {100 * error:+5.1f} %  {left}"
    published, names = board.family.power[board.device], {field: name for name, field in FIELDS.items()}
    for field, c in made.coefficients.items():
        before = getattr(published, field)
        unit = c.unit if before is None else before.unit
        text = f"{names[field]}: {c.typical:.4g} ({c.low:.4g} to {c.high:.4g}) {unit}"
        if before is not None:
            text += f"; published {before.typical:.4g} ({before.low:.4g} to {before.high:.4g})"
        yield text
    mean, worst = 100 * made.mean_error, 100 * made.worst_error
    yield f"leave-one-out error: {mean:.1f} % on average, {worst:.1f} % at most"


def _check_units(path: Path, board: Board, measurements: Sequence[Measurement]) -> None:
    """Refuse powers that no design of the device can take: most likely a wrong unit."""
    published = board.family.power.get(board.device)
    if published is None:
        return
    for row in measurements:
        expected = 0.0
        for name, amount in row.amounts.items():
            coefficient = getattr(published, name)
            if coefficient is not None:
                expected += coefficient.typical * amount * (1e-3 if name in ("block_ram", "spram") else 1.0)
        ratio = row.power_mw / expected if expected else 1.0
        if not 1 / UNLIKELY <= ratio <= UNLIKELY:
            raise UserError(
                f"{path}: {row.name!r} has {row.power_mw:g} mW where the published coefficients give "
                f"{expected:.3g} mW: is power_mw milliwatts of the core supply, and are clock_mhz and the "
                "rest of the row right?"
            )


def _rows(path: Path) -> Iterator[tuple[Board, Measurement]]:
    size = files.check_readable(path, "a CSV file of measurements")
    if size > MAX_BYTES:
        raise UserError(f"{path} has {size:,} bytes, at most {MAX_BYTES:,} are read")
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} is not a readable CSV file: {error}") from error
    # Comments and empty lines.
    table = [(line, cells) for line, cells in table if any(cells) and not cells[0].startswith("#")]
    if not table:
        raise UserError(f"{path} is empty: its first line names columns of {', '.join(COLUMNS)}")
    names = table[0][1]
    _check_names(path, names)
    if len(table) - 1 > MAX_ROWS:
        raise UserError(f"{path} has {len(table) - 1:,} measurements, at most {MAX_ROWS:,} are read")
    for line, cells in table[1:]:
        where = f"{path}, line {line}"
        if len(cells) != len(names):
            raise UserError(f"{where} has {len(cells)} fields for {len(names)} columns")
        yield _measurement(where, path.parent, dict(zip(names, cells, strict=True)))


def _check_names(path: Path, names: list[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            raise UserError(f"{path} has a column {name!r}; there are {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise UserError(f"{path} has the column {name} twice")
    if "power_mw" not in names:
        raise UserError(f"{path} has no column power_mw: milliwatts of the core supply that were measured")
    if "report" not in names and not {"board", "clock_mhz"} <= set(names):
        raise UserError(f"{path} has to say what was measured: a column report, or board and clock_mhz")


def _measurement(where: str, folder: Path, cells: Mapping[str, str]) -> tuple[Board, Measurement]:
    power = _number(where, "power_mw", cells["power_mw"])
    if power <= 0:
        raise UserError(f"{where}: power_mw must be above 0, not {cells['power_mw']!r}")
    said = {name: _number(where, name, cells[name]) for name in AMOUNTS if cells.get(name)}
    if cells.get("report"):
        if said:
            raise UserError(f"{where}: {', '.join(said)} stands in the report already; leave the field empty")
        board, amounts = _of_report(where, folder / cells["report"], cells)
    else:
        if cells.get("samples_per_s"):
            raise UserError(
                f"{where}: samples_per_s needs a report beside it, which says what a sample takes"
            )
        if not cells.get("board"):
            raise UserError(f"{where}: board is empty; name the board, or one with the same device")
        board, amounts = load_board(cells["board"]), _amounts(where, said)
    name = cells.get("name") or where.rpartition(", ")[2]
    return board, Measurement(name, power, amounts)


def _number(where: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"{where}: {column} must be a number, 0 or more, not {text[:40]!r}")
    return value


def _amounts(where: str, said: Mapping[str, float]) -> dict[str, float]:
    """What each coefficient is multiplied by, of the columns of one row."""
    clock, switching = said.get("clock_mhz", 0.0), said.get("switching", 0.0)
    if switching > 1:
        raise UserError(f"{where}: switching is a share of the bits, 0 to 1, not {switching:g}")
    return {
        "static": 1.0,
        "oscillator": said.get("oscillator", 0.0),
        "clock": clock,
        "pll": said.get("vco_mhz", 0.0),
        "logic": clock * switching * said.get("cells", 0.0),
        "register": clock * switching * said.get("registers", 0.0),
        "block_ram": clock * said.get("block_ram_per_cycle", 0.0),
        "spram": clock * said.get("spram_per_cycle", 0.0),
        "dsp": clock * said.get("multipliers", 0.0),
    }


def _of_report(where: str, path: Path, cells: Mapping[str, str]) -> tuple[Board, dict[str, float]]:
    """Board and amounts of a build while it took ``samples_per_s``."""
    # The sections import what reports are made of, and this module is among it.
    from qsnn_hw.report.sections.board import BOARD
    from qsnn_hw.targets.fpga.sections import SECTIONS
    from qsnn_hw.targets.fpga.sections.power import POWER_MW
    from qsnn_hw.targets.fpga.sections.speed import THROUGHPUT

    report = Report.load(path, SECTIONS)
    if not cells.get("samples_per_s"):
        raise UserError(
            f"{where}: samples_per_s is empty; say how many samples a second were sent, 0 for none"
        )
    wanted = _number(where, "samples_per_s", cells["samples_per_s"])
    terms, most = report[POWER_MW].terms, report[THROUGHPUT].on_chip_per_s
    about = report[BOARD]
    if about is None or not terms or not most or any(term.amount is None for term in terms.values()):
        raise UserError(f"{where}: {path} has no power estimate; build for a board, with --data")
    if wanted > most:
        raise UserError(f"{where}: samples_per_s is at most {most:.6g} with that design, not {wanted:g}")
    name = about.name
    if cells.get("board") and cells["board"] != name:
        raise UserError(f"{where}: board is {cells['board']}, and that of {path} {name}; leave it empty")
    amounts = {}
    for term, found in terms.items():
        share = wanted / most if found.part == "work" else 1.0
        amounts[FIELDS[term]] = share * float(found.amount or 0.0)
    return load_board(name), amounts
