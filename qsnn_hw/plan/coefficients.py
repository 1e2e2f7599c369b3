"""How many logic cells and flip-flops the counts of ``plan/group_parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.801,
        "muxes": 0.931,
        "depth_muxes": 1.0,
        "copied": 1.249,
        "control": 0.571,
        "rom_luts": 0.593,
        "groups": 47.4,
    },
    "ecp5": {
        "adders": 1.334,
        "muxes": 0.636,
        "depth_muxes": 1.01,
        "control": 0.48,
        "rom_luts": 0.797,
        "distributed": 5.797,
        "groups": 35.7,
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
