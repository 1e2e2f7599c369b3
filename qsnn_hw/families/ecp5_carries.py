"""What place and route is told that synthesis leaves unsaid."""

from collections import Counter
from typing import Any


def cut_unused_carries(module: dict[str, Any]) -> int:
    """Disconnect the carry outputs that nothing reads; return how many.

    yosys leaves the last carry of every adder on a wire of its own. nextpnr-ecp5 brings any carry that
    ends on a wire out to the fabric, through a CCU2C of its own: two LUTs per adder, for nothing.

    Parameters
    ----------
    module
        A flat module of yosys' JSON netlist for ECP5; changed in place.
    """
    uses: Counter[Any] = Counter()
    for cell in module["cells"].values():
        for bits in cell["connections"].values():
            uses.update(bits)
    for port in module["ports"].values():
        uses.update(port["bits"])
    cut = 0
    for cell in module["cells"].values():
        carry = cell["connections"].get("COUT") if cell["type"] == "CCU2C" else None
        if carry and isinstance(carry[0], int) and uses[carry[0]] == 1:
            cell["connections"]["COUT"] = ["x"]
            cut += 1
    return cut
