"""One run at a time in an output folder: a lock of the operating system, which ends with its process."""

import contextlib
import datetime
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import sweep

LOCK = ".lock"
"""Its file in the folder; says who works there. Left by a process that was killed, it locks nobody out."""

# Far behind the text: Windows keeps others from reading what is locked.
_WINDOWS_BYTE = 1 << 30


@contextmanager
def one_run(folder: Path, command: str) -> Iterator[None]:
    """Work in ``folder`` alone for the length of a block; the temporary files of killed runs go first.

    Parameters
    ----------
    folder
        Made when missing; gone again where it was, and nothing is in it at the end.
    command
        What a second run is told of this one.

    Raises
    ------
    UserError
        Another run works there, or the folder cannot be made or written.
    """
    path = folder / LOCK
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _locked(path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose a writable output folder with -o"
        ) from error
    if handle is None:
        raise _busy(folder)
    try:
        now = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        about = json.dumps({"pid": os.getpid(), "command": command, "since": now})
        # A disk that is full keeps nobody from working; what is missing is said when it matters.
        with contextlib.suppress(OSError):
            os.write(handle, about.encode())
        sweep(folder)
        yield
    finally:
        # While it is still held: whoever waits for it sees that it is gone and makes another.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)
        if is_new:
            # Only where the run was refused before it left anything.
            with contextlib.suppress(OSError):
                folder.rmdir()


def refuse_busy(folder: Path) -> None:
    """Raise UserError when another run works in ``folder``; makes and changes nothing there."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except (OSError, ValueError):
        return
    try:
        if not try_lock(handle):
            raise _busy(folder)
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Lock an open file unless another process has; where locks do not exist, nobody has.

    The lock ends with the file, even when the process is killed. Children do not inherit it.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, _WINDOWS_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # Some network file systems know no locks.
        return True
    return True


def _locked(path: Path) -> int | None:
    """The handle of the locked file, empty; None when another process has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        if not try_lock(handle):
            os.close(handle)
            return None
        # The one before may have taken its file away between the two.
        if _is(handle, path):
            os.ftruncate(handle, 0)
            return handle
        os.close(handle)


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def _busy(folder: Path) -> UserError:
    about = ""
    # It may not have been written yet.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        holder: Any = json.loads((folder / LOCK).read_text(encoding="utf-8"))
        about = f" (pid {holder['pid']}, since {holder['since']}: {holder['command']})"
    return UserError(f"another run works in {folder}{about}; wait for its end, end it, or choose another -o")
