"""Where things that can be made again are kept between runs."""

import os
import sys
import tempfile
from pathlib import Path

from qsnn_hw.support.errors import UserError


def cache_folder() -> Path:
    """A writable folder for caches: ``QSNN_CACHE_DIR``, the user's cache folder, or a temporary one.

    Raises
    ------
    UserError
        ``QSNN_CACHE_DIR`` is set and cannot be written.
    """
    wanted = os.environ.get("QSNN_CACHE_DIR")
    if wanted:
        folder = Path(wanted).absolute()
        if not writable(folder):
            raise UserError(f"QSNN_CACHE_DIR={wanted} cannot be written; name a writable folder or unset it")
        return folder
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for folder in (Path(base).absolute() / "qsnn-hw", Path(tempfile.gettempdir()) / f"qsnn-hw-{_user()}"):
        # GNU make cannot handle spaces, and the simulator's tools are kept here.
        if " " not in str(folder) and writable(folder):
            return folder
    raise UserError("no writable cache folder; set QSNN_CACHE_DIR to one without spaces in its name")


def writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, which is made where it does not exist."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Asking is not enough: root may write anywhere but on a read-only file system.
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _user() -> str:
    return str(os.getuid()) if sys.platform != "win32" else os.environ.get("USERNAME", "user")
