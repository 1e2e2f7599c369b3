"""RTLIL as text, taken apart as far as giving names needs: modules, their wires, what drives what."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SLICE = re.compile(r"([\\$]\S+) \[(\d+)(?::(\d+))?\]")


@dataclass
class RtlilModule:
    """The lines of one module, and what they declare.

    Parameters
    ----------
    name
        Of the module; names keep RTLIL's backslash or dollar sign.
    lines
        As they stand in the text.
    widths
        Wire -> bits.
    ports
        The wires that are ports.
    cells
        Names of cells and memories.
    connects
        (wire, value) of every connection outside a cell.
    cell, data
        Of the cell whose lines are being read: its kind, and the wire at its D.
    kinds
        Wire without a name -> the operation that drives it.
    registers
        Wire without a name -> the register that takes its value at the next clock edge.
    """

    name: str
    lines: list[str] = field(default_factory=list)
    widths: dict[str, int] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    cells: set[str] = field(default_factory=set)
    connects: list[tuple[str, str]] = field(default_factory=list)
    cell: str = ""
    data: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    registers: dict[str, str] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Take the next line."""
        self.lines.append(line)
        words = line.split()
        if not words:
            return
        if words[0] in ("memory", "cell"):
            self.cells.add(words[-1])
            self.cell = words[1] if words[0] == "cell" else ""
        if words[0] == "connect" and line.startswith(" "):
            self._connected(words[1], line.split(None, 2)[2])
        if words[0] == "wire":
            self.widths[words[-1]] = int(words[words.index("width") + 1])
            if "input" in words or "output" in words:
                self.ports.append(words[-1])
        elif line.startswith("connect "):
            target, value = line.removeprefix("connect ").split(" ", 1)
            self.connects.append((target, value))

    def _connected(self, pin: str, value: str) -> None:
        """Learn from a pin of a cell what a wire without a name is."""
        parts = wire_parts(value) if value[:1] in "\\$" else []
        wire = value if value in self.widths else parts[0][0] if len(parts) == 1 else ""
        whole = value == wire or (len(parts) == 1 and parts[0][2] == self.widths.get(wire))
        if pin == "\\Y" and wire.startswith("$"):
            self.kinds[wire] = self.cell.lstrip("$")
        elif pin == "\\D":
            self.data = wire if whole and wire.startswith("$") else ""
        elif pin == "\\Q" and whole and self.data and wire.startswith("\\"):
            self.registers.setdefault(self.data, wire)


def split_modules(text: str) -> Iterator[RtlilModule]:
    """The modules of a text in its order, each with the attributes in front of it."""
    module: RtlilModule | None = None
    ahead: list[str] = []
    for line in text.split("\n"):
        if line.startswith("module "):
            # Attributes stand in front of what they belong to.
            module = RtlilModule(line.split()[1], ahead)
            ahead = []
        if module is None:
            if line:
                ahead.append(line)
            continue
        module.add(line)
        if line == "end":
            yield module
            module = None


def wire_parts(value: str) -> list[tuple[str, int, int, int]]:
    """(wire, lowest bit of it, width, offset) of the wires of a value, from the lowest bit on."""
    parts = []
    offset = 0
    if value.startswith("{"):
        items = value.strip("{} ")
        # Constants among them have a width of their own: <width>'<bits>.
        tokens = re.findall(r"[\\$]\S+ \[[\d:]+\]|\d+'\S+", items)
    else:
        tokens = [value.strip()]
    for token in reversed(tokens):
        match = _SLICE.fullmatch(token)
        if match:
            high = int(match[2])
            low = int(match[3]) if match[3] else high
            parts.append((match[1], low, high - low + 1, offset))
            offset += high - low + 1
        else:
            width = token.partition("'")[0]
            offset += int(width) if width.isdigit() else 0
    return parts
