"""The resumable output folder: what is reused, what is made again, what is never left half done."""

from pathlib import Path

import pytest

from qsnn_hw import stages
from qsnn_hw.errors import UserError
from qsnn_hw.files import write_text
from qsnn_hw.progress import SILENT
from qsnn_hw.stages import MANIFEST, Stages


class Work:
    """Counts how often two chained stages really ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []

    def run(self, *, first: object = 1, second: object = 1) -> Stages:
        stages = Stages(self.folder, SILENT)
        for name, after, option in (("one", [], first), ("two", ["one"], second)):

            def make(name: str = name, option: object = option) -> None:
                write_text(self.folder / f"{name}.txt", str(option))
                self.made.append(name)

            stages.run(
                name, [f"{name}.txt"], after=after, options={"v": option}, make=make, load=lambda: None
            )
        return stages


@pytest.fixture
def work(tmp_path: Path) -> Work:
    work = Work(tmp_path / "out")
    work.run()
    assert work.made == ["one", "two"]
    work.made.clear()
    return work


def test_nothing_runs_twice(work: Work) -> None:
    work.run()
    assert work.made == []


def test_an_option_runs_its_stage_and_the_ones_after(work: Work) -> None:
    work.run(first=2)
    assert work.made == ["one", "two"]
    work.made.clear()
    work.run(first=2, second=5)
    assert work.made == ["two"]


@pytest.mark.parametrize("damage", ["", "changed", None])
def test_a_damaged_or_missing_file_is_made_again(work: Work, damage: str | None) -> None:
    path = work.folder / "two.txt"
    path.unlink() if damage is None else path.write_text(damage)
    work.run()
    assert work.made == ["two"]
    assert path.read_text() == "1"


def test_a_stage_that_failed_is_not_remembered(work: Work) -> None:
    stages = Stages(work.folder, SILENT)

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.run("one", ["one.txt"], options={"v": 9}, make=fail, load=lambda: None)
    assert not stages.finished("one", [], {"v": 9})
    work.run()
    assert work.made == ["one"]


def test_finished_looks_at_earlier_runs(work: Work) -> None:
    stages = Stages(work.folder, SILENT)
    assert not stages.finished("two", ["one"], {"v": 1}), "the stage before was not reached in this run"
    stages.run("one", ["one.txt"], options={"v": 1}, make=lambda: None, load=lambda: None)
    assert stages.finished("two", ["one"], {"v": 1})
    assert not stages.finished("two", ["one"], {"v": 2})


def test_a_damaged_manifest_is_one_clear_line(work: Work) -> None:
    (work.folder / MANIFEST).write_text("[1]")
    with pytest.raises(UserError, match=r"stages\.json is damaged; delete it"):
        Stages(work.folder, SILENT)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*choose a writable output folder"):
        Stages(tmp_path / "file" / "out", SILENT)


def test_a_changed_checker_is_a_changed_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ran in the simulator decides a verification as much as the package does."""
    before = stages._source_digest.__wrapped__()
    (tmp_path / "checker.py").write_text("changed")
    monkeypatch.setattr(stages, "resource_folder", lambda name: tmp_path)
    assert stages._source_digest.__wrapped__() != before
