"""What an option is: a field of a frozen record, from which all that is known of the option is made.

The field's type says which values there are, ``option`` the rest. ``add_options`` makes argparse's
arguments of a record, ``typed_values`` its values of what was typed, ``check_options`` refuses what is out of
range, and ``option_rows`` is the page. The records are in ``build/option_table.py``.
"""

import argparse
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Literal, TypeAlias, TypeVar

from qsnn_hw.support.errors import UserError

T = TypeVar("T")

Listed: TypeAlias = Mapping[str, Mapping[str, str]]
"""Field -> word -> what it is in a few words: of choices that are a list elsewhere."""

NO_LISTS: Listed = {}

NONE = "none"
"""Typed for None, where ``Option.none`` says so."""


@dataclass(frozen=True)
class Option:
    """What the type of a field does not say.

    Parameters
    ----------
    help
        For ``--help`` and the page, with the default in brackets.
    name
        As it is typed: ``--field-name`` where it is None. Without a dash in front it has a place of its own.
    more_names
        Others that are understood: a letter, an earlier name.
    metavar
        Stands for the value.
    least, most
        Of a number, ``most`` only with ``least``; None is no limit.
    none
        ``none`` may be typed, for None.
    parse
        Typed text -> what is remembered of it, within argparse; by the type where it is None.
    read
        Name as typed and what argparse made -> the field's value; a UserError says what is wrong with it.
        Of an option that may be repeated it takes the list.
    check
        Name as typed and the field's value; a UserError says what is wrong with it.
    saved
        Text of the field -> as it stands in an output folder.
    """

    help: str
    name: str | None = None
    more_names: tuple[str, ...] = ()
    metavar: str | None = None
    least: int | None = None
    most: int | None = None
    none: bool = False
    parse: Callable[[str], Any] | None = None
    read: Callable[[str, Any], Any] | None = None
    check: Callable[[str, Any], None] | None = None
    saved: Callable[[str], str] | None = None


def option(help: str, **more: Any) -> dict[str, Option]:
    """The metadata of a dataclass field that is an option; see :class:`Option`."""
    return {"option": Option(help, **more)}


@dataclass(frozen=True)
class Entry:
    """An option as a record has it.

    Parameters
    ----------
    field
        Its name.
    kind
        The field's type as its members, without None.
    may_be_none
        Whether None was one of them.
    required
        Whether the field has no default.
    option
        The rest.
    """

    field: str
    kind: tuple[Any, ...]
    may_be_none: bool
    required: bool
    option: Option

    @classmethod
    def of(cls, item: "Field[Any]") -> "Entry":
        """The entry of a field with an ``option``."""
        members = typing.get_args(item.type) if _is_union(item.type) else (item.type,)
        kind = tuple(member for member in members if member is not types.NoneType)
        required = item.default is MISSING and item.default_factory is MISSING
        return cls(item.name, kind, len(kind) < len(members), required, item.metadata["option"])

    @property
    def name(self) -> str:
        """As it is typed; of the model ``MODEL``."""
        return self.option.name or f"--{self.field.replace('_', '-')}"

    @property
    def names(self) -> list[str]:
        """All that may be typed."""
        denied = [self.name.replace("--", "--no-", 1)] if self.kind == (bool,) and not self.is_flag else []
        return [*self.option.more_names, self.name, *denied]

    @property
    def words(self) -> tuple[str, ...]:
        """The values that the type allows; empty where it is no choice."""
        choices = (member for member in self.kind if typing.get_origin(member) is Literal)
        return tuple(word for choice in choices for word in typing.get_args(choice))

    @property
    def repeated(self) -> bool:
        """Whether it may stand more than once."""
        return any(typing.get_origin(member) in (dict, Mapping) for member in self.kind)

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value and cannot be denied."""
        return self.kind == (bool,) and not self.may_be_none

    def check(self, value: Any) -> None:
        """Raise UserError where ``value``, of the right type, is not one of the option's."""
        if value is None:
            return
        low, high = self.option.least, self.option.most
        if low is not None and (value < low or (high is not None and value > high)):
            bounds = f"at least {low}" if high is None else f"from {low} to {high}"
            raise UserError(f"{self.name} must be {bounds}, not {value}")
        if value == "":
            raise UserError(f"{self.name} is empty; give a file or a name")
        if self.option.check is not None:
            self.option.check(self.name, value)

    def check_word(self, value: Any) -> None:
        """Raise UserError where the option is a choice and ``value`` none of its words."""
        if self.words and value not in self.words and not (value is None and self.may_be_none):
            words = ((NONE,) if self.may_be_none else ()) + self.words
            one_of(self.name, value, tuple(dict.fromkeys(words)))

    def value(self, parsed: Any) -> Any:
        """The field's value, of what argparse made."""
        if self.option.none and parsed == NONE:
            return None
        return parsed if self.option.read is None else self.option.read(self.name, parsed)

    def choices(self, listed: Mapping[str, str]) -> list[str]:
        """The words that may be typed; empty where it is no choice."""
        return [*(listed or self.words), *((NONE,) if self.option.none else ())]

    def text(self, listed: Mapping[str, str]) -> str:
        """What it means, and each word of a list."""
        words = "; ".join(f"{word}: {what}" for word, what in listed.items())
        return f"{self.option.help}. {words}" if words else self.option.help

    def add(self, parser: argparse.ArgumentParser, listed: Mapping[str, str], *, required: bool) -> None:
        """Make argparse's argument: None (of a flag False) where it is not typed."""
        said = self.option
        # argparse puts values in where a % stands.
        more: dict[str, Any] = {"help": self.text(listed).replace("%", "%%")}
        if self.is_flag:
            more["action"] = "store_true"
        elif self.kind == (bool,):
            more |= {"action": argparse.BooleanOptionalAction, "default": None}
        elif self.choices(listed):
            more["choices"] = self.choices(listed)
        else:
            numbers: dict[Any, Any] = {(int,): int, (float,): float}
            more |= {"metavar": said.metavar, "type": said.parse or numbers.get(self.kind)}
        if self.repeated:
            more["action"] = "append"
        if self.name.startswith("-"):
            names = sorted((self.name, *said.more_names), key=lambda name: name.startswith("--"))
            parser.add_argument(*names, dest=self.field, required=required, **more)
        else:
            parser.add_argument(self.field, nargs=None if required else "?", **more)


def one_of(name: str, word: str, words: tuple[T, ...]) -> T:
    """``word``, which is one of ``words``; UserError where it is none."""
    for known in words:
        if word == known:
            return known
    raise UserError(f"{name} must be one of {', '.join(map(str, words))}, not {word!r}")


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (types.UnionType, typing.Union)


def entries(*records: type) -> Iterator[Entry]:
    """The options of these records, in order; one that two of them have is that of the first."""
    seen: set[str] = set()
    for record in records:
        for item in fields(record):
            if "option" in item.metadata and item.name not in seen:
                seen.add(item.name)
                yield Entry.of(item)


def add_options(
    parser: argparse.ArgumentParser, *records: type, remembered: Sequence[str] = (), listed: Listed = NO_LISTS
) -> None:
    """Make argparse's arguments of the records' options.

    What has no default must be given, but for the fields that are ``remembered`` from an earlier run.
    """
    for entry in entries(*records):
        required = entry.required and entry.field not in remembered
        entry.add(parser, listed.get(entry.field, {}), required=required)


def typed_values(arguments: argparse.Namespace, *records: type) -> dict[str, Any]:
    """Field -> value of what stands on the command line, and nothing else.

    Raises
    ------
    UserError
        A text is not what its option wants.
    """
    typed = {}
    for entry in entries(*records):
        value = getattr(arguments, entry.field)
        if value is not None and not (entry.is_flag and value is False):
            typed[entry.field] = entry.value(value)
    return typed


def check_options(record: Any) -> None:
    """Raise UserError where a field of the record holds what its option does not allow."""
    for entry in entries(type(record)):
        entry.check_word(getattr(record, entry.field))
        entry.check(getattr(record, entry.field))


def name_of(field: str, *records: type) -> str:
    """What is typed for a field."""
    return next(entry.name for entry in entries(*records) if entry.field == field)


def option_names(*records: type) -> Iterator[str]:
    """All that may be typed for the options of these records."""
    for entry in entries(*records):
        yield from entry.names


def option_rows(*records: type, only: Collection[str], listed: Listed = NO_LISTS) -> Iterator[str]:
    """A row of a Markdown table for each option of these fields: how it is typed, and what it means."""
    for entry in entries(*records):
        if entry.field not in only:
            continue
        words = listed.get(entry.field, {})
        value = entry.option.metavar or ", ".join(entry.choices(words))
        shown = ", ".join(f"`{name}`" for name in entry.names)
        yield f"| {shown}{f' {value}' if value not in ('', entry.name) else ''} | {entry.text(words)} |"
