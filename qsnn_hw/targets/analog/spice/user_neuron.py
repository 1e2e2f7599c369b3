"""A user's own neuron: a file with a subcircuit, hostile until it is checked."""

import re
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.spice.neuron import PINS

_MAX_BYTES = 1_000_000
_CARDS = (".subckt", ".ends", ".param", ".model")
# Of elements only those that compute: no a (code models open files), no y, n or u (foreign libraries).
_ELEMENTS = "rclkviefghbsdqmjxt"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# What may open a file or run a command wherever it stands.
_BARRED = re.compile(r"file|shell|system|`|;|\\|\$|\binput\b|\.\.|/{2}")


@dataclass(frozen=True)
class UserNeuron:
    """A subcircuit that stands for a neuron.

    Parameters
    ----------
    name
        Of the subcircuit, lower case.
    text
        Its lines and those of what it stands on, without comments.
    takes
        The parameters that its first line declares.
    """

    name: str
    text: str
    takes: tuple[str, ...]


def read_user_neuron(path: Path, name: str | None = None) -> UserNeuron:
    """The subcircuit of a file.

    Parameters
    ----------
    name
        Of the subcircuit; None for the only one, or the last, that has the pins.

    Raises
    ------
    UserError
        There is no such file, it has another line than a subcircuit may have, no such subcircuit, or one with
        another number of pins than :data:`~qsnn_hw.targets.analog.spice.neuron.PINS` has.
    """
    lines = _logical_lines(path)
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    depth = 0
    for place, line in lines:
        depth = _checked(path, place, line, depth)
        if line.startswith(".subckt"):
            subckt, pins, takes = _head(path, place, line)
            if subckt in found:
                raise UserError(f"{path}, line {place}: a second subcircuit {subckt}")
            found[subckt] = (pins, takes)
    if depth:
        raise UserError(f"{path}: a .subckt has no .ends")
    _check_calls(path, lines, found)
    fitting = [each for each, (pins, _) in found.items() if pins == len(PINS)]
    wanted = name.lower() if name is not None else (fitting or [*found])[-1] if found else ""
    if wanted not in found:
        has = f"it has {', '.join(found)}" if found else "it has none"
        raise UserError(f"{path}: no subcircuit {wanted or 'at all'}; {has}")
    pins, takes = found[wanted]
    if pins != len(PINS):
        raise UserError(
            f"{path}: subcircuit {wanted} has {pins} pins, a neuron has {len(PINS)}: {' '.join(PINS)}"
        )
    return UserNeuron(wanted, "\n".join(line for _, line in lines), takes)


def _logical_lines(path: Path) -> list[tuple[int, str]]:
    """(number, text) of every line, lower case, continuations joined, comments and empty lines left out."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MAX_BYTES and path.is_file() else None
    except OSError as error:
        raise UserError(f"cannot read the neuron's subcircuit {path}: {error.strerror or error}") from error
    if content is None:
        raise UserError(f"{path} is no subcircuit: not a file of at most {_MAX_BYTES} bytes")
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise UserError(f"{path} is no plain SPICE text: it has other characters than ASCII") from None
    lines: list[tuple[int, str]] = []
    for place, line in enumerate(re.split(r"\r\n|\n|\r", text.lower()), 1):
        line = line.replace("\t", " ").strip()
        if not line or line.startswith("*"):
            continue
        if any(not 32 <= ord(character) < 127 for character in line):
            raise UserError(f"{path}, line {place}: a control character; write plain text")
        if line.startswith("+"):
            if not lines:
                raise UserError(f"{path}, line {place}: continues a line that is not there")
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line[1:].strip()}")
        else:
            lines.append((place, line))
    return lines


def _checked(path: Path, place: int, line: str, depth: int) -> int:
    """How many subcircuits are open behind ``line``; UserError where it may not stand there."""
    word = line.split()[0]
    barred = _BARRED.search(line)
    if (line[0] == "." and word not in _CARDS) or barred:
        what = word if word[0] == "." and word not in _CARDS else (barred[0] if barred else word)
        raise UserError(
            f"{path}, line {place}: {what!r} is not allowed in a neuron's subcircuit; "
            f"leave {', '.join(_CARDS)} and elements {' '.join(_ELEMENTS)}"
        )
    if line[0] != "." and line[0] not in _ELEMENTS:
        raise UserError(
            f"{path}, line {place}: element {word!r} is not allowed in a neuron's subcircuit; "
            f"elements are {' '.join(_ELEMENTS)}"
        )
    if word == ".subckt":
        depth += 1
    elif depth == 0:
        raise UserError(f"{path}, line {place}: {word!r} stands outside a .subckt")
    if word == ".ends":
        depth -= 1
    if depth > 1:
        raise UserError(f"{path}, line {place}: a .subckt inside another")
    return depth


def _head(path: Path, place: int, line: str) -> tuple[str, int, tuple[str, ...]]:
    """Name, number of pins and parameters of a ``.subckt`` line."""
    words = re.sub(r"\s*=\s*", "=", line).replace("params:", " ").split()[1:]
    takes = tuple(word.split("=")[0] for word in words if "=" in word)
    plain = [word for word in words if "=" not in word]
    if not plain or not all(_NAME.fullmatch(word) for word in (*plain, *takes)):
        raise UserError(
            f"{path}, line {place}: names of a .subckt must be a letter and up to 63 letters, digits and '_'"
        )
    return plain[0], len(plain) - 1, takes


def _check_calls(
    path: Path, lines: list[tuple[int, str]], found: dict[str, tuple[int, tuple[str, ...]]]
) -> None:
    """UserError where an instance names a subcircuit that the file does not have."""
    for place, line in lines:
        if line[0] == "x":
            plain = [
                word
                for word in re.sub(r"\s*=\s*", "=", line).split()
                if "=" not in word and word != "params:"
            ]
            if plain[-1] not in found:
                raise UserError(f"{path}, line {place}: {plain[-1]} is no subcircuit of this file")
