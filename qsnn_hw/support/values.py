"""Checks on what a record holds, and reading frozen dataclasses back from JSON.

A field may be written under another name than its Python attribute, through the metadata key
``json`` (``float`` cannot be an attribute name without hiding the built-in).
"""

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any, Literal

import numpy as np

Number = int | float


def number(name: str, value: object, low: float | None = None, high: float | None = None) -> Number | None:
    """``value`` as a plain int or float within ``low`` and ``high``; None stays None.

    Raises
    ------
    ValueError
        It is not a number, not finite, or outside the range.
    """
    if value is None:
        return None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"{name} must be a number or null, not {value!r}")
    plain: Number = int(value) if isinstance(value, int | np.integer) else float(value)
    if not math.isfinite(plain):
        raise ValueError(f"{name} must be finite (null when absent), not {plain!r}")
    if low is not None and plain < low:
        raise ValueError(f"{name} must be at least {low:g}, not {plain!r}")
    if high is not None and plain > high:
        raise ValueError(f"{name} must be at most {high:g}, not {plain!r}")
    return plain


def count(name: str, value: object) -> int | None:
    """``value`` as a plain int of at least 0; None stays None.

    Raises
    ------
    ValueError
        It is not a whole number of at least 0.
    """
    plain = number(name, value, low=0)
    if isinstance(plain, float):
        raise ValueError(f"{name} must be a whole number or null, not {plain!r}")
    return plain


def put(record: object, **values: object) -> None:
    """Set fields of a frozen dataclass from within its own ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def check_numbers(record: object, where: str, *names: str) -> None:
    """Make the named fields plain numbers of at least 0, or None."""
    put(record, **{name: number(f"{where}.{name}", getattr(record, name), low=0) for name in names})


def check_counts(record: object, where: str, *names: str) -> None:
    """Make the named fields whole numbers of at least 0, or None."""
    put(record, **{name: count(f"{where}.{name}", getattr(record, name)) for name in names})


def key_of(item: "Field[Any]") -> str:
    """The name under which a dataclass field is written."""
    return str(item.metadata.get("json", item.name))


def encode(value: object) -> Any:
    """A dataclass tree as dictionaries, lists and plain values, None kept as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key_of(item): encode(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def decode(kind: Any, value: object, where: str) -> Any:
    """``value`` from JSON as ``kind``: a dataclass, tuple, mapping, plain type or None.

    Raises
    ------
    ValueError
        A key is missing or unknown, or a value has another type; the text names where.
    """
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        members = [member for member in typing.get_args(kind) if member is not types.NoneType]
        if value is None and len(members) < len(typing.get_args(kind)):
            return None
        return decode(members[0] if len(members) == 1 else tuple(members), value, where)
    if is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} must be a list, not {value!r}")
        inner = typing.get_args(kind)[0]
        return tuple(decode(inner, item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is Literal:
        allowed = typing.get_args(kind)
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{where} must be one of {', '.join(map(str, allowed))}, not {value!r}")
        return value
    if origin is not None:
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be an object, not {value!r}")
        inner = typing.get_args(kind)[1]
        return {key: decode(inner, item, f"{where}.{key}") for key, item in value.items()}
    if kind in (object, Any):
        return value
    if kind is float or kind == (int, float):
        # The record's own constructor refuses what is not a number, with the field's name.
        return value
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = {str: "text", int: "a whole number", bool: "true or false"}.get(kind, "of another type")
        raise ValueError(f"{where} must be {wanted}, not {value!r}")
    return value


def _decode_dataclass(kind: Any, value: object, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be an object, not {value!r}")
    hints = typing.get_type_hints(kind)
    items = {key_of(item): item for item in fields(kind)}
    for key in value:
        if key not in items:
            raise ValueError(f"{where} has an unknown key {key!r}")
    for key in items:
        if key not in value:
            raise ValueError(f"{where} lacks the key {key!r}")
    return kind(
        **{item.name: decode(hints[item.name], value[key], f"{where}.{key}") for key, item in items.items()}
    )
