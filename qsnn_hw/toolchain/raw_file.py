"""Reads what ngspice leaves: a raw file, binary, of real numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsnn_hw.support.errors import ToolError

_MOST_BYTES = 2**32


@dataclass(frozen=True)
class RawFile:
    """Vectors over the first one.

    Parameters
    ----------
    names
        Of the vectors, lower case; the first is the axis, ``time`` or a swept source.
    values
        float64, shape (points, vectors).
    """

    names: tuple[str, ...]
    values: np.ndarray

    @property
    def axis(self) -> np.ndarray:
        """The first vector."""
        column: np.ndarray = self.values[:, 0]
        return column

    def __getitem__(self, name: str) -> np.ndarray:
        """A vector; KeyError where there is none of that name."""
        try:
            column: np.ndarray = self.values[:, self.names.index(name.lower())]
        except ValueError:
            raise KeyError(name) from None
        return column

    def at(self, name: str, instants: np.ndarray) -> np.ndarray:
        """A vector at ``instants``, between points on a straight line."""
        return np.interp(instants, self.axis, self[name])


def read_raw(path: Path) -> RawFile:
    """The first plot of a raw file.

    Raises
    ------
    ToolError
        It is not one, or its end is missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ToolError(f"ngspice left no result {path.name}: {error.strerror or error}") from error
    head, mark, body = content.partition(b"Binary:\n")
    fields: dict[str, str] = {}
    names: list[str] = []
    for line in head.decode("utf-8", "replace").splitlines():
        if line.startswith("\t"):
            parts = line.split()
            if len(parts) >= 3 and parts[0].isdigit():
                names.append(parts[1].lower())
        else:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    try:
        points, vectors = int(fields["No. Points"]), int(fields["No. Variables"])
    except (KeyError, ValueError):
        raise ToolError(f"{path} is no raw file of ngspice") from None
    size = 8 * points * vectors
    if (
        not mark
        or "complex" in fields.get("Flags", "")
        or len(names) != vectors
        or not 0 < size < _MOST_BYTES
    ):
        raise ToolError(f"{path} is no raw file of real numbers of ngspice")
    if len(body) < size:
        raise ToolError(f"{path} ends early: {len(body)} of {size} bytes")
    return RawFile(tuple(names), np.frombuffer(body[:size], dtype="<f8").reshape(points, vectors))
