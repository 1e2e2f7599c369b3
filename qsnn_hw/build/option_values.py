"""What is typed for an option, read and checked; the records in ``build/option_table.py`` name these."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from qsnn_hw.build.option import NONE, one_of
from qsnn_hw.support.choices import ACCUMULATORS, REMEDIES, Accumulators, Remedy
from qsnn_hw.support.errors import UserError

ALL = "all"
"""In place of a number of samples."""

AUTO = "auto"
"""In place of a clock or of a serial line's rate."""

MOST_BAUD = 1_000_000_000
"""More than any serial port."""

MAX_SEED = 2**31 - 1
"""What nextpnr takes."""

MAX_TILE = 65536
"""Rows and columns of a crossbar array."""


def samples(text: str) -> int | str:
    """A number of samples, or all of them."""
    if text == ALL:
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wants a whole number or {ALL}, not {text!r}") from None


def samples_or_all(name: str, value: int | str) -> int | None:
    return None if isinstance(value, str) else value


def clock(text: str) -> float | str:
    """A clock in MHz, or the one that is found."""
    if text == AUTO:
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wants MHz or {AUTO}, not {text!r}") from None


def clock_or_auto(name: str, given: float | str) -> float | None:
    return None if isinstance(given, str) else given


def megahertz(name: str, value: object) -> None:
    if not (type(value) in (int, float) and 0.1 <= value <= 1000):  # type: ignore[operator]
        raise UserError(f"{name} is MHz from 0.1 to 1000, not {value}")


def rate(text: str) -> int | str:
    """Bits a second, or the rate that is found."""
    if text == AUTO:
        return text
    try:
        return int(text.replace("_", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"wants bits a second or {AUTO}, not {text[:40]!r}") from None


def rate_or_auto(name: str, given: int | str) -> int | None:
    return None if isinstance(given, str) else given


def bits_a_second(name: str, value: object) -> None:
    if not (type(value) is int and 1 <= value <= MOST_BAUD):
        shown = value if not isinstance(value, int) or abs(value) < 10**12 else "a number of many digits"
        raise UserError(f"{name} is bits a second from 1 to {MOST_BAUD:,}, not {shown}")


def settings(name: str, texts: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UserError(f"{name} wants FIELD=VALUE, not {text!r}")
        if settings.setdefault(key.strip(), value) != value:
            raise UserError(f"{name} gives {key.strip()!r} two values; leave one of them out")
    return settings


def widths(name: str, texts: Sequence[str]) -> dict[str, int]:
    widths: dict[str, int] = {}
    for text in texts:
        group, equals, width = text.rpartition("=")
        # Two digits: int() of thousands would fail in its own words.
        if not equals or not (width.strip().isascii() and width.strip().isdecimal() and len(width) < 9):
            raise UserError(f"{name} wants GROUP=N with N from 2 to 16, not {text!r}")
        if widths.setdefault(group.strip(), int(width)) != int(width):
            raise UserError(f"{name} gives {group.strip()!r} two widths; leave one of them out")
    return widths


def numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"{name} wants whole numbers separated by commas, not {text!r}") from error


def accumulators(name: str, text: str) -> tuple[Accumulators, ...]:
    return tuple(one_of(name, word, ACCUMULATORS) for word in text.split(","))


def remedies(name: str, text: str) -> tuple[Remedy, ...]:
    words = () if text == NONE else REMEDIES if text == ALL else tuple(text.split(","))
    return tuple(dict.fromkeys(one_of(name, word, REMEDIES) for word in words))


def sigma(name: str, value: object) -> None:
    if not (type(value) in (int, float) and 0 <= value <= 2):  # type: ignore[operator]
        raise UserError(f"{name} is a fraction from 0 to 2, as 0.05, not {value}")


def file_or_none(name: str, text: str) -> str | None:
    return None if text == NONE else text


def percentage_points(name: str, value: object) -> None:
    if not (type(value) in (int, float) and 0 <= value <= 100):  # type: ignore[operator]
        raise UserError(f"{name} is percentage points from 0 to 100, not {value}")


def interval(name: str, seconds: float) -> None:
    if not 0.05 <= seconds <= 86400:
        raise UserError(f"{name} must be from 0.05 to 86400 seconds, not {seconds:g}")


def absolute(text: str) -> str:
    return str(Path(text).resolve())


def absolute_file(text: str) -> str:
    """Of a board or a device that is a file; others are names."""
    return absolute(text) if Path(text).suffix == ".toml" else text


def tile(name: str, text: str) -> tuple[int, ...]:
    """Rows and columns of a crossbar array."""
    rows, by, columns = text.partition("x")
    if not (by and all(part.isascii() and part.isdecimal() and len(part) < 6 for part in (rows, columns))):
        raise UserError(f"{name} wants NxM, rows by columns as in 256x64, not {text!r}")
    return int(rows), int(columns)


def tile_size(name: str, value: Sequence[int]) -> None:
    """Refuse what no crossbar array is."""
    by = "x".join(str(part) for part in value)
    if len(value) != 2 or min(value) < 1 or max(value) > MAX_TILE:
        raise UserError(f"{name} is rows by columns, each from 1 to {MAX_TILE}, not {by}")
    if value[0] & (value[0] - 1):
        raise UserError(f"{name} needs rows that are a power of two, not {by}")
