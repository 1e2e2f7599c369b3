"""What is needed of a Liberty file: cells with their areas, pins and functions, and the corner it is for.

The format is that of the Liberty user guide (Synopsys, open-source reference manual). A scanner reads the
groups below and skips the rest, tables of delay and power above all, which the tools read for themselves.
Nothing in it is believed: names end up in scripts of tools.
"""

import math
import re
from pathlib import Path
from typing import NoReturn

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.liberty import Cell, Liberty, Pin
from qsnn_hw.targets.asic.liberty_text import Group, Refuse, library_group

MOST_BYTES = 512 << 20
MOST_CELLS = 20_000

_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(r"[\w\s!'&|*+^()]*")

_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


def read_liberty(path: Path) -> Liberty:
    """Read a Liberty file.

    Raises
    ------
    UserError
        It cannot be read, or is no Liberty file that synthesis can use; the line says where.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} has more than {MOST_BYTES >> 20} MiB: that is no library of cells")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; give a Liberty file") from error
    if content[:2] == b"\x1f\x8b":
        raise UserError(f"{path} is compressed: gunzip it first")
    return parse_liberty(content.decode("utf-8", errors="replace"), str(path))


def parse_liberty(text: str, where: str) -> Liberty:
    """The library in ``text``; UserError as :func:`read_liberty`, which calls the file ``where``."""

    def refuse(problem: str) -> NoReturn:
        raise UserError(f"{where} is no Liberty file that can be used: {problem}")

    library, timed = library_group(text, refuse)
    name = library.args[0] if library.args else ""
    if not re.fullmatch(r"[\w.:+-]{1,200}", name):
        refuse(f"its library has no plain name, but {name[:60]!r}")
    units = _units(library, refuse)
    cells: dict[str, Cell] = {}
    for group in library.inner("cell"):
        cell = _cell(group, units, refuse)
        if cell.name in cells:
            refuse(f"cell {cell.name} is there twice")
        cells[cell.name] = cell
        if len(cells) > MOST_CELLS:
            refuse(f"it has more than {MOST_CELLS} cells")
    if not any(cell.kind == "flip-flop" and cell.usable for cell in cells.values()):
        refuse("it has no flip-flop: give the library of standard cells")
    if not any(cell.kind == "gate" and cell.usable for cell in cells.values()):
        refuse("it has no gate with a function: give the library of standard cells")
    voltage = _optional(library.values.get("nom_voltage"), "nom_voltage", refuse)
    return Liberty(name, _corner(library, voltage, refuse), voltage, cells, timed)


def _units(library: Group, refuse: Refuse) -> tuple[float, float]:
    """Farad and watt of one unit of capacitance and of leakage."""
    load = library.values.get("capacitive_load_unit", "1,pf")
    found = re.fullmatch(r"\s*([\d.]+)\s*,\s*\"?([a-zA-Z])[fF]\"?\s*", load)
    leak = re.fullmatch(r"([\d.]+)\s*([a-z]?)W", library.values.get("leakage_power_unit", "1nW"))
    if found is None or found[2].lower() not in _PREFIX or leak is None or leak[2] not in _PREFIX:
        refuse("its units of load or leakage are not known")
    return float(found[1]) * _PREFIX[found[2].lower()], float(leak[1]) * _PREFIX[leak[2]]


def _corner(library: Group, voltage: float | None, refuse: Refuse) -> str:
    temperature = _optional(library.values.get("nom_temperature"), "nom_temperature", refuse)
    conditions = library.values.get("default_operating_conditions")
    if conditions is None:
        conditions = next(
            (group.args[0] for group in library.inner("operating_conditions") if group.args), None
        )
    parts = [conditions if conditions and _NAME.fullmatch(conditions) else None]
    parts.append(None if voltage is None else f"{voltage:g} V")
    parts.append(None if temperature is None else f"{temperature:g} C")
    return ", ".join(part for part in parts if part) or "not stated"


def _optional(value: str | None, what: str, refuse: Refuse) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        refuse(f"{what} is no number, but {value[:40]!r}")
    if not math.isfinite(number):
        refuse(f"{what} is {number}")
    return number


def _cell(group: Group, units: tuple[float, float], refuse: Refuse) -> Cell:
    name = group.args[0] if group.args else ""
    if not _NAME.fullmatch(name) or len(name) > 200:
        refuse(f"a cell has no plain name, but {name[:60]!r}")
    area = _optional(group.values.get("area", "0"), f"area of cell {name}", refuse) or 0.0
    if area < 0:
        refuse(f"area of cell {name} is {area:g}")
    pins = {}
    for pin in group.inner("pin"):
        for one in (_pin(pin, each, name, units[0], refuse) for each in pin.args):
            pins[one.name] = one
    state, kind = _state(group, name, refuse)
    if kind == "gate" and (
        any(True for other in ("bus", "bundle", "statetable") for _ in group.inner(other))
        or not any(pin.direction == "output" and pin.function is not None for pin in pins.values())
    ):
        kind = "other"
    usable = group.values.get("dont_use", "false").lower() != "true"
    gates = group.values.get("clock_gating_integrated_cell", "")
    return Cell(name, area, _leakage(group, name, units[1], refuse), kind, pins, state, usable, gates)


def _pin(group: Group, name: str, cell: str, farad: float, refuse: Refuse) -> Pin:
    where = f"pin {name[:40]} of cell {cell}"
    if not _NAME.fullmatch(name):
        refuse(f"cell {cell} has a pin without a plain name, {name[:40]!r}")
    function = group.values.get("function")
    if function is not None and not _FUNCTION.fullmatch(function):
        refuse(f"function of {where} is not understood: {function[:60]!r}")
    load = _optional(group.values.get("capacitance"), f"capacitance of {where}", refuse)
    return Pin(name, group.values.get("direction", "input"), None if load is None else load * farad, function)


_STATE = ("next_state", "clocked_on", "clear", "preset", "data_in", "enable")


def _state(group: Group, name: str, refuse: Refuse) -> tuple[dict[str, str], str]:
    for word, kind in (("ff", "flip-flop"), ("latch", "latch")):
        for found in group.inner(word):
            state = {key: found.values[key] for key in _STATE if key in found.values}
            for key, value in state.items():
                if not _FUNCTION.fullmatch(value):
                    refuse(f"{key} of cell {name} is not understood: {value[:60]!r}")
            variables = dict(zip(("state", "inverse"), found.args, strict=False))
            return {**state, **variables}, kind
    return {}, "gate"


def _leakage(group: Group, name: str, watt: float, refuse: Refuse) -> float | None:
    stated = _optional(group.values.get("cell_leakage_power"), f"leakage of cell {name}", refuse)
    if stated is None:
        values = [
            number
            for each in group.inner("leakage_power")
            if (number := _optional(each.values.get("value"), f"leakage of cell {name}", refuse)) is not None
        ]
        stated = sum(values) / len(values) if values else None
    return None if stated is None else stated * watt
