"""Too large a design: by how much, and which board would hold it."""

import pytest

from qsnn_hw.families.boards import load_board
from qsnn_hw.families.limits import Limits, Usage
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.capacity import Needs, check_fits, over_capacity

ICE = load_board("icebreaker")


def memory(depth: int, width: int, **others: int) -> Needs:
    """A memory in blocks of whatever device, and others."""

    def needs(limits: Limits) -> Usage:
        assert limits.block_ram is not None
        return Usage(block_rams=limits.block_ram.blocks(depth, width), **others)

    return needs


def same(usage: Usage) -> Needs:
    """The same counts on every device."""
    return lambda limits: usage


def test_what_fits_passes():
    check_fits(memory(256, 16 * 30, logic_cells=5280), ICE)
    check_fits(same(Usage()), ICE)


def test_memories_are_counted_in_blocks_of_each_board():
    with pytest.raises(UserError) as caught:
        check_fits(memory(784, 1024, logic_cells=4000), ICE)
    assert str(caught.value) == (
        "the design needs about 256 ICESTORM_RAM, icebreaker has 30 (226 too many); "
        "it would fit with --board ecpix-5-45f, --board ulx3s-45f, --board butterstick or "
        "3 more of the boards that qsnn-hw boards lists"
    )


def test_logic_within_the_uncertainty_is_left_to_the_tools():
    check_fits(same(Usage(logic_cells=int(5280 * 1.149))), ICE)
    with pytest.raises(
        UserError, match=r"needs about 6080 ICESTORM_LC, icebreaker has 5280 \(800 too many\)"
    ):
        check_fits(same(Usage(logic_cells=6080)), ICE)


def test_several_shortfalls_are_all_named():
    with pytest.raises(UserError, match=r"needs about 6900 ICESTORM_LC, .*, needs about 9 ICESTORM_DSP, "):
        check_fits(same(Usage(logic_cells=6900, dsps=9)), ICE)


def test_no_board_is_large_enough():
    with pytest.raises(UserError, match="no known board holds it: use fewer --lanes, fewer --bits"):
        check_fits(same(Usage(logic_cells=100_000)), ICE)
    with pytest.raises(UserError, match="no known board holds it"):
        check_fits(same(Usage(logic_cells=7000)), ICE, all_boards=[ICE])


def test_options_that_help_are_named_and_others_are_not():
    def refused() -> Usage:
        raise UserError("no such plan")

    ways = [
        ("--optimize area", lambda: Usage(block_rams=31)),
        ("--lanes 3", refused),
        ("--weights ram", lambda: Usage(block_rams=11, sprams=4)),
    ]
    with pytest.raises(UserError, match=r"31 ICESTORM_RAM.*; it would fit with --weights ram$"):
        check_fits(same(Usage(block_rams=31)), ICE, all_boards=[ICE], ways=ways)


def test_over_capacity_of_counted_designs():
    assert over_capacity(Usage(5280, None, 30, 4, 8), ICE) is None
    few = [load_board(name) for name in ("ulx3s-25f", "ulx3s-45f", "ulx3s-85f")]
    error = over_capacity(Usage(7000, None, 40, 0, 0), ICE, few)
    assert str(error) == (
        "the design needs 7000 ICESTORM_LC, icebreaker has 5280 (1720 too many), "
        "needs 40 ICESTORM_RAM, icebreaker has 30 (10 too many); "
        "it would fit with --board ulx3s-25f, --board ulx3s-45f or --board ulx3s-85f"
    )


def test_lanes_are_no_advice_where_weights_or_memories_are_what_is_too_large():
    """Fewer lanes leave the weights as many as they are."""
    with pytest.raises(UserError) as caught:
        check_fits(memory(10**5, 1024), ICE, weight_bits=10**8)
    assert str(caught.value).endswith(
        "no known board holds it: its weights alone are 97,656 kbit, icebreaker has 1,144 kbit of memory; "
        "use fewer --bits or a smaller network"
    )
    with pytest.raises(UserError, match=r"holds it: use fewer --bits or a smaller network$"):
        check_fits(memory(10**5, 1024), ICE, weight_bits=1000)
    # Fewer lanes were tried, and do not help.
    with pytest.raises(UserError, match=r"holds it: use fewer --bits or a smaller network$"):
        check_fits(
            same(Usage(logic_cells=10**5)), ICE, ways=[("--lanes 1", lambda: Usage(logic_cells=10**5))]
        )
