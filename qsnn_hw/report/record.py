"""What a build found out, as one frozen record that is ``report.json`` on disk.

A figure that was not obtained is None (``null``), never 0: nothing was verified is not the same as
nothing differed. Units are in the names; accuracies are fractions from 0 to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Part, Section
from qsnn_hw.support import files
from qsnn_hw.support.record_tree import decode, encode
from qsnn_hw.support.records import Form

T = TypeVar("T")

ASSUMPTIONS: Part[tuple[str, ...]] = Part("assumptions", tuple[str, ...], ())
"""One line each, added by the sections that assume something."""

WARNINGS: Part[tuple[str, ...]] = Part("warnings", tuple[str, ...], ())
"""One line each, added by the sections whose steps warned."""


def parts_of(sections: Sequence[Section]) -> tuple[Part[Any], ...]:
    """Every key of ``report.json`` but those about the report itself, in their order.

    Raises
    ------
    ValueError
        Two sections have the same key.
    """
    parts = (*(part for section in sections for part in section.parts), ASSUMPTIONS, WARNINGS)
    keys = [part.key for part in parts]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"sections must have different keys of report.json, not {', '.join(twice)} twice")
    return parts


def told(sections: Sequence[Section]) -> tuple[dict[str, str], dict[str, str]]:
    """How each part is known, and what it means: ``basis`` and ``definitions`` of report.json."""
    basis: dict[str, str] = {}
    definitions: dict[str, str] = {}
    for part in parts_of(sections):
        basis |= part.named(part.basis)
        definitions |= part.named(part.definitions)
    return basis, definitions


@dataclass(frozen=True)
class Report:
    """Everything ``report.json`` says, as the sections of a target have it.

    ``report[PART]`` is the value of a part; a part that it has not, such as one of another target, is absent.

    Parameters
    ----------
    sections
        Those of the target, in the order of the file.
    values
        Key of a part -> its value; see the parts' ``kind``.
    basis, definitions
        Part of the report -> how it is known, and what it means.
    created
        ISO 8601 date and time, or None.
    """

    sections: tuple[Section, ...] = field(repr=False)
    values: Mapping[str, Any]
    basis: Mapping[str, str]
    definitions: Mapping[str, str]
    created: str | None = None

    @classmethod
    def of(
        cls,
        sections: Sequence[Section],
        *,
        basis: Mapping[str, str] | None = None,
        definitions: Mapping[str, str] | None = None,
        created: str | None = None,
        **values: Any,
    ) -> "Report":
        """A report of ``values``, by the keys of their parts; what is left out is absent.

        Raises
        ------
        ValueError
            No section has such a part, or a value is refused.
        """
        parts = {part.key: part for part in parts_of(sections)}
        for key in values:
            if key not in parts:
                raise ValueError(f"report has an unknown key {key!r}")
        whole = {key: part.check(values.get(key, part.absent)) for key, part in parts.items()}
        known, means = told(sections)
        return cls(
            tuple(sections),
            whole,
            known if basis is None else basis,
            means if definitions is None else definitions,
            created,
        )

    @classmethod
    def of_results(
        cls, sections: Sequence[Section], results: Results, created: str | None = None
    ) -> "Report":
        """The report of what the steps left: every part as it makes itself, and what sections add to it."""
        values: dict[str, Any] = {}
        for part in parts_of(sections):
            value = part.make(results)
            values[part.key] = part.absent if value is None else value
        for section in sections:
            for added in section.added:
                values[added.part.key] = _joined(values[added.part.key], added.make(results))
        return cls.of(sections, created=created, **values)

    def __getitem__(self, part: Part[T]) -> T:
        value: T = self.values.get(part.key, part.absent)
        return value

    def but(self, **values: Any) -> "Report":
        """A copy with other values, by the keys of their parts or the names of this record's own fields."""
        own = {name: values.pop(name) for name in ("basis", "definitions", "created") if name in values}
        changed = Report.of(self.sections, **{**self.values, **values})
        return replace(self, values=changed.values, **own)

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """What the figures themselves show to be wrong, and the warnings of the build."""
        return (*(line for section in self.sections for line in section.findings(self)), *self[WARNINGS])

    def to_json(self) -> dict[str, Any]:
        """The content of ``report.json``: plain dictionaries, lists, text, numbers and None."""
        about = {"basis": self.basis, "definitions": self.definitions, "created": self.created}
        return {"format": FORM.format, **encode(self.values), **encode(about)}

    def save(self, path: Path) -> None:
        """Write ``report.json``, whole or not at all.

        Raises
        ------
        UserError
            The file cannot be written.
        """
        files.write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path, sections: Sequence[Section]) -> "Report":
        """Read what :meth:`save` wrote of a report with the same sections.

        Raises
        ------
        UserError
            The file is missing, damaged, or not a report of this version.
        """
        content = FORM.read_json(path)
        try:
            return _decoded(cls, content, sections)
        except ValueError as error:
            FORM.refuse(path, str(error))


FORM = Form(Report, "report 4", again="run the build again")


def _joined(value: Any, more: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **more)
    return {**value, **more} if isinstance(value, Mapping) else (*value, *more)


_ABOUT = {"basis": Mapping[str, str], "definitions": Mapping[str, str], "created": str | None}


def _decoded(report_type: type[Report], content: dict[str, Any], sections: Sequence[Section]) -> Report:
    kinds = {part.key: part.kind for part in parts_of(sections)} | _ABOUT
    for key in content:
        if key not in kinds:
            raise ValueError(f"report has an unknown key {key!r}")
    for key in kinds:
        if key not in content:
            raise ValueError(f"report lacks the key {key!r}")
    return report_type.of(
        sections, **{key: decode(kind, content[key], f"report.{key}") for key, kind in kinds.items()}
    )
