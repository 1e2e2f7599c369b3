"""Too large a design: by how much, and which board would hold it."""

import pytest

from qsnn_hw.boards import load_board
from qsnn_hw.errors import UserError
from qsnn_hw.implement.capacity import Estimate, MemoryNeed, check_fits, over_capacity
from qsnn_hw.limits import Usage

ICE = load_board("icebreaker")


def test_what_fits_passes():
    check_fits(Estimate((MemoryNeed(256, 16),) * 30, logic_cells=5280), ICE)
    check_fits(Estimate(), ICE)


def test_memories_are_counted_in_blocks_of_each_board():
    estimate = Estimate((MemoryNeed(784, 1024),), logic_cells=4000)
    with pytest.raises(UserError) as caught:
        check_fits(estimate, ICE)
    assert str(caught.value) == (
        "the design needs about 256 ICESTORM_RAM, icebreaker has 30 (226 too many); "
        "it would fit ulx3s-45f, ulx3s-85f"
    )


def test_single_port_ram_is_used_where_there_is_some():
    estimate = Estimate((MemoryNeed(16384, 16, spram=True),) * 5)
    with pytest.raises(UserError, match=r"about 5 ICESTORM_SPRAM, icebreaker has 4 \(1 too many\)"):
        check_fits(estimate, ICE)
    assert estimate.usage(load_board("ulx3s-85f").limits).block_rams == 5 * 16


def test_several_shortfalls_are_all_named():
    with pytest.raises(UserError, match=r"needs about 6000 ICESTORM_LC, .*, needs about 9 ICESTORM_DSP, "):
        check_fits(Estimate(logic_cells=6000, dsps=9), ICE)


def test_no_board_is_large_enough():
    with pytest.raises(UserError, match="no known board holds it: use fewer bits, fewer lanes"):
        check_fits(Estimate(logic_cells=100_000), ICE)
    with pytest.raises(UserError, match="no known board holds it"):
        check_fits(Estimate(logic_cells=6000), ICE, all_boards=[ICE])


def test_over_capacity_of_counted_designs():
    assert over_capacity(Usage(5280, None, 30, 4, 8), ICE) is None
    error = over_capacity(Usage(7000, None, 40, 0, 0), ICE)
    assert str(error) == (
        "the design needs 7000 ICESTORM_LC, icebreaker has 5280 (1720 too many), "
        "needs 40 ICESTORM_RAM, icebreaker has 30 (10 too many); "
        "it would fit orangecrab-25f, ulx3s-25f, ulx3s-45f, ulx3s-85f"
    )
