# amaranth: UnusedElaboratable=no
"""What a board's pins show: the light in the polarity of every shipped board, the button, the buffer."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.host.protocol import RECEIVE_WORDS, Word, encode_words
from qsnn_hw.plan import AddressSpace, HardwarePlan
from qsnn_hw.rtl.board_top import BoardTop, board_top, reset_cycles
from qsnn_hw.rtl.io import host_link
from qsnn_hw.rtl.io.host_link import HostLink
from tests.support.board_platforms import PLATFORMS, leds, pins, platform_of
from tests.support.networks import random_network
from tests.support.places import ROOT
from tests.support.serial_line import serial_bits
from tests.support.streams import clocked

GOOD, STRAY = encode_words([Word(False, 4)], 5), encode_words([Word(False, 5)], 64)
"""An event of the last of five inputs, and one of a sixth."""


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


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_light_is_dark_until_something_was_ignored(name: str) -> None:
    """Polarity by amaranth-boards, not by our own file."""
    board = load_board(name)
    inverted = leds(platform_of(name), 1)[0][1]
    dut = board_top(small_plan(), board)
    rest = [1] * (reset_cycles(board.divisor) + 20)
    released = None
    if "rst" in board.ports:
        released = int(pins(platform_of(name), "button")[1])
    levels = play(
        dut,
        "led",
        [
            ("rx", rest[: len(rest) // 2]),
            ("rx", [*rest[len(rest) // 2 :], *serial_bits(GOOD, board.divisor), 1, 1, 1, 1]),
            ("rx", [*serial_bits(STRAY, board.divisor), 1, 1, 1, 1]),
        ],
        released,
    )
    assert [bool(level) ^ inverted for level in levels] == [False, False, True]


@pytest.mark.parametrize("active", ["high", "low"])
def test_button_resets_while_pressed_and_after(active: str) -> None:
    dut = BoardTop(small_plan(), 4, reset_active=active)
    pressed = int(active == "high")
    rest, stray = [1] * 540, [*serial_bits(STRAY, 4), *[1] * 6]
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
        data = encode_words([Word(False, address << 8 | 200)], 8 << 8)
        runs = [("rx", [*rest, *serial_bits(data, 4), *[1] * 6])]
        assert play(BoardTop(plan, 4), "led", runs) == [lit]


class _Bytes(wiring.Component):
    """In place of the serial receiver: the first byte of an event, in every cycle."""

    made: ClassVar[list["_Bytes"]] = []

    def __init__(self, divisor: int) -> None:
        super().__init__({"rx": In(1), "o": Out(stream.Signature(unsigned(8))), "overflow": Out(1)})
        self.made.append(self)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(0x85)]
        return m


@pytest.mark.parametrize("registered", [False, True])
def test_the_link_holds_the_words_that_the_page_promises(
    registered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "host_link.md").read_text(encoding="utf-8")
    promised = int(re.search(r"The receiver holds (\d+) words", page)[1])  # type: ignore[index]
    monkeypatch.setattr(host_link, "UartReceiver", _Bytes)
    dut = HostLink(AddressSpace((64,)), 3, 4, registered=registered)
    taken = 0

    async def bench(ctx: Any) -> None:
        nonlocal taken
        for _ in range(2 * promised):
            _, _, ready = await ctx.tick().sample(_Bytes.made[-1].o.ready)
            taken += int(ready)

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()
    # One word waits at the output, with a register behind the memory another.
    assert taken == promised + 1 + registered
    assert promised == RECEIVE_WORDS
