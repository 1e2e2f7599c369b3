"""How many logic cells and flip-flops the counts of ``cost/parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 0.997,
        "muxes": 0.883,
        "depth_muxes": 1.0,
        "copied": 1.139,
        "control": 0.517,
        "luts": 1.009,
        "saves": 0.969,
        "groups": 20.963,
        "links": 130.127,
    },
    "ecp5": {
        "adders": 1.262,
        "muxes": 0.886,
        "depth_muxes": 1.031,
        "control": 0.522,
        "luts": 1.013,
        "saves": 1.135,
        "distributed": 6.044,
        "groups": 20.706,
        "links": 120.045,
    },
}
REGISTERS = {
    "ice40": {"computed": 1.0, "copied": 1.0},
    "ecp5": {"computed": 1.0, "copied": 1.0},
}
