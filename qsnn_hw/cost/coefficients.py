"""How many logic cells and flip-flops the counts of ``cost/parts.py`` become.

Fitted by ``python scripts/fit_resources.py fit`` to the designs measured in
``tests/plan/data/resources.json`` (which names the tools' versions).
"""

LOGIC = {
    "ice40": {
        "adders": 1.048,
        "muxes": 0.886,
        "depth_muxes": 1.0,
        "copied": 1.123,
        "control": 0.514,
        "luts": 0.985,
        "saves": 0.777,
        "deep_saves": 1.003,
        "groups": 21.093,
        "links": 130.117,
    },
    "ecp5": {
        "adders": 1.325,
        "muxes": 0.867,
        "depth_muxes": 1.036,
        "control": 0.515,
        "luts": 1.0,
        "saves": 0.863,
        "deep_saves": 2.076,
        "distributed": 6.044,
        "groups": 20.765,
        "links": 121.618,
    },
}
REGISTERS = {
    "ice40": {"computed": 1.0, "copied": 1.0},
    "ecp5": {"computed": 1.0, "copied": 1.0},
}
