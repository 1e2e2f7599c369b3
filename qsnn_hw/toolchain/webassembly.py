"""The WebAssembly tools' first start, which compiles them to machine code once.

The YoWASP runtime keeps the machine code in its cache folder, under the digest of the WebAssembly
file. Compiling yosys takes 45 to 100 s and 1.7 GB of memory, so this module can tell beforehand
whether that is about to happen, and lets one process do it while the others wait.

The runtime writes its file in place, and again where another version of wasmtime wrote it. A process that
has the file mapped meanwhile ends by SIGBUS. So what runs here has a folder of its own in that cache, one
for each version of wasmtime, whose files are compiled elsewhere and appear whole.
"""

import functools
import hashlib
import importlib.util
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from qsnn_hw.support.progress import Progress
from qsnn_hw.support.run_lock import try_lock
from qsnn_hw.support.stopping import deferred
from qsnn_hw.toolchain.cache import cache_folder, writable
from qsnn_hw.toolchain.catalog import SPECS
from qsnn_hw.toolchain.finder import Tool


def is_cold(tool: Tool) -> bool:
    """Whether starting ``tool`` compiles it first; False for native tools."""
    # A simulator that Python starts, such as cocotb's, is none that is looked for.
    held = SPECS[tool.name].webassembly if tool.name in SPECS else None
    if not tool.origin.startswith("wheel") or held is None:
        return False
    package, application = held
    module = importlib.util.find_spec(package)
    for folder in (module.submodule_search_locations or []) if module is not None else []:
        binary = Path(folder) / application
        if binary.is_file():
            compiled = _runtime_cache() / package / application / digest_of(binary, binary.stat().st_mtime_ns)
            # A writer that was killed leaves an empty or short file, which the runtime makes anew.
            return not compiled.is_file() or compiled.stat().st_size == 0
    return False


def first_use_notice(tool: Tool) -> str | None:
    """One line for the user when the next start of ``tool`` first compiles it; None otherwise."""
    if not is_cold(tool):
        return None
    length = SPECS[tool.name].first_use
    return f"{tool.name} {tool.version}: first use, compiling it for this machine takes {length}, once"


def runtime_environment() -> dict[str, str]:
    """Variables the YoWASP tools need here: where their compiled code lies."""
    return {"YOWASP_CACHE_DIR": str(_runtime_cache())}


def prepare(tool: Tool, progress: Progress) -> None:
    """Compile ``tool`` if that is still to be done, telling ``progress``; waits for another process at it.

    A tool that does not start is not reported here: its real run says why, with a log.
    """
    if not is_cold(tool):
        return
    notice = first_use_notice(tool)
    if notice is not None:
        progress.say(notice)
    with progress.task(f"compiling {tool.name}") as task, only_one(f"compile-{tool.name}") as held:
        while not held():
            task.waiting("another run is at it")
            time.sleep(0.5)
        if not is_cold(tool):
            return
        final = _runtime_cache()
        final.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=final, prefix=".compiling-") as scratch, ExitStack() as ended:
            # One that knows no --version prints its usage and fails, compiled all the same.
            with deferred():
                process = subprocess.Popen(
                    [*tool.command, "--version"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # Its own temporary files, too: a process that is killed leaves them.
                    env={**os.environ, "YOWASP_CACHE_DIR": scratch, "TMPDIR": scratch},
                )
                # One that has ended is not killed again.
                ended.callback(process.wait)
                ended.callback(process.kill)
            while process.poll() is None:
                task.waiting("first use")
                time.sleep(0.2)
            for compiled in Path(scratch).glob("yowasp_*/*.wasm/*"):
                place = final / compiled.relative_to(scratch)
                place.parent.mkdir(parents=True, exist_ok=True)
                compiled.replace(place)


@contextmanager
def only_one(name: str) -> "Iterator[_Attempt]":
    """Hand out a function that tries to become the only holder of ``name`` on this machine."""
    with (cache_folder() / f"{name}.lock").open("w") as stream:
        yield _Attempt(stream.fileno())


class _Attempt:
    """Tries to lock an open file; the lock ends with the file, even when the process is killed."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __call__(self) -> bool:
        return try_lock(self._handle)


def _default_cache() -> Path:
    # The same choice the YoWASP runtime makes.
    import platformdirs

    default = platformdirs.user_cache_dir("YoWASP", appauthor=False)
    return Path(os.environ.get("YOWASP_CACHE_DIR", default))


def _runtime_cache() -> Path:
    default = _default_cache()
    base = default if writable(default) else cache_folder() / "yowasp"
    own = f"qsnn-hw-wasmtime-{_wasmtime()}"
    # A tool that starts this program hands on what it was given.
    return base if base.name == own else base / own


@functools.cache
def _wasmtime() -> str:
    try:
        return version("wasmtime")
    except PackageNotFoundError:
        return "none"


@functools.cache
def digest_of(path: Path, changed: int) -> str:
    """The digest of a file; ``changed`` is its time of change, so that a new version is read again."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha1").hexdigest()
