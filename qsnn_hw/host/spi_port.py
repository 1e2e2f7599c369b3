"""A board behind SPI as the driver uses it: the bytes of a serial line, over a controller's exchanges.

SPI brings bytes only while it is asked, so reading is exchanging ``FILL``, a few bytes at a time, until
something comes. Which controller it is (a USB cable, a computer's own pins) is up to who makes the port;
:func:`open_spi` takes what a port's name says.
"""

import contextlib
import math
import time
from collections.abc import Callable

from qsnn_hw.host.serial_port import PortGoneError, opened_again
from qsnn_hw.host.spi_bytes import FILL, from_spi, to_spi
from qsnn_hw.host.spi_controllers import Controller, open_controller
from qsnn_hw.support.errors import ToolError

_ASKED = 32
"""Bytes that are exchanged at once while nothing is to be sent."""

_NAP_S = 0.0005
"""Between two such exchanges that brought nothing."""

_STILL = 16
"""Bytes without a change that are no answer."""

_TRIES = 3
"""Times that bytes are sent to a board that sleeps, before the link finds that they are lost."""


class SpiPort:
    """A line of frames over SPI, mode 0, highest bit first, at most a sixth of the design's clock.

    It has the methods of ``SerialPort``, so ``Link`` takes it in that one's place.

    Parameters
    ----------
    exchange
        Sends bytes with the board selected and gives as many, which came meanwhile. Where it fails, it
        raises OSError.
    name
        For messages: what the controller is called.
    baud
        Bits a second.
    opens
        Opens the controller again; None where it is not this object's to open and close.
    close
        Gives it back.
    wakes
        Of a board that stops its clock: seconds that it takes to wake, and that it stays awake behind a
        transfer. One that may be asleep is woken by a transfer of so long that says nothing.
    """

    def __init__(
        self,
        exchange: Callable[[bytes], bytes],
        name: str,
        baud: int,
        *,
        opens: Callable[[], Controller] | None = None,
        close: Callable[[], None] | None = None,
        wakes: tuple[float, float] | None = None,
    ) -> None:
        self.path, self.baud = name, baud
        self.bytes_out = self.bytes_in = 0
        self._exchange, self._opens, self._close = exchange, opens, close
        self._held = bytearray()
        self._wakes, self._last = wakes, -math.inf

    def read(self, wait_s: float) -> bytes:
        """What has come, or what comes first within ``wait_s`` seconds; PortGoneError where it fails."""
        until = time.monotonic() + wait_s
        while not self._held:
            self._move(bytes([FILL]) * _ASKED)
            if self._held or (left := until - time.monotonic()) <= 0:
                break
            time.sleep(min(_NAP_S, left))
        data = bytes(self._held)
        self._held.clear()
        self.bytes_in += len(data)
        return data

    def write(self, data: bytes) -> None:
        """Send ``data``; PortGoneError where the controller fails."""
        self._move(to_spi(data))
        self.bytes_out += len(data)

    def send_break(self) -> None:
        """Nothing: SPI has no break, and the session that begins behind it resets the network as well."""

    def reopen(self, patience_s: float) -> None:
        """Open the controller again, waiting for it to come back; PortGoneError when it does not."""
        if self._opens is None:
            raise PortGoneError(f"{self.path} is gone")
        self.close()
        found = opened_again(self._opens, self.path, "cable", patience_s)
        self._exchange, self._close = found.exchange, found.close

    def close(self) -> None:
        """Give the controller back, and drop what came and was not read; may be called again."""
        self._held.clear()
        close, self._close = self._close, None
        if close is not None:
            with contextlib.suppress(OSError):
                close()

    def _move(self, octets: bytes) -> None:
        try:
            came = self._exchanged(octets) if self._wakes is None else self._awake(octets, *self._wakes)
        except OSError as error:
            raise PortGoneError(f"{self.path} is gone: {error}") from error
        self._held += from_spi(came)

    def _exchanged(self, octets: bytes) -> bytes:
        came = self._exchange(octets)
        if len(came) != len(octets):
            raise ToolError(f"{self.path} gave {len(came)} bytes for {len(octets)}, where SPI gives as many")
        return came

    def _awake(self, octets: bytes, takes: float, stays: float) -> bytes:
        """Exchange with a board that may be asleep; nothing where it stays so."""
        # Fewer do not say whether it slept.
        octets = octets.ljust(_STILL, bytes([FILL]))
        for _ in range(_TRIES):
            # Half, because the board counts from where the transfer ended, and this computer may be late.
            if time.monotonic() - self._last > stays / 2:
                self._wake(math.ceil(takes * self.baud / 8) + 1)
            came = self._exchanged(octets)
            self._last = time.monotonic()
            if not _still(came):
                return came
            # Somebody was later than is allowed for, and what was sent is lost.
            self._last = -math.inf
        return b""

    def _wake(self, count: int) -> None:
        """Move so many bytes that say nothing; what a board says that was awake counts."""
        came = self._exchanged(bytes([FILL]) * count)
        if not _still(came):
            self._held += from_spi(came)


def _still(came: bytes) -> bool:
    """Whether these bytes are those of a board that sleeps: it holds its pin still."""
    return len(came) >= _STILL and not (came.strip(b"\0") and came.strip(b"\xff"))


def open_spi(port: str, baud: int, wakes: tuple[float, float] | None = None) -> SpiPort:
    """The board behind the controller that a port's name says; UserError where it cannot be opened.

    Parameters
    ----------
    port
        As ``spi_controllers.py`` reads it.
    baud
        Most bits a second.
    wakes
        As :class:`SpiPort` takes it.
    """

    def opens() -> Controller:
        return open_controller(port, baud)

    found = opens()
    return SpiPort(found.exchange, port, baud, opens=opens, close=found.close, wakes=wakes)
