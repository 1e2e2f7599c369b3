"""Cuts out of sky130's model library what a few devices need.

A transistor's subcircuit holds a model for each of some 50 ranges of width and length, and ngspice copies
all of them, with a hundred expressions each, for every transistor of a circuit: that, and not the
simulation, is what a run takes. A cut library holds the one or two ranges that the circuit's sizes fall
into, and none of the devices that it does not have; the text of what is left is the library's own.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from qsnn_hw.support.errors import UserError

Sizes = dict[str, set[tuple[float, float]]]
"""Subcircuit of the library -> widths and lengths of its uses, um."""

_USE = re.compile(r"(?im)^x\S+ .*?(\S+)((?: \w+=\S+)+)$")
_INCLUDE = re.compile(r'(?im)^\.include\s+"?([^"\s]+)"?\s*$')


def sizes_in(netlist: str) -> Sizes:
    """Which devices a netlist has, of the lines ``xNAME nodes... SUBCIRCUIT w=W l=L``."""
    found: Sizes = {}
    for device, given in _USE.findall(netlist):
        values = dict(each.lower().split("=") for each in given.split())
        if "w" in values and "l" in values:
            found.setdefault(device, set()).add((float(values["w"]), float(values["l"])))
    return found


def cut_library(library: Path, corner: str, sizes: Sizes) -> str:
    """The section ``corner`` of the library as one text, with no other devices and no other sizes.

    Parameters
    ----------
    library
        sky130's ``sky130.lib.spice``; files that it includes are found beside it.

    Raises
    ------
    UserError
        A file cannot be read, or has no such corner or device.
    """
    text = _read(library)
    section = re.search(rf"(?ims)^\.lib\s+{re.escape(corner)}\s*$(.*?)^\.endl", text)
    if section is None:
        raise UserError(f"{library} has no corner {corner!r}")
    missing = set(sizes)
    made, end = [], 0
    for include in _INCLUDE.finditer(section[1]):
        made.append(section[1][end : include.start()])
        end = include.end()
        whole = _read(library.parent / include[1])
        kept = list(_kept(whole, sizes))
        missing -= {name for name, _ in kept if name}
        # Of files of devices (transistors, capacitors, resistors, junctions) only these devices; what the
        # rest shares, the corner's parameters and the global ones, has none.
        made += [part for name, part in kept if name or "\n.subckt" not in f"\n{whole}".lower()]
    if missing:
        raise UserError(f"{library}, corner {corner}: no device {', '.join(sorted(missing))}")
    return "\n".join([*made, section[1][end:]])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _kept(text: str, sizes: Sizes) -> Iterator[tuple[str, str]]:
    """What is outside subcircuits, with an empty name, and each of the wanted subcircuits, cut."""
    end = 0
    for found in re.finditer(r"(?ims)^\.subckt\s+(\S+).*?^\.ends[^\n]*", text):
        yield "", text[end : found.start()]
        end = found.end()
        if found[1] in sizes:
            yield found[1], "".join(_fitting(found[0], sizes[found[1]]))
    yield "", text[end:]


def _fitting(subcircuit: str, sizes: set[tuple[float, float]]) -> Iterator[str]:
    """Its lines without the models of ranges that none of the sizes is in."""
    parts = re.split(r"(?im)^(?=\.model )|^(?=\.ends)", subcircuit)
    for part in parts:
        ends = {
            name: float(value) * 1e6
            for name, value in re.findall(r"(?i)\b([lw]m(?:in|ax)) *= *([-+.\de]+)", part)
        }
        # A size on the border of two ranges keeps both; ngspice chooses as it would have.
        if len(ends) < 4 or any(
            ends["wmin"] <= w * (1 + _SAME)
            and w <= ends["wmax"] * (1 + _SAME)
            and ends["lmin"] <= length * (1 + _SAME)
            and length <= ends["lmax"] * (1 + _SAME)
            for w, length in sizes
        ):
            yield part


_SAME = 1e-6
