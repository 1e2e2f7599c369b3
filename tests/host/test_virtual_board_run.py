"""Samples through the driver into the simulated pins of a board, and back: every answer is golden's."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.build.steps import outputs
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host.board import Board
from qsnn_hw.host.repairs import Patience
from qsnn_hw.host.serial_port import PortGoneError
from qsnn_hw.host.virtual_board import VirtualBoard
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.errors import UserError
from tests.support.board_folder import board_folder
from tests.support.places import ROOT
from tests.support.verify_networks import chain_network

pytest.importorskip("serial", reason="serial is not installed here")

DIGITS = ROOT / "examples" / "digits"


@dataclass(frozen=True)
class Running:
    """A folder, and its virtual board."""

    folder: Path
    virtual: VirtualBoard

    @contextmanager
    def opened(self) -> Iterator[Board]:
        """The driver on it."""
        with Board.open(self.virtual.port, self.folder) as board:
            yield board


@contextmanager
def running(
    plan: HardwarePlan, folder: Path, *, bytes_only: bool = True, sleep: bool = False
) -> Iterator[Running]:
    board_folder(plan, folder, link=plan.link, sleep=sleep)
    verilog = folder / outputs.BOARD_VERILOG
    board = load_board("icebreaker").linked(plan.link).sleeping(sleep)
    with VirtualBoard(verilog, board, folder / "work", bytes_only=bytes_only) as virtual:
        yield Running(folder, virtual)


def spikes_of(network: QuantizedNetwork, samples: int, steps: int = 8) -> np.ndarray:
    chance = np.random.default_rng(11)
    return (chance.random((steps, samples, network.input_size)) < 0.5).astype(np.uint8)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    plan = make_plan(chain_network(), PlanOptions(lanes=(2,)))
    with running(plan, tmp_path_factory.mktemp("tiny")) as item:
        yield item


def test_spikes_in_byte_mode(tiny: Running) -> None:
    network = chain_network()
    inputs = spikes_of(network, 200)
    golden = run_clocked(network, inputs).spikes[network.output]
    with tiny.opened() as board:
        before = board.counters()
        assert np.array_equal(board.run(inputs), golden)
        counted = board.counters().since(before)
        assert counted.events_out == golden.sum()
        assert (board.repairs.damaged, board.repairs.sessions) == (0, 0)
        assert board.identity().inputs == network.input_size


@pytest.mark.parametrize("how", ["break", "button"])
def test_a_reset_in_the_middle(tiny: Running, how: str) -> None:
    network = chain_network()
    inputs = spikes_of(network, 200)
    golden = run_clocked(network, inputs).spikes[network.output]
    with tiny.opened() as board:
        got = {}
        for answer in board.answers(inputs):
            got[answer.sample] = answer.spikes
            if len(got) == 50 and how == "button":
                tiny.virtual.press()
            elif len(got) == 50:
                board._link.port.send_break()
        assert len(got) == 200
        assert all(np.array_equal(got[k], golden[:, k]) for k in range(200))
        assert board.repairs.sessions >= 1
        board.reset()
        assert np.array_equal(board.run(inputs[:, :3]), golden[:, :3])


def test_another_design_is_refused(tiny: Running, tmp_path: Path) -> None:
    other = board_folder(make_plan(chain_network(), PlanOptions(lanes=(1,))), tmp_path)
    with pytest.raises(UserError, match=rf"holds another design than {tmp_path}: 6 inputs, 3 outputs, by"):
        Board.open(tiny.virtual.port, other)


def cycles_of_a_pause(board: Board, seconds: float) -> int:
    """Clock cycles of the board, while the host says nothing for so long."""
    before = board.counters()
    time.sleep(seconds)
    return board.counters().since(before).cycles


@pytest.mark.slow
def test_a_board_that_sleeps_answers_and_stands_still_meanwhile(tmp_path: Path) -> None:
    network = chain_network()
    inputs = spikes_of(network, 40)
    golden = run_clocked(network, inputs).spikes[network.output]
    plan = make_plan(network, PlanOptions(lanes=(2,), link="spi"))
    with running(plan, tmp_path, bytes_only=False, sleep=True) as item:
        with item.opened() as board:
            clock_hz = board.identity().clock_hz
            assert clock_hz == 6_000_000
            assert np.array_equal(board.run(inputs), golden)
            # Its clock would count 1.8 million cycles. What is left are the 3.2 ms behind the last transfer,
            # and the one that asks, again and again where the machine is too busy to be in time.
            assert any(cycles_of_a_pause(board, 0.3) < 0.03 * clock_hz for _ in range(10))
            assert np.array_equal(board.run(inputs), golden)
            board.reset()
            assert np.array_equal(board.run(inputs[:, :2]), golden[:, :2])
        # Who does not know the board wakes it as well.
        with Board.open(item.virtual.port) as board:
            time.sleep(0.05)
            assert board.identity().clock_hz == clock_hz
        item.virtual.press()
        with item.opened() as board:
            assert np.array_equal(board.run(inputs[:, :2]), golden[:, :2])


@pytest.mark.slow
def test_spikes_bit_by_bit(tmp_path: Path) -> None:
    network = chain_network()
    inputs = spikes_of(network, 40)
    plan = make_plan(network, PlanOptions(lanes=(2,)))
    with running(plan, tmp_path, bytes_only=False) as item, item.opened() as board:
        golden = run_clocked(network, inputs).spikes[network.output]
        assert np.array_equal(board.run(inputs), golden)
        board.close()
        with pytest.raises(UserError, match=r"nothing answers at|is no board of this program at 9,600 baud"):
            Board.open(item.virtual.port, item.folder, baud=9600)


@pytest.mark.slow
def test_spikes_over_spi_bit_by_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = chain_network()
    inputs = spikes_of(network, 40)
    golden = run_clocked(network, inputs).spikes[network.output]
    plan = make_plan(network, PlanOptions(lanes=(2,), link="spi"))
    with running(plan, tmp_path / "out", bytes_only=False) as item:
        port = item.virtual.port
        assert port.startswith("spi:/dev/")
        with item.opened() as board:
            assert np.array_equal(board.run(inputs), golden)
            # What SPI has in the place of a break.
            board.reset()
            got = {}
            for answer in board.answers(inputs):
                got[answer.sample] = answer.spikes
                if len(got) == 10:
                    item.virtual.press()
            assert all(np.array_equal(got[k], golden[:, k]) for k in range(40))
            assert board.repairs.sessions >= 1
        # Without a folder, at a rate that every board takes.
        assert cli.main(["monitor", "--port", port, "--lines", "1"]) == 0
        assert capsys.readouterr().out.startswith("6 inputs, 3 outputs; 12 MHz; ")
        uart = board_folder(make_plan(network, PlanOptions(lanes=(2,))), tmp_path / "uart")
        with pytest.raises(
            UserError, match=rf"^{port} names SPI, and {uart} was built for the board's serial"
        ):
            Board.open(port, uart)
        with pytest.raises(
            UserError, match=r"out was built with --link spi, and /dev/.* names a serial port: "
        ):
            Board.open(port.removeprefix("spi:"), item.folder)


@pytest.mark.slow
def test_the_port_vanishes(tmp_path: Path) -> None:
    network = chain_network()
    plan = make_plan(network, PlanOptions(lanes=(2,)))
    # Once: whatever has the number of the terminal next, such as another test's board, is not to be opened.
    patience = Patience(gone_s=0.0)
    with (
        running(plan, tmp_path) as item,
        Board.open(item.virtual.port, item.folder, patience=patience) as board,
    ):
        item.virtual.close()
        with pytest.raises(PortGoneError, match="is gone and did not come back within 0 s"):
            board.run(spikes_of(network, 3))


@pytest.mark.slow
def test_weights_are_loaded(tmp_path: Path) -> None:
    network = chain_network()
    inputs = spikes_of(network, 60)
    golden = run_clocked(network, inputs).spikes[network.output]
    plan = make_plan(network, PlanOptions(lanes=(2,), synapse_store="ram"))
    with running(plan, tmp_path) as item, item.opened() as board:
        with pytest.raises(UserError, match="the board has no weights yet: call load first"):
            board.run(inputs)
        board.load()
        assert np.array_equal(board.run(inputs), golden)
        # All weights 0: no spike, which needs weights, can be left of what golden says.
        board.load(bytes(len(plan.weight_bytes())))
        assert not np.array_equal(board.run(inputs), golden)
        board.load(plan.weight_bytes())
        got = {}
        for answer in board.answers(inputs):
            got[answer.sample] = answer.spikes
            if len(got) == 20:
                item.virtual.press()
        assert all(np.array_equal(got[k], golden[:, k]) for k in range(60))
        assert board.repairs.sessions >= 1


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["count", "first"])
def test_pixels_to_classes(tmp_path: Path, readout: str) -> None:
    network = chain_network()
    plan = make_plan(network, PlanOptions(lanes=(2,), io=IoOptions("rate", readout, 8)))  # type: ignore[arg-type]
    pixels = np.random.default_rng(5).integers(0, 256, (150, network.input_size)).astype(np.uint8)
    assert plan.encoder is not None
    assert plan.readout is not None
    golden = run_clocked(network, sent_spikes(plan.encoder, pixels)).spikes[network.output]
    labels, silent = plan.readout.answers(golden, None)
    with running(plan, tmp_path) as item, item.opened() as board:
        got = sorted(board.answers(pixels), key=lambda answer: answer.sample)
        assert [answer.label for answer in got] == labels.tolist()
        assert [answer.silent for answer in got] == silent.tolist()


def command(*words: str, cwd: Path) -> "subprocess.Popen[str]":
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    return subprocess.Popen(
        [sys.executable, "-m", "qsnn_hw", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["bits", "bytes", "spi"])
def test_all_digits_by_the_user_s_commands(tmp_path: Path, mode: str) -> None:
    """From the model file to 450 predictions: what docs/board.md tells a reader to type."""
    words = ["generate", str(DIGITS / "digits_64-32-10.nir"), "--convention", "snntorch"]
    words += ["--data", str(DIGITS / "digits_test.npz"), "--board", "icebreaker", "-o", "out", "-q"]
    words += ["--link", "spi"] if mode == "spi" else []
    with command(*words, cwd=tmp_path) as made:
        assert made.wait() == 0
    if mode == "spi":
        with command("virtual-board", "out", "--byte-mode", cwd=tmp_path) as refused:
            assert refused.wait() == 2
    more = ["--byte-mode"] if mode == "bytes" else []
    with command("virtual-board", "out", *more, cwd=tmp_path) as virtual:
        assert virtual.stdout is not None
        try:
            virtual.stdout.readline()
            port = virtual.stdout.readline().removeprefix("port: ").strip()
            with command("run", "-o", "out", "--port", port, cwd=tmp_path) as ran:
                assert ran.stdout is not None
                said = ran.stdout.read()
                assert ran.wait() == 0, said[-2000:]
        finally:
            virtual.terminate()
    print(said[said.index("predictions") :])
    assert "golden       450 of 450 answers equal, every spike of them compared" in said
    assert re.search(r"accuracy     9\d\.\d\d % on 450 samples", said)
