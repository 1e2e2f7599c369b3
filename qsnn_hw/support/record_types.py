"""What the annotations of a record's fields say: arrays, choices of records, names in a file."""

import functools
import types
import typing
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Annotated, Any

import numpy as np

_SHOWN = 80
"""Characters of a refused value that a message shows."""


@dataclass(frozen=True)
class Array:
    """What a file's array must be: in ``Annotated[np.ndarray, Array("i", "size")]``.

    Parameters
    ----------
    kinds
        Letters of the NumPy kinds that it may have: "i" signed, "u" unsigned, "f" floating point.
    shape
        Each dimension a name: arrays of the record that share one are equally long, and as long as the
        record's attribute of that name says, where it has one.
    """

    kinds: str
    shape: tuple[str, ...]

    def __init__(self, kinds: str, *shape: str) -> None:
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "shape", shape)

    def check(self, array: np.ndarray, where: str) -> None:
        """Refuse another kind and another number of dimensions: ValueError."""
        if array.dtype.kind not in self.kinds or array.ndim != len(self.shape):
            raise ValueError(
                f"{where} must be of kind {self.kinds} and shape ({', '.join(self.shape)}), "
                f"not {array.dtype} {array.shape}"
            )


def is_record(kind: Any) -> bool:
    return isinstance(kind, type) and is_dataclass(kind)


@functools.cache
def record_items(kind: Any) -> dict[str, tuple["Field[Any]", Any]]:
    """Key in the file -> field and annotation, of a record."""
    hints = typing.get_type_hints(kind, include_extras=True)
    items = (item for item in fields(kind) if item.init)
    return {str(item.metadata.get("json", item.name)): (item, hints[item.name]) for item in items}


def annotation_parts(kind: Any) -> list[Any]:
    """An annotation and all that it is made of."""
    return [kind, *(part for inner in typing.get_args(kind) for part in annotation_parts(inner))]


@functools.cache
def record_choices(kind: Any) -> frozenset[type]:
    """The records that an annotation leaves a choice of."""
    unions = (
        part for part in annotation_parts(kind) if typing.get_origin(part) in (types.UnionType, typing.Union)
    )
    records = ([kind for kind in typing.get_args(part) if is_record(kind)] for part in unions)
    return frozenset(kind for members in records if len(members) > 1 for kind in members)


@functools.cache
def array_of(kind: Any) -> Array | None:
    parts = (part for part in annotation_parts(kind) if typing.get_origin(part) is Annotated)
    return next((note for part in parts for note in part.__metadata__ if isinstance(note, Array)), None)


def of_type(kind: type, wanted: str, value: Any, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where or 'it'} must be {wanted}, not {shown(value)}")
    return value


def shown(value: object) -> str:
    """A refused value for a message, on one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
