"""The C++ compiler: is it new enough, and which dialect of options does it take?"""

import contextlib
import functools
import hashlib
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.toolchain.cache import cache_folder
from qsnn_hw.toolchain.within import run_within

Dialect = Literal["gcc", "clang"]

# Verilator's run-time library asks for C++20 with coroutines. A compiler may know the language and
# still lack the library's headers or the linker, so the probe is linked, too.
_PROBE = """\
#include <coroutine>
#include <memory>
#include <string>
#include <thread>
int main() {
  std::coroutine_handle<> none;
  return none ? 1 : static_cast<int>(std::make_unique<std::string>()->size());
}
"""
# A busy machine may take a minute for the probe.
TIMEOUT_S = 300


@dataclass(frozen=True)
class Compiler:
    """A C++20 compiler: how to start it, what it calls itself and whose options it takes."""

    command: tuple[str, ...]
    version: str | None
    dialect: Dialect


def is_zig(command: tuple[str, ...]) -> bool:
    """Whether ``command`` starts zig, whose C++ compiler is its subcommand ``c++``."""
    return Path(command[0]).name in ("zig", "python-zig")


def coroutine_options(dialect: Dialect) -> tuple[str, ...]:
    """The options that switch on C++20 with coroutines."""
    return ("-std=gnu++20", "-fcoroutines") if dialect == "gcc" else ("-std=gnu++20",)


@functools.cache
def probe(command: tuple[str, ...]) -> Compiler | str:
    """The compiler behind ``command``, or one line that says why it does not serve.

    Zig is not made to compile here: its first program builds its C++ library, which takes a minute
    or two. It is known to serve, so its version is enough.
    """
    try:
        return _probed(command)
    except subprocess.TimeoutExpired:
        where = shlex.join(command)
        return f"{where} took more than {TIMEOUT_S} s for a small program; try when less else runs"


def _probed(command: tuple[str, ...]) -> Compiler | str:
    where = shlex.join(command)
    if is_zig(command):
        version = _output((command[0], "version"))
        if version is None:
            return f"{where} does not start"
        full = command if len(command) > 1 else (*command, "c++")
        return Compiler(full, version.strip(), "clang")
    text = _output((*command, "--version"))
    if text is None:
        return f"{where} does not start"
    dialect: Dialect = "clang" if "clang" in text.lower() else "gcc"
    number = re.search(r"\d+\.\d+(\.\d+)?", text)
    version = number[0] if number is not None else None
    # The compiler is started anew by each command of a user, and the probe is most of a second.
    known = _remembered(command, text)
    if known is not None and known.is_file():
        return Compiler(command, version, dialect)
    with tempfile.TemporaryDirectory(prefix="qsnn-hw-") as folder:
        source = Path(folder) / "probe.cpp"
        source.write_text(_PROBE, encoding="utf-8")
        options = (*coroutine_options(dialect), "-pthread", "-o", str(Path(folder) / "probe"))
        if _output((*command, *options, str(source))) is None:
            return f"{where} {version or 'of unknown version'} cannot build C++20 with coroutines"
    if known is not None:
        # A cache that cannot be written only costs time.
        with contextlib.suppress(OSError):
            known.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(known, text)
    return Compiler(command, version, dialect)


def _remembered(command: tuple[str, ...], text: str) -> Path | None:
    """The file that says that this very compiler, which says ``text`` of its version, built the probe."""
    try:
        program = Path(shutil.which(command[0]) or command[0]).resolve()
        status = program.stat()
        folder = cache_folder() / "compilers"
    except (OSError, UserError):
        return None
    parts = (command, str(program), status.st_size, status.st_mtime_ns, text, _PROBE)
    return folder / f"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}.txt"


def _output(command: tuple[str, ...]) -> str | None:
    """What ``command`` prints, None when it cannot be run or fails; TimeoutExpired is the caller's."""
    try:
        result = run_within(command, timeout_s=TIMEOUT_S)
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None
