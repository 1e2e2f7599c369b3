"""Records in files: the same after reading, and one line for whatever is not one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.record_tree import decode, encode
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import Form, StoredRecord
from tests.support.record_damage import change_one_place, json_values
from tests.support.record_pairs import same_records


@dataclass(frozen=True)
class Square:
    side: int


@dataclass(frozen=True)
class Circle:
    radius: float
    middle: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Table:
    size: int
    values: Annotated[np.ndarray, Array("i", "size")]
    grid: Annotated[np.ndarray, Array("f", "rows", "size")] | None = None

    def __post_init__(self) -> None:
        if self.size > 99:
            raise ValueError("Size must be at most 99")


@dataclass(frozen=True)
class Drawing(StoredRecord, form="drawing 3", again="draw again"):
    name: str
    shapes: tuple[Square | Circle, ...]
    tables: Mapping[str, Table]
    bits: np.ndarray
    colour: Literal["red", "blue"] = "red"
    limit: float | None = None
    counted: int | float = 0
    closed: bool = False
    lasting: float = field(default=1.0, metadata={"json": "float"})


@dataclass(frozen=True)
class Note(StoredRecord, form="note 1"):
    text: str
    at: Path | None = None
    lines: tuple[str, ...] = ()
    more: dict[str, object] = field(default_factory=dict)


def drawing() -> Drawing:
    rng = np.random.default_rng(1)
    shared = rng.integers(-5, 5, 3)
    return Drawing(
        name="one \u00b5",
        shapes=(Square(2), Circle(0.5, (1, -1))),
        tables={
            "a.b": Table(3, shared, rng.normal(size=(2, 3))),
            "format": Table(3, shared),
            "none": Table(0, np.zeros(0, np.int64)),
        },
        bits=(rng.random((3, 1, 7)) < 0.5).astype(np.uint8),
        colour="blue",
        limit=2.5,
        counted=3,
        closed=True,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    drawing().save(tmp_path / "drawing.npz")
    return tmp_path / "drawing.npz"


def test_a_record_with_arrays_comes_back(saved: Path) -> None:
    back = Drawing.load(saved)
    assert same_records(back, drawing())
    assert [type(shape) for shape in back.shapes] == [Square, Circle]
    # What stood at two places is in the file once, and is one array again.
    assert back.tables["a.b"].values is back.tables["format"].values
    with np.load(saved) as stored:
        assert sorted(stored.files) == [
            "bits",
            "description",
            "format",
            "tables.a.b.grid",
            "tables.a.b.values",
            "tables.none.values",
        ]
        assert stored["bits"].shape == (3,)
        assert str(stored["format"]) == "qsnn-hw drawing 3"


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (8,), (9, 1)])
@pytest.mark.parametrize("most", [0, 1, 2, 255])
def test_bits_are_packed_and_counts_are_not(tmp_path: Path, shape: tuple[int, ...], most: int) -> None:
    bits = np.full(shape, most, np.uint8)
    replace(drawing(), bits=bits).save(tmp_path / "d.npz")
    back = Drawing.load(tmp_path / "d.npz").bits
    assert (back.dtype, back.shape) == (bits.dtype, shape)
    assert np.array_equal(back, bits)


def test_a_record_without_arrays_is_json(tmp_path: Path) -> None:
    note = Note("one", tmp_path / "deep" / "f", ("a", "b"), {"any": [1, None, {"thing": 2.5}]})
    (tmp_path / "here").mkdir()
    note.save(tmp_path / "here" / "note.json")
    content = json.loads((tmp_path / "here" / "note.json").read_text())
    assert content == {
        "format": "qsnn-hw note 1",
        "text": "one",
        "at": "../deep/f",
        "lines": ["a", "b"],
        "more": {"any": [1, None, {"thing": 2.5}]},
    }
    back = Note.load(tmp_path / "here" / "note.json")
    assert back.at is not None
    assert replace(back, at=back.at.resolve()) == note
    assert decode(Note, encode(Note("x")), "note") == Note("x")


def test_arrays_are_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Drawing holds arrays, which JSON does not"):
        drawing().save(tmp_path / "drawing.json")
    with pytest.raises(ValueError, match="no plain values"):
        encode(drawing())


CHANGES: list[tuple[str, object, str]] = [
    ("name", 3, "name must be text, not 3"),
    ("closed", 1, "closed must be true or false, not 1"),
    ("colour", "green", "colour must be one of red, blue, not 'green'"),
    ("colour", True, "colour must be one of red, blue, not True"),
    ("limit", "1", "limit must be a number, not '1'"),
    ("limit", True, "limit must be a number, not True"),
    ("counted", None, "counted must be a number, not None"),
    ("float", None, "float must be a number, not None"),
    ("shapes", {}, "shapes must be a list, not {}"),
    ("shapes.0", [], "shapes[0] must be an object, not []"),
    ("shapes.0.side", 2.0, "shapes[0].side must be a whole number, not 2.0"),
    ("shapes.0.@record", "Drawing", "shapes[0].@record must be one of Square, Circle, not 'Drawing'"),
    ("shapes.0.@record", ["Square"], "shapes[0].@record must be one of Square, Circle, not ['Square']"),
    ("shapes.1.middle", [1], "shapes[1].middle must be a list of 2, not of 1"),
    ("shapes.1.extra", 1, "shapes[1] has an unknown key 'extra'"),
    ("shapes.0", {"@record": "Square"}, "shapes[0] lacks the key 'side'"),
    ("tables", [], "tables must be an object, not []"),
    ("tables.none.size", 1, "tables.none.values has shape (0,), and size is 1"),
    ("tables.none.size", 100, "Size must be at most 99"),
    ("tables.none.values", [], "tables.none.values must be an array, not []"),
    ("tables.none.values", {"@": "gone"}, "tables.none.values must be an array, not {'@': 'gone'}"),
    ("tables.none.values", {"@": ["bits"]}, "tables.none.values must be an array, not {'@': ['bits']}"),
    (
        "tables.none.values",
        {"@": "tables.a.b.grid"},
        "of kind i and shape (size), not float64 (2, 3)",
    ),
    ("bits.shape", [2**40, 2**40], "packed bits, not uint8 (3,)"),
    ("bits.shape", [-3, -7], "packed bits, not uint8 (3,)"),
    ("bits.shape", "21", "bits.shape must be a list, not '21'"),
    ("tables.a.b.values", {"@": "tables.a.b.values", "shape": [3]}, "must be 3 packed bits, not int64 (3,)"),
    ("name", "x" * 10**5, ""),
    ("limit", 10**400, ""),
    ("name", ["x" * 10**5], "..."),
]


def _described(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(path) as stored:
        arrays = dict(stored)
    return json.loads(str(arrays.pop("description"))), arrays


def _refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        Drawing.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path} holds no drawing of this version: ")
    assert text.endswith("; draw again")
    assert "\n" not in text
    assert len(text) < len(str(path)) + 250
    return text


@pytest.mark.parametrize(("where", "value", "says"), CHANGES, ids=lambda v: str(v)[:30])
def test_a_damaged_description_is_one_line(saved: Path, where: str, value: object, says: str) -> None:
    described, arrays = _described(saved)
    place: Any = described
    *path, last = where.replace("a.b", "a/b").split(".")
    for step in path:
        place = place[int(step) if step.isdecimal() else step.replace("/", ".")]
    place[int(last) if last.isdecimal() else last] = value
    np.savez(saved, **arrays, description=json.dumps(described))
    if says:
        assert says in _refused(saved)
    else:
        Drawing.load(saved)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"format": "qsnn-hw drawing 2"},
            "format is 'qsnn-hw drawing 2', this version reads",
        ),
        ({"format": "two\nlines"}, "format is 'two\\\\nlines', this version"),
        ({"format": np.arange(9999)}, "format is '"),
        ({"format": None}, "format is None"),
        ({"description": None}, "its description is damaged"),
        ({"description": "[" * 10**5}, "its description is damaged"),
        ({"description": '{"name": NaN}'}, "its description is damaged"),
        ({"description": "[]"}, "it must be an object, not []"),
        ({"more": np.zeros(2)}, "it has an unknown array 'more'"),
        ({"bits": None}, "bits must be an array"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_damaged_file_is_one_line(saved: Path, changes: dict[str, Any], says: str) -> None:
    with np.load(saved) as stored:
        arrays = {**dict(stored), **changes}
    np.savez(saved, **{name: array for name, array in arrays.items() if array is not None})
    assert says.replace("\\\\", "\\") in _refused(saved)


VALUES = json_values(["", "bits", "@"], ["@", "@record", "shape", "side"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_a_record_or_one_line(saved: Path, tmp_path: Path, data: st.DataObject) -> None:
    described, arrays = _described(saved)
    change_one_place(described, data, VALUES)
    np.savez(tmp_path / "changed.npz", **arrays, description=json.dumps(described))
    made = _loaded(tmp_path / "changed.npz")
    if isinstance(made, UserError):
        assert "\n" not in str(made)
    else:
        made.save(tmp_path / "again.npz")
        assert same_records(Drawing.load(tmp_path / "again.npz"), made)


def _loaded(path: Path) -> Drawing | UserError:
    try:
        return Drawing.load(path)
    except UserError as error:
        return error


def test_a_form_that_users_keep_reads_files_of_before_a_field(tmp_path: Path) -> None:
    content = {"format": "qsnn-hw note 1", "text": "one"}
    (tmp_path / "note.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="it lacks the key 'at'"):
        Note.load(tmp_path / "note.json")
    kept = Form(Note, "note 1", keeps=True)
    assert kept.load(tmp_path / "note.json") == Note("one")
    (tmp_path / "note.json").write_text(json.dumps({"format": "qsnn-hw note 1"}))
    with pytest.raises(UserError, match="it lacks the key 'text'"):
        kept.load(tmp_path / "note.json")


def test_an_older_form_is_brought_up_or_refused(tmp_path: Path) -> None:
    def upgraded(content: dict[str, Any]) -> dict[str, Any]:
        return {"text": content["words"][0], "at": None, "lines": [], "more": {}}

    form = Form(Note, "note 2", older={"note 1": upgraded})
    path = tmp_path / "note.json"
    path.write_text(json.dumps({"format": "qsnn-hw note 1", "words": ["one"]}))
    assert form.load(path) == Note("one")
    for damaged in ({}, {"words": 3}, {"words": []}):
        path.write_text(json.dumps({"format": "qsnn-hw note 1", **damaged}))
        with pytest.raises(UserError, match="holds no note of this version: its description is damaged"):
            form.load(path)
    path.write_text(json.dumps({"format": "qsnn-hw note 0", "words": ["one"]}))
    with pytest.raises(UserError, match="format is 'qsnn-hw note 0', this version reads 'qsnn-hw note 2'"):
        form.load(path)


def test_a_path_with_nothing_behind_it_is_refused() -> None:
    with pytest.raises(ValueError, match=r"note.at is no path"):
        decode(Note, {"text": "", "at": "a\0b", "lines": [], "more": {}}, "note")
