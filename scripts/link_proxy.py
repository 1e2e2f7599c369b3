"""A serial line that spoils what it carries: a pseudo-terminal before another port, with faults by a seed."""

import os
import pty
import random
import select
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass, field

from qsnn_hw.host.serial_port import SerialPort
from qsnn_hw.host.spi_bytes import FILL

KINDS = ("flip", "drop", "insert", "swap", "truncate")
"""A bit of a byte changed; a byte lost; one added; two exchanged; the rest of a burst lost."""

TO_BOARD, FROM_BOARD = 0, 1
WAYS = ("to the board", "from the board")


@dataclass
class Faults:
    """What a line does to bytes, in one direction.

    Parameters
    ----------
    rates
        Kind -> chance of it at a byte.
    seed
        Of the chances.
    filled
        The line is SPI, which moves as many bytes as were asked for: behind bytes that are lost come fill
        bytes, and one that is added pushes the last out.
    """

    rates: dict[str, float]
    seed: int
    filled: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    passed: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._total = sum(self.rates.values())
        # How many bytes pass before the next fault.
        self._wait = self._gap()

    def _gap(self) -> int:
        return int(self._chance.expovariate(self._total)) if self._total else 1 << 62

    def spoil(self, data: bytes) -> bytes:
        """``data`` as it comes out at the other end."""
        self.passed += len(data)
        if self._wait >= len(data):
            self._wait -= len(data)
            return data
        line = bytearray()
        place = 0
        while place < len(data):
            if self._wait:
                taken = data[place : place + self._wait]
                line += taken
                place += len(taken)
                self._wait -= len(taken)
                continue
            (kind,) = self._chance.choices(list(self.rates), list(self.rates.values()))
            self.counts[kind] = self.counts.get(kind, 0) + 1
            place += self._fault(kind, data[place:], line)
            self._wait = self._gap()
        return bytes(line[: len(data)].ljust(len(data), bytes([FILL]))) if self.filled else bytes(line)

    def _fault(self, kind: str, rest: bytes, line: bytearray) -> int:
        """Put what becomes of the next bytes on the line; gives how many they were."""
        if kind == "flip":
            line.append(rest[0] ^ 1 << self._chance.randrange(8))
            return 1
        if kind == "drop":
            return 1
        if kind == "insert":
            line += bytes([self._chance.randrange(256), rest[0]])
            return 1
        if kind == "swap":
            line += rest[1::-1]
            return min(2, len(rest))
        # The rest of what came at once, at most a frame's length.
        return min(len(rest), self._chance.randrange(1, 260))


class FaultyLine:
    """Stands between a host and ``port``; a context manager.

    Parameters
    ----------
    port, baud
        The board's; a port that begins with ``spi:`` is a bridge, and so is this line then.
    to_board, from_board
        Faults each way.
    every, event
        Called each so many bytes, both ways together, where given: a reset of the board.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        to_board: Faults,
        from_board: Faults,
        *,
        every: int = 0,
        event: Callable[[], None] = lambda: None,
    ) -> None:
        self.faults = (to_board, from_board)
        self.events = 0
        self._every, self._event, self._until = every, event, every
        self._counting = threading.Lock()
        kind, colon, path = port.rpartition(":")
        self._board = SerialPort(path, baud)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = f"{kind}{colon}{os.ttyname(self._slave)}"
        self._stop, self._told = os.pipe()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._to_board, self._from_board)
        ]
        self._ended = False
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "FaultyLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _to_board(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            data = os.read(self._master, 4096)
            self._board.write(self.faults[TO_BOARD].spoil(data))
            self._count(len(data))

    def _from_board(self) -> None:
        while not self._ended:
            data = self.faults[FROM_BOARD].spoil(self._board.read(0.1))
            self._count(len(data))
            while data:
                data = data[os.write(self._master, data) :]

    def _count(self, passed: int) -> None:
        """The event, where it is time for one."""
        if not self._every:
            return
        with self._counting:
            self._until -= passed
            if self._until <= 0:
                self._until = self._every
                self.events += 1
                self._event()

    def close(self) -> None:
        """End it; the board's port is free again."""
        if self._ended:
            return
        self._ended = True
        os.write(self._told, b"x")
        for thread in self._threads:
            thread.join()
        self._board.close()
        for handle in (self._master, self._slave, self._stop, self._told):
            os.close(handle)
