"""Runs an outside tool: output into a log, life signs to the user, no child left behind."""

import contextlib
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.stopping import deferred
from qsnn_hw.toolchain import crash, webassembly
from qsnn_hw.toolchain.crash import WaysOut
from qsnn_hw.toolchain.finder import Tool

_POLL_S = 0.5
_GRACE_S = 3.0
_ENDING_POLL_S = 0.02
_SHOWN_CHARACTERS = 70
_TAIL_LINES = 40

# "ERROR: ...", "%Error-WIDTH: ...", "main.cpp:3:1: fatal error: ...", but not "0 errors".
_ERROR = re.compile(r"(.*[\s:])?(%?error\b[^a-z]*:|fatal:)", re.IGNORECASE)

OnLine = Callable[[str], str | None]


def relative(path: Path, folder: Path) -> str:
    """``path`` as a tool that runs in ``folder`` is to be told.

    The WebAssembly tools see a private /tmp in place of the machine's, so only relative paths
    reach every file.
    """
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def run_tool(
    tool: Tool,
    args: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    progress: Progress,
    name: str,
    on_line: OnLine | None = None,
    ways_out: WaysOut | None = None,
) -> None:
    """Run ``tool`` with ``args`` in folder ``cwd`` and wait for it.

    Parameters
    ----------
    log
        File that receives the command and every line of output, as it comes.
    env
        Variables added to this process's environment.
    name
        What the user sees, e.g. ``yosys: synthesis``.
    on_line
        Called with every output line, without its line end; a text it returns is shown as what the
        tool is doing. Without it, the last line of output is shown.
    ways_out
        What the user can do about a crash, by its cause.

    Raises
    ------
    ToolError
        The tool failed; the message has its exit code, the likely cause with a way out, or else the last
        meaningful line, and the log file.
    UserError
        The log cannot be written.
    """
    webassembly.prepare(tool, progress)
    command = [*tool.command, *(str(arg) for arg in args)]
    tail = _Tail()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as stream, progress.task(name) as task, _scratch() as scratch:
            environment = {
                **os.environ,
                **webassembly.runtime_environment(),
                "TMPDIR": str(scratch),
                **(env or {}),
            }
            stream.write(f"$ {shlex.join(command)}\n")
            stream.flush()
            shown = "running"
            with ExitStack() as ended:
                with deferred():
                    process = _start(tool, command, cwd, environment)
                    ended.enter_context(_stopped_at_exit(process))
                for line in _lines(process):
                    if line is not None:
                        stream.write(line + "\n")
                        stream.flush()
                        tail.add(line)
                        told = on_line(line) if on_line is not None else line.strip()
                        shown = told[:_SHOWN_CHARACTERS] if told else shown
                    task.waiting(shown)
            code = process.returncode
            if code:
                # Inside the task, so that no "done" line is printed for a failed tool.
                why = _reason(tool, code, tail, ways_out or {})
                raise ToolError(f"{tool.name} {_ending(code)}: {why}; see {log}")
    except OSError as error:
        raise UserError(
            f"cannot write {log}: {error.strerror or error}; free some space or choose another -o"
        ) from error


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for a tool's temporary files: one that is ended by a signal leaves them behind."""
    try:
        folder = tempfile.mkdtemp(prefix="qsnn-hw-")
    except OSError as error:
        raise UserError(
            f"cannot make temporary files in {tempfile.gettempdir()}: {error.strerror or error}; "
            "free some space or set TMPDIR to another folder"
        ) from error
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(tool: Tool, command: list[str], cwd: Path, env: Mapping[str, str]) -> "subprocess.Popen[str]":
    try:
        # Its own process group: Ctrl-C reaches this process alone, which then ends the whole group,
        # a tool's own children included.
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0 if sys.platform != "win32" else None,
        )
    except OSError as error:
        raise ToolError(
            f"{tool.name} cannot be started as {command[0]}: {error.strerror or error}"
        ) from error


def _lines(process: "subprocess.Popen[str]") -> Iterator[str | None]:
    """Every line of output; None now and then while the tool is silent. Ends with the process."""
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(cast(IO[str], process.stdout), lines), daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            yield None
            continue
        if line is None:
            break
        yield line
    while process.poll() is None:
        try:
            process.wait(timeout=_POLL_S)
        except subprocess.TimeoutExpired:
            yield None


def _read(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    with stream:
        for line in stream:
            lines.put(line.rstrip("\r\n"))
    lines.put(None)


@contextlib.contextmanager
def _stopped_at_exit(process: "subprocess.Popen[str]") -> Iterator[None]:
    """End the process and its children when the block is left before they have ended."""
    try:
        yield
    finally:
        if process.poll() is None:
            end_groups([process], _GRACE_S)


def end_groups(processes: "Sequence[subprocess.Popen[Any]]", grace_s: float) -> None:
    """End processes, each the leader of its group, and every child of theirs; wait for them.

    Parameters
    ----------
    grace_s
        Seconds between asking and making sure.
    """
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(_ENDING_POLL_S)
    for process in processes:
        # Also where the leader has ended: a child of it may not listen.
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _signal_group(process: "subprocess.Popen[Any]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)


def _ending(code: int) -> str:
    if code > 0:
        return f"failed with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}"


def _reason(tool: Tool, code: int, tail: "_Tail", ways_out: WaysOut) -> str:
    """The likely cause and what to do about it, or what the tool says itself."""
    cause = crash.cause_of(code, tail.lines)
    if cause is None:
        return tail.meaningful()
    way_out = ways_out.get(cause)
    return crash.in_words(cause, tool) + (f"; {way_out}" if way_out else "")


class _Tail:
    """Remembers the line that best says why a tool failed."""

    def __init__(self) -> None:
        self._error = ""
        self._last = ""
        self.lines: deque[str] = deque(maxlen=_TAIL_LINES)

    def add(self, line: str) -> None:
        """Take note of one more line of output."""
        text = line.strip()
        if not text:
            return
        self._last = text
        self.lines.append(text)
        if _ERROR.match(text):
            self._error = text

    def meaningful(self) -> str:
        """The last line that reports an error, else the last line with text."""
        return self._error or self._last or "it printed nothing"
