"""Switching activity of a simulated netlist: a SAIF file (IEEE 1801 has the format in an annex)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.errors import ToolError

_TOKEN = re.compile(r'\(|\)|"[^"]*"|[^\s()]+')


@dataclass(frozen=True)
class Activity:
    """How often nets switched.

    Parameters
    ----------
    duration
        Of the observation, in units of the file's time.
    toggles
        (instance path, net) -> changes of its level; the path has the instances' names joined by "/".
    high
        (instance path, net) -> share of the time at 1, 0 to 1.
    """

    duration: int
    toggles: Mapping[tuple[str, str], int]
    high: Mapping[tuple[str, str], float]


def read_saif(path: Path, top: str) -> Activity:
    """Read what Verilator wrote of a design.

    Parameters
    ----------
    top
        The design's top module: paths begin in it.

    Raises
    ------
    ToolError
        It is not whole, or saw no time pass.
    """
    tokens = _TOKEN.findall(path.read_text(encoding="utf-8", errors="replace"))
    duration = 0
    toggles: dict[tuple[str, str], int] = {}
    high: dict[tuple[str, str], float] = {}
    where: list[str] = []
    stack: list[str] = []
    net: list[str] = []
    stream: Iterator[tuple[int, str]] = iter(enumerate(tokens))
    for at, token in stream:
        if token == ")":
            if not stack:
                raise ToolError(f"{path} is no whole SAIF file")
            ended = stack.pop()
            if ended == "INSTANCE":
                where.pop()
            elif ended == "net":
                net.pop()
            continue
        if token != "(":
            continue
        kind = tokens[at + 1] if at + 1 < len(tokens) else ""
        if kind == "INSTANCE":
            where.append(_plain(tokens[at + 2]))
            stack.append("INSTANCE")
        elif kind == "DURATION":
            duration = int(tokens[at + 2])
            stack.append(kind)
        elif kind in ("TC", "T1") and net:
            inside = where[where.index(top) + 1 :] if top in where else where[1:]
            key = ("/".join(inside), net[-1])
            if kind == "TC":
                toggles[key] = int(tokens[at + 2])
            else:
                high[key] = float(tokens[at + 2])
            stack.append(kind)
        elif stack and stack[-1] == "NET":
            net.append(_plain(kind))
            stack.append("net")
        else:
            stack.append(kind)
    if stack or duration <= 0 or not toggles:
        raise ToolError(f"{path} is no whole SAIF file of a simulation that took time")
    return Activity(duration, toggles, {key: min(1.0, time / duration) for key, time in high.items()})


def _plain(name: str) -> str:
    return name.replace("\\", "")
