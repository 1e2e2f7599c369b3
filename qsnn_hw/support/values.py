"""Checks on the numbers that a record holds, for its ``__post_init__``."""

import math

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
