"""A serial port as the driver uses it: one clear line where it cannot be opened, lost and found again."""

import contextlib
import errno
import os
import select
import time
from collections.abc import Callable
from typing import Any, TypeVar

from qsnn_hw.support.errors import ToolError, UserError

BREAK_BAUD = 9600
"""A zero byte at this rate holds the line low for 0.9 ms, which every board takes for a break."""

_SETTLE_S = 0.03
"""Longer than an adapter keeps bytes that were written (its latency timer is 16 ms by default)."""

_WRITE_TIMEOUT_S = 10.0
LOOK_S = 0.1
"""Between two looks for a port that has gone away."""

T = TypeVar("T")


class PortGoneError(ToolError):
    """The port was there and is no more: a plug was pulled, or a virtual board ended."""


class SerialPort:
    """An open port, 8N1.

    Parameters
    ----------
    path
        As the system calls it: ``/dev/ttyUSB0``, ``COM3``, or a virtual board's.
    baud
        Bits a second.

    Raises
    ------
    UserError
        No such port, another program has it, no permission, no serial port, or not at this rate.
    """

    def __init__(self, path: str, baud: int) -> None:
        self.path, self.baud = path, baud
        self.bytes_out = self.bytes_in = 0
        self._port = _opened(path, baud)

    def read(self, wait_s: float) -> bytes:
        """What has come, or what comes first within ``wait_s`` seconds; PortGoneError without a port."""
        try:
            ready, _, _ = select.select([self._port.fileno()], [], [], max(0.0, wait_s))
            data: bytes = self._port.read(max(1, self._port.in_waiting)) if ready else b""
        except (OSError, TypeError, ValueError) as error:
            # pyserial's own exceptions are OSErrors; a port closed beneath it has no number any more.
            raise self._gone(error) from error
        self.bytes_in += len(data)
        return data

    def write(self, data: bytes) -> None:
        """Send ``data``; PortGoneError without a port."""
        try:
            self._port.write(data)
        except (OSError, TypeError, ValueError) as error:
            raise self._gone(error) from error
        self.bytes_out += len(data)

    def send_break(self) -> None:
        """Hold the line low long enough to reset the board, as a zero byte at a low rate.

        Adapters know a break of their own, but not all drivers send it, and a pseudo-terminal has none.
        """
        try:
            # Bytes on their way must not get the low rate, nor the zero byte the high one.
            self._port.flush()
            time.sleep(_SETTLE_S)
            self._port.baudrate = BREAK_BAUD
            self._port.write(b"\0")
            self._port.flush()
            time.sleep(_SETTLE_S)
            self._port.baudrate = self.baud
            time.sleep(_SETTLE_S)
        except (OSError, TypeError, ValueError) as error:
            raise self._gone(error) from error

    def reopen(self, patience_s: float) -> None:
        """Open the port again, waiting for it to come back; PortGoneError when it does not."""
        self.close()
        self._port = opened_again(lambda: _opened(self.path, self.baud), self.path, "board", patience_s)

    def close(self) -> None:
        """Give the port back; may be called again."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _gone(self, error: Exception) -> PortGoneError:
        return PortGoneError(f"{self.path} is gone: {error}")


def opened_again(opens: Callable[[], T], path: str, plugged: str, patience_s: float) -> T:
    """What ``opens`` gives once it no longer raises UserError, tried for so many seconds.

    Parameters
    ----------
    path, plugged
        For the message: the port, and what is to be plugged in.

    Raises
    ------
    PortGoneError
        It did not come back.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return opens()
        except UserError as error:
            if time.monotonic() >= until:
                raise PortGoneError(
                    f"{path} is gone and did not come back within {patience_s:g} s; is the {plugged} "
                    "plugged in, or has the virtual board ended?"
                ) from error
        time.sleep(LOOK_S)


def _opened(path: str, baud: int) -> Any:
    try:
        import serial
    except ModuleNotFoundError as error:
        raise UserError("talking to a board needs pyserial: pip install pyserial") from error
    try:
        return serial.Serial(path, baud, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=True)
    except ValueError as error:
        raise UserError(f"{path} does not take {baud:,} baud: {error}") from error
    except OSError as error:
        raise UserError(_why_not(path, error)) from error


def _why_not(path: str, error: OSError) -> str:
    """One line for a port that cannot be opened."""
    number = error.errno
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or not os.path.exists(path):
        return f"no such port: {path}; {_ports_here()}"
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission to use {path}; {who_may(path)}"
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"{path} is in use by another program; end that one, or give another --port"
    if number == errno.EISDIR or os.path.isfile(path) or os.path.isdir(path) or number == errno.ENOTTY:
        return f"{path} is no serial port; {_ports_here()}"
    text = str(error)
    # What pyserial says of a file that has no line settings.
    if "Could not configure port" in text:
        return f"{path} is no serial port; {_ports_here()}"
    return f"cannot open {path}: {error.strerror or text}"


def _ports_here() -> str:
    from serial.tools import list_ports

    ports = sorted(port.device for port in list_ports.comports())
    return (
        f"ports here: {', '.join(ports)}"
        if ports
        else "there is none on this machine: is the board plugged in?"
    )


def who_may(path: str) -> str:
    """How a user gets at a port that belongs to a group."""
    try:
        import grp

        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "ask who runs this machine for it"
    return f"it belongs to group {group}: sudo usermod -aG {group} $USER, then log in again"
