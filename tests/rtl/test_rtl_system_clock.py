"""The clock of a board's design: a PLL's, and the reset until it is locked."""

from typing import ClassVar

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.families.pll import PllCell
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl import board_top as module
from qsnn_hw.rtl.board_top import BoardTop, board_top
from qsnn_hw.rtl.system_clock import SystemClock
from tests.support.networks import random_network


def small_plan() -> HardwarePlan:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    return make_plan(network, PlanOptions(lanes=[2]))


class _Locks(SystemClock):
    """In place of a PLL: the pin's clock, and locked from the outside; it shows the system's reset."""

    made: ClassVar[list["_Locks"]] = []

    def __init__(self, cell: PllCell | None) -> None:
        super().__init__(cell)
        self.lock, self.running = Signal(), Signal()
        self.made.append(self)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.clk.eq(self.pin), self.locked.eq(self.lock)]
        # Cleared by the reset of the domain.
        m.d.sync += self.running.eq(1)
        return m


def test_the_reset_is_held_until_the_pll_is_locked_and_again_when_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SystemClock", _Locks)
    board = load_board("icebreaker")
    assert board.family.pll is not None
    cell = board.clocked(board.family.pll.nearest(12, 48)).pll_cell
    dut = BoardTop(small_plan(), 4, pll=cell)
    clock = _Locks.made[-1] if _Locks.made else None
    seen: list[bool] = []

    async def bench(ctx) -> None:  # type: ignore[no-untyped-def]
        tree = _Locks.made[-1]
        for lock, cycles in ((0, 700), (1, 500), (1, 30), (0, 5), (1, 500), (1, 30)):
            ctx.set(tree.lock, lock)
            for _ in range(cycles):
                ctx.set(dut.clk, 0)
                await ctx.delay(1e-6)
                ctx.set(dut.clk, 1)
                await ctx.delay(1e-6)
            seen.append(bool(ctx.get(tree.running)))

    simulator = Simulator(dut)
    assert clock is None
    simulator.add_testbench(bench)
    simulator.run()
    # 512 cycles after each lock; before, and after a lock that is lost, the design stands still.
    assert seen == [False, False, True, False, False, True]


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f"])
def test_a_simulated_board_has_no_pll_and_the_same_divisor(name: str) -> None:
    board = load_board(name)
    assert board.family.pll is not None
    fast = board.clocked(board.family.pll.nearest(board.oscillator_mhz, 48))
    built, simulated = (
        rtlil.convert(board_top(small_plan(), fast, simulated=one), name="top") for one in (False, True)
    )
    assert fast.pll_cell is not None
    assert fast.pll_cell.name in built
    assert fast.pll_cell.name not in simulated
    assert fast.divisor == round(48e6 / fast.baud)
