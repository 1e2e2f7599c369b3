"""The resumable output folder: what is reused, what is made again, what is never left half done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qsnn_hw.build.steps import cache as cache_module
from qsnn_hw.build.steps.cache import MANIFEST, Cache
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import write_text
from qsnn_hw.support.progress import SILENT


class Work:
    """Counts how often two steps in a row really ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []
        self.code: list[Callable[..., Any]] = []

    def run(self, *, first: object = 1, second: object = 1) -> Cache:
        cache = Cache(self.folder, SILENT)
        for name, after, option in (("one", [], first), ("two", ["one"], second)):

            def make(name: str = name, option: object = option) -> None:
                write_text(self.folder / f"{name}.txt", str(option))
                self.made.append(name)

            cache.run(
                name,
                [f"{name}.txt"],
                after=after,
                options={"v": option},
                code=self.code,
                make=make,
                load=lambda: None,
            )
        return cache


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


def test_an_option_runs_its_step_and_the_ones_after(work: Work) -> None:
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


def test_a_step_that_failed_is_not_remembered(work: Work) -> None:
    cache = Cache(work.folder, SILENT)

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.run("one", ["one.txt"], options={"v": 9}, code=[], make=fail, load=lambda: None)
    assert not cache.finished("one", ["one.txt"], options={"v": 9}, code=[])
    work.run()
    assert work.made == ["one"]


def test_finished_looks_at_earlier_runs(work: Work) -> None:
    cache = Cache(work.folder, SILENT)
    two: dict[str, Any] = {"leaves": ["two.txt"], "after": ["one"], "code": []}
    assert not cache.finished("two", **two, options={"v": 1}), "the step before was not reached in this run"
    cache.run("one", ["one.txt"], options={"v": 1}, code=[], make=lambda: None, load=lambda: None)
    assert cache.finished("two", **two, options={"v": 1})
    assert not cache.finished("two", **two, options={"v": 2})


def test_what_an_earlier_step_left_decides_and_not_only_how_it_was_made(work: Work) -> None:
    """A file put in another's place, its digest in the manifest as well: nothing rests on it unseen."""
    forged = work.folder / "one.txt"
    forged.write_text("forged", encoding="utf-8")
    manifest = json.loads((work.folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["one"]["files"]["one.txt"] = files.digest(forged)
    write_text(work.folder / MANIFEST, json.dumps(manifest))
    work.run()
    assert work.made == ["two"]


def test_finished_asks_for_the_files_of_the_step_not_for_those_the_manifest_names(work: Work) -> None:
    manifest = json.loads((work.folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["two"]["files"] = {}
    write_text(work.folder / MANIFEST, json.dumps(manifest))
    cache = Cache(work.folder, SILENT)
    cache.run("one", ["one.txt"], options={"v": 1}, code=[], make=lambda: None, load=lambda: None)
    assert not cache.finished("two", ["two.txt"], after=["one"], options={"v": 1}, code=[])


def test_changed_source_repeats_a_step_and_those_after_it_only_where_they_see_a_difference(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = iter(["a", "b", "b", "b", "b", "b"])
    monkeypatch.setattr(cache_module, "code_digest", lambda functions: next(digests))
    work.run()
    assert work.made == ["one", "two"], "no source was remembered before"
    work.made.clear()
    work.run()
    assert work.made == ["one"], "it left the same file"


def test_options_of_every_earlier_step_decide(tmp_path: Path) -> None:
    """What a step takes from memory, such as data, is told by the options of the step that read it."""
    made: list[str] = []

    def run(option: int) -> None:
        cache = Cache(tmp_path, SILENT)
        for name, after, options in (
            ("one", [], {"v": option}),
            ("two", ["one"], {}),
            ("three", ["two"], {}),
        ):

            def make(name: str = name) -> None:
                write_text(tmp_path / name, "the same")
                made.append(name)

            cache.run(name, [name], after=after, options=options, code=[], make=make, load=lambda: None)

    run(1)
    made.clear()
    run(2)
    assert made == ["one", "two", "three"]


@pytest.mark.parametrize(
    "content",
    ["[1]", "5", '{"one": 5}', '{"one": {"key": 1, "files": {}}}', '{"one": {"key": "a", "files": []}}'],
)
def test_a_damaged_manifest_is_one_clear_line(work: Work, content: str) -> None:
    (work.folder / MANIFEST).write_text(content)
    with pytest.raises(UserError, match=r"steps\.json is damaged; delete it"):
        Cache(work.folder, SILENT)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*choose a writable output folder"):
        Cache(tmp_path / "file" / "out", SILENT)
