"""Signals end a run with everything it started, and leave nothing half done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsnn_hw.support.stopping import StoppedError, deferred, stoppable
from tests.support.places import ROOT
from tests.support.small_model import write_data, write_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(autouse=True)
def _hangup_is_heard() -> Iterator[None]:
    """``nohup`` in front of the tests would have every run here ignore SIGHUP, as it must."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def working_in(folder: Path) -> list[str]:
    """Processes whose working folder is in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = Path(os.readlink(process / "cwd"))
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if place.is_relative_to(folder) and words:
            found.append(words)
    return found


def gone(folder: Path) -> list[str]:
    """What still works in ``folder`` after a moment: what was killed needs one to go."""
    deadline = time.monotonic() + 5
    while working_in(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return working_in(folder)


def start(part: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "qsnn_hw", part, str(write_model(folder)), "--convention", "snntorch"]
    command += ["--set", "dt=1", "--data", str(write_data(folder / "d.npz")), "--board", "icebreaker"]
    command += ["-o", str(folder / "out")]
    # A simulation model that was built before would leave nothing to stop.
    environment = {**ENVIRONMENT, "QSNN_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def lines_until(process: "subprocess.Popen[str]", words: str) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if words in line:
            return


@pytest.mark.parametrize(
    ("number", "part", "at"),
    [
        (signal.SIGTERM, "synth", "yosys for icebreaker"),
        (signal.SIGHUP, "simulate", "build the simulation model"),
        (signal.SIGTERM, "generate", "elaborate ..."),
    ],
)
def test_a_signal_ends_the_run_and_its_tools(
    number: signal.Signals, part: str, at: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with start(part, tmp_path) as process:
        assert process.stderr is not None
        assert at in list(lines_until(process, at))[-1]
        if part != "generate":
            deadline = time.monotonic() + 20
            while not working_in(out) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert working_in(out), "the tool never started"
        process.send_signal(number)
        # A second one does not break off the tidying up.
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert process.returncode == 128 + number, rest
    assert "stopped: what is finished stays" in rest
    assert "Traceback" not in rest
    assert not gone(out)
    assert [p for p in out.rglob("*") if p.name.startswith(".") or "building-" in p.name] == []


def test_an_ignored_hangup_stays_ignored(tmp_path: Path) -> None:
    """``nohup qsnn-hw build ...`` goes on when the terminal closes."""
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + (
        "import os\nfrom qsnn_hw.support.stopping import stoppable\n"
        "with stoppable():\n    os.kill(os.getpid(), signal.SIGHUP)\nprint('goes on')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stdout == "goes on\n", done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_for_the_end_of_a_deferred_block_and_comes_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    reached = []

    def work() -> None:
        try:
            with deferred():
                with deferred():
                    os.kill(os.getpid(), number)
                reached.append("end of the block")
            reached.append("after the block")
        finally:
            os.kill(os.getpid(), number)
            reached.append("tidied up")

    with pytest.raises(StoppedError) as stopped, stoppable():
        work()
    assert reached == ["end of the block", "tidied up"]
    assert stopped.value.status == 128 + number
    assert signal.getsignal(number) == before


def test_a_simulator_ends_with_the_run_that_was_killed(tmp_path: Path) -> None:
    """What the worker does when the pipe from its parent closes: it and its children are gone."""
    program = (
        "import subprocess, threading, time\nfrom qsnn_hw.verify import worker\n"
        "subprocess.Popen(['sleep', '60'])\n"
        "threading.Thread(target=worker.end_with_parent, daemon=True).start()\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=pipe,
        stdout=pipe,
        cwd=tmp_path,
        env=ENVIRONMENT,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(working_in(tmp_path)) == 2
        process.stdin.close()
    assert process.returncode == -signal.SIGKILL
    assert not gone(tmp_path)
