"""Keeps what is compiled the same for every design: Verilator's library, and our programs around a model.

Verilator's makefile compiles all of it anew for every design, which is most of a small design's build time.
It starts every compilation through ``$(OBJCACHE)``; this script stands there and serves the objects of
sources in given folders from a cache. What is left is a design's own file, and of a small one reading
Verilator's headers is the most of that: a machine that compiles again and again gets them precompiled. It
runs alone (``python -I -S object_cache.py CACHE DIALECT FOLDERS c++ ...``, folders separated as in PATH,
Verilator's first), so it imports nothing of the package.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Raise it when what is stored or how it is keyed changes.
_FORMAT = 2

_PAYS_AFTER = 3
"""Compilations of designs with the same options before their headers are precompiled: that takes as long as
three of them save, and some 90 MB."""

_HEADER = "verilated.h"


def main(arguments: list[str]) -> int:
    """Compile, or copy what an earlier, equal compilation made; returns the compiler's exit status."""
    cache, dialect, command = Path(arguments[0]), arguments[1], arguments[3:]
    folders = [Path(folder) for folder in arguments[2].split(os.pathsep)]
    compiled = _source_and_target(command)
    if compiled is None:
        return subprocess.call(command)
    source, target = compiled
    if source.parent not in folders:
        # Clang has other options for the same, and zig a cache of its own.
        own = dialect == "gcc" and not source.parent.name
        headers = _precompiled(cache, command, compiled, folders[0]) if own else []
        return subprocess.call([*command[:-1], *headers, command[-1]])
    stored = cache / f"{source.stem}-{_key(command, {str(target)}, folders)}"
    if _restore(stored, target):
        return 0
    status = subprocess.call(command)
    if status == 0:
        _store(stored, target)
    return status


def _source_and_target(command: list[str]) -> tuple[Path, Path] | None:
    """The source and object file of a compilation."""
    source = Path(command[-1])
    if "-c" not in command or "-o" not in command or source.suffix != ".cpp":
        return None
    return source, Path(command[command.index("-o") + 1])


def _precompiled(cache: Path, command: list[str], compiled: tuple[Path, Path], library: Path) -> list[str]:
    """Options that give a design's file Verilator's headers, precompiled; none before it pays."""
    if "-include" in command or not (library / _HEADER).is_file():
        return []
    folder = cache / f"headers-{_key(command, {str(path) for path in compiled}, [library])}"
    header, uses = folder / "first.h", folder / "uses"
    # Where the compiler rejects what was precompiled it reads this one.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if Path(f"{header}.gch").is_file():
            return ["-include", str(header)]
        with uses.open("ab") as counter:
            counter.write(b".")
        if uses.stat().st_size <= _PAYS_AFTER:
            return []
        header.write_text(f'#include "{library / _HEADER}"\n', encoding="utf-8")
        handle, temporary = tempfile.mkstemp(dir=folder)
        os.close(handle)
        named = {str(compiled[0]): str(header), str(compiled[1]): temporary, "-c": "-xc++-header"}
        # The file that says what the object depends on is none of ours.
        options = [named.get(part, part) for part in command if part not in ("-MMD", "-MP")]
        made = subprocess.run(options, capture_output=True).returncode == 0
        if made:
            os.replace(temporary, f"{header}.gch")
            return ["-include", str(header)]
        Path(temporary).unlink()
    except OSError:
        # A full or read-only cache only costs time.
        pass
    return []


def _key(command: list[str], without: set[str], folders: list[Path]) -> str:
    """Digest of what an object depends on: options but ``without``, compiler, the text of the folders."""
    digest = hashlib.sha256(f"{_FORMAT}\0".encode())
    compiler = Path(shutil.which(command[0]) or command[0]).resolve()
    status = compiler.stat()
    digest.update(f"{compiler}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    digest.update("\0".join(part for part in command[1:] if part not in without).encode())
    for folder in folders:
        for file in sorted(folder.rglob("*")):
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
