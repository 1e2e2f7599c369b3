# amaranth: UnusedElaboratable=no
"""Counting and comparing without a carry chain: all values of small widths."""

from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, Value, signed
from amaranth.sim import Simulator

from qsnn_hw.rtl.counting import at_least, minus_one, plus_one


def answers(value: Signal, made: Value) -> list[int]:
    """What ``made`` of ``value`` is for all of its patterns, 0 first."""
    m = Module()
    out = Signal(len(made))
    m.d.comb += out.eq(made)
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        for pattern in range(1 << len(value)):
            ctx.set(value, pattern - (pattern >> len(value) - 1 << len(value)) * value.shape().signed)
            found.append(ctx.get(out))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("width", range(1, 8))
@pytest.mark.parametrize(("count", "by"), [(plus_one, 1), (minus_one, -1)])
def test_counting(count: Callable[[Value], Value], by: int, width: int) -> None:
    value = Signal(width)
    assert len(count(value)) == width
    assert answers(value, count(value)) == [(k + by) % (1 << width) for k in range(1 << width)]


@pytest.mark.parametrize("width", range(1, 6))
def test_at_least(width: int) -> None:
    half = 1 << width - 1
    for least in range(-half - 1, half + 2):
        value = Signal(signed(width))
        wanted = [int(k - (k >= half) * 2 * half >= least) for k in range(1 << width)]
        assert answers(value, at_least(value, least)) == wanted
