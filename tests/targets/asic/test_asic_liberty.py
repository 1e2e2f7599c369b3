"""Liberty files: what is read of them, and that nothing in one is believed."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.areas_only import GENERIC, genlib, lef_areas, plain_liberty
from qsnn_hw.targets.asic.liberty_file import parse_liberty, read_liberty
from qsnn_hw.targets.asic.pdk import MORE, cell_library
from tests.support.asic import osu018

LIBRARY = """
/* a comment with } in it */
library (tiny) {
  capacitive_load_unit (1, pf);  leakage_power_unit : "1nW";
  nom_voltage : 1.2; nom_temperature : 85;
  operating_conditions(slow) { voltage : 1.2; }
  lu_table_template(t) { index_1 ("1, 2"); }
  cell (NAND) { area : 2.5; cell_leakage_power : 3;
    pin(A) { direction : input; capacitance : 0.002; }
    pin(B) { direction : input; capacitance : 0.003; }
    pin(Y) { direction : output; function : "!(A&B)";
      timing() { related_pin : "A"; cell_rise(t) { values ("1, \\
         2"); } } }
  }
  cell (BUF2) { area : 3; pin(A) { direction : input; capacitance : 0.004; }
    pin(Y) { direction : output; function : "(A)"; } }
  cell (BUF9) { area : 9; pin(A) { direction : input; capacitance : 0.009; }
    pin(Y) { direction : output; function : "A"; } }
  cell (TIE) { area : 1; pin(HI) { direction : output; function : "1"; }
    pin(LO) { direction : output; function : "0"; } }
  cell (DFF) { area : 7; dont_use : false;
    leakage_power() { value : 1; when : "D"; } leakage_power() { value : 2; when : "!D"; }
    ff(IQ, IQN) { next_state : "D"; clocked_on : "CK"; }
    pin(D) { direction : input; } pin(CK) { direction : input; clock : true; }
    pin(Q) { direction : output; function : "IQ"; } }
  cell (LAT) { area : 5; latch(IQ, IQN) { data_in : "D"; enable : "G"; }
    pin(D, G) { direction : input; } pin(Q) { direction : output; function : "IQ"; } }
}
"""


def test_cells_pins_and_corner_are_read() -> None:
    library = parse_liberty(LIBRARY, "tiny.lib")
    assert (library.name, library.corner, library.timed) == ("tiny", "slow, 1.2 V, 85 C", True)
    assert {name: (cell.area, cell.kind) for name, cell in library.cells.items()} == {
        "NAND": (2.5, "gate"),
        "BUF2": (3.0, "gate"),
        "BUF9": (9.0, "gate"),
        "TIE": (1.0, "gate"),
        "DFF": (7.0, "flip-flop"),
        "LAT": (5.0, "latch"),
    }
    assert library.cells["NAND"].leakage == pytest.approx(3e-9)
    assert library.cells["DFF"].leakage == pytest.approx(1.5e-9)
    assert library.cells["LAT"].leakage is None
    assert library.cells["NAND"].pins["A"].capacitance == pytest.approx(2e-15)
    assert library.cells["LAT"].inputs == ("D", "G")
    assert library.buffer() is library.cells["BUF2"]
    assert library.latches() == [library.cells["LAT"]]
    assert (library.tie(1), library.tie(0)) == (("TIE", "HI"), ("TIE", "LO"))


def test_without_a_buffer_an_inverter_drives() -> None:
    text = LIBRARY.replace('function : "(A)"', 'function : "A\'"').replace('function : "A"; } }', "} }")
    assert parse_liberty(text, "x").buffer() is not None
    assert parse_liberty(text, "x").buffer().name == "BUF2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("library (tiny)", "library (ti;ny)", "near line 3: no statement"),
        ("library (tiny)", "library ()", "its library has no plain name"),
        ("library (tiny)", "libary (tiny)", "it holds 0 libraries, not 1"),
        ("cell (NAND)", 'cell ("NAND; exec rm")', "a cell has no plain name"),
        ("cell (BUF2)", "cell (NAND)", "cell NAND is there twice"),
        ("area : 2.5", "area : -1", "area of cell NAND is -1"),
        ("area : 2.5", "area : nan", "area of cell NAND is nan"),
        ("area : 2.5", "area : large", "area of cell NAND is no number"),
        ("!(A&B)", "$(A)", "function of pin Y of cell NAND is not understood"),
        (
            "pin(A) { direction : input; capacitance : 0.002",
            "pin(A[0]) { capacitance : 1",
            "without a plain name",
        ),
        ("nom_voltage : 1.2", "include_file(other.lib)", "include_file is not followed"),
        ("capacitive_load_unit (1, pf)", "capacitive_load_unit (1, pints)", "units of load"),
        ("ff(IQ, IQN)", "gg(IQ, IQN)", "it has no flip-flop"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(old: str, new: str, told: str) -> None:
    assert old in LIBRARY
    with pytest.raises(UserError, match=r"x.lib is no Liberty file that can be used: ") as error:
        parse_liberty(LIBRARY.replace(old, new), "x.lib")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_compressed_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent.lib: No such file"):
        read_liberty(tmp_path / "absent.lib")
    packed = tmp_path / "cells.lib.gz"
    packed.write_bytes(b"\x1f\x8b\x08rest")
    with pytest.raises(UserError, match="gunzip it first"):
        read_liberty(packed)


@given(st.integers(0, len(LIBRARY) - 1), st.text(max_size=6), st.integers(0, 40))
def test_a_damaged_file_is_read_or_refused(at: int, put: str, cut: int) -> None:
    damaged = LIBRARY[:at] + put + LIBRARY[at + cut :]
    refused = None
    try:
        library = parse_liberty(damaged, "x.lib")
    except UserError as error:
        refused = str(error)
    if refused is None:
        assert all(math.isfinite(cell.area) and cell.area >= 0 for cell in library.cells.values())
    else:
        assert "\n" not in refused


def test_generic_gates_need_nothing() -> None:
    library = cell_library(None, None)
    assert (library.unit, library.timed, library.areas["NAND2"]) == ("NAND2 equivalents", False, 1.0)
    assert parse_liberty(plain_liberty("g", GENERIC), "g").cells.keys() == library.liberty.cells.keys()
    assert "GATE NAND2 1 Y=!(A*B); PIN" in genlib(GENERIC)
    assert "--liberty FILE" in MORE


def test_one_source_of_cells_is_enough() -> None:
    with pytest.raises(UserError, match="--pdk and --liberty name the same thing"):
        cell_library("osu018", "x.lib")


def test_osu018_has_a_latch_with_the_area_of_its_lef_file() -> None:
    """Its Liberty file states none: 0 would make a memory of latches look free."""
    library = osu018()
    assert (library.areas["LATCH"], library.areas["DFFPOSX1"]) == (56.0, 96.0)
    assert library.liberty.corner == "typical, 1.8 V, 25 C"
    assert library.liberty.nand2_area() == 24.0
    assert library.file is not None
    # Where both say something they agree, but for two cells: 36 and 23 there, which are no whole sites.
    sizes = lef_areas(library.file.with_suffix(".lef"))
    differ = {name for name in library.areas if library.areas[name] != pytest.approx(sizes[name])}
    assert differ == {"NAND3X1", "OAI21X1"}
