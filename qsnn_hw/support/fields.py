"""Reading a table of a hand-written file strictly: nothing missing, nothing unknown, right kinds."""

from collections.abc import Mapping
from typing import Any, NoReturn

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.terminal import plain


class Fields:
    """Takes fields out of a parsed table one by one; :meth:`close` refuses what is left over.

    Parameters
    ----------
    table
        The parsed table.
    where
        The file, for messages.
    prefix
        Dotted name of the table inside the file.
    """

    def __init__(self, table: Mapping[str, Any], where: str, prefix: str = "") -> None:
        self._table = dict(table)
        self._known: list[str] = []
        self._where = where
        self._prefix = prefix

    def fail(self, name: str, problem: str) -> NoReturn:
        """Refuse a field: raises UserError naming the field and the file."""
        # A quoted TOML key may hold anything, a line's end too.
        raise UserError(f"{self._where}: field {plain(f'{self._prefix}{name}')} {problem}")

    def _take(self, name: str) -> Any:
        self._known.append(name)
        if name not in self._table:
            self.fail(name, "is missing; add it")
        return self._table.pop(name)

    def text(self, name: str) -> str:
        """A non-empty string."""
        value = self._take(name)
        if not isinstance(value, str) or not value:
            self.fail(name, f"must be a non-empty string, not {value!r}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fail(name, f"must be a list of non-empty strings, not {value!r}")
        return tuple(value)

    def optional_text(self, name: str) -> str | None:
        """A non-empty string; None where the field is absent."""
        if name in self._table:
            return self.text(name)
        self._known.append(name)
        return None

    def is_list(self, name: str) -> bool:
        """Whether the field is there and a list."""
        return isinstance(self._table.get(name), list)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of ``allowed``."""
        value = self._take(name)
        if value not in allowed:
            self.fail(name, f"must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    def natural(self, name: str) -> int:
        """An integer >= 0."""
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.fail(name, f"must be an integer >= 0, not {value!r}")
        return value

    def positive_int(self, name: str) -> int:
        """An integer > 0."""
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.fail(name, f"must be an integer > 0, not {value!r}")
        return value

    def positive_int_or_ints(self, name: str) -> tuple[int, ...]:
        """An integer > 0, or a list of at least one."""
        if not self.is_list(name):
            return (self.positive_int(name),)
        value = self._take(name)
        if not value or not all(type(item) is int and item > 0 for item in value):
            self.fail(name, f"must be an integer > 0 or a list of such, not {value!r}")
        return tuple(value)

    def positive_float(self, name: str) -> float:
        """A finite number > 0."""
        value = self._take(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
            self.fail(name, f"must be a number > 0, not {value!r}")
        try:
            return float(value)
        except OverflowError:
            self.fail(name, "must be a number > 0 of ordinary size, not an integer of hundreds of digits")

    def number(self, name: str) -> float:
        """A finite number of any sign."""
        return self._finite(name, self._take(name))

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        values = self._take(name)
        if not isinstance(values, list):
            self.fail(name, f"must be a list of numbers, not {values!r}")
        return tuple(self._finite(name, value) for value in values)

    def _finite(self, name: str, value: Any) -> float:
        # Compared before it is converted: an integer of hundreds of digits has no floating-point number.
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            self.fail(name, "must be a finite number of ordinary size")
        return float(value)

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            self.fail(name, f"must be true or false, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where the field is absent."""
        if name in self._table:
            return self.boolean(name)
        self._known.append(name)
        return False

    def shapes(self, name: str) -> tuple[tuple[int, int], ...]:
        """A non-empty list of [depth, width] pairs of positive integers."""
        value = self._take(name)
        pairs = value if isinstance(value, list) else []
        good = [
            (pair[0], pair[1])
            for pair in pairs
            if isinstance(pair, list) and len(pair) == 2 and all(type(n) is int and n > 0 for n in pair)
        ]
        if not good or len(good) != len(pairs):
            self.fail(name, f"must be a list of [depth, width] pairs, not {value!r}")
        return tuple(good)

    def optional_table(self, name: str) -> "Fields | None":
        """A table, or None when it is absent."""
        if name not in self._table:
            self._known.append(name)
            return None
        return self.table(name)

    def table(self, name: str) -> "Fields":
        """A table inside this one."""
        value = self._take(name)
        if not isinstance(value, dict):
            self.fail(name, f"must be a table, not {value!r}")
        return Fields(value, self._where, f"{self._prefix}{name}.")

    def close(self) -> None:
        """Refuse fields nobody asked for."""
        for name in self._table:
            self.fail(name, f"is unknown; known fields here: {', '.join(sorted(self._known))}")
