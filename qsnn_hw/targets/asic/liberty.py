"""The cells of a library: areas, pins and functions, and which of them serve as buffer, latch or constant."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


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
