"""An option is one entry: all that a user sees of it is made from the field of a record."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from qsnn_hw.build.option import (
    add_options,
    check_options,
    entries,
    name_of,
    option,
    option_rows,
    typed_values,
)
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.support.errors import UserError


def _pairs(name: str, given: Sequence[str]) -> dict[str, str]:
    if not all("=" in text for text in given):
        raise UserError(f"{name} wants KEY=VALUE, not {given[-1]!r}")
    return dict(text.split("=", 1) for text in given)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One option of each kind."""

    file: str = field(metadata=option("a file", name="FILE", metavar="FILE"))
    size: int = field(default=3, metadata=option("how many", metavar="N", least=1, most=9))
    rate: float | None = field(default=None, metadata=option("how fast", more_names=("-r",), metavar="R"))
    kind: Literal["a", "b"] | None = field(default=None, metadata=option("which", none=True))
    where: str = field(default="here", metadata=option("the place (default: here)"))
    keep: bool | None = field(default=None, metadata=option("or not"))
    loud: bool = field(default=False, metadata=option("say more"))
    pairs: Mapping[str, str] = field(
        default_factory=dict, metadata=option("each", name="--pair", metavar="KEY=VALUE", read=_pairs)
    )
    inner: int = 0


LISTED = {"where": {"here": "at once", "there": "later"}}


def parser(*, remembered: Sequence[str] = ()) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(exit_on_error=False)
    add_options(made, Record, remembered=remembered, listed=LISTED)
    return made


def typed(*words: str) -> dict[str, object]:
    return typed_values(parser(remembered=("file",)).parse_args(words), Record)


def test_only_what_was_typed_is_a_value() -> None:
    assert typed() == {}
    assert typed("x.npz", "--size", "4", "-r", "0.5", "--kind", "none", "--where", "there") == {
        **{"file": "x.npz", "size": 4, "rate": 0.5, "kind": None, "where": "there"}
    }
    assert typed("--no-keep", "--loud", "--pair", "a=1", "--pair", "b=2") == {
        **{"keep": False, "loud": True, "pairs": {"a": "1", "b": "2"}}
    }
    with pytest.raises(UserError, match=r"^--pair wants KEY=VALUE, not 'b'$"):
        typed("--pair", "b")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("f", "--kind", "c"), "argument --kind: invalid choice: 'c'"),
        (("f", "--where", "nowhere"), "argument --where: invalid choice: 'nowhere'"),
        (("f", "--size", "x"), "argument --size: invalid int value: 'x'"),
        (("f", "--rate", "x"), "argument -r/--rate: invalid float value: 'x'"),
    ],
)
def test_what_the_type_does_not_allow_is_refused_as_it_is_typed(words: Sequence[str], says: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=says):
        parser().parse_args(words)


def test_what_has_no_default_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, argparse.ArgumentError)):
        parser().parse_args([])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": 0}, "--size must be from 1 to 9, not 0"),
        ({"size": 10}, "--size must be from 1 to 9, not 10"),
        ({"kind": "c"}, "--kind must be one of none, a, b, not 'c'"),
        ({"file": ""}, "FILE is empty; give a file or a name"),
    ],
)
def test_a_record_is_checked_by_its_entries(changes: dict[str, object], says: str) -> None:
    check_options(Record(file="x"))
    with pytest.raises(UserError) as refused:
        check_options(Record(**{"file": "x", **changes}))  # type: ignore[arg-type]
    assert str(refused.value) == says


def test_help_and_page_say_the_same() -> None:
    text = " ".join(parser().format_help().split())
    rows = list(option_rows(Record, only=[e.field for e in entries(Record)], listed=LISTED))
    assert rows[:3] == [
        "| `FILE` | a file |",
        "| `--size` N | how many |",
        "| `-r`, `--rate` R | how fast |",
    ]
    assert "| `--kind` a, b, none | which |" in rows
    assert "| `--where` here, there | the place (default: here). here: at once; there: later |" in rows
    assert "| `--keep`, `--no-keep` | or not |" in rows
    for row in rows:
        assert row.split("|")[2].strip() in text
    assert name_of("pairs", Record) == "--pair"


@dataclass(frozen=True, kw_only=True)
class Wider(BuildOptions, form="wider options 1"):
    """The options of a build, and another."""

    depth_first: int | None = field(default=None, metadata=option("so many first", metavar="N", least=1))


def test_another_option_is_one_entry(tmp_path: Path) -> None:
    """Command line, saved file, limits and page know it without an edit elsewhere."""
    made = argparse.ArgumentParser()
    add_options(made, Wider, remembered=("model",))
    found = typed_values(made.parse_args(["--depth-first", "7"]), Wider)
    assert found == {"depth_first": 7}
    Wider("a.nir", "snntorch", **found).save(tmp_path / "options.json")
    assert Wider.load(tmp_path / "options.json").depth_first == 7
    with pytest.raises(UserError, match=r"^--depth-first must be at least 1, not 0$"):
        Wider("a.nir", "snntorch", depth_first=0)
    assert list(option_rows(Wider, only=["depth_first"])) == ["| `--depth-first` N | so many first |"]
    assert "--depth-first N" in made.format_help()


def test_a_word_of_another_version_is_told_as_it_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "options.json"
    BuildOptions("a.nir", "snntorch", board="icebreaker").save(path)
    path.write_text(path.read_text(encoding="utf-8").replace('"balanced"', '"beauty"'), encoding="utf-8")
    with pytest.raises(UserError, match=r"optimize must be one of .*, not 'beauty'; run qsnn-hw build"):
        BuildOptions.load(path)
