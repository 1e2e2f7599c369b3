# amaranth: UnusedElaboratable=no
"""What a board's pins show: the light in the polarity of every shipped board, the button, the buffer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.host.frames import END, data_frame, hello
from qsnn_hw.host.words import event
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.board_top import BoardTop, board_top, reset_cycles
from tests.support.board_platforms import SOURCES, pin, platform_of
from tests.support.networks import random_network
from tests.support.serial_line import serial_bits
from tests.support.thinned import slow

OPEN = hello(3)
GOOD, STRAY = data_frame(1, bytes([4, END]), 3), data_frame(2, bytes([5, END]), 3)
"""A session; an event of the last of five inputs, and one of a sixth."""


def small_plan(**options: Any) -> HardwarePlan:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    return make_plan(network, PlanOptions(lanes=[2], **options))


def play(
    dut: BoardTop, pin: str, runs: Sequence[tuple[str, Sequence[int]]], rst: int | None = None
) -> list[int]:
    """The level of ``pin`` after each run: levels of ``rx`` or ``rst``, one a cycle from power-up on."""
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        if rst is not None:
            ctx.set(dut.rst, rst)
        for name, levels in runs:
            for level in levels:
                ctx.set(getattr(dut, name), level)
                ctx.set(dut.clk, 0)
                await ctx.delay(1e-6)
                ctx.set(dut.clk, 1)
                await ctx.delay(1e-6)
            found.append(int(ctx.get(getattr(dut, pin))))

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("name", [slow("icebreaker"), "tinyfpga-bx", slow("ulx3s-85f")])
def test_light_is_dark_until_something_was_ignored(name: str) -> None:
    """Polarity by amaranth-boards, not by our own file."""
    board = load_board(name)
    inverted = pin(platform_of(name), SOURCES[name].leds[0])[1]
    dut = board_top(small_plan(), board)
    rest = [1] * (reset_cycles(board.divisor) + 20)
    released = None
    button = SOURCES[name].button
    if button is not None:
        released = int(pin(platform_of(name), button)[1])
    levels = play(
        dut,
        "led",
        [
            ("rx", rest[: len(rest) // 2]),
            ("rx", [*rest[len(rest) // 2 :], *serial_bits(OPEN + GOOD, board.divisor), *[1] * 30]),
            ("rx", [*serial_bits(STRAY, board.divisor), *[1] * 30]),
        ],
        released,
    )
    # The first light tells of something ignored, the second one blinks, slowly.
    shown = [level ^ (inverted * (1 << len(dut.led)) - inverted) for level in levels]
    assert shown == [0, 0, 1]


@pytest.mark.parametrize("active", [slow("high"), "low"])
def test_button_resets_while_pressed_and_after(active: str) -> None:
    dut = BoardTop(small_plan(), 4, reset_active=active)
    pressed = int(active == "high")
    rest, stray = [1] * 540, [*serial_bits(OPEN + GOOD + STRAY, 4), *[1] * 30]
    runs = [
        ("rx", [*rest, *stray]),
        ("rst", [pressed] * 5),
        # Deaf while it is held, and for the reset behind it.
        ("rx", stray),
        ("rst", [1 - pressed] * 5),
        ("rx", stray),
        ("rx", [*rest, *stray]),
    ]
    assert play(dut, "led", runs, 1 - pressed) == [1, 0, 0, 0, 0, 1]


def test_a_board_without_a_button_has_no_such_port() -> None:
    dut = board_top(small_plan(), load_board("orangecrab-25f"))
    assert "rst" not in dut.signature.members
    assert play(dut, "tx", [("rx", [1])]) == [1]
    with pytest.raises(ValueError, match=r"^Active level must be 'high' or 'low', not 'up'$"):
        BoardTop(small_plan(), 4, led_active="up")


def test_a_pixel_of_nobody_lights_the_lamp() -> None:
    plan = small_plan(io=IoOptions("rate", "count", steps=2))
    rest = [1] * 540
    for address, lit in ((4, 0), (5, 1)):
        data = OPEN + data_frame(1, event(address << 8 | 200, 8 << 8) + bytes([END]), 3)
        runs = [("rx", [*rest, *serial_bits(data, 4), *[1] * 30])]
        assert play(BoardTop(plan, 4), "led", runs) == [lit]
