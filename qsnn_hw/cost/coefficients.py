"""How many logic cells and flip-flops the counts of ``cost/parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.938,
        "muxes": 0.83,
        "depth_muxes": 1.0,
        "copied": 1.102,
        "control": 0.504,
        "luts": 0.857,
        "groups": 42.2,
    },
    "ecp5": {
        "adders": 1.282,
        "muxes": 0.817,
        "depth_muxes": 1.015,
        "control": 0.483,
        "luts": 0.906,
        "distributed": 5.721,
        "groups": 37.7,
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
