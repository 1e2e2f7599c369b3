"""The user's command, for benches: ``qsnn-hw`` in a process of its own, and the report it leaves.

A bench that calls the steps itself may pass where the command fails; so none does.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsnn_hw.support.errors import ToolError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Parameters
    ----------
    command
        As a user would type it.
    status
        Exit status.
    output
        Everything it printed.
    seconds, cpu_seconds
        Wall time, and processor time of the command and of the tools it started.
    peak_mib
        The most memory that this command, or any one of its tools, has held.
    """

    command: str
    status: int
    output: str
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def last_line(self) -> str:
        """The last line printed: the error of a command that failed."""
        return (self.output.strip().splitlines() or ["(nothing printed)"])[-1]


_running: set[subprocess.Popen[str]] = set()


def end_with_children() -> None:
    """SIGTERM and SIGHUP of this bench end the commands it runs, too, then the bench as Ctrl-C does."""

    def end(number: int, frame: object) -> None:
        for running in tuple(_running):
            running.send_signal(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def qsnn_hw(arguments: Sequence[str | Path]) -> Ended:
    """Run ``qsnn-hw`` with these arguments and wait for its end."""
    words = [str(word) for word in arguments]
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "qsnn_hw", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        _running.add(running)
        assert running.stdout is not None
        try:
            output = running.stdout.read()
            # What wait() would leave untold: how much this one child and its own children took.
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        finally:
            _running.discard(running)
    return Ended(
        command=" ".join(["qsnn-hw", *words]),
        status=running.returncode,
        output=output,
        seconds=time.perf_counter() - started,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / 1024,
    )


def report_of(arguments: Sequence[str | Path], folder: Path) -> dict[str, Any]:
    """Run ``qsnn-hw ARGUMENTS -o FOLDER``; what its report.json holds.

    Raises
    ------
    ToolError
        The command failed; says which, and its last line.
    """
    ended = qsnn_hw([*arguments, "-o", folder])
    if ended.status:
        raise ToolError(f"{ended.command} ended with {ended.status}: {ended.last_line}")
    content: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return content
