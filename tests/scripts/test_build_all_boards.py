"""scripts/build_all_boards: what a build came to, and when a row has failed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import board_pages
import build_all_boards
import pytest
from build_all_boards import row_of, wrong
from user_command import Ended

from qsnn_hw.families.boards import load_board

BOARD = load_board("icebreaker")
REPORT: dict[str, Any] = {
    "resources": {
        "ICESTORM_LC": {"used": 1000, "available": 5280},
        "ICESTORM_RAM": {"used": 11, "available": 30},
    },
    "prediction": {"resources": {"ICESTORM_LC": 950, "ICESTORM_RAM": 11}},
    "files": {"bitstream": "a.bin"},
    "timing": {"fmax_mhz": 35.25},
    "clock": {"board_mhz": 24.0},
    "tools": {"yosys": "0.70", "nextpnr-ice40": "0.11", "numpy": "2.4"},
}


def ended(output: str, status: int = 0) -> Ended:
    return Ended("qsnn-hw build", status, output, 61.0, 50.0, 512.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.bin").write_bytes(bytes(104_090))
    return tmp_path


def test_a_bitstream_is_built(folder: Path) -> None:
    row = row_of(BOARD, ended("report: x"), REPORT, folder)
    assert (row.ended, row.bitstream_bytes, row.fmax_mhz) == ("built", 104_090, 35.25)
    assert wrong(row) == []
    page = board_pages.built([row], ["fomu-pvt"])
    assert "| `icebreaker` | built | 104,090 bytes | 1,000 of 5,280 ICESTORM_LC (950 predicted), " in page
    assert "| 35.2 MHz | 24 MHz | 61 | 512 MiB | never |" in page
    assert page.endswith(
        "Tools: nextpnr-ice40 0.11, yosys 0.70. Not built since the board was added: fomu-pvt.\n"
    )


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        (
            "implement: no bitstream here: x needs openXC7",
            0,
            "generated only: no bitstream here: x needs openXC7",
        ),
        # Where the files lie belongs on nobody's page.
        (
            "implement: no bitstream here: x needs openXC7; netlist and pins are out/n.json and out/p.xdc",
            0,
            "generated only: no bitstream here: x needs openXC7",
        ),
        (
            "error: the design reaches 35.10 MHz, fomu-pvt clocks it with 48 MHz; try another seed",
            2,
            "generated only: the design reaches 35.10 MHz, fomu-pvt clocks it with 48 MHz",
        ),
    ],
)
def test_without_a_bitstream_the_reason_is_told(line: str, status: int, told: str, folder: Path) -> None:
    row = row_of(BOARD, ended(f"yosys: done\n{line}\n", status), {}, folder)
    assert (row.ended, row.bitstream_bytes, row.fmax_mhz) == (told, None, None)
    assert wrong(row) == []
    assert "| not measured | not measured |" in board_pages.built([row])


def test_what_fails_is_told(folder: Path) -> None:
    row = row_of(BOARD, ended("error: yosys failed", 1), {}, folder)
    assert wrong(row) == ["failed: error: yosys failed"]
    built = row_of(BOARD, ended(""), REPORT, folder)
    off = replace(built, predicted={"ICESTORM_LC": 899, "ICESTORM_RAM": 12})
    assert wrong(off) == [
        "11 ICESTORM_RAM, predicted 12",
        "1000 ICESTORM_LC, predicted 899: more than 10 % off",
    ]


def test_rows_are_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = row_of(BOARD, ended(""), REPORT, folder)
    monkeypatch.setattr(build_all_boards, "build", lambda board, out: replace(row, board=board.name))
    monkeypatch.setattr("sys.argv", ["build_all_boards", "--board", "icebreaker", "-o", str(folder)])
    assert build_all_boards.main() == 0
    assert build_all_boards.kept(folder) == {"icebreaker": row}
    monkeypatch.setattr("sys.argv", ["build_all_boards", "--made", "-o", str(folder)])
    assert build_all_boards.main() == 0
    assert "1 boards: nothing failed" in capsys.readouterr().out
