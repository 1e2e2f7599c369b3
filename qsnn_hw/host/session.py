"""The host's side of a session, without any port: what to send again, which answers are whole.

:class:`Window` sends frames to the board (go-back-N, with the board's free places as credit) and
:class:`Collector` takes what comes back. Neither waits nor reads a clock: who drives them says when time
is up.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from qsnn_hw.host.frames import END, SEQUENCES, SLOTS, Reply, data_frame
from qsnn_hw.host.identity import ROW_BYTES, TABLE_ROWS
from qsnn_hw.host.words import ends_sample

MAX_UNDER_WAY = 127
"""Samples that may be sent ahead of the answers: their numbers count modulo 256."""


class Window:
    """Payloads to frames, in order, each until the board has acknowledged it.

    Parameters
    ----------
    nonce
        Of the session.
    expected
        What the board's answer to HELLO expects first.
    freed
        As in that answer.
    """

    def __init__(self, nonce: int, expected: int, freed: int) -> None:
        self._nonce, self._freed = nonce, freed
        self._first = expected
        self._waiting: deque[bytes] = deque()
        self._sent = 0
        self._went_back = False

    @property
    def unacknowledged(self) -> int:
        """Payloads that the board is not known to have."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Of these, how many were sent since the last :meth:`again`."""
        return self._sent

    def put(self, payloads: Iterable[bytes]) -> None:
        """Queue payloads, as ``words.packed`` makes them."""
        self._waiting.extend(payloads)

    def frames(self) -> list[bytes]:
        """Bytes of the frames that may be sent now, each frame once."""
        ready = []
        while self._sent < len(self._waiting) and self._room(self._sent):
            sequence = (self._first + self._sent) % SEQUENCES
            ready.append(data_frame(sequence, self._waiting[self._sent], self._nonce))
            self._sent += 1
        return ready

    def _room(self, ahead: int) -> bool:
        return (self._first + ahead - self._freed) % SLOTS < SLOTS - 1 and ahead < SLOTS - 1

    def take(self, reply: Reply) -> None:
        """What the board says it has, and has room for. One that makes no sense is ignored."""
        arrived = (reply.expected - self._first) % SEQUENCES
        # Replies come in order: none is older than the one before, so what was not sent cannot have arrived.
        if arrived > min(len(self._waiting), SLOTS - 1):
            return
        for _ in range(arrived):
            self._waiting.popleft()
        self._first = reply.expected
        self._sent = max(0, self._sent - arrived)
        self._freed = reply.freed
        if arrived:
            self._went_back = False
        elif reply.refused and not self._went_back:
            # Once until there is progress: the frames behind the one that was refused are refused, too.
            self.again()
            self._went_back = True

    def again(self) -> None:
        """Time is up: send everything again that was not acknowledged; the board drops what it has."""
        # Of what is sent now a frame may be refused, too.
        self._sent, self._went_back = 0, False

    @property
    def full(self) -> bool:
        """Whether nothing may be sent, as every place of the board is taken as far as is known."""
        return not self._room(0)

    def question(self) -> bytes:
        """Bytes of a frame that the board has had, and answers, whatever it is doing."""
        return data_frame((self._first - 1) % SEQUENCES, bytes([END]), self._nonce)


@dataclass(frozen=True)
class Answer:
    """The whole answer to one sample: which of the session, and its payload."""

    number: int
    payload: bytes


class Collector:
    """Replies of a session to whole answers; nothing of an answer with a gap.

    Answers come in the order of the samples that were sent. The frames of a sample count 0, 1 to 255, 1 to
    255 and so on, so 0 is the first and no other. An answer is whole if its frames follow one another without
    a gap, from 0 to the one that ends it, and nothing damaged came between.

    Parameters
    ----------
    size
        Addresses of the output stream; classes where the design has a readout.
    per_sample
        The design has a readout: it answers a sample with one word, not with events and ticks.
    """

    def __init__(self, size: int, *, per_sample: bool) -> None:
        self._size, self._per_sample = size, per_sample
        self._ended = 0
        # The number of the frame that follows; None while the rest of a sample is of no use.
        self._next: int | None = 0
        self._held = bytearray()

    @property
    def ended(self) -> int:
        """Samples of the session whose answer has ended, whole or not, as far as is known."""
        return self._ended

    def damaged(self) -> None:
        """A frame came that is not of the session, or bytes may be lost: drop the sample under way."""
        self._next = None
        self._held.clear()

    def take(self, reply: Reply) -> Answer | None:
        """The answer that this reply completes; ``MAX_UNDER_WAY`` samples may be under way at a time."""
        ahead = (reply.sample - self._ended) % 256
        if ahead > MAX_UNDER_WAY:
            self.damaged()
            return None
        if ahead:
            self._ended += ahead
            self._next = 0
            self._held.clear()
        if reply.frame != self._next:
            self.damaged()
        else:
            self._next = reply.frame % 255 + 1
        if reply.status:
            return None
        if self._next is not None:
            self._held += reply.payload
        if not self._ends(reply.payload):
            return None
        answer = None if self._next is None else Answer(self._ended, bytes(self._held))
        self._ended += 1
        self._next = 0
        self._held.clear()
        return answer

    def _ends(self, payload: bytes) -> bool:
        return bool(payload) if self._per_sample else ends_sample(payload, self._size)


class TableCollector:
    """The rows of the board's table to the table, after ``words.table_request`` has gone."""

    def __init__(self) -> None:
        self._rows: list[bytes] = []
        self._next: int | None = None

    def take(self, reply: Reply) -> bytes | None:
        """The table that this reply completes; behind a gap in the rows all must be asked for again."""
        if not reply.status or len(reply.payload) != ROW_BYTES:
            return None
        if self._next != reply.frame:
            self._rows.clear()
        self._rows.append(reply.payload)
        self._next = reply.frame % 255 + 1
        if len(self._rows) < TABLE_ROWS:
            return None
        table = b"".join(self._rows)
        self._rows.clear()
        return table
