"""RTLIL in the words of the design: ports named as their component names them, modules described."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from amaranth.hdl import Elaboratable, Value
from amaranth.hdl._ir import Design
from amaranth.lib import wiring

_NAME = re.compile(r"\\\S+")
_SLICE = re.compile(r"([\\$]\S+) \[(\d+)(?::(\d+))?\]")


@dataclass(frozen=True)
class About:
    """What is known of a module.

    Parameters
    ----------
    ports
        Name of a signal inside -> the name that the component's interface has for it.
    description
        One line.
    """

    ports: Mapping[str, str]
    description: str


def describe(design: Design) -> dict[str, About]:
    """Module name -> what its component says about itself."""
    found: dict[str, About] = {}
    for component, fragment in design.elaboratables.items():
        if isinstance(component, wiring.Component):
            inside = design.fragments[fragment]
            ports = {
                inside.signal_names[Value.cast(value)]: "__".join(map(str, path))
                for path, _, value in component.signature.flatten(component)
                if Value.cast(value) in inside.signal_names
            }
            found[".".join(inside.name)] = About(ports, _description(component))
    return found


def _description(component: Elaboratable) -> str:
    """The component's ``description``, or else the first sentence of its class's docstring."""
    given = getattr(component, "description", None) or (type(component).__doc__ or "").split("\n\n")[0]
    # Backquotes start a macro in Verilog, wherever they stand.
    plain = re.sub(r":\w+:`|`", "", str(given))
    return " ".join(plain.split()).replace("\\", "/").replace('"', "'")


@dataclass
class _Module:
    """The lines of one module, and the names it declares."""

    name: str
    lines: list[str] = field(default_factory=list)
    widths: dict[str, int] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    cells: set[str] = field(default_factory=set)
    connects: list[tuple[str, str]] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.lines.append(line)
        words = line.split()
        if not words:
            return
        if words[0] in ("memory", "cell"):
            self.cells.add(words[-1])
        if words[0] == "wire":
            self.widths[words[-1]] = int(words[words.index("width") + 1])
            if "input" in words or "output" in words:
                self.ports.append(words[-1])
        elif line.startswith("connect "):
            target, value = line.removeprefix("connect ").split(" ", 1)
            self.connects.append((target, value))


def readable(text: str, about: Mapping[str, About]) -> str:
    r"""Rename the ports of all modules but the first, the top, and describe every module.

    Amaranth names a port after some signal inside that carries the same bits, and where none
    does ``port$<number>``. Here it gets the name that the component's interface has for these bits: of a
    member (``i__payload``), of a field of one (``i__payload_row0``), of neighbouring fields, or of a
    part (``stored_5``: from bit 5). Wires without bits, which Verilog cannot express, are left out.
    """
    modules = list(_modules(text))
    renames: dict[str, dict[str, str]] = {}
    for module in modules[1:]:
        known = about.get(module.name.removeprefix("\\"))
        renames[module.name] = {} if known is None else _new_names(module, known.ports)
    lines: list[str] = []
    for module in modules:
        known = about.get(module.name.removeprefix("\\"))
        if known is not None and known.description:
            lines.append(f'attribute \\description "{known.description}"')
        lines += _renamed(module, renames)
    return "\n".join(lines) + "\n"


def _modules(text: str) -> Iterator[_Module]:
    module: _Module | None = None
    ahead: list[str] = []
    for line in text.split("\n"):
        if line.startswith("module "):
            # Attributes stand in front of what they belong to.
            module = _Module(line.split()[1], ahead)
            ahead = []
        if module is None:
            if line:
                ahead.append(line)
            continue
        module.add(line)
        if line == "end":
            yield module
            module = None


def _new_names(module: _Module, interface: Mapping[str, str]) -> dict[str, str]:
    """Better names for ports, as far as the interface has any; whoever had them takes the old ones."""
    names: dict[str, str] = {}
    candidates = _candidates(module, interface)
    for port in module.ports:
        wanted = [] if port[1:] in ("clk", "rst") else sorted(candidates.get(port, ()))
        new = next((f"\\{name}" for _, name in wanted), port)
        if new not in names.values() and new not in module.cells:
            names[port] = new
    names = {port: new for port, new in names.items() if port != new}
    free = sorted(names.keys() - names.values())
    displaced = sorted((names.values() - names.keys()) & module.widths.keys())
    return names | dict(zip(displaced, free, strict=False))


def _candidates(module: _Module, interface: Mapping[str, str]) -> dict[str, list[tuple[int, str]]]:
    """For each port names for its bits, with a rank: member, field, fields side by side, part."""
    found: dict[str, list[tuple[int, str]]] = {}
    fields: dict[tuple[str, str], dict[int, tuple[int, str]]] = {}
    # What drives an output port stands for it.
    drives: dict[str, str] = {}
    for port in module.ports:
        if port[1:] in interface:
            found[port] = [(0, interface[port[1:]])]
    for target, value in module.connects:
        parts = _parts(value)
        if target in module.ports and len(parts) == 1:
            drives[parts[0][0]] = target
    for target, value in module.connects:
        inside, _, rest = target[1:].partition(".")
        if inside not in interface:
            continue
        member = interface[inside]
        name = f"{member}_{rest}".replace(".", "_") if rest else member
        parts = _parts(value)
        for driver, low, width, offset in parts:
            wire = drives.get(driver, driver)
            whole = width == module.widths.get(wire)
            if len(parts) > 1 and whole:
                found.setdefault(wire, []).append((3, f"{name}_{offset}"))
            elif whole:
                found.setdefault(wire, []).append((1 if rest else 0, name))
            elif len(parts) == 1:
                fields.setdefault((wire, member if rest else ""), {})[low] = (width, name)
    for (wire, _), cut in fields.items():
        covered = 0
        names: list[str] = []
        while covered in cut:
            width, name = cut[covered]
            names.append(name.rpartition("_")[2] if names else name)
            covered += width
        if covered == module.widths.get(wire):
            found.setdefault(wire, []).append((2, "_".join(names)))
    return found


def _parts(value: str) -> list[tuple[str, int, int, int]]:
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


def _renamed(module: _Module, renames: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    names = renames.get(module.name, {})
    empty = {wire for wire, width in module.widths.items() if width == 0}
    inside: Mapping[str, str] | None = None

    def own(match: re.Match[str]) -> str:
        return names.get(match[0], match[0])

    for line in module.lines:
        words = line.split(None, 2)
        kind = words[0] if words else ""
        if kind in ("attribute", "parameter", "module"):
            yield line
        elif kind == "cell":
            inside = renames.get(words[1], {})
            yield line
        elif kind == "connect" and inside is not None:
            indent = line[: len(line) - len(line.lstrip())]
            yield f"{indent}connect {inside.get(words[1], words[1])} {_NAME.sub(own, words[2])}"
        elif (kind == "wire" and line.split()[-1] in empty) or (kind == "connect" and words[1] in empty):
            continue
        else:
            if kind == "end":
                inside = None
            yield _NAME.sub(own, line) if names else line
