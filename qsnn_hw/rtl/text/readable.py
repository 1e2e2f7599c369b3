"""RTLIL in the words of the design: ports named and ordered as components have them, modules described."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import Elaboratable, Value
from amaranth.hdl._ir import Design
from amaranth.lib import wiring

from qsnn_hw.rtl.text.rtlil_modules import RtlilModule, split_modules, wire_parts

_NAME = re.compile(r"[\\$]\S+")
_PORT = re.compile(r"\b(input|output|inout) \d+")


@dataclass(frozen=True)
class About:
    """What is known of a module.

    Parameters
    ----------
    ports
        Name of a signal inside -> the name that the component's interface has for it, in its order.
    description
        One line.
    inside
        Name of a signal inside -> a better one: of those that belong to a component inside, its name and
        that of its interface.
    """

    ports: Mapping[str, str]
    description: str
    inside: Mapping[str, str] = field(default_factory=dict)


def describe(design: Design) -> dict[str, About]:
    """Module name -> what its component says about itself."""
    abouts: dict[str, About] = {}
    known = {info.name: info for info in design.fragments.values()}
    better: dict[str, dict[str, str]] = {}
    for component, fragment in design.elaboratables.items():
        if isinstance(component, wiring.Component):
            inside = design.fragments[fragment]
            ports = _signals(component, inside)
            name = ".".join(inside.name)
            abouts[name] = About(ports, _description(component), better.setdefault(name, {}))
            *above, last = inside.name
            if tuple(above) in known:
                # Signals of several components have the same names, which Amaranth tells apart by numbers.
                around = _signals(component, known[tuple(above)])
                own = {old: f"{last}__{new}" for old, new in around.items()}
                better.setdefault(".".join(above), {}).update(own)
    return abouts


def _signals(component: wiring.Component, place: Any) -> dict[str, str]:
    """Of the signals of a component's interface: their names in a module -> in the interface."""
    return {
        place.signal_names[Value.cast(value)]: "__".join(map(str, path))
        for path, _, value in component.signature.flatten(component)
        if Value.cast(value) in place.signal_names
    }


def _description(component: Elaboratable) -> str:
    """The component's ``description``, or else the first sentence of its class's docstring."""
    text = getattr(component, "description", None) or (type(component).__doc__ or "").split("\n\n")[0]
    # Backquotes start a macro in Verilog, wherever they stand.
    plain = re.sub(r":\w+:`|`", "", str(text))
    return " ".join(plain.split()).replace("\\", "/").replace('"', "'")


def readable(text: str, about: Mapping[str, About]) -> str:
    r"""Rename and order the ports of all modules, and describe every module; the top keeps its ports' names.

    Amaranth names a port after some signal inside that carries the same bits, and where none
    does ``port$<number>``. Here it gets the name that the component's interface has for these bits: of a
    member (``i__payload``), of a field of one (``i__payload_row0``), of neighbouring fields, or of a
    part (``stored_5``: from bit 5). Ports stand in the interface's order behind clock and reset. Inside, a
    signal of a component further down has that component's name in front, what a register takes next is
    called ``<register>_next``, and every other value by its operation. Wires without bits, which Verilog
    cannot express, are left out.
    """
    modules = list(split_modules(text))
    renames: dict[str, dict[str, str]] = {}
    for index, module in enumerate(modules):
        known = about.get(module.name.removeprefix("\\"))
        known = known or About({}, "")
        ports = {} if index == 0 else _new_names(module, known.ports)
        renames[module.name] = ports | _inner_names(module, ports, known)
    lines: list[str] = []
    for module in modules:
        known = about.get(module.name.removeprefix("\\"))
        if known is not None and known.description:
            lines.append(f'attribute \\description "{known.description}"')
        order = _port_order(module, renames[module.name], {} if known is None else known.ports)
        lines += _renamed(module, renames, order)
    return "\n".join(lines) + "\n"


def _new_names(module: RtlilModule, interface: Mapping[str, str]) -> dict[str, str]:
    """Better names for ports, as far as the interface has any."""
    names: dict[str, str] = {}
    candidates = _candidates(module, interface)
    taken = set(module.cells)
    # Those without a name in the interface come last: they keep their own only where it is still free.
    for port in sorted(module.ports, key=lambda port: port not in candidates):
        wanted = [] if port[1:] in ("clk", "rst") else sorted(candidates.get(port, ()))
        own = [f"\\{name}" for _, name in wanted]
        names[port] = next((name for name in own if name not in taken), None) or _free(port, taken)
        taken.add(names[port])
    return {port: new for port, new in names.items() if port != new}


def _inner_names(module: RtlilModule, ports: Mapping[str, str], about: About) -> dict[str, str]:
    """New names for the wires inside, as far as they have none but a number or ports took theirs."""
    names: dict[str, str] = {}
    fixed = {ports.get(port, port) for port in module.ports}
    used = {*module.cells, *fixed}
    inner = [wire for wire in module.widths if wire not in module.ports]
    wanted: dict[str, str] = {}
    for wire in inner:
        whole, dot, part = wire.partition(".")
        signal = whole.removeprefix("\\")
        if signal in about.inside:
            wanted[wire] = f"\\{about.inside[signal]}{dot}{part}"
        elif signal in about.ports and "$" in signal:
            wanted[wire] = f"\\{about.ports[signal]}{dot}{part}"
        elif "$" in signal.strip("$") and not wire.startswith("$"):
            wanted[wire] = wire.replace("$", "_")
        elif wire not in fixed and not wire.startswith("$"):
            used.add(wire)
    for wire in inner:
        name = wanted.get(wire, wire)
        if name.startswith("$"):
            register = module.registers.get(name)
            register = ports.get(register, names.get(register, register)) if register is not None else None
            number = name[1:]
            name = (
                f"\\{module.kinds.get(wire, 'choice')}_{number}" if register is None else f"{register}_next"
            )
        if wire == name and wire not in fixed:
            continue
        names[wire] = _free(name, used)
        used.add(names[wire])
    return names


def _free(name: str, taken: Set[str]) -> str:
    """``name``, or one made of it that nothing else has."""
    if name not in taken:
        return name
    return next(new for k in _MORE if (new := f"{name}_{k}") not in taken)


# Fields whose names all stand in the name of a port; of more the first and the last.
_SIDE_BY_SIDE = 4

# Behind a name that another has already: a wire that only passes a port on.
_MORE = ("inner", *map(str, range(2, 1000)))
_STREAM = ("payload", "valid", "ready")


def _port_order(
    module: RtlilModule, names: Mapping[str, str], interface: Mapping[str, str]
) -> dict[str, int]:
    """The place of each port: clock, reset, then the interface's members, and a member's parts by name."""
    members = ["clk", "rst", *dict.fromkeys(interface.values())]
    place = {member: number for number, member in enumerate(dict.fromkeys(members))}

    def key(port: str) -> tuple[int, int, int, str]:
        name = names.get(port, port).removeprefix("\\")
        # A member in pieces has its name in front of theirs.
        piece = name
        while piece and piece not in place:
            piece = piece.rpartition("_")[0].rstrip("_")
        stream, _, part = name.rpartition("__")
        first = min(
            (n for member, n in place.items() if stream and member.startswith(f"{stream}__")), default=-1
        )
        at = first if first >= 0 and part in _STREAM else place.get(piece, len(place))
        number = re.search(r"(\d+)$", name)
        return at, _STREAM.index(part) if part in _STREAM else 0, int(number[1]) if number else -1, name

    # From 1 on: yosys takes 0 for a wire that is no port.
    return {port: number for number, port in enumerate(sorted(module.ports, key=key), 1)}


def _candidates(module: RtlilModule, interface: Mapping[str, str]) -> dict[str, list[tuple[int, str]]]:
    """For each port names for its bits, with a rank: member, field, fields side by side, part."""
    candidates: dict[str, list[tuple[int, str]]] = {}
    fields: dict[tuple[str, str], dict[int, tuple[int, str]]] = {}
    # What drives an output port stands for it.
    drives: dict[str, str] = {}
    for port in module.ports:
        if port[1:] in interface:
            candidates[port] = [(0, interface[port[1:]])]
    for target, value in module.connects:
        parts = wire_parts(value)
        if target in module.ports and len(parts) == 1:
            drives[parts[0][0]] = target
    for target, value in module.connects:
        inside, _, rest = target[1:].partition(".")
        if inside not in interface:
            continue
        member = interface[inside]
        name = f"{member}_{rest}".replace(".", "_") if rest else member
        parts = wire_parts(value)
        for driver, low, width, offset in parts:
            wire = drives.get(driver, driver)
            whole = width == module.widths.get(wire)
            if len(parts) > 1 and whole:
                candidates.setdefault(wire, []).append((3, f"{name}_{offset}"))
            elif whole:
                candidates.setdefault(wire, []).append((1 if rest else 0, name))
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
            many = len(names) > _SIDE_BY_SIDE
            joined = f"{names[0]}_to_{cut[covered - width][1]}" if many else "_".join(names)
            candidates.setdefault(wire, []).append((2, joined))
    return candidates


def _renamed(
    module: RtlilModule, renames: Mapping[str, Mapping[str, str]], order: Mapping[str, int]
) -> Iterator[str]:
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
            if kind == "wire" and line.split()[-1] in order:
                line = _PORT.sub(rf"\1 {order[line.split()[-1]]}", line)
            yield _NAME.sub(own, line) if names else line
