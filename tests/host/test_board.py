"""The driver against a model of the board: answers, faults that it mends, one clear line for the others."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host.board import Board
from qsnn_hw.host.frames import HELLO, SLOTS
from qsnn_hw.host.link import SLOWEST_S, Link
from qsnn_hw.host.repairs import Patience
from qsnn_hw.host.serial_port import PortGoneError
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.errors import ToolError, UserError
from tests.support.board_model import BoardModel, ModelPort
from tests.support.verify_networks import chain_network

pytest.importorskip("serial", reason="serial is not installed here")

QUICK = Patience(silence_s=0.05, begin_s=1.0, gone_s=0.3, stuck_s=3.0)


@pytest.fixture(scope="module")
def network() -> QuantizedNetwork:
    return chain_network()


def folder_of(plan: HardwarePlan, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    plan.save(folder / outputs.PLAN)
    BuildOptions(model="m.nir", board="icebreaker").save(folder / OPTIONS)
    return folder


@pytest.fixture
def folder(network: QuantizedNetwork, tmp_path: Path) -> Path:
    return folder_of(make_plan(network, PlanOptions(lanes=(2,))), tmp_path / "out")


@pytest.fixture
def model(network: QuantizedNetwork, folder: Path) -> Iterator[ModelPort]:
    with ModelPort(BoardModel(HardwarePlan.load(folder / outputs.PLAN), network)) as port:
        yield port


def spikes_of(network: QuantizedNetwork, samples: int, steps: int = 6) -> np.ndarray:
    chance = np.random.default_rng(3)
    return (chance.random((steps, samples, network.input_size)) < 0.5).astype(np.uint8)


def test_spikes_are_golden_s(network: QuantizedNetwork, folder: Path, model: ModelPort) -> None:
    inputs = spikes_of(network, 40)
    golden = run_clocked(network, inputs).spikes[network.output]
    with Board.open(model.port, folder, patience=QUICK) as board:
        assert np.array_equal(board.run(inputs), golden)
        assert np.array_equal(board.classify(inputs), golden.sum(axis=0).argmax(axis=1))
        assert board.identity().inputs == network.input_size
        assert board.counters().ticks_out == 80
        # Time-outs are this machine's, when it is busy; nothing else may have needed mending.
        assert (board.repairs.damaged, board.repairs.sessions) == (0, 0)


def test_pixels_to_classes(network: QuantizedNetwork, tmp_path: Path) -> None:
    io = IoOptions("rate", "count", 8)
    plan = make_plan(network, PlanOptions(lanes=(2,), io=io))
    pixels = np.random.default_rng(5).integers(0, 256, (30, network.input_size)).astype(np.uint8)
    from qsnn_hw.golden.encoders import sent_spikes

    assert plan.encoder is not None
    assert plan.readout is not None
    golden = run_clocked(network, sent_spikes(plan.encoder, pixels)).spikes[network.output]
    with (
        ModelPort(BoardModel(plan, network)) as model,
        Board.open(model.port, folder_of(plan, tmp_path / "out"), patience=QUICK) as board,
    ):
        assert np.array_equal(board.classify(pixels), plan.readout.answers(golden, None)[0])
        with pytest.raises(UserError, match="answers with classes, not spikes: call classify"):
            board.run(pixels)
        with pytest.raises(UserError, match=r"inputs must have shape \(sample, 6\), not \(30, 5\)"):
            board.classify(pixels[:, :5])


def test_a_board_that_starts_over_in_the_middle(
    network: QuantizedNetwork, folder: Path, model: ModelPort
) -> None:
    inputs = spikes_of(network, 60)
    golden = run_clocked(network, inputs).spikes[network.output]
    with Board.open(model.port, folder, patience=QUICK) as board:
        got = {}
        for answer in board.answers(inputs):
            got[answer.sample] = answer.spikes
            if len(got) == 20:
                model.model.start_over()
        assert all(np.array_equal(got[k], golden[:, k]) for k in range(60))
        assert board.repairs.sessions == 1


def test_a_port_that_comes_back(
    network: QuantizedNetwork, folder: Path, model: ModelPort, tmp_path: Path
) -> None:
    """A link to the pseudo-terminal stands for a USB port, whose name stays."""
    inputs = spikes_of(network, 60)
    golden = run_clocked(network, inputs).spikes[network.output]
    name = tmp_path / "ttyUSB9"
    name.symlink_to(model.port)
    with ModelPort(model.model) as other, Board.open(str(name), folder, patience=QUICK) as board:
        got = {}
        for answer in board.answers(inputs):
            got[answer.sample] = answer.spikes
            if len(got) == 20:
                name.unlink()
                model.close()
                threading.Timer(0.1, lambda: name.symlink_to(other.port)).start()
        assert all(np.array_equal(got[k], golden[:, k]) for k in range(60))
        assert board.repairs.reconnects >= 1


def test_a_port_that_stays_away(network: QuantizedNetwork, folder: Path, model: ModelPort) -> None:
    with Board.open(model.port, folder, patience=QUICK) as board:
        model.close()
        with pytest.raises(PortGoneError, match=r"is gone and did not come back within 0\.3 s; is the board"):
            board.run(spikes_of(network, 2))


def test_silence_is_one_line(folder: Path, model: ModelPort) -> None:
    model.deaf = True
    with pytest.raises(UserError, match=r"^nothing answers at /dev/pts/\d+: is the bitstream in the board"):
        Board.open(model.port, folder, patience=QUICK)


def test_noise_is_another_line(folder: Path, model: ModelPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.model, "take", lambda data: b"Hello from U-Boot 2024.01\r\n")
    with pytest.raises(UserError, match=r"is no board of this program at 3,000,000 baud: another bitstream"):
        Board.open(model.port, folder, patience=QUICK)


def test_another_design_is_refused(network: QuantizedNetwork, tmp_path: Path, model: ModelPort) -> None:
    other = folder_of(make_plan(network, PlanOptions(lanes=(1,))), tmp_path / "other")
    message = (
        rf"holds another design than {other}: 6 inputs, 3 outputs, by qsnn-hw .*; load the folder's with"
    )
    with pytest.raises(UserError, match=message):
        Board.open(model.port, other, patience=QUICK)


def test_a_board_that_answers_and_does_nothing(
    network: QuantizedNetwork, folder: Path, model: ModelPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Board.open(model.port, folder, patience=QUICK) as board:
        monkeypatch.setattr(model.model, "_work", lambda payload: b"")
        started = time.monotonic()
        with pytest.raises(ToolError, match="makes no progress in 3 s"):
            board.run(spikes_of(network, 3))
        assert time.monotonic() - started < 10


def test_a_board_that_takes_frames_is_not_stuck_however_long_a_sample_is(
    network: QuantizedNetwork, folder: Path, model: ModelPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, usual, clock = 0, model.model.take, time.monotonic

    def late(data: bytes) -> bytes:
        nonlocal turns
        turns += 1
        return usual(data)

    spikes = np.tile(spikes_of(network, 1), (260, 1, 1))
    with Board.open(model.port, folder, patience=replace(QUICK, silence_s=2.0, stuck_s=60.0)) as board:
        monkeypatch.setattr(model.model, "take", late)
        # Each of the turns that a sample of so many frames takes is 40 seconds long by the driver's clock.
        monkeypatch.setattr("qsnn_hw.host.link.time.monotonic", lambda: clock() + 40 * turns)
        assert np.array_equal(board.run(spikes), run_clocked(network, spikes).spikes[network.output])
        assert turns > 2


def test_a_board_that_is_slow_to_begin_is_given_longer(
    network: QuantizedNetwork, folder: Path, model: ModelPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = model.model.take

    def slow(data: bytes) -> bytes:
        time.sleep(0.15)
        return usual(data)

    monkeypatch.setattr(model.model, "take", slow)
    with Board.open(model.port, folder, patience=replace(QUICK, begin_s=5.0)) as board:
        board.run(spikes_of(network, 2))
        assert not board.repairs.timeouts


class Dribble:
    """A port where every second wait ends in silence, and every other one in a refusal; records the waits.

    It is the driver's clock, too, and time passes in waits alone.
    """

    path, baud, bytes_in, bytes_out, now = "dribble", 1_000_000, 0, 0, 0.0

    def __init__(self, model: BoardModel) -> None:
        self._model, self._begins = model, b""
        self.waits: list[float] = []
        self.sent: list[bytes] = []

    def monotonic(self) -> float:
        return self.now

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        if not self.waits:
            self._begins += self._model.take(data)

    def read(self, wait_s: float) -> bytes:
        self.waits.append(wait_s)
        if self._begins:
            came, self._begins = self._begins, b""
            return came
        if len(self.waits) > 14:
            raise TimeoutError
        return self.comes(wait_s)

    def comes(self, wait_s: float) -> bytes:
        if len(self.waits) % 2:
            self.now += wait_s
            return b""
        # Damaged: the board refuses it, and has taken nothing.
        return self._model.take(bytes.fromhex("7e 00 41 42 00 00 00 00 7e"))


class Noise(Dribble):
    """A port that makes a byte up a tenth of a second after the last one, and answers nothing."""

    def comes(self, wait_s: float) -> bytes:
        self.now += min(0.1, wait_s)
        return b"\x55"


class Full(BoardModel):
    """A board that works nothing off, and whose button is pressed once it has all that it has places for."""

    taken = 0

    def _work(self, payload: bytes) -> bytes:
        self.taken += 1
        if self.taken == SLOTS - 1:
            self.start_over()
        return b""


class Line(Dribble):
    """A port that brings what the model says, until a second session begins."""

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        if sum(data[1] == HELLO for data in self.sent) > 1:
            raise TimeoutError
        self._begins += self._model.take(data)

    def comes(self, wait_s: float) -> bytes:
        self.now += wait_s
        return b""


class Slow(Line):
    """A board that says every 0.2 s that it has nothing to say yet."""

    def comes(self, wait_s: float) -> bytes:
        self.now += min(0.2, wait_s)
        return self._model._reply(b"")


def exchanged(port: Dribble, folder: Path, monkeypatch: pytest.MonkeyPatch, samples: int = 1) -> None:
    """Send samples through ``port``, by its own clock, until it has had enough."""
    plan = HardwarePlan.load(folder / outputs.PLAN)
    monkeypatch.setattr("qsnn_hw.host.link.time", port)
    link = Link(port, plan.input_addresses, plan.output_addresses, per_sample=False)
    link.begin()
    with pytest.raises(TimeoutError):
        next(link.exchange(samples, lambda _: [b"\x41"]))


def test_a_board_too_slow_for_the_wait_is_not_flooded(
    network: QuantizedNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each silence sends all again, so the wait doubles until something is taken, not until a byte comes."""
    port = Dribble(BoardModel(HardwarePlan.load(folder / outputs.PLAN), network))
    exchanged(port, folder, monkeypatch)
    first, *_, last = port.waits[1:]
    assert 0.3 <= first < 0.5
    assert last == SLOWEST_S


def test_noise_is_no_answer(network: QuantizedNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that makes bytes up does not keep the driver from sending again."""
    port = Noise(BoardModel(HardwarePlan.load(folder / outputs.PLAN), network))
    exchanged(port, folder, monkeypatch)
    _, *frames = port.sent
    assert len(frames) == 3, "at once, after 0.3 s, and after 0.6 s more"
    assert len(set(frames)) == 1


def test_a_board_that_speaks_is_not_asked(
    network: QuantizedNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Slow(Full(HardwarePlan.load(folder / outputs.PLAN), network))
    exchanged(port, folder, monkeypatch)
    assert port.now > 5 * Patience().silence_s
    assert len(port.sent) == 2, "a session and the sample"


def test_a_board_that_is_full_is_asked_too(
    network: QuantizedNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose places are all taken may be sent nothing new, and still be one that has started over."""
    port = Line(Full(HardwarePlan.load(folder / outputs.PLAN), network))
    exchanged(port, folder, monkeypatch, samples=20)
    assert len(port.sent) == 1 + 7 + 1 + 1
    assert port.now == pytest.approx(Patience().silence_s)


@pytest.mark.parametrize(
    ("number", "text", "says"),
    [
        (errno.EACCES, "could not open port", "no permission to use {}; it belongs to group"),
        (errno.EAGAIN, "Could not exclusively lock port", "{} is in use by another program; end that one"),
        (None, "Could not configure port: (25, 'Inappropriate ioctl')", "{} is no serial port"),
        (errno.EIO, "could not open port", "cannot open {}"),
    ],
)
def test_ports_that_cannot_be_opened(
    number: int | None,
    text: str,
    says: str,
    folder: Path,
    model: ModelPort,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import serial

    def refuse(*_: Any, **__: Any) -> None:
        raise serial.SerialException(*([text] if number is None else [number, text]))

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(UserError, match="^" + says.format(model.port)):
        Board.open(model.port, folder)


def test_real_ports_that_cannot_be_opened(folder: Path, model: ModelPort, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^no such port: /dev/ttyUSB77; (ports here: |there is none here)"):
        Board.open("/dev/ttyUSB77", folder)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for place in (tmp_path, tmp_path / "file", Path("/dev/null")):
        with pytest.raises(UserError, match=r"is no serial port; "):
            Board.open(str(place), folder)
    message = r"is in use by another program; end that one, or give another"
    with Board.open(model.port, folder, patience=QUICK), pytest.raises(UserError, match=message):
        Board.open(model.port, folder, patience=QUICK)


def test_a_folder_without_a_build(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no build \(options\.json is missing\)"):
        Board.open("/dev/null", tmp_path)


def test_without_a_folder_a_board_says_what_it_is(network: QuantizedNetwork, model: ModelPort) -> None:
    with Board.open(model.port, patience=QUICK) as board:
        assert board.identity().outputs == 3
        with pytest.raises(UserError, match=r"give Board\.open the output folder"):
            board.run(spikes_of(network, 1))


def test_inputs_that_do_not_fit(network: QuantizedNetwork, folder: Path, model: ModelPort) -> None:
    with Board.open(model.port, folder, patience=QUICK) as board:
        for wrong, message in (
            (np.zeros((6, 2, 5), dtype=np.uint8), r"shape \(time, sample, 6\), not \(6, 2, 5\)"),
            (np.zeros((6, 6), dtype=np.uint8), r"shape \(time, sample, 6\), not \(6, 6\)"),
            (np.zeros((6, 2, 6)), "integers, not float64"),
            (np.full((6, 2, 6), 2), "from 0 to 1, not 2 to 2"),
        ):
            with pytest.raises(UserError, match=message):
                board.run(wrong)
        with pytest.raises(UserError, match="only --weights ram takes others"):
            board.load(b"x")
        assert os.path.exists(model.port)
