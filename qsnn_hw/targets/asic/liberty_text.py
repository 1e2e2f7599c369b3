"""Liberty's syntax: a scanner that keeps the groups that are asked about and skips the rest."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

Refuse = Callable[[str], NoReturn]
"""Raises the error of a file in which something is wrong; takes what."""

_DEEPEST = 12

_COMMENT = re.compile(r'"[^"]*"|/\*.*?\*/|//[^\n]*|\\[ \t]*\r?\n', re.DOTALL)
_STATEMENT = re.compile(
    r"""\s*(?:(?P<close>\})|;|(?P<name>[\w.\[\]-]+)\s*(?:
        \((?P<args>(?:"[^"]*"|[^()"{};])*)\)\s*(?P<open>\{)?
        |:\s*(?P<value>"[^"]*"|[^;\n{}"]*)))""",
    re.VERBOSE,
)
_BRACE = re.compile(r'"[^"]*"|[{}]')

_READ = frozenset(
    (
        "library",
        "cell",
        "pin",
        "ff",
        "latch",
        "bus",
        "bundle",
        "statetable",
        "leakage_power",
        "operating_conditions",
    )
)
"""Groups that are looked into."""


@dataclass
class Group:
    """A group as it is read: attributes by name, and the groups in it."""

    kind: str
    args: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)
    groups: "list[Group]" = field(default_factory=list)

    def inner(self, kind: str) -> "Iterator[Group]":
        return (group for group in self.groups if group.kind == kind)


def library_group(text: str, refuse: Refuse) -> tuple[Group, bool]:
    """The library group of a file, without what is skipped, and whether a timing group was seen."""
    text = _COMMENT.sub(lambda match: match[0] if match[0].startswith('"') else " ", text)
    root = Group("", ())
    stack, at, timed = [root], 0, False
    while True:
        match = _STATEMENT.match(text, at)
        if match is None:
            if text[at:].strip():
                line = text.count("\n", 0, at + len(text[at:]) - len(text[at:].lstrip())) + 1
                refuse(f"near line {line}: no statement, but {text[at:].strip()[:40]!r}")
            break
        at = match.end()
        if match["close"]:
            if len(stack) == 1:
                refuse("a } closes nothing")
            stack.pop()
        elif match["value"] is not None:
            stack[-1].values[match["name"]] = match["value"].strip().strip('"').strip()
        elif match["open"]:
            timed = timed or match["name"] == "timing"
            if match["name"] in _READ:
                group = Group(match["name"], _arguments(match["args"]))
                stack[-1].groups.append(group)
                stack.append(group)
                if len(stack) > _DEEPEST:
                    refuse("its groups are too deep")
            else:
                at = _behind(text, at, refuse)
        elif match["name"] == "include_file":
            refuse("include_file is not followed: put the library into one file")
        elif match["name"] is not None:
            stack[-1].values[match["name"]] = match["args"]
    if len(stack) > 1:
        refuse(f"group {stack[-1].kind} is not closed: is the file whole?")
    libraries = list(root.inner("library"))
    if len(libraries) != 1:
        refuse(f"it holds {len(libraries)} libraries, not 1")
    return libraries[0], timed


def _arguments(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip('"').strip() for part in text.split(","))


def _behind(text: str, at: int, refuse: Refuse) -> int:
    """Where the group ends whose { is before ``at``."""
    depth = 1
    for match in _BRACE.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    refuse("a group is not closed: is the file whole?")
