"""How many logic cells and flip-flops the counts of ``plan/group_parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.976,
        "muxes": 0.577,
        "copied": 1.461,
        "control": 0.529,
        "rom_luts": 1.0,
        "groups": 46.5,
    },
    "ecp5": {
        "adders": 1.16,
        "muxes": 0.66,
        "control": 0.359,
        "rom_luts": 1.0,
        "distributed": 7.03,
        "groups": 25.4,
    },
}
REGISTERS = {
    "ice40": {"computed": 1.0, "copied": 1.0},
    "ecp5": {"computed": 1.0, "copied": 1.0},
}
SERIAL = {
    "ice40": {"logic_cells": 115.0, "registers": 0.0},
    "ecp5": {"logic_cells": 160.0, "registers": 84.0},
}
"""The serial host link and the power-on reset; nearly the same in every design."""
