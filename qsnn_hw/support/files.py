"""Files that are either whole or not there.

Everything the flow leaves in an output folder is written under a temporary name beside its
destination and renamed into place, so a full disk, a crash or Ctrl-C never leaves half a file
under its final name.
"""

import hashlib
import json
import os
import stat
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.support.errors import UserError

MAX_TOML_BYTES = 8_000_000
"""Python's reader takes a second for a megabyte or two."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds.

    Raises
    ------
    UserError
        The folder cannot be written, the disk is full, or ``path`` is a folder or a device.
    """
    check_writable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose a writable output folder with -o"
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; an output folder is meant to be shared like any other file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another -o"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Refuse what cannot become a file, before work is done for it.

    Raises
    ------
    UserError
        ``path`` or a part of it has a name that the file system does not take, or stands for a folder or
        a device.
    """
    try:
        mode = path.stat().st_mode
    # The second is said better by whoever makes the folder.
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"cannot write {path}: {reason}; choose another name") from error
    if stat.S_ISDIR(mode):
        raise UserError(f"cannot write {path}: it is a folder; choose another name")
    if not stat.S_ISREG(mode):
        # Renaming a file onto a device would take the device away.
        raise UserError(f"cannot write {path}: it is a device, not a file; choose another name")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path``, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write ``arrays`` as a compressed .npz to ``path``, whole or not at all.

    Raises
    ------
    ValueError
        An array holds Python objects.
    """
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as whole,
    ):
        for name, value in arrays.items():
            # Past 2 GiB only where it is said beforehand, as NumPy does.
            with whole.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(value), allow_pickle=False)


# Potentials take a sixth of the time that NumPy's level 6 takes, and 5 % more room.
_LEVEL = 1


def check_readable(path: Path, kind: str) -> int:
    """Refuse what is no ordinary file, which might never end, or too large to be read; returns the bytes.

    Parameters
    ----------
    kind
        What was wanted, for the message: "an .npz file".

    Raises
    ------
    UserError
        There is no such file, it cannot be looked at, it is a folder, a device or a pipe, or it has more
        bytes than half of the memory.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise UserError(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is a folder, not {kind}")
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is a device or a pipe, not {kind}; save it as a file first")
    memory = _memory()
    if status.st_size > memory // 2:
        raise UserError(
            f"{path} has {status.st_size / 2**30:,.1f} GiB, more than half of this machine's "
            f"{memory / 2**30:.1f} GiB of memory; give a smaller file"
        )
    return status.st_size


def _memory() -> int:
    """Bytes of this machine's memory; a guess where the system does not say."""
    if not hasattr(os, "sysconf"):
        return 2**34
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """Read a hand-written TOML file, of at most ``MAX_TOML_BYTES``.

    Parameters
    ----------
    kind
        As for :func:`check_readable`, without its article.

    Raises
    ------
    UserError
        The file is missing, is too large or is not TOML.
    """
    size = check_readable(path, f"a {kind}")
    if size > MAX_TOML_BYTES:
        raise UserError(
            f"{path} is a {kind} of {size:,} bytes, at most {MAX_TOML_BYTES:,} are read; "
            "keep its arrays in an .npz"
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise UserError(f"{path} is not a readable {kind}: it nests too deeply") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), "")
        raise UserError(f"{path} is not a readable {kind}: {reason}") from error


def _check_unpacked(path: Path) -> None:
    """Refuse an archive whose arrays would fill the memory: a few kilobytes of zip can claim terabytes."""
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
    # Damaged: numpy says how.
    except Exception:
        return
    memory = _memory()
    if claimed > memory // 2:
        raise UserError(
            f"{path} holds {claimed / 2**30:,.1f} GiB of arrays, more than half of this machine's "
            f"{memory / 2**30:.1f} GiB of memory; cut it to fewer samples"
        )


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Raises
    ------
    UserError
        The file is missing, is not an intact .npz file, holds an entry that is no array, or more arrays
        than fit into half of the memory.
    """
    check_readable(path, "an .npz file")
    _check_unpacked(path)
    try:
        # Opened here, because numpy leaves the file open when it turns out to be damaged.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    except PermissionError as error:
        raise UserError(f"cannot read {path}: permission denied") from error
    # numpy and zipfile raise half a dozen kinds of error for a damaged archive.
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path} is not a readable .npz file: {reason}") from error
    # What is no .npy file, numpy gives as bytes.
    strange = next((name for name, value in arrays.items() if not isinstance(value, np.ndarray)), None)
    if strange is not None:
        raise UserError(f"{path}: entry {strange!r} is no NumPy array; save the file with np.savez")
    return arrays


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    UserError
        The file is missing or is not JSON; NaN and infinity are not.
    """
    check_readable(path, "a JSON file")
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except RecursionError as error:
        raise UserError(f"{path} is not readable JSON: it nests too deeply") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not readable JSON: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def digest(path: Path) -> str:
    """The sha256 of a file's content, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
