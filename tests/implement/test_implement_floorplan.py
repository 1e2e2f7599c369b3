"""Block RAMs of the banks get sites of their own, in a small rectangle, in the order of the lanes."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.implement.floorplan import SITES, bank_blocks, compact_sites, place_banks


def netlist(banks: int, blocks: int, others: int = 2) -> dict[str, Any]:
    cells: dict[str, Any] = {
        f"network.group_1.sums.banks.bank{bank}.0.{index}": {"type": "DP16KD"}
        for bank in range(banks)
        for index in range(blocks)
    }
    cells |= {f"network.group_1.states.words.0.{k}": {"type": "DP16KD"} for k in range(others)}
    cells["network.group_1.sums.banks.bank0.0.77"] = {"type": "LUT4"}
    return {"cells": cells, "ports": {}}


def test_blocks_of_the_same_lanes_stand_together() -> None:
    """Four banks of twelve blocks: the k-th of each, then the next; twelfth after ninth."""
    names = bank_blocks(netlist(4, 12))
    assert [re.sub(r".*bank(\d+)\.0\.(\d+)$", r"\2 \1", name) for name in names] == [
        f"{index} {bank}" for index in range(12) for bank in range(4)
    ]


def test_blocks_of_built_banks() -> None:
    """Bit by bit, and the rows of one bit together."""
    names = [f"g.banks.bank0_row{row}_bit{bit}.0.0" for bit in (0, 2, 10) for row in (0, 8192, 16384)]
    cells = {name: {"type": "DP16KD"} for name in reversed(names)}
    assert bank_blocks({"cells": cells, "ports": {}}) == names


@given(st.sampled_from(sorted(SITES)), st.integers(1, 230))
def test_sites(device: str, count: int) -> None:
    columns, rows = SITES[device]
    capacity = 4 * len(columns) * len(rows)
    found = compact_sites(SITES[device], count)
    if count > capacity:
        assert found == []
        return
    assert len(found) >= count
    assert len(set(found)) == len(found)
    matches = [re.fullmatch(r"X(\d+)/Y(\d+)/EBR([0-3])", site) for site in found]
    places = [(int(m[1]) - 2 * int(m[3]), int(m[2])) for m in matches if m is not None]
    assert len(places) == len(found)
    assert {x for x, _ in places} <= set(columns)
    assert {y for _, y in places} <= set(rows)
    # A column of four less would not do.
    height = len({y for _, y in places})
    assert len(found) - 4 * height < count


def test_capacity_of_the_devices() -> None:
    """As the data sheet has it (FPGA-DS-02012): LFE5U-25, 45 and 85."""
    counts = {device: 4 * len(sites.columns) * len(sites.rows) for device, sites in SITES.items()}
    assert counts == {"25k": 56, "45k": 108, "85k": 208}


def test_every_block_gets_a_site_of_its_own() -> None:
    module = netlist(2, 20)
    assert place_banks(module, "85k") == 40
    placed = {
        name: cell["attributes"]["BEL"] for name, cell in module["cells"].items() if "attributes" in cell
    }
    assert sorted(placed) == sorted(bank_blocks(module))
    assert len(set(placed.values())) == 40


@pytest.mark.parametrize(("banks", "blocks", "device"), [(1, 15, "85k"), (2, 30, "25k"), (4, 10, "up5k")])
def test_what_is_left_to_the_placer(banks: int, blocks: int, device: str) -> None:
    """Few blocks, too many, and a device that is not known."""
    module = netlist(banks, blocks)
    assert place_banks(module, device) == 0
    assert not any("attributes" in cell for cell in module["cells"].values())
