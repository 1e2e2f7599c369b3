"""How many logic cells and flip-flops the counts of ``plan/group_parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.756,
        "muxes": 0.795,
        "copied": 1.517,
        "control": 0.522,
        "rom_luts": 0.62,
        "groups": 50.9,
    },
    "ecp5": {
        "adders": 1.199,
        "muxes": 0.511,
        "control": 0.424,
        "rom_luts": 0.962,
        "distributed": 7.74,
        "groups": 35.8,
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
