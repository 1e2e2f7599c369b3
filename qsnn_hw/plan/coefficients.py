"""How many logic cells and flip-flops the counts of ``plan/group_parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.809,
        "muxes": 0.936,
        "copied": 1.254,
        "control": 0.533,
        "rom_luts": 0.627,
        "groups": 43.2,
    },
    "ecp5": {
        "adders": 1.157,
        "muxes": 0.658,
        "control": 0.473,
        "rom_luts": 0.847,
        "distributed": 5.914,
        "groups": 34.5,
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
