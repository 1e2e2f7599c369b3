"""scripts/user_command.py: a bench that is ended takes the commands that it runs with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.places import ROOT


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_bench_that_is_ended_leaves_no_command_behind(number: signal.Signals, tmp_path: Path) -> None:
    scripts = ROOT / "scripts"
    package = tmp_path / "qsnn_hw"
    package.mkdir()
    (package / "support").mkdir()
    (package / "__init__.py").write_text("")
    (package / "support" / "errors.py").write_text("class ToolError(Exception): pass\n")
    (package / "__main__.py").write_text(
        "import pathlib, time\npathlib.Path('child').write_text('')\ntime.sleep(60)\n"
    )
    program = (
        f"import sys; sys.path.insert(0, {str(scripts)!r})\n"
        "import user_command\nuser_command.end_with_children()\nuser_command.qsnn_hw(['build'])\n"
    )
    bench = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "child").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    bench.send_signal(number)
    assert bench.wait(30) != 0
    with pytest.raises(ProcessLookupError):
        os.killpg(bench.pid, 0)
