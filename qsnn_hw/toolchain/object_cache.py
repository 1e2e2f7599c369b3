"""Keeps the compiled run-time library of Verilator, which is the same for every design.

Verilator's makefile compiles its run-time library anew for every design, which is most of a small
design's build time. It starts every compilation through ``$(OBJCACHE)``; this script stands there
and serves the library's objects from a folder. It runs alone (``python -I -S object_cache.py
FOLDER LIBRARY c++ ...``), so it imports nothing of the package.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Raise it when what is stored or how it is keyed changes.
_FORMAT = 1


def main(arguments: list[str]) -> int:
    """Compile, or copy what an earlier, equal compilation made; returns the compiler's exit status."""
    folder, library, command = Path(arguments[0]), Path(arguments[1]), arguments[2:]
    wanted = _cacheable(command, library)
    if wanted is None:
        return subprocess.call(command)
    source, target = wanted
    stored = folder / f"{source.stem}-{_key(command, target, library)}"
    if _restore(stored, target):
        return 0
    status = subprocess.call(command)
    if status == 0:
        _store(stored, target)
    return status


def _cacheable(command: list[str], library: Path) -> tuple[Path, Path] | None:
    """The source and object file of a compilation that depends on the library alone."""
    source = Path(command[-1])
    if "-c" not in command or "-o" not in command or source.suffix != ".cpp" or source.parent != library:
        return None
    target = Path(command[command.index("-o") + 1])
    return source, target


def _key(command: list[str], target: Path, library: Path) -> str:
    """Digest of everything the object depends on: options, compiler, and the whole library's text."""
    digest = hashlib.sha256(f"{_FORMAT}\0{target.name}\0".encode())
    compiler = Path(shutil.which(command[0]) or command[0]).resolve()
    status = compiler.stat()
    digest.update(f"{compiler}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    digest.update("\0".join(part for part in command[1:] if part != str(target)).encode())
    for file in sorted(library.rglob("*")):
        if file.suffix in (".h", ".cpp"):
            digest.update(f"\0{file}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:32]


def _restore(stored: Path, target: Path) -> bool:
    try:
        # The dependency file first: make takes the object as complete once it is there.
        shutil.copyfile(stored.with_suffix(".d"), target.with_suffix(".d"))
        shutil.copyfile(stored.with_suffix(".o"), target)
    except OSError:
        return False
    return True


def _store(stored: Path, target: Path) -> None:
    for suffix in (".d", ".o"):
        temporary = ""
        try:
            stored.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=stored.parent)
            os.close(handle)
            shutil.copyfile(target.with_suffix(suffix), temporary)
            os.replace(temporary, stored.with_suffix(suffix))
        except OSError:
            # A full or read-only cache only costs time: the object itself has been made.
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
