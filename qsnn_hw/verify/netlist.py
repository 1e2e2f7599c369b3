"""A flat netlist as yosys writes it: cells, what drives each net, what registers start from."""

from collections.abc import Mapping
from typing import Any

Bit = int | str
"""A net of yosys' JSON netlist, or a constant: "0", "1", "x", "z"."""


class Netlist:
    """A flat module of yosys' JSON netlist; memories collected, processes translated.

    Parameters
    ----------
    module
        As ``write_json`` writes it, of cells whose kinds begin with a dollar sign.
    through
        Net -> net: what is taken for a plain wire, though a cell drives it.
    """

    def __init__(self, module: Mapping[str, Any], through: Mapping[int, Bit] | None = None) -> None:
        self._module = module
        self.through = through or {}
        self.cells = [cell for cell in module["cells"].values() if cell["type"] != "$scopeinfo"]
        self.drivers: dict[int, tuple[int, str, int]] = {}
        for index, cell in enumerate(self.cells):
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "output":
                    self.drivers |= {bit: (index, port, k) for k, bit in enumerate(bits)}
        self.start: dict[int, str] = {}
        for net in module["netnames"].values():
            values = str(net.get("attributes", {}).get("init", ""))
            # Written from the highest bit on.
            for bit, value in zip(net["bits"], reversed(values), strict=False):
                if isinstance(bit, int) and value in "01":
                    self.start[bit] = value

    def bits(self, name: str) -> list[Bit] | None:
        """The nets of a port, or else of a signal inside; None where there is neither."""
        for kind in ("ports", "netnames"):
            if name in self._module[kind]:
                return list(self._module[kind][name]["bits"])
        return None

    def name_of(self, bit: int) -> str:
        """The shortest name of a net."""
        names = [name for name, net in self._module["netnames"].items() if bit in net["bits"]]
        return min(names, key=len, default=f"net {bit}").removeprefix("\\")
