# amaranth: UnusedElaboratable=no
"""The serial line as SPI: its pins, its two ways, and the frames of the driver through both."""

import random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host import words
from qsnn_hw.host.frames import Deframer, frame, opened
from qsnn_hw.host.link import Link
from qsnn_hw.host.protocol import sample_spikes, sample_words
from qsnn_hw.host.serial_port import PortGoneError
from qsnn_hw.host.spi_bytes import FILL, from_spi, to_spi
from qsnn_hw.host.spi_port import SpiPort
from qsnn_hw.plan import AddressSpace
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.io.spi import SpiPins, SpiReceiver, SpiTransmitter
from qsnn_hw.support.errors import ToolError
from tests.support.link_bench import Loop
from tests.support.networks import random_input, random_network
from tests.support.spi_bench import Controller, Exchanger, board_cycle
from tests.support.streams import clocked


class Both(wiring.Component):
    """Pins, receiver and transmitter."""

    def __init__(self) -> None:
        self.receiver, self.transmitter = SpiReceiver(), SpiTransmitter()
        pins = {"sck": In(1), "cs": In(1, init=1), "mosi": In(1), "miso": Out(1)}
        super().__init__(pins)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pins = pins = SpiPins()
        m.submodules.receiver, m.submodules.transmitter = receiver, transmitter = (
            self.receiver,
            self.transmitter,
        )
        m.d.comb += [getattr(pins, name).eq(getattr(self, name)) for name in ("sck", "cs", "mosi")]
        m.d.comb += [getattr(receiver, name).eq(getattr(pins, name)) for name in ("rise", "last", "bit")]
        m.d.comb += [getattr(transmitter, name).eq(getattr(pins, name)) for name in ("rise", "last")]
        m.d.comb += self.miso.eq(transmitter.miso)
        return m


@pytest.mark.parametrize("gap", [0, 40])
@pytest.mark.parametrize("idle", [0.0, 0.8])
def test_bytes_go_both_ways_at_once(gap: int, idle: float) -> None:
    chance = random.Random(gap)
    there = bytes([0x7E, 0x00, FILL, 0xFF, FILL, 0x7C, *chance.randbytes(20)])
    back = bytes([0x7D, 0x7E, 0x7F, 0x7C, 0x5F, *chance.randbytes(16)])
    dut = Both()
    heard = bytearray()
    came = bytearray()

    async def controls(ctx: Any) -> None:
        controller = Controller(ctx, dut, lambda: ctx.tick(), gap)
        await controller.rest(10)
        for value in there:
            came.extend(await controller.exchange(bytes([value])))
            # A byte that is cut off counts for nothing.
            if gap and chance.random() < 0.2:
                ctx.set(dut.cs, 1)
                await controller.rest(4)
        came.extend(await controller.exchange(bytes([FILL]) * 60))

    async def listens(ctx: Any) -> None:
        async for _, _, valid, byte in ctx.tick().sample(dut.receiver.o.valid, dut.receiver.o.payload):
            if valid:
                heard.append(int(byte))

    async def sends(ctx: Any) -> None:
        i = dut.transmitter.i
        for byte, raw in [*((byte, 0) for byte in back), (0x7E, 1)]:
            for k in range(8):
                while chance.random() < idle:
                    await ctx.tick()
                assert ctx.get(dut.transmitter.index) == k
                ctx.set(i.payload, {"bit": byte >> k & 1, "raw": raw})
                ctx.set(i.valid, 1)
                await ctx.tick().until(i.ready)
                ctx.set(i.valid, 0)

    simulator = clocked(dut)
    simulator.add_testbench(controls)
    simulator.add_testbench(listens, background=True)
    simulator.add_testbench(sends, background=True)
    simulator.run()
    # The receiver leaves out what is no byte, and nothing else.
    assert bytes(heard) == from_spi(there)
    assert FILL in came
    assert Deframer().feed(from_spi(bytes(came))) == [back]
    # Without waiting it leaves byte behind byte.
    if not idle and not gap:
        first = bytes(came).index(0x7D)
        assert FILL not in came[first : first + len(back)]


def test_a_byte_cut_off_counts_for_nothing_and_the_next_one_is_whole() -> None:
    dut = Both()
    heard: list[int] = []

    async def controls(ctx: Any) -> None:
        controller = Controller(ctx, dut, lambda: ctx.tick())
        await controller.rest(10)
        for bits in range(1, 8):
            await controller.byte(0x00, bits)
            ctx.set(dut.cs, 1)
            await controller.rest(4)
            await controller.exchange(bytes([0xA0 + bits]))

    async def listens(ctx: Any) -> None:
        async for _, _, valid, byte in ctx.tick().sample(dut.receiver.o.valid, dut.receiver.o.payload):
            if valid:
                heard.append(int(byte))

    simulator = clocked(dut)
    simulator.add_testbench(controls)
    simulator.add_testbench(listens, background=True)
    simulator.run()
    assert heard == [0xA0 + bits for bits in range(1, 8)]


@pytest.mark.parametrize("gap", [0, pytest.param(50, marks=pytest.mark.slow)])
def test_the_driver_gets_its_answers_from_a_link_that_sends_words_back(gap: int) -> None:
    dut = Loop(100, open_cycles=3, divisor=None)
    exchange = Exchanger(
        dut, lambda ctx: Controller(ctx, dut.link, lambda: ctx.tick("clock"), gap), domain="clock"
    )
    port = SpiPort(exchange, "pins", 1_000_000)
    link = Link(port, 100, 100, per_sample=False)
    link.begin()
    samples = (np.random.default_rng(gap).random((3, 2, 100)) < 0.1).astype(np.uint8)
    found = dict(link.exchange(3, lambda k: words.sample(samples[k], np.arange(100), 100)))
    space = AddressSpace((100,))
    assert sorted(found) == [0, 1, 2]
    for k, sample in enumerate(samples):
        assert np.array_equal(sample_spikes(words.answers(found[k], 100), space), sample)


@pytest.mark.slow
def test_a_whole_board_answers_through_spi_as_golden_does() -> None:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    inputs = random_input(np.random.default_rng(4), network, steps=5, samples=2, rate=0.5)
    golden = run_clocked(network, inputs).spikes["g2"]
    assert golden.any()
    plan = make_plan(network, PlanOptions(lanes=[2]))
    space = plan.output_space
    dut = BoardTop(plan, None)
    exchange = Exchanger(dut, lambda ctx: Controller(ctx, dut, lambda: board_cycle(ctx, dut)))
    port = SpiPort(exchange, "pins", 1_000_000)
    link = Link(port, plan.input_addresses, space.size, per_sample=False)
    link.begin()
    addresses = plan.input_space.addresses()
    found = dict(link.exchange(2, lambda k: words.sample(inputs[:, k], addresses, plan.input_addresses)))
    for k in range(2):
        wanted = words.reply_payload(sample_words(golden[:, k], space), space.size)
        assert sorted(found[k]) == sorted(wanted)
    assert port.bytes_in
    assert port.bytes_out


def test_bytes_of_frames_pass_spi_whatever_they_hold() -> None:
    body = bytes(range(256))
    octets = to_spi(frame(body, 0))
    assert FILL not in octets
    # Nothing in between changes anything, wherever it stands.
    spread = b"".join(bytes([value, FILL]) for value in octets)
    (raw,) = Deframer().feed(from_spi(spread))
    assert opened(raw, 0) == body


def test_a_controller_that_fails_is_a_port_that_is_gone() -> None:
    def broken(data: bytes) -> bytes:
        raise OSError("unplugged")

    port = SpiPort(broken, "spi0", 1_000_000)
    with pytest.raises(PortGoneError, match=r"^spi0 is gone: unplugged$"):
        port.write(b"a")
    with pytest.raises(PortGoneError, match=r"^spi0 is gone$"):
        port.reopen(1.0)
    short = SpiPort(lambda data: data[1:], "spi0", 1_000_000)
    with pytest.raises(ToolError, match=r"^spi0 gave 31 bytes for 32, where SPI gives as many$"):
        short.read(0.0)
    silent = SpiPort(lambda data: bytes([FILL]) * len(data), "spi0", 1_000_000)
    assert silent.read(0.002) == b""
    assert silent.bytes_in == 0
    silent.send_break()
    silent.close()
