"""Frozen dataclasses of plain values, nested or in tuples, as one .npz and back.

Every leaf is one array called by its path, ``groups.0.projections.1.rows.start``; a field that is
None has no array. The dataclasses' own annotations say what to make again.
"""

import dataclasses
import types
import typing
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """All leaves of a dataclass, by path."""
    if dataclasses.is_dataclass(value):
        found: dict[str, Any] = {}
        for item in dataclasses.fields(value):
            found |= flatten(getattr(value, item.name), f"{path}.{item.name}" if path else item.name)
        return found
    if value is None:
        return {}
    if isinstance(value, tuple) and all(dataclasses.is_dataclass(item) for item in value) and value:
        found = {f"{path}.length": len(value)}
        for index, item in enumerate(value):
            found |= flatten(item, f"{path}.{index}")
        return found
    return {path: np.asarray(value, dtype=np.str_) if _texts(value) else value}


def _texts(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, str) for item in value)


def build(cls: type[T], arrays: dict[str, np.ndarray], path: str = "") -> T:
    """The inverse of :func:`flatten`.

    Raises
    ------
    KeyError
        A leaf is missing that may not be None.
    TypeError, ValueError
        A leaf has the wrong type.
    """
    hints = typing.get_type_hints(cls)
    values = {}
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        place = f"{path}.{item.name}" if path else item.name
        values[item.name] = _value(hints[item.name], arrays, place)
    return cls(**values)


def _value(hint: Any, arrays: dict[str, np.ndarray], place: str) -> Any:
    optional = isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)
    if optional:
        (hint,) = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    if dataclasses.is_dataclass(hint):
        present = any(name.startswith(f"{place}.") for name in arrays)
        return None if optional and not present else build(typing.cast(type, hint), arrays, place)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and dataclasses.is_dataclass(inner[0]):
        count = int(arrays[f"{place}.length"]) if f"{place}.length" in arrays else 0
        return tuple(build(typing.cast(type, inner[0]), arrays, f"{place}.{k}") for k in range(count))
    if place not in arrays:
        if optional:
            return None
        if origin is tuple:
            return ()
        raise KeyError(place)
    array = arrays[place]
    if origin is tuple:
        return tuple(array.tolist())
    if hint is np.ndarray:
        return array
    return array.item()
