"""One run at a time in an output folder, and what killed runs leave."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qsnn_hw.build import cli
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import sweep
from qsnn_hw.support.run_lock import LOCK, one_run, refuse_busy
from tests.support.places import ROOT

HOLDS = (
    "import sys, time\nfrom pathlib import Path\nfrom qsnn_hw.support.run_lock import one_run\n"
    "with one_run(Path(sys.argv[1]), 'qsnn-hw build net.nir'):\n"
    "    print('held', flush=True)\n    time.sleep(60)\n"
)


def holder(folder: Path) -> "subprocess.Popen[str]":
    """A process that works in ``folder``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_told_who_works_there_and_a_killed_one_frees_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with holder(out) as process:
        who = rf"pid {process.pid}, since 20\d\d-.*: qsnn-hw build net\.nir"
        told = rf"another run works in .*out \({who}\); wait"
        with pytest.raises(UserError, match=told), one_run(out, "mine"):
            pass
        with pytest.raises(UserError, match=told):
            refuse_busy(out)
        for part in ("build", "generate", "simulate", "synth"):
            assert cli.main([part, "-o", str(out)]) == 2
            assert f"another run works in {out} (pid {process.pid}" in capsys.readouterr().err
        process.kill()
    refuse_busy(out)
    assert (out / LOCK).exists(), "who was killed takes nothing away"
    with one_run(out, "mine"):
        pass
    assert not list(out.iterdir())


def test_nobody_is_locked_out_by_what_a_lock_file_says(tmp_path: Path) -> None:
    for content in (b"", b"nonsense", b'{"pid": 1}', b"\xff\xfe", b"[]"):
        (tmp_path / LOCK).write_bytes(content)
        with one_run(tmp_path, "mine"), pytest.raises(UserError, match=r"another run works in .*\(pid \d+"):
            refuse_busy(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="choose a writable output folder"),
        one_run(tmp_path / "file" / "o", ""),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system opens what a link names")
def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    out = tmp_path / "out"
    out.mkdir()
    (out / LOCK).symlink_to(outside)
    with pytest.raises(UserError, match="cannot write"), one_run(out, "mine"):
        pass
    assert outside.read_text() == "kept"


def test_temporaries_of_killed_runs_go_and_nothing_else(tmp_path: Path) -> None:
    gone = [
        ".06_design.v.k3_ab9zq.v",
        ".steps.json.00000000.json",
        "08_synthesis/.netlist.json.abcdefgh.json",
        "07_verification/run0/.alone.json.abcdefgh.json",
        "07_verification/building-0123456789abcdef-k3_ab9zq/Vtop.cpp",
    ]
    kept = [
        "06_design.v",
        ".gitignore",
        ".hidden.txt",
        ".notes.txt.backup.md",
        "07_verification/verilator-0123456789abcdef/Vtop.cpp",
        "building-plans/house.txt",
    ]
    for name in gone + kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    sweep(tmp_path)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)


def test_a_killed_command_leaves_nothing_that_the_next_one_keeps(tmp_path: Path) -> None:
    """SIGKILL while a file is written, then any command in the folder."""
    writes = (
        "import sys, time\nfrom pathlib import Path\nfrom qsnn_hw.support.files import replacing\n"
        "with replacing(Path(sys.argv[1]) / '06_design.v') as path:\n"
        "    print(path, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writes, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
    assert left.name.startswith(".06_")
    assert left.exists()
    # Whatever works there next tidies the folder, a command that is refused as well.
    model = tmp_path / "m.toml"
    model.write_text("input_shape = [1]\n", encoding="utf-8")
    options = ["--convention", "nir", "--board", "icebreaker", "-o", str(tmp_path)]
    assert cli.main(["generate", str(model), *options]) == 2
    assert not left.exists()
