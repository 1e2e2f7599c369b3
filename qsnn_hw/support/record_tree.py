"""Frozen records as plain trees, and back: dictionaries, lists, text and numbers, with arrays beside them.

A record is a frozen dataclass of numbers, text, truth values, choices (``Literal``), arrays, paths, other
records, and tuples and mappings of these. Its annotations say all of its tree: :func:`decode` refuses another
type or shape, a key that is missing and one that is unknown, and says in one line where.

- An array is called by its place in the tree, such as ``groups.0.bias``, and there stands
  ``{"@": "groups.0.bias"}``. uint8 arrays of zeros and ones are packed, eight a byte, the first in the
  highest bit, and their ``shape`` stands beside.
- Where an annotation leaves a choice of records, ``"@record"`` says which one it is.
- A path is written as seen from the folder of the file.
- A field may be called otherwise than in Python, by the metadata key ``json`` (``float`` cannot be an
  attribute without hiding the built-in).
"""

import math
import os
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from qsnn_hw.support.record_types import (
    Array,
    array_of,
    is_record,
    of_type,
    record_choices,
    record_items,
    shown,
)

RESERVED = ("format", "description")
"""What no array is called: a file has entries of these names."""

_ARRAY, _SHAPE, _RECORD = "@", "shape", "@record"


def encode(value: object) -> Any:
    """A record without arrays as dictionaries, lists and plain values, None kept as null."""
    writer = TreeWriter(Path())
    tree = writer.tree(value)
    if writer.arrays:
        raise ValueError("a record with arrays has no plain values")
    return tree


def decode(kind: Any, value: object, where: str) -> Any:
    """``value`` from JSON as ``kind``: a record, tuple, mapping, plain type or None.

    Raises
    ------
    ValueError
        A key is missing or unknown, or a value has another type; the text names where.
    """
    return TreeReader({}, Path(), False).value(kind, value, where)


class TreeWriter:
    """Makes trees of records; collects their arrays.

    Parameters
    ----------
    folder
        That of the file, resolved.

    Attributes
    ----------
    arrays
        Name -> array, of all trees made so far.
    """

    def __init__(self, folder: Path) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._folder = folder
        self._names: dict[int, dict[str, object]] = {}

    def tree(self, value: object, path: str = "", tagged: frozenset[type] = frozenset()) -> Any:
        """The tree of ``value``, which stands at ``path``; records of ``tagged`` say which they are."""
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        inner = f"{path}." if path else ""
        if is_dataclass(value) and not isinstance(value, type):
            node: dict[str, Any] = {_RECORD: type(value).__name__} if type(value) in tagged else {}
            for key, (item, kind) in record_items(type(value)).items():
                node[key] = self.tree(getattr(value, item.name), f"{inner}{key}", record_choices(kind))
            return node
        if isinstance(value, Mapping):
            return {str(key): self.tree(item, f"{inner}{key}", tagged) for key, item in value.items()}
        if isinstance(value, tuple | list):
            return [self.tree(item, f"{inner}{index}", tagged) for index, item in enumerate(value)]
        if isinstance(value, Path):
            return Path(os.path.relpath(value.resolve(), self._folder)).as_posix()
        return value.item() if isinstance(value, np.generic) else value

    def _array(self, value: np.ndarray, path: str) -> dict[str, object]:
        # An array that stands at two places is kept once.
        if id(value) in self._names:
            return self._names[id(value)]
        name = path
        while name in self.arrays or name in RESERVED:
            name += "_"
        node: dict[str, object] = {_ARRAY: name}
        self.arrays[name] = value
        if value.dtype == np.uint8 and value.max(initial=0) <= 1:
            node[_SHAPE] = list(value.shape)
            self.arrays[name] = np.packbits(value)
        self._names[id(value)] = node
        return node


class TreeReader:
    """Makes records of trees.

    Parameters
    ----------
    arrays
        Name -> array of the file.
    folder
        That of the file.
    keeps
        A key may be missing whose field has a default.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], folder: Path, keeps: bool) -> None:
        self._arrays = arrays
        self._unread = set(arrays)
        self._folder = folder
        self._keeps = keeps

    def close(self) -> None:
        """Refuse an array that nothing named: ValueError."""
        for name in sorted(self._unread):
            raise ValueError(f"it has an unknown array {shown(name)}")

    def value(self, kind: Any, value: Any, where: str) -> Any:
        """As :func:`decode`."""
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is Annotated:
            read = self.value(inner[0], value, where)
            for note in inner[1:]:
                if isinstance(note, Array):
                    note.check(read, where)
            return read
        if origin in (types.UnionType, typing.Union):
            return self._choice(inner, value, where)
        if is_record(kind):
            return self._record(kind, value, where)
        if origin is Literal:
            if not any(type(value) is type(known) and value == known for known in inner):
                raise ValueError(f"{where} must be one of {', '.join(map(str, inner))}, not {shown(value)}")
            return value
        if origin in (tuple, list):
            return origin(self._sequence(inner, value, where))
        if origin is not None:
            pairs = of_type(dict, "an object", value, where).items()
            return {key: self.value(inner[1], item, f"{where}.{key}") for key, item in pairs}
        if kind is np.ndarray:
            return self._array(value, where)
        return self._plain(kind, value, where)

    def _plain(self, kind: Any, value: Any, where: str) -> Any:
        if kind in (object, Any):
            return value
        if kind is Path:
            text = of_type(str, "text", value, where)
            if "\0" in text:
                raise ValueError(f"{where} is no path: {shown(text)}")
            return self._folder / text
        if kind is not float:
            wanted = {str: "text", int: "a whole number", bool: "true or false"}.get(kind, kind.__name__)
            return of_type(kind, wanted, value, where)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{where} must be a number, not {shown(value)}")
        return value

    def _choice(self, kinds: Sequence[Any], value: Any, where: str) -> Any:
        """What one of ``kinds`` makes of it; records among several are told apart by their names."""
        if value is None and types.NoneType in kinds:
            return None
        members = [kind for kind in kinds if kind is not types.NoneType]
        named = {kind.__name__: kind for kind in members if is_record(kind)}
        if len(named) > 1 and isinstance(value, dict):
            name = value.get(_RECORD)
            if not isinstance(name, str) or name not in named:
                raise ValueError(f"{where}.{_RECORD} must be one of {', '.join(named)}, not {shown(name)}")
            return self._record(named[name], {k: v for k, v in value.items() if k != _RECORD}, where)
        if int in members and float in members:
            members.remove(int)
        for kind in members[:-1]:
            try:
                return self.value(kind, value, where)
            except ValueError:
                continue
        return self.value(members[-1], value, where)

    def _sequence(self, kinds: tuple[Any, ...], value: Any, where: str) -> list[Any]:
        items = of_type(list, "a list", value, where)
        if len(kinds) == 1 or kinds[1:] == (...,):
            kinds = (kinds[0],) * len(items)
        if len(kinds) != len(items):
            raise ValueError(f"{where} must be a list of {len(kinds)}, not of {len(items)}")
        return [
            self.value(kind, item, f"{where}[{index}]")
            for index, (kind, item) in enumerate(zip(kinds, items, strict=True))
        ]

    def _array(self, value: Any, where: str) -> np.ndarray:
        name = value.get(_ARRAY) if isinstance(value, dict) else None
        array = self._arrays.get(name) if isinstance(name, str) else None
        if array is None:
            raise ValueError(f"{where} must be an array, not {shown(value)}")
        self._unread.discard(name)
        if _SHAPE not in value:
            return array
        shape = self.value(tuple[int, ...], value[_SHAPE], f"{where}.{_SHAPE}")
        # Python's own integers: a product of damaged sizes must not wrap around.
        count = math.prod(shape)
        whole = array.dtype == np.uint8 and array.ndim == 1 and min(shape, default=0) >= 0
        if not whole or -(-count // 8) != len(array):
            raise ValueError(f"{where} must be {count} packed bits, not {array.dtype} {array.shape}")
        return np.unpackbits(array, count=count).reshape(shape)

    def _record(self, kind: Any, value: Any, where: str) -> Any:
        content, inner = of_type(dict, "an object", value, where), f"{where}." if where else ""
        items = record_items(kind)
        for key in content:
            if key not in items:
                raise ValueError(f"{where or 'it'} has an unknown key {shown(key)}")
        values = {}
        for key, (item, hint) in items.items():
            if key in content:
                values[item.name] = self.value(hint, content[key], f"{inner}{key}")
            elif not self._keeps or (item.default is MISSING and item.default_factory is MISSING):
                raise ValueError(f"{where or 'it'} lacks the key {key!r}")
        try:
            record = kind(**values)
        # What each value may be was checked; what they may be together the record says itself.
        except (TypeError, ArithmeticError, LookupError) as error:
            raise ValueError(f"{where or 'it'} cannot be made: {error!r}") from error
        _check_shapes(record, inner)
        return record


def _check_shapes(record: Any, inner: str) -> None:
    """Refuse arrays that are not as :class:`Array` says; ValueError names the first."""
    kind: Any = type(record)
    sizes: dict[str, int] = {}
    for key, (item, hint) in record_items(kind).items():
        wanted, value = array_of(hint), getattr(record, item.name)
        if wanted is None or not isinstance(value, np.ndarray):
            continue
        for name, size in zip(wanted.shape, value.shape, strict=True):
            if sizes.setdefault(name, getattr(record, name, size)) != size:
                raise ValueError(f"{inner}{key} has shape {value.shape}, and {name} is {sizes[name]}")
