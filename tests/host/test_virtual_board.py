"""The virtual board: a port that answers as the design does, and a process that never stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsnn_hw.build.steps import outputs
from qsnn_hw.families.boards import load_board
from qsnn_hw.host.byte_mode import byte_mode
from qsnn_hw.host.virtual_board import TOP, VirtualBoard
from qsnn_hw.support.errors import ToolError, UserError
from tests.support.board_folder import board_folder
from tests.support.places import ROOT
from tests.support.verify_networks import chain_network, example

BOARD = load_board("icebreaker")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network's design for a board."""
    plan = example(chain_network()).plan
    return board_folder(plan, tmp_path_factory.mktemp("design"), BOARD.name)


@pytest.fixture(scope="module")
def verilog(folder: Path) -> Path:
    return folder / outputs.BOARD_VERILOG


@pytest.fixture
def virtual(verilog: Path, tmp_path: Path) -> Iterator[VirtualBoard]:
    with VirtualBoard(verilog, BOARD, tmp_path) as board:
        yield board


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def gone(pid: int) -> bool:
    """Whether the process ends within some seconds."""
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def test_closed_it_leaves_neither_process_nor_port(virtual: VirtualBoard) -> None:
    assert Path(virtual.port).exists()
    assert alive(virtual.pid)
    told = virtual.close()
    assert told.split()[1] == "cycles,"
    assert gone(virtual.pid)
    assert not Path(virtual.port).exists()
    assert virtual.close() == told


def test_a_simulation_that_ends_by_itself_is_an_error(virtual: VirtualBoard) -> None:
    os.kill(virtual.pid, signal.SIGKILL)
    with pytest.raises(ToolError, match="ended by itself"):
        virtual.wait()
    assert "before it could say" in virtual.close()


STARTER = """
import sys, time
from pathlib import Path
from qsnn_hw.build.steps import outputs
from qsnn_hw.families.boards import load_board
from qsnn_hw.host.virtual_board import TOP, VirtualBoard
board = VirtualBoard(Path(sys.argv[1]), load_board("icebreaker"), Path(sys.argv[2]))
print(board.pid, flush=True)
time.sleep(60)
"""


def test_a_starter_that_is_killed_leaves_no_orphan(verilog: Path, tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(verilog), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))},
    )
    with started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        assert alive(pid)
        started.kill()
    assert gone(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_a_signal_ends_it(folder: Path, number: int) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "qsnn_hw", "virtual-board", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))},
    )
    with started:
        assert started.stdout is not None
        what, port = (started.stdout.readline() for _ in range(2))
        assert "on a virtual icebreaker of 12 MHz, bit by bit at " in what
        path = Path(port.removeprefix("port: ").strip())
        (simulation,) = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
        assert path.exists()
        started.send_signal(number)
        assert started.wait(10) == 0
        assert started.stdout.read().startswith("ended: ")
    assert gone(int(simulation))
    assert not path.exists()


def test_a_design_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file: .*06_design\.v; qsnn-hw build makes it"):
        VirtualBoard(tmp_path / "06_design.v", BOARD, tmp_path)


def test_byte_mode_changes_the_serial_port_and_nothing_else(verilog: Path) -> None:
    text = verilog.read_text(encoding="utf-8")
    changed = byte_mode(text, TOP)
    assert changed != text
    assert "qsnn_receive" in changed
    assert "qsnn_send" in changed
    modules, others = (source.split("\nmodule ") for source in (text, changed))
    differ = [a.split(" (")[0] for a, b in zip(modules, others, strict=True) if a != b]
    assert [name.rpartition(".")[2] for name in differ] == ["receiver", "transmitter"]


def test_byte_mode_refuses_a_serial_port_it_does_not_know(verilog: Path) -> None:
    text = verilog.read_text(encoding="utf-8")
    with pytest.raises(ToolError, match="has 0 modules called receiver"):
        byte_mode(text, "another")
