"""Runs commands of a hostile case in a sandbox of their own, and judges how each ended.

A run is ``qsnn_hw.build.cli.main`` in a forked child that has everything imported already, which saves the
half second a fresh interpreter takes. What belongs to the start of an interpreter (closed streams, encodings)
takes a real ``python -m qsnn_hw``: ``Step.fresh``.
"""

import atexit
import contextlib
import fnmatch
import hashlib
import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from user_command import ROOT

REFUSAL_S = 10.0
"""Processor seconds within which a refusal has come: other work on the machine does not count."""

LIMIT_S = 300.0
"""Wall seconds after which any run counts as hung, one that waits for ever as well as one that works."""

# A file of a terabyte, mostly not there, is one of the cases.
_LARGE = 1 << 27

_OWN_LINE = re.compile(r"(error|mismatch|stopped): ")
_TRACE = re.compile(r"Traceback|most recent call last|Exception ignored|^\s+File \"|Warning: ", re.MULTILINE)
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_BUG = "this is a mistake in qsnn-hw"


@dataclass(frozen=True)
class Step:
    """One command of a case.

    Parameters
    ----------
    words
        Arguments of ``qsnn-hw``, with paths relative to the sandbox's ``cwd``.
    statuses
        Exit statuses that are right.
    says
        What the error line must hold; "" asks for nothing.
    stdout, stderr
        "read", "closed", "full" (/dev/full) or "broken" (a pipe whose reader has left).
    env
        Variables changed; None takes one away.
    file_limit
        Bytes that any file may grow to: a full disk as a single process sees one.
    fresh
        Start an interpreter of its own.
    before
        Changes the sandbox, given its ``cwd``, just before this command.
    after
        Looks at the ``cwd`` once the command has ended; returns what is wrong, or "".
    stop
        (signal, seconds after the start) to end the command by.
    beside
        Another command started in the same moment.
    """

    words: Sequence[str]
    statuses: tuple[int, ...] = (0, 1, 2)
    says: str = ""
    stdout: str = "read"
    stderr: str = "read"
    env: Mapping[str, str | None] = field(default_factory=dict)
    file_limit: int | None = None
    fresh: bool = False
    before: Callable[[Path], None] | None = None
    after: Callable[[Path], str] | None = None
    stop: tuple[int, float] | None = None
    beside: "Step | None" = None


@dataclass(frozen=True)
class Case:
    """Commands, one after another, in one sandbox.

    Parameters
    ----------
    kind, name
        What it is about, for the counts, and which one.
    files
        Path relative to the sandbox's ``cwd`` -> content.
    steps
        The commands.
    leaves
        Patterns of what may be written, relative to ``cwd``.
    """

    kind: str
    name: str
    files: Mapping[str, bytes]
    steps: tuple[Step, ...]
    leaves: tuple[str, ...] = ("o", "o/*", "out.npz")


@dataclass(frozen=True)
class Verdict:
    """What was wrong with a case; ``faults`` is empty where all was right."""

    case: Case
    runs: int
    refused: int
    seconds: float
    faults: tuple[str, ...]


class _Running:
    """A command on its way, with where its output goes."""

    def __init__(self, step: Step, home: Path, number: str) -> None:
        self.step = step
        self.paths = (home / f"{number}.out", home / f"{number}.err")
        self.started = time.monotonic()
        self.signalled = self.hung = False
        # Pipes: a limit on files must not cut what the command says.
        pipes = [os.pipe(), os.pipe()]
        self.pid = _start(step, home, (pipes[0][1], pipes[1][1]))
        self._readers = [reader for reader, _ in pipes]
        self._said = [b"", b""]
        for reader, writer in pipes:
            os.close(writer)
            os.set_blocking(reader, False)

    def poll(self) -> int | None:
        """Exit status, a shell's way for signals, or None while it runs."""
        age = time.monotonic() - self.started
        if self.step.stop is not None and not self.signalled and age >= self.step.stop[1]:
            self.signalled = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self.step.stop[0])
        if age > LIMIT_S and not self.hung:
            self.hung = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        done, status, used = os.wait4(self.pid, os.WNOHANG)
        self._read()
        if not done:
            return None
        for reader, path, said in zip(self._readers, self.paths, self._said, strict=True):
            os.close(reader)
            path.write_bytes(said)
        self.cpu_seconds = used.ru_utime + used.ru_stime
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def _read(self) -> None:
        for place, reader in enumerate(self._readers):
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(reader, 1 << 16):
                    self._said[place] += chunk

    @property
    def said(self) -> tuple[str, str]:
        """Standard output and standard error."""
        return self._said[0].decode("utf-8", "replace"), self._said[1].decode("utf-8", "replace")


def _start(step: Step, home: Path, streams: tuple[int, int]) -> int:
    """Fork a session of its own for the command; returns its process number."""
    environment = _environment(step, home)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        os.chdir(home / "cwd")
        if step.file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (step.file_limit, step.file_limit))
        for number, way, stream in (
            (0, "null", -1),
            (1, step.stdout, streams[0]),
            (2, step.stderr, streams[1]),
        ):
            _redirect(number, way, stream)
        if step.fresh:
            command = [sys.executable, "-m", "qsnn_hw", *step.words]
            os.execve(sys.executable, [os.fsencode(word) for word in command], environment)
        code = _main(step, environment)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _environment(step: Step, home: Path) -> dict[str, str]:
    real_cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    environment = {
        **os.environ,
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "PYTHONPATH": str(ROOT),
        # The compiled yosys is nobody's output; to make it anew takes minutes.
        "YOWASP_CACHE_DIR": os.environ.get("YOWASP_CACHE_DIR", f"{real_cache}/YoWASP"),
        "QSNN_CACHE_DIR": os.environ.get("QSNN_CACHE_DIR", f"{real_cache}/qsnn-hw"),
    }
    for name, value in step.env.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return environment


def _redirect(number: int, way: str, stream: int) -> None:
    if way == "closed":
        with contextlib.suppress(OSError):
            os.close(number)
        return
    if way == "broken":
        reader, stream = os.pipe()
        os.close(reader)
    elif way != "read":
        stream = os.open("/dev/full" if way == "full" else os.devnull, os.O_RDWR)
    os.dup2(stream, number)


def _main(step: Step, environment: Mapping[str, str]) -> int:
    """``main`` as an interpreter of its own would run and end it."""
    import tempfile

    from qsnn_hw.build import cli

    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    # Left open to the end, as an interpreter leaves its own.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    try:
        code = cli.main(list(step.words))
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """Every path below ``root`` -> what it is and holds."""
    tree: dict[str, tuple[Any, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content: Any = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path) and status.st_size > _LARGE:
                content = (status.st_size, status.st_mtime_ns)
            elif os.path.isfile(path):
                with open(path, "rb") as stream:
                    content = hashlib.file_digest(stream, "sha1").hexdigest()
            tree[os.path.relpath(path, root)] = (status.st_mode, content)
    return tree


def _faults(running: _Running, status: int) -> Iterator[str]:
    step = running.step
    out, err = running.said
    if running.hung:
        yield f"still runs after {LIMIT_S:g} s"
        return
    if _BUG in err:
        yield f"nobody foresaw: {err.strip().splitlines()[-1][:300]}"
    elif _TRACE.search(out + err):
        yield f"a traceback or Python's own warning: {(out + err).strip().splitlines()[-1][:300]}"
    if _CONTROL.search((out + err).replace("\r\x1b[K", "")):
        yield "control characters in the output"
    if status not in step.statuses:
        yield f"exit status {status}, not {' or '.join(map(str, step.statuses))}: {_last(err)[:300]}"
    elif status == 2 and step.stderr == "read":
        own = [line for line in err.splitlines() if _OWN_LINE.match(line)]
        if len(own) != 1 or _last(err) != own[0]:
            yield f"{len(own)} error lines, and the last line is: {_last(err)[:200]}"
        elif step.says not in own[0]:
            yield f"does not say {step.says!r}: {own[0][:300]}"
        if running.cpu_seconds > REFUSAL_S:
            yield f"refused only after {running.cpu_seconds:.0f} s of processor time: {_last(err)[:200]}"
    elif (
        status == 1
        and (step.stdout, step.stderr) == ("read", "read")
        and not (_last(err).startswith(("error: ", "mismatch: ")) or out)
    ):
        yield f"fails without a word: {_last(err)[:200]}"


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["(nothing said)"])[-1]


def _left_running(pid: int) -> bool:
    """Whether a process of the command's session is still there, a while after its end."""
    for _ in range(20):
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    os.killpg(pid, signal.SIGKILL)
    return True


def run_case(case: Case, home: Path) -> Iterator[Verdict | None]:
    """Run a case in the empty folder ``home``; yields None while it waits, then the verdict."""
    cwd, started = home / "cwd", time.monotonic()
    for name in ("cwd", "home", "tmp"):
        (home / name).mkdir(parents=True)
    for name, content in case.files.items():
        path = cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    faults: list[str] = []
    runs = refused = 0
    for index, step in enumerate(case.steps):
        if step.before is not None:
            step.before(cwd)
        before = {name: _tree(home / name) for name in ("cwd", "home", "tmp")}
        started_now = [_Running(one, home, f"{index}{letter}") for letter, one in _together(step)]
        statuses: dict[int, int] = {}
        while len(statuses) < len(started_now):
            for place, running in enumerate(started_now):
                status = running.poll() if place not in statuses else None
                if status is not None:
                    statuses[place] = status
            yield None
        for place, running in enumerate(started_now):
            runs += 1
            refused += statuses[place] == 2
            seen = list(_faults(running, statuses[place]))
            if _left_running(running.pid):
                seen.append("leaves processes behind")
            faults += [f"qsnn-hw {' '.join(map(_shown, running.step.words))}: {text}" for text in seen]
        for name in before:
            faults += _strange(name, before[name], _tree(home / name), case.leaves if name == "cwd" else ())
        if step.after is not None:
            wrong = step.after(cwd)
            if wrong:
                faults.append(f"qsnn-hw {' '.join(map(_shown, step.words))}: {wrong}")
    yield Verdict(case, runs, refused, time.monotonic() - started, tuple(faults))


def _together(step: Step) -> Iterator[tuple[str, Step]]:
    yield "a", step
    if step.beside is not None:
        yield "b", step.beside


def _shown(word: str) -> str:
    text = repr(word)[1:-1]
    return text if len(text) < 80 else f"{text[:60]}[{len(text)} characters]"


def _strange(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], leaves: Sequence[str]
) -> Iterator[str]:
    """What was written where nothing may be."""
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path) or any(fnmatch.fnmatchcase(path, one) for one in leaves):
            continue
        how = "appears" if path not in before else "is gone" if path not in after else "changes"
        yield f"writes outside its output: {name}/{_shown(path)} {how}"


def run_cases(
    cases: Sequence[Case], folder: Path, jobs: int, told: Callable[[Verdict], None]
) -> list[Verdict]:
    """Run all cases, ``jobs`` at a time, each in a folder of its own below ``folder``."""
    import shutil

    waiting = list(enumerate(cases))[::-1]
    active: list[tuple[Path, Iterator[Verdict | None]]] = []
    verdicts: list[Verdict] = []
    while waiting or active:
        while waiting and len(active) < jobs:
            number, case = waiting.pop()
            home = folder / f"{number:05}"
            active.append((home, run_case(case, home)))
        for one in list(active):
            verdict = next(one[1])
            if verdict is not None:
                active.remove(one)
                verdicts.append(verdict)
                told(verdict)
                if not verdict.faults:
                    shutil.rmtree(one[0], ignore_errors=True)
        time.sleep(0.003)
    return verdicts


def import_everything() -> None:
    """What commands import, before the first fork; threads of a BLAS would not survive it."""
    import qsnn_hw.build.flow
    import qsnn_hw.explore.integers.measured
    import qsnn_hw.finetune.settings
    import qsnn_hw.golden
    import qsnn_hw.model.check
    import qsnn_hw.report
    import qsnn_hw.toolchain.tools  # noqa: F401
