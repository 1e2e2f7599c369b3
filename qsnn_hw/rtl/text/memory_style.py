"""Where a memory should go, in the words of each synthesis tool."""

from typing import Literal

Kind = Literal["ram", "rom"]

# yosys (which looks at these first) and Vivado; Quartus; Gowin, and Synplify for RAM.
#
# Quartus has no word for "a block" that every family knows, and takes a memory with a registered read for
# one anyway; "no_rw_check" spares it the logic for reading a word while it is written, which never happens.
_STYLES: dict[tuple[Kind, str], dict[str, str]] = {
    ("ram", "block"): {"ram_style": "block", "ramstyle": "no_rw_check", "syn_ramstyle": "block_ram"},
    ("ram", "distributed"): {
        "ram_style": "distributed",
        "ramstyle": "MLAB, no_rw_check",
        "syn_ramstyle": "distributed_ram",
    },
    # Single-port memory of iCE40 UltraPlus; elsewhere it is block RAM.
    ("ram", "huge"): {"ram_style": "huge", "ramstyle": "no_rw_check", "syn_ramstyle": "block_ram"},
    ("rom", "block"): {"rom_style": "block", "syn_romstyle": "block_rom"},
    ("rom", "logic"): {"rom_style": "logic", "romstyle": "logic", "syn_romstyle": "logic"},
}


def memory_attributes(kind: Kind, style: str) -> dict[str, str]:
    """Attributes of a memory's declaration; none for "auto".

    Parameters
    ----------
    kind
        "rom" for a memory that nothing writes.
    style
        "block", "distributed" (RAM only), "huge" (RAM only), "logic" (ROM only) or "auto".

    Raises
    ------
    ValueError
        There is no such style of this kind.
    """
    if style == "auto":
        return {}
    if (kind, style) not in _STYLES:
        raise ValueError(f"Style of a {kind} must be one that it has, not {style!r}")
    return dict(_STYLES[kind, style])
