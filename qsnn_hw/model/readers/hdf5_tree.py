"""HDF5 files as nested dictionaries, read in a process that a damaged file may hang or crash."""

import atexit
import json
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import check_readable

_WORKER = Path(__file__).with_name("hdf5_worker.py")

LIMIT_S = 30.0
"""Processor seconds a file may take; a network of 10^8 weights takes a few."""

_WALL_PER_LIMIT = 10
# On a busy machine a good file takes long without the library doing anything wrong; so the process's own
# time counts, and the clock on the wall only for one that waits for ever.
_LOOK_S = 0.5


class _Worker:
    def __init__(self) -> None:
        self.hung = False
        self.process = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: Path, limit_s: float) -> tuple[bool, Any] | None:
        """The worker's answer, or None when it hung or crashed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        answer: list[tuple[bool, Any]] = []
        reader = threading.Thread(target=_receive, args=(self.process.stdout, answer), daemon=True)
        try:
            self.process.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return None
        before, started = self._cpu_seconds(), time.monotonic()
        reader.start()
        while reader.is_alive():
            reader.join(min(_LOOK_S, limit_s))
            waited = time.monotonic() - started
            if self._cpu_seconds() - before >= limit_s or waited >= _WALL_PER_LIMIT * limit_s:
                break
        if reader.is_alive():
            self.hung = True
            self.process.kill()
            reader.join()
            return None
        return answer[0] if answer else None

    def _cpu_seconds(self) -> float:
        """Processor time of the process so far; that on the wall where the system does not say."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return time.monotonic()
        # After the name in brackets, which may hold anything: user and system time are fields 14 and 15.
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    # The process is gone, and with it whatever was still to be flushed.
                    continue


def _receive(stream: IO[bytes], answer: list[tuple[bool, Any]]) -> None:
    head = stream.read(8)
    if len(head) < 8:
        return
    (length,) = struct.unpack("<Q", head)
    data = stream.read(length)
    if len(data) == length:
        answer.append(pickle.loads(data))


_lock = threading.Lock()
running: list[_Worker] = []


def _stop() -> None:
    while running:
        running.pop().stop()


atexit.register(_stop)


def _worker(path: Path) -> _Worker:
    if not running:
        try:
            running.append(_Worker())
        except OSError as error:
            raise ToolError(f"cannot start {sys.executable} to read {path}: {error}") from error
    return running[0]


def read_tree(path: Path, limit_s: float | None = None) -> dict[str, Any]:
    """Every group of an HDF5 file as a dictionary, every dataset as an array, number or text.

    Raises
    ------
    UserError
        The file cannot be opened, is not HDF5, takes content from other files or is damaged, even such
        that the HDF5 library hangs (``limit_s`` seconds of processor time, by default ``LIMIT_S``) or
        crashes.
    ToolError
        The reading process does not start.
    """
    check_readable(path, "a .nir file")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    limit = LIMIT_S if limit_s is None else limit_s
    with _lock:
        answer = None
        # A process that something else killed says nothing about the file: ask a fresh one.
        for _ in range(2):
            worker = _worker(path)
            answer = worker.ask(path, limit)
            if answer is not None:
                break
            _stop()
            if worker.hung:
                break
    if answer is None:
        raise UserError(
            f"{path} is not a readable .nir (HDF5) file: the HDF5 library hangs or crashes on it; "
            "it is damaged, export the model again"
        )
    good, value = answer
    if not good:
        raise UserError(f"{path} is not a readable .nir (HDF5) file: {value}")
    tree: dict[str, Any] = value
    return tree
