"""What moves bytes over SPI for the driver: a computer's own pins, a USB cable, or a bridge at a serial port.

A port's name says which: ``spi:/dev/spidev0.0`` is a device of Linux' spidev, ``ftdi://ftdi:2232h/1`` a cable
with an FTDI chip (MPSSE), and ``spi:`` before any other path a serial port whose other end gives a byte for
each one that it takes, as a virtual board does. All else is a serial port itself. No SPI of a real board was
ever tried; see docs/host_link.md.
"""

import errno
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from qsnn_hw.host.serial_port import SerialPort, who_may
from qsnn_hw.support.choices import LinkName
from qsnn_hw.support.errors import UserError

_SPI, _FTDI = "spi:", "ftdi://"

_SPIDEV = re.compile(r"/dev/spidev(\d{1,5})\.(\d{1,5})")

_SPIDEV_BYTES = 4096
"""Most of one exchange: the kernel's buffer, unless its parameter ``bufsiz`` says otherwise."""

BRIDGE_S = 20.0
"""How long a bridge may be silent in the middle of an exchange: a large design is simulated slowly."""


@dataclass(frozen=True)
class Controller:
    """An open controller.

    Parameters
    ----------
    exchange
        Sends bytes with the board selected and gives as many, which came meanwhile; OSError where it fails.
    close
        Gives it back.
    """

    exchange: Callable[[bytes], bytes]
    close: Callable[[], None]


def link_of(port: str) -> LinkName:
    """What a port's name says it is."""
    return "spi" if port.startswith((_SPI, _FTDI)) else "uart"


def open_controller(port: str, hz: int) -> Controller:
    """The controller that a port's name says, with ``sck`` at ``hz`` at most.

    Raises
    ------
    UserError
        It is not there, may not be used, or its library is missing; one line.
    """
    if port.startswith(_FTDI):
        return _ftdi(port, hz)
    path = port.removeprefix(_SPI)
    device = _SPIDEV.fullmatch(path)
    if device is not None:
        return _spidev(path, int(device[1]), int(device[2]), hz)
    return _bridge(path, hz)


def _spidev(path: str, bus: int, chip: int, hz: int) -> Controller:
    try:
        import spidev
    except ModuleNotFoundError as error:
        raise UserError(f"{path} needs spidev: pip install spidev (the extra spidev)") from error
    device = spidev.SpiDev()
    try:
        device.open(bus, chip)
        device.mode, device.bits_per_word, device.max_speed_hz = 0, 8, hz
    except OSError as error:
        raise UserError(_why_no_spidev(path, error)) from error

    def exchange(data: bytes) -> bytes:
        came = bytearray()
        for first in range(0, len(data), _SPIDEV_BYTES):
            came += bytes(device.xfer2(list(data[first : first + _SPIDEV_BYTES])))
        return bytes(came)

    return Controller(exchange, device.close)


def _why_no_spidev(path: str, error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"no such port: {path}; is SPI switched on (on a Raspberry Pi: raspi-config, interfaces)?"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to use {path}; {who_may(path)}"
    return f"cannot open {path}: {error.strerror or error}"


def ftdi_rate(most_hz: float, hz: int) -> float:
    """The fastest rate of an FTDI chip that is not above ``hz``: it divides its own, ``most_hz``."""
    return most_hz / max(1, math.ceil(most_hz / hz))


def _ftdi(url: str, hz: int) -> Controller:
    try:
        from pyftdi.spi import SpiController
    except ModuleNotFoundError as error:
        raise UserError(f"{url} needs pyftdi: pip install pyftdi (the extra ftdi)") from error
    controller = SpiController(cs_count=1)
    try:
        controller.configure(url)
        port = controller.get_port(cs=0, freq=ftdi_rate(controller.frequency_max, hz), mode=0)
    except Exception as error:
        # pyftdi and pyusb have five kinds of errors for a wrong URL, no libusb, no cable and no permission.
        if not isinstance(error, OSError | ValueError) and type(error).__name__ != "UsbToolsError":
            raise
        # Its word for a missing libusb is "No backend".
        cure = (
            "install the system's libusb-1.0" if "backend" in str(error) else "ftdi_urls.py lists the cables"
        )
        raise UserError(f"cannot open {url}: {' '.join(str(error).split())}; {cure}") from error
    return Controller(lambda data: bytes(port.exchange(data, duplex=True)), controller.close)


def _bridge(path: str, hz: int) -> Controller:
    port = SerialPort(path, hz)

    def exchange(data: bytes) -> bytes:
        port.write(data)
        came = bytearray()
        until = time.monotonic() + BRIDGE_S
        while len(came) < len(data):
            part = port.read(until - time.monotonic())
            if part:
                came += part
                until = time.monotonic() + BRIDGE_S
            elif time.monotonic() >= until:
                raise OSError(f"it gave {len(came)} bytes for {len(data)} in {BRIDGE_S:g} s")
        return bytes(came)

    return Controller(exchange, port.close)
