"""Errors that no step foresaw: one line for the user, the traceback into a file."""

import os
import platform
import shlex
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from qsnn_hw import __version__

LOG = "qsnn-hw-error.log"
"""The traceback's file in the output folder."""


def bug_line(error: BaseException, arguments: Sequence[str], folder: Path | None) -> str:
    """Leave the traceback in a file; one line that says what happened, where the file is, what to do.

    Parameters
    ----------
    arguments
        The command line, without the program's name.
    folder
        The output folder; None, or one that cannot be written, leaves the file in the system's folder of
        temporary files.
    """
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    content = "".join(
        [
            f"qsnn-hw {__version__}, Python {platform.python_version()}, {platform.platform()}\n",
            f"$ qsnn-hw {shlex.join(arguments)}\n\n",
            *traceback.format_exception(error),
        ]
    )
    log = _written(content.encode("utf-8", "backslashreplace"), folder)
    if log is None:
        return f"this is a mistake in qsnn-hw at {_place(error)}, {what}; please report it with your files"
    return f"this is a mistake in qsnn-hw, {what}; see {log}; please report it with that log and your files"


def _written(content: bytes, folder: Path | None) -> Path | None:
    if folder is not None and folder.is_dir():
        path = folder / LOG
        try:
            # A link in the folder could lead out of it.
            path.unlink(missing_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as stream:
                stream.write(content)
        except OSError:
            pass
        else:
            return path
    try:
        handle, name = tempfile.mkstemp(prefix="qsnn-hw-error-", suffix=".log")
        with open(handle, "wb") as stream:
            stream.write(content)
    except OSError:
        return None
    return Path(name)


def _place(error: BaseException) -> str:
    """File and line of the innermost frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
