"""The folder that a run leaves its files in: whether it can be written, and what killed runs left there."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from qsnn_hw.support.errors import UserError

# Of an output folder: its files, and those of the folders that tools work in.
_CHECKED_DEPTH = 2
_FILE_SUFFIXES = {".npz", ".json", ".il", ".v", ".ys", ".log", ".html", ".bin", ".bit"}
_MAX_PATH = 4096
_LONGEST_INSIDE = 300

BUILDING = "building-"
"""What the name of a folder begins with that gets its final name when it is whole."""

# As mkstemp and mkdtemp name what :func:`replacing` and a build make.
_TEMPORARY_FILE = re.compile(r"\.(.+)\.[a-z0-9_]{8}((?:\.[^.]*)?)")
_TEMPORARY_FOLDER = re.compile(BUILDING + r"[0-9a-f]+-[a-z0-9_]{8}")


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders that killed runs left in ``folder`` and in those inside it.

    Nothing else may be writing there.
    """
    for place, folders, names in os.walk(folder):
        for name in names:
            match = _TEMPORARY_FILE.fullmatch(name)
            if match is not None and Path(match[1]).suffix == match[2]:
                _remove(Path(place, name))
        for name in [name for name in folders if _TEMPORARY_FOLDER.fullmatch(name)]:
            folders.remove(name)
            shutil.rmtree(Path(place, name), ignore_errors=True)


def _remove(path: Path) -> None:
    # What cannot be removed now is in nobody's way.
    with suppress(OSError):
        path.unlink()


def check_folder_takes_files(folder: Path) -> None:
    """Make ``folder`` where it is missing, and refuse one that takes no files; leaves none there.

    Raises
    ------
    UserError
        It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write into {folder}: {error.strerror or error}; choose a writable output folder with -o"
        ) from error


def check_output_folder(folder: Path) -> None:
    """Refuse a folder in which writing would leave it, wait for ever or fail after the work.

    Links that lead out of it, devices and pipes, folders in the place of files, and a path too long for
    the names of files in it.

    Raises
    ------
    UserError
        Names what stands in the way.
    """
    try:
        whole = folder.resolve()
        if not folder.exists():
            # What is to be made must not be a link to elsewhere either.
            if folder.is_symlink():
                raise UserError(f"{folder} is a link to what does not exist; remove it or choose another -o")
        elif not folder.is_dir():
            raise UserError(f"{folder} is a file, not a folder; choose another output folder with -o")
        else:
            for entry in _entries(folder, _CHECKED_DEPTH):
                _check_entry(entry, whole)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot write into {folder}: {reason}; choose another output folder with -o"
        ) from error
    if len(os.fsencode(whole)) > _MAX_PATH - _LONGEST_INSIDE:
        raise UserError(
            f"the path of {folder} has {len(os.fsencode(whole)):,} bytes, too many for the files in it; "
            "choose a shorter output folder with -o"
        )


def _entries(folder: Path, depth: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if depth > 1 and entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path), depth - 1)


def _check_entry(entry: "os.DirEntry[str]", whole: Path) -> None:
    if entry.is_symlink():
        if not Path(entry.path).resolve().is_relative_to(whole):
            raise UserError(f"{entry.path} is a link that leads out of the output folder; remove it")
    elif entry.is_dir(follow_symlinks=False):
        if Path(entry.name).suffix in _FILE_SUFFIXES:
            raise UserError(f"{entry.path} is a folder in the place of a file; remove it")
    elif not entry.is_file(follow_symlinks=False):
        raise UserError(f"{entry.path} is a device or a pipe, not a file; remove it")
