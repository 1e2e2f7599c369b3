"""How many logic cells and flip-flops the counts of ``plan/parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.922,
        "muxes": 0.714,
        "depth_muxes": 1.0,
        "copied": 1.223,
        "control": 0.5,
        "rom_luts": 0.97,
        "groups": 46.2,
    },
    "ecp5": {
        "adders": 1.317,
        "muxes": 0.753,
        "depth_muxes": 1.058,
        "control": 0.471,
        "rom_luts": 0.964,
        "distributed": 5.691,
        "groups": 36.5,
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
