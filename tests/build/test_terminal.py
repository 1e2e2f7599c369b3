"""What reaches the terminal: no control character of a name, and no loss of the verdict with a stream."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qsnn_hw.build import cli, commands
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.terminal import MAX_LINE, plain, shortened
from tests.support.places import ROOT

HOSTILE = "a\x1b[2J\x9b31m\r\nerror: forged\u2028\u202e\x7f\udc80b"


def test_a_hostile_name_becomes_printable() -> None:
    shown = plain(HOSTILE)
    assert shown == r"a\x1b[2J\x9b31m\r\nerror: forged\u2028\u202e\x7f\x80b"
    assert shown.isprintable()
    assert plain("accuracy 97.5 %, 3 × 4 µs") == "accuracy 97.5 %, 3 × 4 µs"


def test_a_long_line_is_cut_in_its_middle() -> None:
    line = "error: " + "x" * 10_000 + " tail"
    assert len(shortened(line)) < MAX_LINE + 50
    assert shortened(line).startswith("error: x")
    assert shortened(line).endswith("x tail")
    assert shortened("short") == "short"


def test_every_line_of_output_goes_through_the_terminal_module() -> None:
    """``print`` writes a name's escape sequences as they are."""
    for module in (commands, cli):
        assert module.__file__ is not None
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert not re.search(r"\bprint\(", source)


def test_names_in_errors_and_progress(capsys: pytest.CaptureFixture[str]) -> None:
    name = HOSTILE.replace("\udc80", "")
    assert cli.main(["infer", f"{name}.nir", "--convention", "nir", "--data", "x.npz"]) == 2
    err = capsys.readouterr().err
    assert err.rstrip("\n").isprintable()
    assert "\\x1b[2J" in err
    Progress().say(f"read: {name}")
    assert capsys.readouterr().err.rstrip("\n").isprintable()


@pytest.mark.parametrize("words", [["--bogus\x1b[2J"], ["build"], ["nothing"], [], ["build", "--bits", "x"]])
def test_a_wrong_command_line_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert lines[0].endswith(" --help")
    assert lines[0].isprintable()


def shell(command: str, **environment: str) -> tuple[int, str, str]:
    """A command line of a shell in which ``qsnn-hw`` is this checkout's; exit status, stdout, stderr."""
    # Not in paths: the checkout may be called so.
    script = re.sub(r"(?<![^\s;'])qsnn-hw(?=\s)", lambda _: f"'{sys.executable}' -m qsnn_hw", command)
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@needs_full
@pytest.mark.parametrize("words", ["boards", "--help", "--version", "infer --help"])
def test_a_full_standard_output_is_one_line(words: str) -> None:
    code, _, err = shell(f"qsnn-hw {words} > /dev/full")
    assert code == 2
    assert err.startswith("error: cannot write to standard output: No space left on device")
    assert len(err.splitlines()) == 1


def test_streams_that_are_closed() -> None:
    """Neither a message in the wrong stream nor a traceback."""
    missing = "qsnn-hw infer none.nir --convention nir --data none.npz"
    assert shell(f"{missing} 2>&-") == (2, "", "")
    assert shell("qsnn-hw boards >&-") == (0, "", "")
    assert shell(f"{missing} >&- 2>&- <&-") == (2, "", "")
    assert shell("set -o pipefail; qsnn-hw boards | true")[2] == ""


def test_closed_streams_are_open_to_nowhere_for_tools_as_well() -> None:
    """Otherwise the next file that is opened takes the number, and a tool's messages go into it."""
    program = "import os; from qsnn_hw.support.terminal import prepare_streams; prepare_streams(); "
    program += "print(*(os.readlink(f'/proc/self/fd/{n}') for n in (0, 2)), os.get_inheritable(2))"
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -c \"{program}\" 2>&- <&-"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "/dev/null /dev/null True\n"


@needs_full
def test_life_signs_that_cannot_be_written_do_not_stop_the_work(digits: Path, tmp_path: Path) -> None:
    command = (
        f"qsnn-hw infer {digits}/digits_64-32-10.nir --convention snntorch --samples 3 "
        f"--data {digits}/digits_test.npz 2> /dev/full"
    )
    code, out, _ = shell(command)
    assert code == 0
    assert "on 3 samples" in out


def test_an_ascii_terminal(tmp_path: Path) -> None:
    """Names and signs that the terminal has no letters for."""
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    code, _, err = shell("qsnn-hw infer 'schön×.nir' --convention nir --data x.npz", **ascii_only)
    assert code == 2
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    code, out, err = shell("qsnn-hw doctor; qsnn-hw --help", **ascii_only)
    assert "Traceback" not in err
    assert "usage: qsnn-hw" in out


def test_what_nobody_foresaw_leaves_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError("planted\nhere")

    for command in ("report", "boards"):
        monkeypatch.setattr(commands, command, fail)
    folder = tmp_path / "out"
    folder.mkdir()
    outside = tmp_path / "outside.txt"
    outside.write_text("kept", encoding="utf-8")
    (folder / "qsnn-hw-error.log").symlink_to(outside)
    assert cli.main(["report", "-o", str(folder)]) == 1
    err = capsys.readouterr().err
    log = folder / "qsnn-hw-error.log"
    assert f"ZeroDivisionError: planted\\nhere; see {log}; please report it" in err
    assert len(err.splitlines()) == 1
    content = log.read_text(encoding="utf-8")
    assert f"$ qsnn-hw report -o {folder}" in content
    assert "Traceback" in content
    assert outside.read_text(encoding="utf-8") == "kept"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["boards"]) == 1
    (log,) = tmp_path.glob("qsnn-hw-error-*.log")
    assert str(log) in capsys.readouterr().err
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert cli.main(["boards"]) == 1
    assert "at test_terminal.py:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(), 1, "error: not enough memory"),
        (OSError(36, "File name too long", "x" * 300), 2, "File name too long"),
    ],
)
def test_the_machines_own_refusals(
    error: Exception,
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "boards", fail)
    assert cli.main(["boards"]) == code
    assert says in capsys.readouterr().err


@needs_full
def test_a_device_is_not_replaced_by_a_file(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["infer", str(digits / "digits_64-32-10.nir"), "--convention", "snntorch", "--samples", "1"]
    arguments += ["--data", str(digits / "digits_test.npz"), "--out", "/dev/full"]
    assert cli.main(arguments) == 2
    assert "cannot write /dev/full: it is a device, not a file" in capsys.readouterr().err
    assert Path("/dev/full").is_char_device()
