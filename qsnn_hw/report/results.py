"""What the steps of a run left, for the sections of a report to be made from."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Results:
    """The value of each step that a run has, asked for by its type.

    Parameters
    ----------
    folder
        Where the run left its files.
    values
        What the steps left, such as a ``Network`` or a ``Verification``, one of a type; None, which stands
        for a step that was not done, is left out.

    Raises
    ------
    ValueError
        Two values have the same type.
    """

    def __init__(self, folder: Path, values: Iterable[object | None]) -> None:
        self.folder = folder
        self._values: dict[type, object] = {}
        self._once: dict[Callable[..., Any], Any] = {}
        for value in values:
            if value is None:
                continue
            if type(value) in self._values:
                raise ValueError(f"results must have one value of a type, not two of {type(value).__name__}")
            self._values[type(value)] = value

    def get(self, kind: type[T]) -> T | None:
        """The value of type ``kind``; None where its step was not done."""
        return cast("T | None", self._values.get(kind))

    def __getitem__(self, kind: type[T]) -> T:
        """The value of type ``kind``.

        Raises
        ------
        KeyError
            The run has none.
        """
        if kind not in self._values:
            raise KeyError(f"this run has no {kind.__name__}")
        return cast(T, self._values[kind])

    def once(self, make: "Callable[[Results], T]") -> T:
        """``make`` of these results, worked out the first time: what several sections are made from."""
        if make not in self._once:
            self._once[make] = make(self)
        return cast(T, self._once[make])
