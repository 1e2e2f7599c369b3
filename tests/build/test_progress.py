"""What a cancelled or refused run leaves to the next one: nothing."""

from pathlib import Path

import pytest

from qsnn_hw.build import cli, flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.inputs import READ
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, CancelledError, Progress
from tests.support.places import ROOT
from tests.support.small_model import write_model


def test_a_run_cancels_its_own_work_alone() -> None:
    mine = Progress(quiet=True)
    first, second = mine.of_one_run(), mine.of_one_run()
    first.cancel()
    with pytest.raises(CancelledError), first.task("work") as task:
        task.update(1, 2)
    second.check()
    mine.check()
    mine.cancel()
    with pytest.raises(CancelledError):
        second.check()


def test_a_build_that_fails_leaves_the_shared_progress_usable(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        job.progress.cancel()
        raise UserError("no such model")

    options = BuildOptions(model="net.nir", convention="nir", board="icebreaker")
    with pytest.raises(UserError, match="no such model"):
        flow.run(
            options,
            tmp_path / "out",
            part="generate",
            progress=SILENT,
            instead={READ: Step("read", make=fail)},
        )
    SILENT.check()


def test_a_refused_command_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path)
    folder = tmp_path / "out"
    given = ["generate", str(model), "--convention", "norse", "--board", "icebreaker", "-o", str(folder)]
    assert cli.main([*given, "--group-bits", "nobody=4"]) == 2
    assert "group 'nobody', which does not exist" in capsys.readouterr().err
    # What was read before the refusal stays for the next run, and nothing else does.
    assert sorted(path.name for path in folder.iterdir()) == ["01_network.npz", "steps.json"]
    model.write_bytes(b"no network")
    assert cli.main([*given[:-1], str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists()
    (tmp_path / "mine").mkdir()
    assert cli.main([*given[:-1], str(tmp_path / "mine")]) == 2
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("words", [["verify"], ["build", "--simulator", "cocotb"]])
def test_cocotb_in_a_folder_with_a_space_is_refused_at_once(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = ROOT / "examples" / "digits"
    given = [str(digits / "digits_64-32-10.nir"), "--convention", "snntorch", "--board", "icebreaker"]
    given += ["--data", str(digits / "digits_test.npz"), "-o", str(tmp_path / "not fine")]
    assert cli.main([*words, *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "GNU make cannot handle the space in it; choose another -o" in line
    assert not (tmp_path / "not fine").exists()


def test_a_rockpool_file_without_data_is_warned_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With data its output is compared, or the report says that there was none to compare with."""
    folder = ROOT / "examples" / "frameworks"
    given = ["generate", str(folder / "rockpool.nir"), "--convention", "rockpool", "--set", "dt=5e-3"]
    given += ["--board", "ulx3s-85f", "--group-bits", "nobody=4", "-o", str(tmp_path / "out")]
    assert cli.main(given) == 2
    told = capsys.readouterr().err
    assert "warning: " in told
    assert "whose exporter leaves out the bias of LIFTorch" in told
    assert cli.main([*given, "--data", str(folder / "rockpool.npz")]) == 2
    assert "leaves out" not in capsys.readouterr().err
