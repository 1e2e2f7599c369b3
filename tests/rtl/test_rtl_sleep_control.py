# amaranth: UnusedElaboratable=no
"""When the clock of a design runs, and when it may not."""

from itertools import pairwise
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from hypothesis import example, given
from hypothesis import strategies as st

from qsnn_hw.families.on_chip import WAKE_PERIODS
from qsnn_hw.rtl.sleep_control import SleepControl

AWAKE = 6


def run(requests: list[bool], awake: int = AWAKE) -> list[tuple[int, int, int]]:
    """(power, enable, drowsy) in each cycle of the slow clock, the request changing just behind its edges."""
    m = Module()
    m.domains.slow = ClockDomain(reset_less=True)
    m.submodules.dut = dut = SleepControl(awake)
    simulator = Simulator(m)
    simulator.add_clock(1e-4, domain="slow")
    found: list[tuple[int, int, int]] = []

    async def bench(ctx: Any) -> None:
        for request in requests:
            ctx.set(dut.request, request)
            found.append((ctx.get(dut.power), ctx.get(dut.enable), ctx.get(dut.drowsy)))
            await ctx.tick("slow")

    simulator.add_testbench(bench)
    simulator.run()
    return found


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 14)), min_size=1, max_size=10),
    st.integers(4, 9),
)
@example([(False, 40), (True, 1), (False, 40), (True, 9), (False, 7), (True, 2), (False, 30)], AWAKE)
def test_every_rule_of_the_oscillator_and_of_the_design(spans: list[tuple[bool, int]], awake: int) -> None:
    requests = [level for level, length in spans for _ in range(length)]
    power, enable, drowsy = zip(*run(requests, awake), strict=True)
    for k, (before, now) in enumerate(pairwise(enable), 1):
        if now > before:
            # The oscillator has had two cycles to start.
            assert power[k - 2 : k] == (1, 1)
        if now < before:
            # Nobody asked for as long as is said, before what the synchronizer takes; and it was announced.
            assert not any(requests[max(0, k - 3 - awake) : k - 3])
            assert drowsy[k - 2 : k] == (1, 1)
    for k in range(len(requests)):
        assert power[k] >= enable[k]
        # Awake at the latest so long behind the beginning of a request, and as long as it lasts.
        if k >= WAKE_PERIODS and all(requests[k - WAKE_PERIODS : k]):
            assert enable[k]
        # What hears a transfer again must hear of it before the clock stops.
        if k >= 4 and all(requests[k - 4 : k]):
            assert not drowsy[k]


def test_it_is_awake_behind_configuration_and_then_sleeps() -> None:
    found = run([False] * 20)
    assert [enable for _, enable, _ in found] == [0] * 3 + [1] * 4 + [0] * 13
    assert [power for power, _, _ in found] == [0] + [1] * 7 + [0] * 12


def test_it_must_have_time_to_announce_its_sleep() -> None:
    with pytest.raises(ValueError, match="awake must be at least 4, not 3"):
        SleepControl(3)
