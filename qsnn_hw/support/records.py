"""A frozen record as one file: JSON, or .npz where it holds arrays. Nothing in a file is believed.

What stands in it is the tree of ``support/record_tree.py``; in an .npz its JSON is the entry ``description``,
and every array an entry of its own. ``format`` says what the file is, and which version.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar

import numpy as np

from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.record_tree import RESERVED, TreeReader, TreeWriter
from qsnn_hw.support.record_types import shown

T = TypeVar("T")

_FORMAT, _DESCRIPTION = RESERVED


@dataclass(frozen=True)
class Form(Generic[T]):
    """One kind of file.

    Parameters
    ----------
    kind
        The record that it holds.
    text
        Name and version, such as "hardware plan 4"; the version rises where older files mean something else.
    again
        What to do about a file that is refused.
    older
        Name and version of an older form -> its description as one of this form.
    keeps
        Users keep such files: a field that has a default may be missing, which is how files of before it are
        read.
    """

    kind: type[T]
    text: str
    again: str = ""
    older: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    keeps: bool = False

    @property
    def format(self) -> str:
        """What the file's entry ``format`` says."""
        return f"qsnn-hw {self.text}"

    @property
    def name(self) -> str:
        """Without the version."""
        return self.text.rpartition(" ")[0]

    def save(self, record: T, path: Path) -> None:
        """Write ``record``, whole or not at all; as JSON or .npz, by the suffix of ``path``."""
        writer = TreeWriter(path.parent.resolve())
        content = writer.tree(record)
        if path.suffix == ".json":
            if writer.arrays:
                raise ValueError(f"{self.kind.__name__} holds arrays, which JSON does not")
            files.write_json(path, {_FORMAT: self.format, **content})
            return
        text = json.dumps(content, allow_nan=False)
        files.write_npz(path, {_FORMAT: self.format, _DESCRIPTION: text, **writer.arrays})

    def load(self, path: Path) -> T:
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            There is no such file, it is of another form or version, or not what ``kind`` may hold.
        """
        content, arrays = self._content(path)
        reader = TreeReader(arrays, path.parent, self.keeps)
        try:
            record: T = reader.value(self.kind, content, "")
            reader.close()
        except (ValueError, UserError) as error:
            self.refuse(path, str(error))
        return record

    def read_json(self, path: Path) -> dict[str, Any]:
        """The content of a JSON file of this form, not checked yet, without its format; UserError else."""
        content = files.read_json(path)
        if not isinstance(content, dict):
            self.refuse(path, f"it must be an object, not {shown(content)}")
        upgraded: dict[str, Any] = self._upgraded(path, content.pop(_FORMAT, None), lambda: content)
        return upgraded

    def _content(self, path: Path) -> tuple[Any, dict[str, np.ndarray]]:
        if path.suffix == ".json":
            return self.read_json(path), {}
        arrays = files.read_npz(path)
        form, text = (arrays.pop(name, None) for name in (_FORMAT, _DESCRIPTION))
        known = None if form is None else str(form)
        return self._upgraded(path, known, lambda: json.loads(str(text), parse_constant=_no_constant)), arrays

    def _upgraded(self, path: Path, version: object, parse: Callable[[], Any]) -> Any:
        """The description of a file whose format is ``version``, as one of this version."""
        older = {f"qsnn-hw {text}": upgrade for text, upgrade in self.older.items()}
        if not isinstance(version, str) or version not in (self.format, *older):
            self.refuse(path, f"format is {shown(version)}, this version reads {self.format!r}")
        try:
            content = parse()
            return older[version](content) if version in older else content
        # A description that someone changed may have anything where a table is due.
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            self.refuse(path, f"its description is damaged ({error!r})")

    def refuse(self, path: Path, problem: str) -> NoReturn:
        """Raise the UserError of a file that is not what it should be."""
        cure = f"; {self.again}" if self.again else ""
        raise UserError(f"{path} holds no {self.name} of this version: {problem}{cure}")


class StoredRecord:
    """A frozen record with a file of its own: ``class Plan(StoredRecord, form="plan 4")``."""

    form: ClassVar[Form[Any]]

    def __init_subclass__(cls, form: str | None = None, again: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        if form is not None:
            cls.form = Form(cls, form, again)

    def save(self, path: Path | str) -> None:
        """Write the record, whole or not at all; UserError where the folder cannot be written."""
        self.form.save(self, Path(path))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what :meth:`save` wrote; UserError, one line, where it is not such a file of this version."""
        record: Self = cls.form.load(Path(path))
        return record


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
