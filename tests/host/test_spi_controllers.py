# amaranth: UnusedElaboratable=no
"""What moves bytes over SPI: spidev, an FTDI cable and a bridge, each in front of the simulated design."""

import os
import pty
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host import serial_port, spi_controllers, words
from qsnn_hw.host.board import Board
from qsnn_hw.host.link import Link
from qsnn_hw.host.protocol import sample_words
from qsnn_hw.host.serial_port import PortGoneError
from qsnn_hw.host.spi_controllers import Controller as Opened
from qsnn_hw.host.spi_controllers import ftdi_rate, link_of, open_controller
from qsnn_hw.host.spi_port import SpiPort, open_spi
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.support.errors import UserError
from tests.support.networks import random_input, random_network
from tests.support.spi_bench import Controller, Exchanger, board_cycle

pytest.importorskip("serial", reason="serial is not installed here")


class Design:
    """A small network behind SPI in simulation, its folder, and what it answers."""

    def __init__(self, folder: Path) -> None:
        network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
        self.inputs = random_input(np.random.default_rng(4), network, steps=5, samples=2, rate=0.5)
        self.golden = run_clocked(network, self.inputs).spikes["g2"]
        assert self.golden.any()
        plan = make_plan(network, PlanOptions(lanes=[2], link="spi"))
        self.plan = plan
        plan.save(folder / outputs.PLAN)
        BuildOptions(model="m.nir", board="icebreaker", link="spi").save(folder / OPTIONS)
        self.folder = folder
        dut = BoardTop(plan, None)
        self.exchange = Exchanger(dut, lambda ctx: Controller(ctx, dut, lambda: board_cycle(ctx, dut)))


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    return Design(tmp_path_factory.mktemp("spi"))


class FakeSpiDev:
    """spidev's class, as far as it is used, in front of an exchange of bytes."""

    exchange: Callable[[bytes], bytes]
    fails: OSError | None = None
    made: list["FakeSpiDev"]

    def __init__(self) -> None:
        self.mode, self.bits_per_word, self.max_speed_hz = 3, 0, 0
        self.opened: tuple[int, int] | None = None
        self.closed = False
        type(self).made.append(self)

    def open(self, bus: int, chip: int) -> None:
        if self.fails is not None:
            raise self.fails
        self.opened = bus, chip

    def xfer2(self, values: list[int]) -> list[int]:
        assert self.opened is not None
        assert self.mode == 0
        assert all(type(value) is int for value in values)
        # As the kernel: a longer one is refused.
        if len(values) > 4096:
            raise OSError(90, "Message too long")
        return list(type(self).exchange(bytes(values)))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fake_spidev(monkeypatch: pytest.MonkeyPatch) -> type[FakeSpiDev]:
    made = type("SpiDev", (FakeSpiDev,), {"made": [], "exchange": staticmethod(bytes), "fails": None})
    module = ModuleType("spidev")
    module.SpiDev = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spidev", module)
    return made


class FakeFtdi:
    """pyftdi's ``SpiController``, as far as it is used."""

    exchange: Callable[[bytes], bytes]
    fails: Exception | None = None
    made: list["FakeFtdi"]
    frequency_max = 30e6

    def __init__(self, cs_count: int) -> None:
        self.cs_count, self.url, self.closed = cs_count, "", False
        type(self).made.append(self)

    def configure(self, url: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.url = url

    def get_port(self, *, cs: int, freq: float, mode: int) -> Any:
        assert (cs, mode) == (0, 0)
        self.freq = freq

        def exchange(data: bytes, *, duplex: bool) -> bytearray:
            assert duplex
            return bytearray(type(self).exchange(bytes(data)))

        return SimpleNamespace(exchange=exchange)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fake_ftdi(monkeypatch: pytest.MonkeyPatch) -> type[FakeFtdi]:
    made = type("SpiController", (FakeFtdi,), {"made": [], "exchange": staticmethod(bytes), "fails": None})
    module, inner = ModuleType("pyftdi"), ModuleType("pyftdi.spi")
    inner.SpiController = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyftdi", module)
    monkeypatch.setitem(sys.modules, "pyftdi.spi", inner)
    return made


def check_answers(design: Design, port: SpiPort) -> None:
    """Every answer that comes through the port is golden's."""
    plan, space = design.plan, design.plan.output_space
    link = Link(port, plan.input_addresses, space.size, per_sample=False)
    link.begin()
    addresses = plan.input_space.addresses()
    words_of = [
        words.sample(sample, addresses, plan.input_addresses) for sample in design.inputs.swapaxes(0, 1)
    ]
    found = dict(link.exchange(2, lambda k: words_of[k]))
    for k in range(2):
        wanted = words.reply_payload(sample_words(design.golden[:, k], space), space.size)
        assert sorted(found[k]) == sorted(wanted)
    port.close()


def test_a_design_answers_through_spidev(design: Design, fake_spidev: type[FakeSpiDev]) -> None:
    fake_spidev.exchange = staticmethod(design.exchange)
    check_answers(design, open_spi("spi:/dev/spidev1.2", 2_000_000))
    (device,) = fake_spidev.made
    assert (device.opened, device.mode, device.bits_per_word) == ((1, 2), 0, 8)
    assert device.max_speed_hz == 2_000_000
    assert device.closed


@pytest.mark.slow
def test_a_design_answers_through_an_ftdi_cable(design: Design, fake_ftdi: type[FakeFtdi]) -> None:
    fake_ftdi.exchange = staticmethod(design.exchange)
    check_answers(design, open_spi("ftdi://ftdi:2232h/1", 2_100_000))
    (cable,) = fake_ftdi.made
    assert (cable.url, cable.cs_count, cable.freq) == ("ftdi://ftdi:2232h/1", 1, 2e6)
    assert cable.closed


@pytest.mark.slow
def test_the_driver_answers_as_golden_does_through_spidev(
    design: Design, fake_spidev: type[FakeSpiDev]
) -> None:
    fake_spidev.exchange = staticmethod(design.exchange)
    with Board.open("spi:/dev/spidev1.2", design.folder) as board:
        assert np.array_equal(board.run(design.inputs), design.golden)
        (device,) = fake_spidev.made
        # A sixth of 12 MHz.
        assert device.max_speed_hz == 2_000_000
        assert not device.closed
    assert device.closed


def test_what_a_port_s_name_says() -> None:
    for name in ("spi:/dev/spidev0.0", "spi:/dev/pts/3", "ftdi://ftdi:2232h/1"):
        assert link_of(name) == "spi"
    for name in ("/dev/ttyUSB1", "COM3", "/dev/pts/3"):
        assert link_of(name) == "uart"


@pytest.mark.parametrize(
    ("most", "hz", "wanted"),
    [
        *((30e6, 6_250_000, 6e6), (30e6, 10_000_000, 10e6), (30e6, 4_166_666, 30e6 / 8), (30e6, 1, 1.0)),
        *((30e6, 10**9, 30e6), (6e6, 4_300_000, 3e6), (6e6, 6_000_000, 6e6)),
    ],
)
def test_a_cable_divides_to_no_more_than_is_asked(most: float, hz: int, wanted: float) -> None:
    assert ftdi_rate(most, hz) == wanted
    assert wanted <= hz


def test_long_exchanges_go_in_pieces_that_the_kernel_takes(fake_spidev: type[FakeSpiDev]) -> None:
    fake_spidev.exchange = staticmethod(lambda data: bytes(255 - value for value in data))
    opened = open_controller("spi:/dev/spidev0.0", 1_000_000)
    data = bytes(k % 251 for k in range(10_000))
    assert opened.exchange(data) == bytes(255 - value for value in data)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (FileNotFoundError(2, "No such file"), r"^no such port: /dev/spidev0\.0; is SPI switched on"),
        (PermissionError(13, "no"), r"^no permission to use /dev/spidev0\.0; "),
        (OSError(16, "Device busy"), r"^cannot open /dev/spidev0\.0: Device busy$"),
    ],
)
def test_a_spidev_that_cannot_be_opened(error: OSError, says: str, fake_spidev: type[FakeSpiDev]) -> None:
    fake_spidev.fails = error
    with pytest.raises(UserError, match=says):
        open_spi("spi:/dev/spidev0.0", 1_000_000)


class UsbToolsError(Exception):
    """pyftdi's, which is no OSError."""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("No backend\n available"), r"No backend available; install the system's libusb-1\.0$"),
        (OSError("No such cable"), r"No such cable; ftdi_urls\.py lists the cables$"),
        (UsbToolsError("Bad URL"), r"Bad URL; ftdi_urls\.py lists the cables$"),
    ],
)
def test_a_cable_that_cannot_be_opened(error: Exception, says: str, fake_ftdi: type[FakeFtdi]) -> None:
    fake_ftdi.fails = error
    with pytest.raises(UserError, match=rf"^cannot open ftdi://x: {says}"):
        open_spi("ftdi://x", 1_000_000)


def test_another_error_of_a_cable_is_not_hidden(fake_ftdi: type[FakeFtdi]) -> None:
    fake_ftdi.fails = ZeroDivisionError("a fault of this program")
    with pytest.raises(ZeroDivisionError):
        open_spi("ftdi://x", 1_000_000)


@pytest.mark.parametrize(
    ("module", "port", "says"),
    [
        ("spidev", "spi:/dev/spidev0.0", r"^/dev/spidev0\.0 needs spidev: pip install spidev "),
        ("pyftdi.spi", "ftdi://ftdi:232h/1", r"^ftdi://ftdi:232h/1 needs pyftdi: pip install pyftdi "),
    ],
)
def test_a_missing_library_is_named(
    module: str, port: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=says):
        open_spi(port, 1_000_000)


@pytest.fixture
def bridge() -> Iterator[tuple[str, int]]:
    """A pseudo-terminal: its path, and the end that a bridge has."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave), master
    for end in (master, slave):
        os.close(end)


def test_a_bridge_gives_a_byte_for_each(bridge: tuple[str, int]) -> None:
    path, master = bridge
    asked = b"\x00\x7f\xff" * 300

    def answers() -> None:
        left = len(asked)
        while left:
            data = os.read(master, 100)
            left -= len(data)
            os.write(master, bytes(value ^ 0x55 for value in data))

    thread = threading.Thread(target=answers)
    thread.start()
    opened = open_controller(f"spi:{path}", 1_000_000)
    assert opened.exchange(asked) == bytes(value ^ 0x55 for value in asked)
    thread.join()
    opened.close()


def test_a_bridge_that_stops_is_a_port_that_is_gone(
    bridge: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spi_controllers, "BRIDGE_S", 0.1)
    path, master = bridge
    port = open_spi(f"spi:{path}", 1_000_000)
    os.write(master, b"\x7f\x7f")
    with pytest.raises(PortGoneError, match=rf"^spi:{path} is gone: it gave 2 bytes for 32 in 0\.1 s$"):
        port.read(0.0)
    port.close()


def test_a_controller_that_comes_back_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "LOOK_S", 0.001)
    said: list[str] = []

    def opens() -> Opened:
        said.append("look")
        if len(said) < 4:
            raise UserError("not there yet")
        return Opened(bytes, lambda: said.append("new one closed"))

    port = SpiPort(bytes, "cable", 1, opens=opens, close=lambda: said.append("old one closed"))
    port.reopen(10.0)
    assert said == ["old one closed", "look", "look", "look"]
    port.close()
    port.close()
    assert said[-1] == "new one closed"
    assert len(said) == 5
    said.clear()
    with pytest.raises(PortGoneError, match=r"^cable is gone and did not come back within 0 s; is the cable"):
        port.reopen(0.0)


def test_what_a_sleeping_board_missed_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    sleeps = iter([False, False, True, False, False])

    def exchange(data: bytes) -> bytes:
        if next(sleeps):
            return b"\0" * len(data)
        heard.append(data)
        return b"\x7f" * len(data)

    monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    port = SpiPort(exchange, "cable", 1_000_000, wakes=(1e-5, 3e-3))
    port.write(b"\x01" * 20)
    port.write(b"\x02" * 20)
    fill = b"\x7f" * 3
    assert heard == [fill, b"\x01" * 20, fill, b"\x02" * 20]


def test_a_board_that_may_be_asleep_is_woken_first(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[bytes] = []
    state = SimpleNamespace(now=10.0, pin=b"\0")

    def exchange(data: bytes) -> bytes:
        moved.append(data)
        return state.pin * len(data) if len(data) > 50 else b"\x7f" * len(data)

    def written(now: float) -> list[int]:
        """Lengths of the transfers with which a byte goes, filled up to what says whether the board slept."""
        state.now = now
        moved.clear()
        port.write(b"\x01")
        assert moved[-1] == b"\x01" + 15 * b"\x7f"
        assert all(set(data) == {0x7F} for data in moved[:-1])
        return [len(data) for data in moved]

    monkeypatch.setattr(time, "monotonic", lambda: state.now)
    port = SpiPort(exchange, "cable", 1_000_000, wakes=(6e-4, 3e-3))
    # Half of the time that it stays awake is trusted.
    assert [written(now) for now in (10.0, 10.0014, 10.0028, 10.0044)] == [[76, 16], [16], [16], [76, 16]]
    # What a board that sleeps holds at its pin, low or high, are no bytes.
    assert port.read(0.0) == b""
    state.pin = b"\xff"
    assert written(20.0) == [76, 16]
    assert port.read(0.0) == b""
    # As little are they where it should have been awake; then it is woken and sent the same, a few times.
    state.pin, state.now = b"\0", 20.001
    moved.clear()
    port.write(b"\x01" * 60)
    assert [len(data) for data in moved] == [60, 76, 60, 76, 60]
    assert written(20.0012) == [76, 16]
    assert port.read(0.0) == b""
    # One that was awake has been heard.
    state.pin = b"\x11"
    assert written(30.0) == [76, 16]
    assert port.read(0.0) == b"\x11" * 76
