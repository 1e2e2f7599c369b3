"""Ctrl-C, SIGTERM and SIGHUP as one exception, at moments when what was begun can be ended."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class StoppedError(KeyboardInterrupt):
    """The user, a shell or the system ends this run by a signal.

    A ``KeyboardInterrupt``, so that whatever tidies up behind Ctrl-C does so for every such signal.

    Parameters
    ----------
    number
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """Exit status, as shells count: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.number


class _State:
    """Of the main thread, which alone takes signals."""

    def __init__(self) -> None:
        self.stopped = False
        self.deferrals = 0
        self.waiting: int | None = None


_state = _State()


def _stop(number: int, frame: object) -> None:
    # One is enough: a second one must not break off the ending of tools and the removal of files.
    if _state.stopped:
        return
    if _state.deferrals:
        _state.waiting = number
        return
    _state.stopped = True
    raise StoppedError(number)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let the signals raise StoppedError, once, for the length of a block.

    A signal that this process was started to ignore (``nohup``, a shell's background) stays ignored. In
    another thread than the main one nothing changes.
    """
    global _state
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state = _State()
    before = {}
    for number in _NUMBERS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold a signal back until the end of a short block, where what it must end has a name."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    state = _state
    state.deferrals += 1
    try:
        yield
    finally:
        state.deferrals -= 1
    if state.waiting is not None and not state.deferrals:
        number, state.waiting = state.waiting, None
        _stop(number, None)
