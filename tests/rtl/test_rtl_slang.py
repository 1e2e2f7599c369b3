"""Every form of the Verilog that a user takes away, read by slang: no error, no warning but waived ones."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from tests.support.slang import slang_findings
from tests.support.small_model import write_model

pytestmark = pytest.mark.skipif(find_spec("pyslang") is None, reason="pyslang is not installed here")

FORMS = {
    "06_design.v": "top",
    "06_traced.v": "m",
    "06_network.v": "m",
    "06_axi.v": "m_axi",
    "06_classifier.v": "m",
}
"""File -> its one top module."""

CELLS = {"icebreaker": "ice40", "ulx3s-85f": "ecp5"}
"""Board -> the file in ``sim/cells`` with the ports of the cells that a board's top instantiates: PLLs."""


def generate(folder: Path, board: str, weights: str) -> Path:
    """What the user's command leaves of a small network with encoder and readout."""
    model, pixels, out = write_model(folder), folder / "pixels.npz", folder / "out"
    chance = np.random.default_rng(0)
    np.savez(pixels, pixels=chance.integers(0, 256, (8, 6)).astype(np.uint8), label=np.arange(8) % 3)
    arguments = ["generate", model, "--convention", "snntorch", "--set", "dt=1", "--data", pixels, "-q"]
    arguments += ["--encoder", "rate", "--steps", 4, "--readout", "count", "--board", board]
    assert cli.main([str(a) for a in (*arguments, "--weights", weights, "-o", out)]) == 0
    return out


@pytest.mark.parametrize(
    ("board", "weights"),
    [
        pytest.param("icebreaker", "ram", marks=pytest.mark.slow),
        ("ulx3s-85f", "rom"),
        pytest.param("icebreaker", "rom", marks=pytest.mark.slow),
        pytest.param("ulx3s-85f", "ram", marks=pytest.mark.slow),
    ],
)
def test_every_form_is_read(board: str, weights: str, tmp_path: Path) -> None:
    out = generate(tmp_path, board, weights)
    assert {path.name for path in out.glob("06_*.v")} == set(FORMS)
    cells = Path(__file__).parents[2] / "sim" / "cells" / f"{CELLS[board]}.v"
    assert {name: slang_findings(out / name, cells) for name in FORMS} == {
        name: ([top], []) for name, top in FORMS.items()
    }


TEXT = """\
module inner(a, y);
  input a;
  wire a;
  output y;
  reg y = 1'h0;
  always @* begin
    y = ~a;
  end
endmodule
module outer(a, y);
  input a;
  wire a;
  output y;
  wire y;
  inner one (
    .a(a),
    .y(y)
  );
endmodule
"""


def test_plain_text_has_no_findings(tmp_path: Path) -> None:
    verilog = tmp_path / "plain.v"
    verilog.write_text(TEXT)
    assert slang_findings(verilog) == (["outer"], [])


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("  wire y;\n  inner", "  wire y\n  inner", "line 15: ExpectedToken: expected ';'"),
        (".a(a),", ".b(a),", "line 16: PortDoesNotExist: port 'b' does not exist in 'inner'"),
        (".a(a),\n", "", "line 15: UnconnectedInputPort: input port 'a' has no connection"),
        ("inner one", "absent one", "line 15: UnknownModule: unknown module 'absent'"),
        ("  );\n", "  );\n  assign one.y = a;\n", "line 19: MixedVarAssigns"),
        ("  input a;\n  wire a;\n  output y;\n  wire", "  input logic a;\n  output y;\n  wire", "'logic'"),
    ],
    ids=["syntax", "port", "unconnected", "module", "drivers", "newer"],
)
def test_a_fault_is_found(before: str, after: str, found: str, tmp_path: Path) -> None:
    assert before in TEXT
    verilog = tmp_path / "faulty.v"
    verilog.write_text(TEXT.replace(before, after))
    assert any(found in line for line in slang_findings(verilog)[1])
