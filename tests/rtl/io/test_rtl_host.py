# amaranth: UnusedElaboratable=no
"""Serial port, words as bytes, and the whole board design through its pins."""

import random
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host.protocol import (
    Word,
    address_bits,
    bytes_per_word,
    decode_classes,
    decode_words,
    encode_pixels,
    encode_words,
    sample_spikes,
    sample_words,
)
from qsnn_hw.plan import AddressSpace
from qsnn_hw.rtl.board_top import BoardTop, reset_cycles
from qsnn_hw.rtl.io import host_link
from qsnn_hw.rtl.io.host_link import ReceiveBuffer, WordAssembler, WordSplitter
from qsnn_hw.rtl.io.uart import UartReceiver, UartTransmitter
from qsnn_hw.support.errors import UserError
from tests.support.networks import random_input, random_network
from tests.support.serial_line import play, serial_bits
from tests.support.streams import PACES, Pace, aer, clocked, exchange, from_aer, put_all, take

# One, two and three bytes a word, at the edges and between.
SIZES = [1, 2, 10, 64, 65, 300, 8192, 8193, 20_000]


def random_words(size: int, count: int, seed: int = 0) -> list[Word]:
    chance = random.Random(seed)
    words = []
    for _ in range(count):
        tick = chance.random() < 0.3
        words.append(Word(tick, chance.randrange(2) if tick else chance.randrange(size)))
    return [*words, Word(False, size - 1), Word(True, 1)]


@pytest.mark.parametrize(
    ("size", "bits", "count"),
    [(1, 1, 1), (2, 1, 1), (3, 2, 1), (64, 6, 1), (65, 7, 2), (8192, 13, 2), (8193, 14, 3), (2**20, 20, 3)],
)
def test_widths(size: int, bits: int, count: int) -> None:
    assert address_bits(size) == bits
    assert bytes_per_word(bits) == count


@pytest.mark.parametrize("size", SIZES)
def test_bytes_and_back(size: int) -> None:
    words = random_words(size, 100)
    data = encode_words(words, size)
    count = bytes_per_word(address_bits(size))
    assert len(data) == count * len(words)
    assert [index % count for index, byte in enumerate(data) if byte & 0x80] == [0] * len(words)
    assert decode_words(data, size) == words


def test_bytes_of_a_word() -> None:
    assert encode_words([Word(False, 5), Word(True, 1)], 10) == bytes([0x85, 0xC1])
    assert encode_words([Word(False, 300), Word(True, 0)], 784) == bytes([0x82, 0x2C, 0xC0, 0x00])


@given(st.binary(max_size=40), st.integers(0, 8))
def test_a_lost_byte_costs_one_word(noise: bytes, lost: int) -> None:
    """Continuation bytes before a first byte are skipped; a first byte starts over."""
    size = 300
    words = random_words(size, 8, seed=1)
    data = encode_words(words, size)
    broken = data[: 2 * lost] + data[2 * lost + 1 :]
    assert decode_words(broken, size) == words[:lost] + words[lost + 1 :]
    junk = bytes(b & 0x7F for b in noise)
    assert decode_words(junk + data, size) == words
    assert decode_words(data[:-1], size) == words[:-1]


@pytest.mark.parametrize(("address", "size"), [(10, 10), (-1, 10), (2, 1)])
def test_address_errors(address: int, size: int) -> None:
    with pytest.raises(UserError, match=f"^address must be from 0 to {size - 1}, not {address}$"):
        encode_words([Word(False, address)], size)


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_samples_and_back(steps: int, size: int, seed: int) -> None:
    spikes = (np.random.default_rng(seed).random((steps, size)) < 0.3).astype(np.uint8)
    space = AddressSpace((size,))
    words = sample_words(spikes, space)
    assert [w.address for w in words if w.tick] == [0] * (steps - 1) + [1]
    assert np.array_equal(sample_spikes(words, space), spikes)


@pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])
@pytest.mark.parametrize("size", SIZES)
def test_assembler_and_splitter(size: int, pace: Pace) -> None:
    words = random_words(size, 30)
    data = list(encode_words(words, size))
    assembler = WordAssembler(AddressSpace((size,)))
    (received,) = exchange(assembler, [(assembler.i, data)], [(assembler.o, len(words))], pace)
    assert from_aer(received, size) == words
    splitter = WordSplitter(size)
    (sent,) = exchange(splitter, [(splitter.i, aer(words, size))], [(splitter.o, len(data))], pace)
    assert sent == data


@pytest.mark.parametrize("size", [300, 20_000])
def test_assembler_finds_the_start_again(size: int) -> None:
    chance = random.Random(size)
    words = random_words(size, 60)
    data = list(encode_words(words, size))
    # Lose some bytes; the software decoder says what must be left.
    broken = [byte for byte in data if chance.random() < 0.9]
    wanted = [w for w in decode_words(broken, size) if w.tick or w.address < size]
    assert 10 < len(wanted) < len(words)
    assembler = WordAssembler(AddressSpace((size,)))
    (received,) = exchange(assembler, [(assembler.i, broken)], [(assembler.o, len(wanted))], PACES[3])
    assert from_aer(received, size) == wanted


@pytest.mark.parametrize("size", [1, 10, 300])
def test_assembler_drops_addresses_beyond_the_last(size: int) -> None:
    """What the address bits could hold but no neuron has: it would read another group's weights."""
    top = (1 << (6 + 7 * (bytes_per_word(address_bits(size)) - 1))) - 1
    inside = [Word(False, size - 1), Word(True, 1), Word(False, 0)]
    beyond = [Word(False, size), Word(False, top)]
    mixed = [inside[0], beyond[0], inside[1], beyond[1], inside[2]]
    data = list(encode_words(mixed, top + 1))
    assert len(data) == len(mixed) * bytes_per_word(address_bits(size))
    assembler = WordAssembler(AddressSpace((size,)))
    (received,) = exchange(assembler, [(assembler.i, data)], [(assembler.o, 3)], Pace())
    assert from_aer(received, size) == inside


@pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])
@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 8])
def test_receive_buffer(depth: int, registered: bool, pace: Pace) -> None:
    words = [random.Random(depth).randrange(1 << 11) for _ in range(60)]
    buffer = ReceiveBuffer(11, depth, registered=registered)
    (received,) = exchange(buffer, [(buffer.i, words)], [(buffer.o, len(words))], pace)
    assert received == words


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 8])
def test_receive_buffer_holds_what_it_says(depth: int, registered: bool) -> None:
    buffer = ReceiveBuffer(4, depth, registered=registered)
    taken: list[bool] = []

    async def fill(ctx: Any) -> None:
        ctx.set(buffer.i.valid, 1)
        for _ in range(depth + 4):
            _, _, ready = await ctx.tick().sample(buffer.i.ready)
            taken.append(bool(ready))

    simulator = clocked(buffer)
    simulator.add_testbench(fill)
    simulator.run()
    assert sum(taken) == depth + 1 + registered


@pytest.mark.parametrize("depth", [0, 3])
def test_receive_buffer_depth(depth: int) -> None:
    with pytest.raises(ValueError, match=f"^Depth must be a power of two, not {depth}$"):
        ReceiveBuffer(4, depth)


@pytest.mark.parametrize("divisor", [4, 5, 13])
@pytest.mark.parametrize("gap", [0, 1, 30])
def test_receiver(divisor: int, gap: int) -> None:
    data = [0x00, 0xFF, 0x55, 0xA7, 0x80]
    dut = UartReceiver(divisor)
    received: list[int] = []

    async def send(ctx: Any) -> None:
        await play(ctx, dut.rx, [1] * 3 + serial_bits(data, divisor, gap))

    async def receive(ctx: Any) -> None:
        await take(ctx, dut.o, received, len(data), Pace(stall=0.3))
        assert not ctx.get(dut.overflow)

    simulator = clocked(dut)
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    assert received == data


def test_receiver_tolerates_a_clock_two_percent_off() -> None:
    data = [0xA5, 0x00, 0xFF, 0x01]
    for length in (49, 51):
        dut = UartReceiver(50)
        received: list[int] = []

        async def send(ctx: Any, dut: Any = dut, length: int = length) -> None:
            await play(ctx, dut.rx, [1] * 9 + serial_bits(data, length))

        async def receive(ctx: Any, dut: Any = dut, received: list[int] = received) -> None:
            await take(ctx, dut.o, received, len(data), Pace())

        simulator = clocked(dut)
        simulator.add_testbench(send)
        simulator.add_testbench(receive)
        simulator.run()
        assert received == data


def listen(dut: UartReceiver, levels: list[int], taken_first: bool) -> tuple[list[int], bool]:
    """Bytes after the line has played, when the reader waits until then (or takes all at once)."""
    received: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, taken_first)
        for level in [*levels, *[1] * 20]:
            ctx.set(dut.rx, level)
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid & dut.o.ready, dut.o.payload)
            received.extend([byte] if valid else [])
        ctx.set(dut.o.ready, 1)
        for _ in range(3):
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            received.extend([byte] if valid else [])
        received.append(1000 + ctx.get(dut.overflow))

    simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()
    return received[:-1], received[-1] == 1001


def test_receiver_overflow_keeps_the_older_byte() -> None:
    levels = serial_bits([0x12, 0x34], 4)
    assert listen(UartReceiver(4), levels, taken_first=False) == ([0x12], True)
    assert listen(UartReceiver(4), levels, taken_first=True) == ([0x12, 0x34], False)


def test_receiver_ignores_glitches_and_framing_errors() -> None:
    glitch = [1] * 5 + [0] * 2 + [1] * 60
    assert listen(UartReceiver(8), glitch, taken_first=True) == ([], False)
    bad = serial_bits([0x12], 4)
    bad[-4:] = [0] * 4
    assert listen(UartReceiver(4), [*bad, *[1] * 50, *serial_bits([0x34], 4)], taken_first=True) == (
        [0x34],
        False,
    )


@pytest.mark.parametrize("divisor", [4, 7])
@pytest.mark.parametrize("pace", [Pace(), Pace(idle=0.8)])
def test_transmitter(divisor: int, pace: Pace) -> None:
    data = [0x00, 0xFF, 0x3C, 0x81]
    dut = UartTransmitter(divisor)
    levels: list[int] = []

    async def send(ctx: Any) -> None:
        await put_all(ctx, dut.i, data, pace)

    async def watch(ctx: Any) -> None:
        for _ in range(len(data) * (10 * divisor + 20)):
            _, _, level = await ctx.tick().sample(dut.tx)
            levels.append(int(level))

    simulator = clocked(dut)
    simulator.add_testbench(send)
    simulator.add_testbench(watch)
    simulator.run()
    assert decode_serial(levels, divisor) == data
    assert levels[0] == 1
    if not pace.idle:
        start = levels.index(0)
        assert levels[start : start + 10 * divisor] == serial_bits(data[:1], divisor)


def decode_serial(levels: Sequence[int], divisor: int) -> list[int]:
    """What a serial port reads from the line, sampling in the middle of each bit."""
    data = []
    index = 0
    while index < len(levels):
        if levels[index]:
            index += 1
            continue
        middle = index + divisor // 2
        bits = [levels[middle + divisor * k] for k in range(10)]
        assert bits[0] == 0
        assert bits[9] == 1
        data.append(sum(bit << k for k, bit in enumerate(bits[1:9])))
        index = middle + 9 * divisor
    return data


def board(
    dut: BoardTop, data: Sequence[int], divisor: int, cycles: int, before: Sequence[int] = ()
) -> tuple[list[int], bool]:
    """Send bytes into ``rx`` from power-up; the bytes that ``tx`` answered and the light.

    ``before`` holds levels of the line in front of those bytes.
    """
    levels: list[int] = []
    light: list[int] = []

    async def pins(ctx: Any) -> None:
        # Reset takes 512 cycles; what comes before would be lost.
        sent = [1] * 600 + list(before) + serial_bits(data, divisor)
        for cycle in range(cycles):
            ctx.set(dut.rx, sent[cycle] if cycle < len(sent) else 1)
            ctx.set(dut.clk, 0)
            await ctx.delay(1e-6)
            ctx.set(dut.clk, 1)
            await ctx.delay(1e-6)
            levels.append(int(ctx.get(dut.tx)))
        light.append(int(ctx.get(dut.led)))

    simulator = Simulator(dut)
    simulator.add_testbench(pins)
    simulator.run()
    return decode_serial(levels, divisor), bool(light[0])


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f"])
def test_board_answers_through_its_pins(name: str) -> None:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    inputs = random_input(np.random.default_rng(4), network, steps=5, samples=2, rate=0.5)
    golden = run_clocked(network, inputs).spikes["g2"]
    assert golden.any()
    data: list[int] = []
    wanted: list[Word] = []
    for sample in range(2):
        data += encode_words(sample_words(inputs[:, sample], AddressSpace((5,))), 5)
        wanted += sample_words(golden[:, sample], AddressSpace((3,)))
    plan = make_plan(network, PlanOptions(lanes=[2], limits=load_board(name).limits))
    answer, light = board(BoardTop(plan, divisor=4), data, 4, cycles=600 + 40 * len(data) + 1500)
    assert decode_words(answer, 3) == wanted
    assert not light


def test_board_takes_weights_first() -> None:
    """A load cut short is forgotten after a break; a low line of less than a break is none."""
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    inputs = random_input(np.random.default_rng(4), network, steps=5, samples=1, rate=0.5)
    golden = run_clocked(network, inputs).spikes["g2"]
    assert golden.any()
    plan = make_plan(network, PlanOptions(lanes=[2], synapse_store="ram"))
    weights = plan.weight_bytes()
    data = [*weights, *encode_words(sample_words(inputs[:, 0], AddressSpace((5,))), 5)]
    cut = serial_bits(weights[:7], 4)
    for low, answered in ((520, True), (400, False)):
        before = [*cut, *[0] * low, *[1] * 600]
        dut = BoardTop(plan, divisor=4)
        answer, _ = board(dut, data, 4, cycles=600 + len(before) + 40 * len(data) + 1500, before=before)
        assert (decode_words(answer, 3) == sample_words(golden[:, 0], AddressSpace((3,)))) == answered


def test_board_takes_pixels_and_gives_classes() -> None:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    io = IoOptions("latency", "count", steps=4)
    plan = make_plan(network, PlanOptions(lanes=[2], io=io))
    pixels = np.random.default_rng(1).integers(100, 256, (3, 5)).astype(np.uint8)
    pixels[1] = 0
    assert plan.encoder is not None
    assert plan.readout is not None
    golden = run_clocked(network, sent_spikes(plan.encoder, pixels)).spikes["g2"]
    labels, silent = plan.readout.answers(golden, None)
    assert len(set(zip(labels.tolist(), silent.tolist(), strict=True))) > 1
    addresses = plan.input_space.addresses()
    data = [byte for sample in pixels for byte in encode_pixels(sample, addresses, plan.input_size)]
    answer, light = board(BoardTop(plan, divisor=4), data, 4, cycles=600 + 40 * len(data) + 1000)
    assert decode_classes(answer, plan.readout.classes) == list(
        zip(labels.tolist(), silent.tolist(), strict=True)
    )
    assert not light


@pytest.mark.parametrize(("divisor", "cycles"), [(4, 512), (12, 512), (32, 512), (33, 1024), (100, 2048)])
def test_reset_cycles(divisor: int, cycles: int) -> None:
    """Longer than the low bits of any byte, which are 9."""
    assert reset_cycles(divisor) == cycles
    assert cycles > 12 * divisor


@pytest.mark.parametrize(("events", "lit"), [(3, False), (12, True)])
def test_light_tells_of_lost_bytes(events: int, lit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event takes 64 cycles here and a byte comes every 40; four words wait at most."""
    monkeypatch.setattr(host_link, "RECEIVE_WORDS", 4)
    network = random_network(np.random.default_rng(5), [5, 64], bias_span=0, full=True)
    options = PlanOptions(lanes=[1], buffer_depth=1)
    dut = BoardTop(make_plan(network, options), divisor=4)
    data = encode_words([Word(False, 1)] * events * 2, 5)
    _, light = board(dut, data, 4, cycles=600 + 40 * len(data) + 100)
    assert light == lit


@pytest.mark.parametrize("kind", [UartReceiver, UartTransmitter])
def test_divisor_error(kind: Any) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape('Divisor must be at least 4, not 3')}$"):
        kind(3)
