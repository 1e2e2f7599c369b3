"""``qsnn-hw program`` and what it starts: made-up loaders on PATH, none of which touches a board."""

import os
from pathlib import Path

import pytest

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain import loaders
from qsnn_hw.toolchain.loaders import LOADERS, find_loader, load_bitstream

TWO = ("iceprog -S {bitstream}", "openFPGALoader -b ice40_generic {bitstream}")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, without a wheel beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for spec in LOADERS.values():
        monkeypatch.delenv(spec.variable, raising=False)
    monkeypatch.setattr("qsnn_hw.toolchain.finder.from_wheel", lambda spec, path: iter(()))
    return folder


def make(folder: Path, name: str, does: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    program.chmod(0o755)


def bitstream(tmp_path: Path) -> Path:
    path = tmp_path / "a bitstream; touch escaped.bin"
    path.write_bytes(b"bits")
    return path


def test_the_first_program_that_is_here_is_started_with_its_words(programs: Path, tmp_path: Path) -> None:
    make(programs, "openFPGALoader", 'for w in "$@"; do echo "$w"; done')
    loading = find_loader(TWO)
    assert loading.tool.name == "openFPGALoader"
    log = tmp_path / "log"
    load_bitstream(loading, bitstream(tmp_path), log, SILENT)
    # One word, whatever its name holds: no shell has seen it.
    said = log.read_text(encoding="utf-8").splitlines()[1:]
    assert said == ["-b", "ice40_generic", str(bitstream(tmp_path).resolve())]
    assert not list(tmp_path.rglob("escaped*"))
    make(programs, "iceprog", "exit 0")
    assert find_loader(TWO).tool.name == "iceprog"


def test_where_none_is_here_the_line_says_how_to_get_one(programs: Path) -> None:
    with pytest.raises(
        UserError, match=r"^iceprog is not on this machine, nor openFPGALoader; get it with: "
    ):
        find_loader(TWO)
    with pytest.raises(UserError, match=r"get it with: sudo apt install fpga-icestorm$"):
        find_loader(TWO[:1])


@pytest.mark.parametrize("command", ["rm -rf {bitstream}", "/tmp/iceprog {bitstream}", "sh -c {bitstream}"])
def test_no_other_program_of_a_board_file_is_started(programs: Path, command: str) -> None:
    for name in ("rm", "sh", "iceprog"):
        make(programs, name, "exit 0")
    with pytest.raises(UserError, match=r"this program starts none but openFPGALoader"):
        find_loader((command,))


def test_a_loader_that_fails_says_what_it_said(programs: Path, tmp_path: Path) -> None:
    make(programs, "iceprog", 'echo "Can not find iCE FTDI USB device"; exit 2')
    with pytest.raises(
        ToolError, match=r"exit code 2: Can not find iCE FTDI USB device.*is the board plugged in"
    ):
        load_bitstream(find_loader(TWO), bitstream(tmp_path), tmp_path / "log", SILENT)


def test_a_wheel_without_the_system_s_libraries_says_which(programs: Path, tmp_path: Path) -> None:
    library = "error while loading shared libraries: libusb-1.0.so.0: cannot open shared object file"
    make(programs, "openFPGALoader", f'echo "{library}"; exit 127')
    with pytest.raises(UserError, match=r"sudo apt install libusb-1\.0-0 libftdi1-2$"):
        load_bitstream(find_loader(TWO), bitstream(tmp_path), tmp_path / "log", SILENT)


def test_a_variable_names_a_program(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "mine", "exit 0")
    monkeypatch.setenv("QSNN_ICEPROG", str(tmp_path / "mine"))
    assert find_loader(TWO).tool.command == (str(tmp_path / "mine"),)
    monkeypatch.setenv("QSNN_ICEPROG", os.fspath(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"QSNN_ICEPROG=.*is not an executable"):
        find_loader(TWO)


def test_loaders_of_the_boards_that_ship_are_known() -> None:
    from qsnn_hw.families.boards import list_boards

    for board in list_boards():
        assert {command.split()[0] for command in board.loaders} <= loaders.LOADERS.keys()
