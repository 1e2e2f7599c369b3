"""Names in a netlist: those of the network, as far as SPICE takes them."""

import re
from collections.abc import Iterable, Mapping


def spice_names(names: Iterable[str]) -> dict[str, str]:
    """Each name -> lower case letters, digits and underscores, no two alike (SPICE knows no upper case)."""
    taken: set[str] = set()
    made: dict[str, str] = {}
    for name in names:
        if name in made:
            continue
        base = re.sub(r"[^a-z0-9_]", "_", name.lower())
        base = base if base[:1].isalpha() else f"g{base}"
        word, number = base, 2
        while word in taken:
            word, number = f"{base}_{number}", number + 1
        taken.add(word)
        made[name] = word
    return made


def row_name(names: Mapping[str, str], source: str, address: int, delay: int) -> str:
    """The node of a row: source and address, and how late its spikes are where they are."""
    late = f"_late{delay}" if delay else ""
    return f"{names[source]}{late}_{address}"


def number(value: float) -> str:
    """``value`` as SPICE reads it back to 12 digits."""
    return f"{value:.12g}"


def wrapped(words: Iterable[str], width: int = 100) -> str:
    """Words on one line of SPICE, continued with ``+`` behind ``width`` characters."""
    lines: list[str] = []
    line = ""
    for word in words:
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = "+ " + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
