"""Samples and weights over a line that may lose, spoil or add anything, and a board that may start over.

:class:`Link` drives what ``session.py`` knows with a port and a clock: it begins sessions, sends again when
time is up, repeats every sample whose answer did not come whole, and begins a new session, weights first,
when the board has lost its own. An answer is handed on once, and only whole.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from qsnn_hw.host.frames import END, NO_SESSION, NONCE_BYTES, SLOTS, Deframer, Reply, hello, opened
from qsnn_hw.host.port import Port
from qsnn_hw.host.repairs import Patience, Repairs
from qsnn_hw.host.serial_port import PortGoneError
from qsnn_hw.host.session import Answer, Collector, TableCollector, Window
from qsnn_hw.host.words import packed, table_request, weights
from qsnn_hw.support.errors import ToolError, UserError

T = TypeVar("T")

UNDER_WAY = 16
"""Samples sent ahead of their answers, at the most: enough to keep the line busy."""

_QUEUED = 16
"""Payloads that wait to be acknowledged before the next sample is packed."""


_LONGEST_FRAMES = 15
"""How many times as long as HELLO and its answer a frame and its answer may be on the line."""

SLOWEST_S = 5.0
"""Most that the driver waits before it asks again for the first time, however slow the board is."""

_NONCES = (1 << 8 * NONCE_BYTES) - 1


class _SessionLostError(Exception):
    """Only a new session helps; says why."""


class Link:
    """A session with a board, kept up.

    Parameters
    ----------
    port
        The line.
    input_size
        Addresses of the words that it takes; of pixels, 256 times the inputs.
    output_size, per_sample
        As of ``Collector``.
    patience
        How long to wait.
    """

    def __init__(
        self,
        port: Port,
        input_size: int,
        output_size: int,
        *,
        per_sample: bool,
        patience: Patience | None = None,
    ) -> None:
        self.port, self.repairs = port, Repairs()
        self._input_size, self._output_size, self._per_sample = input_size, output_size, per_sample
        self._patience = Patience() if patience is None else patience
        # Counts on from a start at random: no session has the nonce of one shortly before.
        self._nonce = secrets.randbelow(_NONCES)
        self._weights: bytes | None = None
        self._loaded = False
        self._under_way = UNDER_WAY
        self._progress()
        # Number of a sample in the session -> which of the caller's; how many the session has had.
        self._numbers: dict[int, int] = {}
        self._count = 0

    def begin(self) -> None:
        """Begin a session; what the board was doing is forgotten, weights too.

        Raises
        ------
        UserError
            Nothing, or nothing that makes sense, answers.
        PortGoneError
            The port is gone.
        """
        self._deframer = Deframer()
        self._raws: deque[bytes] = deque()
        self._numbers, self._count, self._loaded = {}, 0, False
        came = self.port.bytes_in
        wait = self._patience.silence_s
        until = time.monotonic() + self._patience.begin_s
        while time.monotonic() < until:
            self._nonce = self._nonce % _NONCES + 1
            self.port.write(hello(self._nonce))
            asked = time.monotonic()
            if self._answered(asked + wait):
                # What a frame of HELLO's size took, of a simulation that is slower than a board, too.
                slow_s = min(SLOWEST_S, _LONGEST_FRAMES * (time.monotonic() - asked))
                self._silence_s = max(self._patience.silence_s, slow_s)
                self._silent_s, self._silences = self._silence_s, 0
                self._heard = time.monotonic()
                return
            wait *= 2
        if self.port.bytes_in == came:
            raise UserError(
                f"nothing answers at {self.port.path}: is the bitstream in the board (qsnn-hw program), and "
                "is this the port of its serial line?"
            )
        raise UserError(
            f"what answers at {self.port.path} is no board of this program at {self.port.baud:,} baud: "
            "another bitstream, another rate, or not this port"
        )

    def _answered(self, until: float) -> bool:
        """Wait for the board's first frame of the session, which is taken."""
        while (left := until - time.monotonic()) > 0:
            self._raws.extend(self._deframer.feed(self.port.read(left)))
            while self._raws:
                # What came before belongs to no session of ours.
                body = opened(self._raws.popleft(), self._nonce)
                reply = None if body is None else Reply.parse(body)
                if reply is not None:
                    self._window = Window(self._nonce, reply.expected, reply.freed)
                    self._collector = Collector(self._output_size, per_sample=self._per_sample)
                    self._loaded = reply.loaded
                    self._collector.take(reply)
                    return True
        return False

    def reset(self) -> None:
        """Reset the board by a break and begin a session; raises as :meth:`begin`."""
        self.port.send_break()
        self._weights = None
        self.begin()

    @property
    def loaded(self) -> bool:
        """Whether the board has its weights, or needs none."""
        return self._loaded

    def status(self) -> bytes:
        """The board's table, while nothing else is under way.

        Raises
        ------
        UserError, ToolError
            As :meth:`exchange`.
        """

        rows, waiting = TableCollector(), False

        def asked() -> bytes | None:
            nonlocal waiting
            if not waiting:
                self._window.put([table_request()])
                waiting = True
            for reply, _ in self._turn():
                table = rows.take(reply)
                if table is not None:
                    return table
                # The request is worked off, and a row of its answer was lost.
                waiting = self._window.unacknowledged > 0 or reply.freed != reply.expected % SLOTS
            return None

        self._progress()
        return self._kept_up(asked)

    def load(self, data: bytes) -> None:
        """Fill the board's synapse memories, in a session of its own.

        Raises
        ------
        ToolError
            The board took all and still waits for more, or as :meth:`exchange`.
        """
        self._weights = data
        self._progress()
        self._again(self.begin)
        self._fill()

    def _fill(self) -> None:
        """Send the weights, until the board says that it has them."""
        data = self._weights
        if data is None:
            return

        def sent() -> bool | None:
            before = self._window.unacknowledged
            self._turn()
            if self._window.unacknowledged < before:
                self._progress()
            return True if self._loaded else None

        self._window.put(packed(weights(data, self._input_size)))
        self._kept_up(sent)

    def exchange(self, samples: int, words: Callable[[int], Sequence[bytes]]) -> Iterator[tuple[int, bytes]]:
        """Send samples, and give each one's answer once: its number and payload, mostly in order.

        Parameters
        ----------
        samples
            How many.
        words
            Of the sample of a number, as ``qsnn_hw/host/words.py`` makes them.

        Raises
        ------
        UserError
            Nothing answers any more, as for :meth:`begin`.
        PortGoneError
            The port is gone, and stays away.
        ToolError
            No progress, whatever is tried.
        """
        waiting = deque(range(samples))

        def turn() -> list[tuple[int, bytes]] | None:
            while waiting and len(self._numbers) < self._under_way and self._window.unacknowledged < _QUEUED:
                self._numbers[self._count] = waiting.popleft()
                self._window.put(packed(words(self._numbers[self._count])))
                self._count += 1
            answers = [
                (self._numbers.pop(answer.number), answer.payload)
                for _, answer in self._turn()
                if answer is not None and answer.number in self._numbers
            ]
            # Their answers have ended without being whole.
            for number in [number for number in self._numbers if number < self._collector.ended]:
                waiting.appendleft(self._numbers.pop(number))
                self.repairs.repeated += 1
            return answers or None

        def lost() -> None:
            for sample in sorted(self._numbers.values(), reverse=True):
                waiting.appendleft(sample)
            self.repairs.repeated += len(self._numbers)

        self._progress()
        while waiting or self._numbers:
            yield from self._kept_up(turn, lost)
            # What the caller did meanwhile was no silence of the board.
            self._heard = time.monotonic()

    def _kept_up(self, turn: Callable[[], T | None], lost: Callable[[], None] = lambda: None) -> T:
        """What ``turn`` gives, once it gives something; in a new session as often as one is lost.

        ``lost`` is called before what was under way is forgotten.
        """
        while True:
            try:
                result = turn()
            except (_SessionLostError, PortGoneError) as error:
                lost()
                self._check_stuck(str(error))
                gone = isinstance(error, PortGoneError)
                self._again(self.begin, gone=gone)
                self.repairs.sessions += 1
                if self._weights is not None:
                    self._fill()
                continue
            if result is not None:
                return result
            self._check_stuck("it answers, and nothing comes of it")

    def _again(self, begin: Callable[[], None], *, gone: bool = False) -> None:
        """Begin, with the port opened again where it is gone."""
        while True:
            if gone:
                self.port.reopen(self._patience.gone_s)
                self.repairs.reconnects += 1
            try:
                return begin()
            except PortGoneError:
                gone = True

    def _progress(self) -> None:
        self._progressed, self._repeated, self._asked = time.monotonic(), self.repairs.repeated, False

    def _took(self) -> None:
        """The board has taken frames, which is progress, too, unless they only repeat or ask.

        A sample may be many, and a slow line or simulation takes long for it.
        """
        if self.repairs.repeated == self._repeated and not self._asked:
            self._progress()

    def _check_stuck(self, why: str) -> None:
        if time.monotonic() - self._progressed > self._patience.stuck_s:
            raise ToolError(
                f"the board at {self.port.path} makes no progress in {self._patience.stuck_s:g} s: {why}"
            )

    def _turn(self) -> list[tuple[Reply, Answer | None]]:
        """Send what may be sent, wait for what comes, once: replies and the answers they complete."""
        for frame in self._window.frames():
            self.port.write(frame)
            self._heard = time.monotonic()
        if not self._raws:
            left = self._heard + self._silent_s - time.monotonic()
            self._raws.extend(self._deframer.feed(self.port.read(max(0.0, left))))
        taken = []
        while self._raws:
            reply = self._reply(self._raws.popleft())
            if reply is None:
                continue
            before = self._window.unacknowledged
            self._window.take(reply)
            if self._window.unacknowledged < before:
                self._silent_s = self._silence_s
                self._took()
            self._loaded = reply.loaded
            answer = self._collector.take(reply)
            if answer is not None:
                self._silent_s = self._silence_s
                self._progress()
            taken.append((reply, answer))
        # Only a good frame ends a silence: on a line that makes bytes up, some come always.
        if time.monotonic() >= self._heard + self._silent_s:
            self._silence()
            self._heard = time.monotonic()
        return taken

    def _silence(self) -> None:
        """Time is up: send again, or ask, as a lost answer leaves nothing to send again."""
        self.repairs.timeouts += 1
        self._silences += 1
        if self._silences > self._patience.silences:
            raise _SessionLostError("it does not answer")
        # Until something is taken, whatever comes meanwhile: a board slower than the wait, as a simulation is
        # on a machine that has become busy, would otherwise only ever be sent more of what it has.
        self._silent_s = min(2 * self._silent_s, max(SLOWEST_S, self._silence_s))
        self._window.again()
        if self._window.full:
            # The board may have started over, or its last word was lost, that there is room again.
            self._asked = True
            self.port.write(self._window.question())
        elif not self._window.unacknowledged:
            self._asked = True
            self._window.put([bytes([END])])

    def _reply(self, raw: bytes) -> Reply | None:
        """A reply of the session; None for what is damaged.

        Raises
        ------
        _SessionLostError
            The board has no session, or says that an answer is missing.
        """
        body = opened(raw, self._nonce)
        reply = None if body is None else Reply.parse(body)
        if reply is None:
            if opened(raw, NO_SESSION) is not None:
                raise _SessionLostError("it has started over")
            self.repairs.damaged += 1
            self._collector.damaged()
            return None
        self._silences, self._heard = 0, time.monotonic()
        if reply.lost:
            # Its samples and ours may no longer have the same numbers; one at a time nothing is lost.
            self._under_way = 1
            raise _SessionLostError("an answer was lost on the chip")
        if reply.ignored:
            raise _SessionLostError("it ignored an event, whose address it does not know")
        return reply
