"""What is needed of a Liberty file: cells with their areas, pins and functions, and the corner it is for.

The format is that of the Liberty user guide (Synopsys, open-source reference manual). A scanner reads the
groups below and skips the rest, tables of delay and power above all, which the tools read for themselves.
Nothing in it is believed: names end up in scripts of tools.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.liberty_text import Group, Refuse, library_group

MOST_BYTES = 512 << 20
MOST_CELLS = 20_000

_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(r"[\w\s!'&|*+^()]*")

_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True)
class Pin:
    """A pin of a cell.

    Parameters
    ----------
    direction
        "input", "output", "inout" or "internal".
    capacitance
        Farad; None where the file states none.
    function
        What an output is, in Liberty's own words; None where it states none.
    """

    name: str
    direction: str
    capacitance: float | None
    function: str | None


@dataclass(frozen=True)
class Cell:
    """A cell.

    Parameters
    ----------
    area
        In the library's unit, which by convention is square micrometres.
    leakage
        Watt; None where the file states none.
    kind
        "gate", "flip-flop", "latch" or "other": macros, pads, what has several outputs of state.
    pins
        By name.
    state
        Of flip-flop and latch: next_state, clocked_on, clear, preset, data_in, enable, as far as given,
        and ``state`` and ``inverse``, the names of its variables.
    usable
        False where the file says ``dont_use``.
    gates_clock
        What the file says of a clock gate; "" of any other cell.
    """

    name: str
    area: float
    leakage: float | None
    kind: str
    pins: Mapping[str, Pin]
    state: Mapping[str, str]
    usable: bool
    gates_clock: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input pins."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "input")

    @property
    def outputs(self) -> tuple[Pin, ...]:
        """The output pins."""
        return tuple(pin for pin in self.pins.values() if pin.direction == "output")


@dataclass(frozen=True)
class Liberty:
    """A library of cells.

    Parameters
    ----------
    name
        Of the library.
    corner
        Operating conditions in words: name, volt, degrees Celsius; "not stated" where the file says nothing.
    voltage
        Volt; None likewise.
    cells
        By name.
    timed
        Whether some cell has tables of delay.
    """

    name: str
    corner: str
    voltage: float | None
    cells: Mapping[str, Cell]
    timed: bool

    def buffer(self) -> Cell | None:
        """The smallest buffer, which is taken to drive the inputs; else the smallest inverter; else None."""
        for wanted in (_is_buffer, _is_inverter):
            found = [cell for cell in self.cells.values() if cell.usable and wanted(cell)]
            if found:
                return min(found, key=lambda cell: (cell.area, cell.name))
        return None

    def clock_buffer(self) -> Cell | None:
        """The smallest buffer that is stronger than the smallest, by the load of its input; or that."""
        found = [cell for cell in self.cells.values() if cell.usable and _is_buffer(cell)]
        if not found:
            return None
        small = min(found, key=lambda cell: (cell.area, cell.name))
        least = 1.25 * (small.pins[small.inputs[0]].capacitance or 0.0)
        large = [cell for cell in found if (cell.pins[cell.inputs[0]].capacitance or 0.0) > least]
        return min(large or found, key=lambda cell: (cell.area, cell.name))

    def latches(self) -> list[Cell]:
        """Usable latches without clear and preset, smallest first."""
        found = [
            cell
            for cell in self.cells.values()
            if cell.kind == "latch" and cell.usable and not {"clear", "preset"} & cell.state.keys()
        ]
        return sorted(found, key=lambda cell: (cell.area, cell.name))

    def nand2_area(self) -> float | None:
        """Area of the smallest NAND of two inputs, what gate counts are in; None where there is none."""
        areas = [
            cell.area
            for cell in self.cells.values()
            if cell.kind == "gate" and cell.usable and len(cell.inputs) == 2 and cell.area > 0
            # Libraries agree on the name more than on how the function is written.
            if re.search(r"nand2(?!b)", cell.name.lower())
        ]
        return min(areas, default=None)

    def tie(self, level: int) -> tuple[str, str] | None:
        """Cell and pin that are always ``level``; None where the library has none."""
        ties = [
            (cell.area, cell.name, pin.name)
            for cell in self.cells.values()
            for pin in cell.outputs
            if cell.usable and not cell.inputs and _plain(pin.function) == str(level)
        ]
        return min(ties)[1:] if ties else None


def _plain(function: str | None) -> str:
    return re.sub(r"[\s()]", "", function or "")


def _is_buffer(cell: Cell) -> bool:
    return (
        cell.kind == "gate" and len(cell.outputs) == 1 and (_plain(cell.outputs[0].function),) == cell.inputs
    )


def _is_inverter(cell: Cell) -> bool:
    if cell.kind != "gate" or len(cell.outputs) != 1 or len(cell.inputs) != 1:
        return False
    return _plain(cell.outputs[0].function) in (f"!{cell.inputs[0]}", f"{cell.inputs[0]}'")


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
