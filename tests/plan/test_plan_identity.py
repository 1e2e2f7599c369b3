"""What a bitstream says of its plan: other links are other designs."""

from dataclasses import replace
from pathlib import Path

import pytest
from amaranth.hdl import Fragment

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.identity import plan_digest, plan_identity
from qsnn_hw.rtl.board_top import board_top
from tests.support.verify_networks import chain_network


def test_a_plan_knows_its_link_and_so_does_its_identity(tmp_path: Path) -> None:
    uart, spi = (make_plan(chain_network(), PlanOptions(lanes=(2,), link=link)) for link in ("uart", "spi"))
    assert (uart.link, spi.link) == ("uart", "spi")
    assert plan_digest(uart) != plan_digest(spi) == plan_digest(replace(uart, link="spi"))
    assert plan_identity(spi, 12.0) == replace(plan_identity(uart, 12.0), digest=plan_digest(spi))
    spi.save(tmp_path / "plan.npz")
    assert HardwarePlan.load(tmp_path / "plan.npz").link == "spi"


def test_the_design_of_a_plan_for_another_link_is_refused() -> None:
    plan = make_plan(chain_network(), PlanOptions(lanes=(2,), link="spi"))
    with pytest.raises(ValueError, match="link must be spi, as planned, not uart"):
        board_top(plan, load_board("icebreaker"))
    top = board_top(plan, load_board("icebreaker").linked("spi"))
    # Amaranth warns of what is made and never built.
    Fragment.get(top, None)
    assert set(top.signature.members) == {"clk", "rst", "sck", "cs", "mosi", "miso", "led"}
