"""Where the weights' block RAMs stand on an ECP5: close together, those of the same lanes side by side.

nextpnr's placer spreads many block RAMs over whole rows of the device and looks for places near the
logic only afterwards; every weight then travels far. Placed beforehand, in the order of the lanes that
they serve, they leave the logic of each lane a place of its own beside them. Figures are in
``docs/implementation_notes.md``.
"""

import re
from collections import defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

_BLOCKS = ("DP16KD", "PDPW16KD")
# A bank is one memory, or several, called by their first row and bit. Synthesis numbers the blocks of
# a memory: its port, then along the width of its rows.
_BLOCK = re.compile(
    r"^(?P<group>.+\.accumulators)\.(sums\.banks\.bank(?P<bank>\d+)(_row(?P<row>\d+)_bit(?P<bit>\d+))?"
    r"|neurons\.words)\.\d+\.(?P<index>\d+)$"
)
_ACCUMULATORS = 1 << 16
# With fewer, nothing is far away.
_FEWEST = 16


class Sites(NamedTuple):
    """The block RAMs of a device: four stand in each of ``columns``, 2 apart, in every one of ``rows``."""

    columns: tuple[int, ...]
    rows: tuple[int, ...]


SITES = {
    "25k": Sites((4, 13, 22, 33, 42, 51, 60), (25, 37)),
    "45k": Sites((4, 13, 22, 31, 42, 51, 60, 69, 78), (10, 34, 58)),
    "85k": Sites((4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114), (22, 46, 70, 82)),
}
"""By nextpnr's name of the device; as nextpnr-ecp5 0.11.1 places a design that fills all of them."""


def group_blocks(module: dict[str, Any]) -> list[str]:
    """Cells of all synapse banks and accumulators: group by group, and lane by lane.

    Parameters
    ----------
    module
        A flat module of yosys' JSON netlist for ECP5.
    """
    groups: defaultdict[str, defaultdict[int, list[tuple[tuple[int, ...], str]]]]
    groups = defaultdict(lambda: defaultdict(list))
    for name, cell in module["cells"].items():
        match = _BLOCK.match(name) if cell["type"] in _BLOCKS else None
        if match is not None:
            place = tuple(int(match[part] or 0) for part in ("bit", "row", "index"))
            # What is added to what is read comes behind the banks.
            memory = _ACCUMULATORS if match["bank"] is None else int(match["bank"])
            groups[match["group"]][memory].append((place, name))
    ordered = []
    for _, memories in sorted(groups.items()):
        along = [
            (Fraction(place, len(blocks)), memory, name)
            for memory, blocks in memories.items()
            for place, (_, name) in enumerate(sorted(blocks))
        ]
        ordered += [name for _, _, name in sorted(along)]
    return ordered


def compact_sites(sites: Sites, count: int) -> list[str]:
    """Names of at least ``count`` sites in a small rectangle, neighbours one after the other.

    Of all rectangles that suffice, the one of least width and height together, and of those the one
    nearest to the middle of the device; empty when the device has fewer.
    """
    columns, rows = sites

    def size(shape: tuple[int, int, int, int]) -> tuple[int, int]:
        left, right, low, high = shape
        middle = abs(columns[left] + columns[right] - columns[0] - columns[-1])
        middle += abs(rows[low] + rows[high] - rows[0] - rows[-1])
        return columns[right] - columns[left] + rows[high] - rows[low], middle

    shapes = [
        (left, right, low, high)
        for left in range(len(columns))
        for right in range(left, len(columns))
        for low in range(len(rows))
        for high in range(low, len(rows))
        if 4 * (right - left + 1) * (high - low + 1) >= count
    ]
    if not shapes:
        return []
    left, right, low, high = min(shapes, key=size)
    names = []
    for number, x in enumerate(columns[left : right + 1]):
        up = rows[low : high + 1]
        # Back and forth, so that the next column begins where this one ends.
        for y in up if number % 2 == 0 else up[::-1]:
            names += [f"X{x + 2 * z}/Y{y}/EBR{z}" for z in range(4)]
    return names


def place_blocks(module: dict[str, Any], device: str) -> int:
    """Give the blocks of synapse banks and accumulators their places; return how many got one.

    None where they are few, where they do not fit, and on devices without a known floor plan.

    Parameters
    ----------
    module
        A flat module of yosys' JSON netlist for ECP5; the attribute "BEL" of its blocks is set.
    device
        nextpnr's name of the device.
    """
    blocks = group_blocks(module)
    if device not in SITES or len(blocks) < _FEWEST:
        return 0
    sites = compact_sites(SITES[device], len(blocks))
    if not sites:
        return 0
    spare = (len(sites) - len(blocks)) // 2
    for name, site in zip(blocks, sites[spare:], strict=False):
        module["cells"][name].setdefault("attributes", {})["BEL"] = site
    return len(blocks)
