"""Unused carries are cut, used ones are not."""

from typing import Any

from qsnn_hw.families.ecp5_carries import cut_unused_carries


def adder(carry_in: Any, sums: list[int], carry: list[Any]) -> dict[str, Any]:
    return {"type": "CCU2C", "connections": {"CIN": [carry_in], "S0": sums, "COUT": carry}}


def test_only_carries_that_nothing_reads() -> None:
    cells = {
        "low": adder("0", [2], [3]),
        "high": adder(3, [4], [5]),
        "alone": adder("0", [6], [7]),
        "out": adder("0", [8], [9]),
        "cut": adder("0", [10], ["x"]),
        "register": {"type": "TRELLIS_FF", "connections": {"DI": [7], "Q": [11]}},
        "lut": {"type": "LUT4", "connections": {"A": [4], "Z": [12], "COUT": [13]}},
    }
    module: dict[str, Any] = {"cells": cells, "ports": {"o": {"bits": [9, 2]}}}
    assert cut_unused_carries(module) == 1
    carries = {name: cell["connections"].get("COUT") for name, cell in cells.items()}
    assert carries == {
        "low": [3],
        "high": ["x"],
        "alone": [7],
        "out": [9],
        "cut": ["x"],
        "register": None,
        "lut": [13],
    }
    assert cut_unused_carries(module) == 0
