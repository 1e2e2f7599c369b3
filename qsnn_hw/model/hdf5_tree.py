"""HDF5 files as nested dictionaries, read in a process that a damaged file may hang or crash."""

import atexit
import json
import pickle
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from qsnn_hw.errors import ToolError, UserError

_WORKER = Path(__file__).with_name("hdf5_worker.py")

LIMIT_S = 30.0
"""Seconds a file may take; a network of 10^8 weights takes a few."""


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
        reader.start()
        reader.join(limit_s)
        if reader.is_alive():
            self.hung = True
            self.process.kill()
            reader.join()
            return None
        return answer[0] if answer else None

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
_running: list[_Worker] = []


def _stop() -> None:
    while _running:
        _running.pop().stop()


atexit.register(_stop)


def _worker(path: Path) -> _Worker:
    if not _running:
        try:
            _running.append(_Worker())
        except OSError as error:
            raise ToolError(f"cannot start {sys.executable} to read {path}: {error}") from error
    return _running[0]


def read_tree(path: Path, limit_s: float | None = None) -> dict[str, Any]:
    """Every group of an HDF5 file as a dictionary, every dataset as an array, number or text.

    Raises
    ------
    UserError
        The file cannot be opened, is not HDF5 or is damaged, even such that the HDF5 library hangs
        (``limit_s`` seconds, by default ``LIMIT_S``) or crashes.
    ToolError
        The reading process does not start.
    """
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise UserError(f"no such file: {path}") from error
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder, not a .nir file") from error
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
