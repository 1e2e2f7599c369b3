"""How long work talks: a live bar on a terminal, plain lines in a log.

The flow hands one :class:`Progress` down through its steps. A step calls
``progress.update(done, total)`` as often as it likes; on a terminal this draws one line with
count and time left, elsewhere it prints a plain line at most every ten seconds.
"""

import copy
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from qsnn_hw.support.terminal import plain

_LOG_INTERVAL_S = 10.0
_TERMINAL_INTERVAL_S = 0.1


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class CancelledError(Exception):
    """Work in another thread failed or the user pressed Ctrl-C, so this work is pointless."""


class Task:
    """One running piece of work inside a step; made by :meth:`Progress.task`."""

    def __init__(self, progress: "Progress", name: str) -> None:
        self._progress = progress
        self._name = name
        self._started = time.monotonic()
        self._shown = self._started

    def update(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` units are finished; raises CancelledError after a cancel."""
        self._progress.check()
        now = time.monotonic()
        interval = _TERMINAL_INTERVAL_S if self._progress.live else _LOG_INTERVAL_S
        if now - self._shown < interval:
            return
        self._shown = now
        left = ""
        if done:
            left = f", {_duration((now - self._started) * (total - done) / done)} left"
        self._progress.transient(f"{self._name}: {done}/{total}{left}")

    def waiting(self, what: str) -> None:
        """Report that the task still waits for ``what``, whose length is not known; raises CancelledError."""
        self._progress.check()
        now = time.monotonic()
        interval = 1.0 if self._progress.live else _LOG_INTERVAL_S
        if now - self._shown < interval:
            return
        self._shown = now
        self._progress.transient(f"{self._name}: {what} ({_duration(now - self._started)})")


class Progress:
    """Prints steps and their progress to a stream; safe to call from several threads."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self.live = not quiet and self._stream.isatty()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._above: Progress | None = None

    def of_one_run(self) -> "Progress":
        """The same voice with a cancellation of its own, so that a run that ends by one leaves none behind.

        A cancellation of this progress still stops what reports to the new one.
        """
        own = copy.copy(self)
        own._cancelled = threading.Event()
        own._above = self
        return own

    def cancel(self) -> None:
        """Make every task that reports to this progress, in any thread, stop at its next report."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise CancelledError after :meth:`cancel`."""
        if self._cancelled.is_set():
            raise CancelledError
        if self._above is not None:
            self._above.check()

    def say(self, line: str) -> None:
        """Print one permanent line."""
        if self._quiet:
            return
        erase = "\r\x1b[K" if self.live else ""
        self._write(f"{erase}{plain(line)}\n")

    def transient(self, line: str) -> None:
        """Show a line that the next one replaces on a terminal; a plain line in a log."""
        if self._quiet:
            return
        self._write(f"\r\x1b[K{plain(line)}" if self.live else f"{plain(line)}\n")

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(text)
                self._stream.flush()
            # Closed, full, or its reader has left: the work is worth more than its life signs.
            except (OSError, ValueError):
                self._quiet = True

    @contextmanager
    def task(self, name: str) -> Iterator[Task]:
        """Announce ``name``, hand out its :class:`Task`, and say how long it took."""
        started = time.monotonic()
        self.transient(f"{name} ...")
        yield Task(self, name)
        self.say(f"{name}: done in {_duration(time.monotonic() - started)}")


SILENT = Progress(quiet=True)
"""A progress that prints nothing, for library use and tests. It is everybody's, so nobody cancels it."""
