"""Block counts and the comparison of a usage with a device."""

import pytest

from qsnn_hw.families.boards import load_board
from qsnn_hw.families.limits import Shortfall, Usage

ICE = load_board("icebreaker").limits
ECP = load_board("ulx3s-85f").limits


@pytest.mark.parametrize(
    ("depth", "width", "ice", "ecp"),
    [
        (256, 16, 1, 1),
        (257, 16, 2, 1),
        (64, 64, 4, 2),
        (784, 1024, 256, 57),  # 57 is what yosys 0.70 makes of this ROM on ECP5
        (2048, 2, 1, 1),
        (1, 1, 1, 1),
    ],
)
def test_blocks_of_a_memory(depth, width, ice, ecp):
    assert ICE.block_ram.blocks(depth, width) == ice
    assert ECP.block_ram.blocks(depth, width) == ecp


def test_blocks_refuse_an_empty_memory():
    with pytest.raises(ValueError, match="memory shape must be positive, not 0x8"):
        ICE.block_ram.blocks(0, 8)


def test_what_fits_has_no_shortfall():
    assert ICE.fits(Usage(5280, 5280, 30, 4, 8)) == []
    assert ICE.fits(Usage()) == []


def test_shortfalls_carry_the_tools_names_and_by_how_much():
    found = ICE.fits(Usage(logic_cells=5281, block_rams=40, sprams=5, dsps=9))
    assert found == [
        Shortfall("ICESTORM_LC", 5281, 5280),
        Shortfall("ICESTORM_RAM", 40, 30),
        Shortfall("ICESTORM_SPRAM", 5, 4),
        Shortfall("ICESTORM_DSP", 9, 8),
    ]
    assert str(found[1]) == "40 ICESTORM_RAM against 30 (10 too many)"
    assert ECP.fits(Usage(sprams=1)) == [Shortfall("single-port RAM", 1, 0)]
    assert ECP.fits(Usage(registers=90000)) == [Shortfall("TRELLIS_FF", 90000, 83640)]


def test_conversion_within_a_family_keeps_counts():
    usage = Usage(1, 2, 3, 4, 5)
    assert ICE.converted(usage, load_board("tinyfpga-bx").limits) is usage


def test_conversion_across_families_is_an_upper_bound():
    assert ICE.converted(Usage(1000, None, 7, 2, 1), ECP) == Usage(1000, 1000, 7 + 2 * 16, None, 1)
    # A 16384x1 block needs eight 2048x2 ones; a LUT and a register may each take a cell.
    assert ECP.converted(Usage(1000, 500, 3, None, 0), ICE) == Usage(1500, None, 24, None, 0)


def test_usage_reads_a_tools_own_counts():
    assert ICE.usage({"ICESTORM_LC": 900, "ICESTORM_RAM": 4}) == Usage(900, None, 4, None, None)
    assert ECP.usage({"TRELLIS_COMB": 9, "TRELLIS_FF": 8, "DP16KD": 7, "MULT18X18D": 6}) == Usage(
        9, 8, 7, None, 6
    )


def test_a_usage_under_the_tools_names_and_back():
    for limits in (ICE, ECP):
        usage = Usage(900, None if limits is ICE else 100, 11, 2 if limits is ICE else None, 0)
        assert limits.usage(limits.by_name(usage)) == usage
