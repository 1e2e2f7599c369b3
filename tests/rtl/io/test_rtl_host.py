# amaranth: UnusedElaboratable=no
"""The serial port, frames in the hardware against the codec, and the whole board design through its pins."""

import random
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host import words
from qsnn_hw.host.frames import END, Reply, data_frame, frame, hello, stuff
from qsnn_hw.host.identity import Counters, Identity
from qsnn_hw.host.protocol import address_bits, sample_words
from qsnn_hw.host.session import Collector, TableCollector, Window
from qsnn_hw.rtl.board_top import BoardTop, reset_cycles
from qsnn_hw.rtl.io.uart import StuffingTransmitter, UartReceiver
from tests.support.link_bench import Host, Loop, Pins, identity, joined, run_loop
from tests.support.networks import random_input, random_network
from tests.support.serial_line import play, serial_bits
from tests.support.streams import clocked
from tests.support.thinned import slow

NONCE = 0x7D7E


@pytest.mark.parametrize(
    ("size", "bits", "count"), [(1, 1, 1), (2, 1, 1), (3, 2, 1), (64, 6, 1), (65, 7, 2), (2**14 + 1, 15, 3)]
)
def test_widths(size: int, bits: int, count: int) -> None:
    assert address_bits(size) == bits
    assert words.word_bytes(size) == count


@pytest.mark.parametrize("divisor", [4, 5, 13])
@pytest.mark.parametrize("gap", [0, 1, 30])
def test_receiver(divisor: int, gap: int) -> None:
    data = [0x00, 0xFF, 0x55, 0xA7, 0x80]
    assert listen(UartReceiver(divisor), serial_bits(data, divisor, gap)) == data


def test_receiver_tolerates_a_clock_two_percent_off() -> None:
    data = [0xA5, 0x00, 0xFF, 0x01]
    for length in (49, 51):
        assert listen(UartReceiver(50), serial_bits(data, length)) == data


def test_receiver_drops_a_glitch_and_a_framing_error() -> None:
    spoiled = serial_bits([0x55], 8)
    spoiled[-8:] = [0] * 8
    levels = [1, 0, 0, *[1] * 20, *spoiled, *[1] * 90, *serial_bits([0x33], 8)]
    assert listen(UartReceiver(8), levels) == [0x33]


def listen(dut: UartReceiver, levels: list[int]) -> list[int]:
    """The bytes that the receiver makes of the line."""
    received: list[int] = []

    async def send(ctx: Any) -> None:
        await play(ctx, dut.rx, [1] * 9 + levels + [1] * 9)

    async def receive(ctx: Any) -> None:
        while True:
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                received.append(int(byte))

    simulator = clocked(dut)
    simulator.add_testbench(send)
    simulator.add_testbench(receive, background=True)
    simulator.run()
    return received


def decode_serial(levels: Sequence[int], divisor: int) -> list[int]:
    """The bytes of a line, sampled in the middle of each bit."""
    data, index = [], 0
    while index < len(levels):
        if levels[index]:
            index += 1
            continue
        middle = index + divisor // 2
        bits = [levels[middle + (k + 1) * divisor] for k in range(8) if middle + 9 * divisor < len(levels)]
        if bits:
            assert levels[middle + 9 * divisor] == 1
            data.append(sum(bit << k for k, bit in enumerate(bits)))
        index = middle + 9 * divisor
    return data


@pytest.mark.parametrize("divisor", [4, 7])
@pytest.mark.parametrize("idle", [0.0, 0.5])
def test_transmitter_stuffs_all_but_flags(divisor: int, idle: float) -> None:
    chance = random.Random(divisor)
    data = bytes([0x7E, 0x7D, 0x00, 0x7C, 0x7F, 0x7D, 0x7D, 0xFE, 0xFD, 0x5E, *chance.randbytes(4)])
    dut = StuffingTransmitter(divisor)
    levels: list[int] = []

    async def send(ctx: Any) -> None:
        for byte, raw in [*((byte, 0) for byte in data), (0x7E, 1)]:
            for k in range(8):
                while chance.random() < idle:
                    await ctx.tick()
                assert ctx.get(dut.index) == k
                ctx.set(dut.i.payload.bit, byte >> k & 1)
                ctx.set(dut.i.payload.raw, raw)
                ctx.set(dut.i.valid, 1)
                taken = False
                while not taken:
                    _, _, taken = await ctx.tick().sample(dut.i.ready)
                ctx.set(dut.i.valid, 0)
        for _ in range(24 * divisor):
            await ctx.tick()

    async def watch(ctx: Any) -> None:
        while True:
            await ctx.tick()
            levels.append(int(ctx.get(dut.tx)))

    simulator = clocked(dut)
    simulator.add_testbench(send)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    # The line rests for a byte's time first.
    assert all(levels[: 9 * divisor])
    assert bytes(decode_serial(levels, divisor)) == stuff(data) + b"\x7e"


def random_samples(size: int, count: int, seed: int) -> list[list[list[int]]]:
    """Addresses by sample and step, some steps dense enough for a bitmap."""
    chance = random.Random(seed)
    return [
        [[chance.randrange(size) for _ in range(chance.choice((0, 1, 3, 30)))] for _ in range(3)]
        for _ in range(count)
    ]


def sample_parts(steps: list[list[int]], size: int) -> list[bytes]:
    parts = [part for step in steps for part in [*words.step(np.array(step, int), size), bytes([0x40])]]
    return [*parts[:-1], bytes([0x41])]


def by_step(payload: bytes, size: int) -> list[list[int]]:
    """Sorted addresses of each step of an answer."""
    steps: list[list[int]] = [[]]
    for word in words.answers(payload, size):
        if word.tick:
            steps.append([])
        else:
            steps[-1].append(word.address)
    return [sorted(step) for step in steps[:-1]]


@pytest.mark.parametrize(
    ("size", "open_cycles", "registered"),
    [
        (64, 1, True),
        *map(slow, ((300, 8, False), (10, 8, True), (20_000, 2, False))),
    ],
)
def test_samples_come_back_whole_and_in_order(size: int, open_cycles: int, registered: bool) -> None:
    """Through a loop at full speed and one that is open a cycle in eight; words of one to three bytes."""
    samples = random_samples(size, 4, size)

    async def bench(ctx: Any, host: Host) -> None:
        reply = await host.open(NONCE)
        assert (reply.frame, reply.sample, reply.expected, reply.freed) == (0, 0, 1, 1)
        collector, window = Collector(size, per_sample=False), Window(NONCE, reply.expected, reply.freed)
        collector.take(reply)
        window.put(words.packed(part for steps in samples for part in sample_parts(steps, size)))
        found = {}
        for _ in range(60):
            for reply in await host.ask(b"".join(window.frames()), 3000):
                window.take(reply)
                answer = collector.take(reply)
                if answer is not None:
                    found[answer.number] = by_step(answer.payload, size)
            if len(found) == len(samples):
                break
        assert found == {k: [sorted(step) for step in steps] for k, steps in enumerate(samples)}
        assert window.unacknowledged == 0

    run_loop(Loop(size, open_cycles=open_cycles, registered=registered), bench)


def test_without_a_session_only_hello_is_taken() -> None:
    async def bench(ctx: Any, host: Host) -> None:
        host.nonce = 0
        for spoken in (0, NONCE):
            (reply,) = await host.ask(data_frame(0, bytes([0x05, 0x41, END]), spoken))
            assert (reply.refused, reply.expected, reply.payload) == (True, 0, b"")
        reply = await host.open(NONCE)
        replies = await host.ask(data_frame(reply.expected, bytes([0x05, 0x41, END]), NONCE))
        assert joined(replies) == bytes([0x05, 0x41])
        # As after a break: the host sees that the board knows it no more.
        ctx.set(host.reset, 1)  # type: ignore[attr-defined]
        await host.pins.rest(9)
        ctx.set(host.reset, 0)  # type: ignore[attr-defined]
        await host.pins.rest(600)
        host.replies()
        assert await host.ask(data_frame(2, bytes([0x05, 0x41, END]), NONCE)) == []
        host.nonce = 0
        (reply,) = await host.ask(data_frame(2, bytes([0x05, 0x41, END]), NONCE))
        assert (reply.refused, reply.expected) == (True, 0)

    dut = Loop(10)

    async def with_reset(ctx: Any, host: Host) -> None:
        host.reset = dut.reset  # type: ignore[attr-defined]
        await bench(ctx, host)

    run_loop(dut, with_reset)


@pytest.mark.parametrize("trials", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_spoiled_frame_changes_nothing(trials: int) -> None:
    """Every kind of damage to a frame: nothing of it reaches the network, and the next frame is whole."""
    chance = random.Random(5)

    async def bench(ctx: Any, host: Host) -> None:
        expected = (await host.open(NONCE)).expected
        for trial in range(trials):
            payload = bytes([chance.randrange(10), chance.randrange(10), 0x41, END])
            good = data_frame(expected, payload, NONCE)
            line, kind = bytearray(good), trial % 6
            place = chance.randrange(1, len(line) - 1)
            if kind == 0:
                line[place] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del line[place]
            elif kind == 2:
                line.insert(place, chance.randrange(256))
            elif kind == 3:
                line = bytearray(data_frame(expected, payload, NONCE ^ 1 << chance.randrange(16)))
            elif kind == 4:
                line = bytearray(data_frame(expected + chance.choice((-1, 1, 8, 64)), payload, NONCE))
            else:
                line = line[:place] + b"\x7e"
            replies = await host.ask(bytes(line))
            assert joined(replies) == b"", (trial, line.hex(" "))
            assert replies[-1].expected == expected
            assert any(reply.refused for reply in replies)
            answer = await host.ask(good)
            expected = (expected + 1) % 128
            assert joined(answer) == payload[:-1], trial
            assert answer[-1].expected == expected
            # Once more: it is there already.
            again = await host.ask(good)
            assert joined(again) == b""
            assert again[-1].refused
        await check_table(host, expected)

    async def check_table(host: Host, expected: int) -> None:
        collector, tables = TableCollector(), []
        for reply in await host.ask(data_frame(expected, words.table_request(), NONCE), 16_000):
            table = collector.take(reply)
            tables += [] if table is None else [table]
        (table,) = tables
        assert Identity.unpack(table) == identity(10)
        counters = Counters.unpack(table)
        assert (counters.events_in, counters.ticks_in) == (2 * trials, trials)
        assert (counters.events_out, counters.ticks_out) == (2 * trials, trials)
        # Each good frame came once more; a frame cut off in two counts twice.
        assert counters.refused_frames >= trials
        assert counters.bad_frames >= trials // 2
        assert counters.periods > 20 * trials

    run_loop(Loop(10), bench)


def test_there_is_room_for_seven_frames_and_none_is_lost() -> None:
    dut = Loop(64)

    async def bench(ctx: Any, host: Host) -> None:
        first = (await host.open(NONCE)).expected
        ctx.set(dut.stuck, 1)
        for k in range(9):
            (reply,) = await host.ask(data_frame(first + k, bytes([k, END]), NONCE))
            assert reply.refused == (k >= 7)
            assert (reply.expected - first, reply.freed - first) == (min(k + 1, 7), 0)
        ctx.set(dut.stuck, 0)
        replies = await host.ask(b"", 8000)
        assert joined(replies) == bytes(range(7))
        assert (replies[-1].freed - replies[-1].expected) % 8 == 0

    run_loop(dut, bench)


@pytest.mark.parametrize("length", [slow(251), 252])
def test_a_frame_fills_its_slot_and_no_more(length: int) -> None:
    async def bench(ctx: Any, host: Host) -> None:
        first = (await host.open(NONCE)).expected
        payload = bytes([5]) * (length - 1) + bytes([END])
        replies = await host.ask(frame(bytes([first]) + payload, NONCE))
        assert joined(replies) == (payload[:-1] if length == 251 else b"")
        assert replies[-1].expected == first + (length == 251)
        # The slots beside it are whole.
        replies = await host.ask(data_frame(replies[-1].expected, bytes([7, 0x41, END]), NONCE))
        assert joined(replies) == bytes([7, 0x41])

    run_loop(Loop(10), bench)


def test_a_new_session_forgets_the_words_of_the_old_one() -> None:
    dut = Loop(64)

    async def bench(ctx: Any, host: Host) -> None:
        first = (await host.open(NONCE)).expected
        await host.ask(data_frame(first, bytes([1, 0x41, 2, 0x40, END]), NONCE))
        ctx.set(dut.stuck, 1)
        for k in range(3):
            await host.ask(data_frame(first + 1 + k, bytes([9, 0x41, END]), NONCE))
        ctx.set(dut.stuck, 0)
        await host.pins.send(data_frame(first + 4, bytes([8, 0x41, END]), NONCE) + hello(0x1234))
        host.nonce = 0x1234
        await host.pins.rest(3000)
        replies = [reply for reply in host.replies() if reply is not None]
        assert (replies[0].frame, replies[0].sample, replies[0].refused) == (0, 0, False)
        assert joined(replies) == b""
        replies = await host.ask(data_frame(replies[-1].expected, bytes([3, 0x41, END]), 0x1234))
        assert joined(replies) == bytes([3, 0x41])

    run_loop(dut, bench)


@pytest.mark.slow
def test_frames_and_samples_are_numbered() -> None:
    async def bench(ctx: Any, host: Host) -> None:
        reply = await host.open(NONCE)
        collector, expected, numbers = Collector(10, per_sample=False), reply.expected, [(0, 0)]
        collector.take(reply)
        for sample in range(3):
            for k in range(150):
                if k == 4 and sample != 1:
                    break
                for reply in await host.ask(data_frame(expected, bytes([5, END]), NONCE), 1500):
                    numbers.append((reply.sample, reply.frame))
                    assert collector.take(reply) is None
                expected = (expected + 1) % 128
            found = []
            for reply in await host.ask(data_frame(expected, bytes([0x41, END]), NONCE), 1500):
                numbers.append((reply.sample, reply.frame))
                found.append(collector.take(reply))
            expected = (expected + 1) % 128
            (answer,) = (one for one in found if one is not None)
            assert (answer.number, len(answer.payload)) == (sample, 5 if sample != 1 else 151)
        for (sample, number), (after, following) in pairwise(numbers):
            assert (after, following) in ((sample, number % 255 + 1), (sample + 1, 0))
        assert max(numbers)[0] == 3
        assert max(number for _, number in numbers) == 255

    run_loop(Loop(10), bench)


def board(plan: Any, bench: Any, *, divisor: int = 4, **options: Any) -> None:
    """Run ``bench(host, dut, ctx)`` at the pins of a board's design."""
    dut = BoardTop(plan, divisor, **options)

    async def process(ctx: Any) -> None:
        async def cycle() -> None:
            ctx.set(dut.clk, 0)
            await ctx.delay(1e-6)
            ctx.set(dut.clk, 1)
            await ctx.delay(1e-6)

        pins = Pins(ctx, dut.rx, dut.tx, cycle)
        ctx.set(dut.rx, 1)
        await pins.rest(600)
        pins.taken()
        await bench(Host(pins), dut, ctx)

    simulator = Simulator(dut)
    simulator.add_testbench(process)
    simulator.run()


async def answers(host: Host, parts: Sequence[bytes], size: int, count: int, *, classes: bool = False) -> Any:
    """Send words in a new session and wait for so many whole answers."""
    reply = await host.open(NONCE)
    collector, window = Collector(size, per_sample=classes), Window(NONCE, reply.expected, reply.freed)
    collector.take(reply)
    window.put(words.packed(parts))
    found: list[bytes] = []
    for _ in range(40):
        for reply in await host.ask(b"".join(window.frames()), 1000):
            window.take(reply)
            answer = collector.take(reply)
            found += [] if answer is None else [answer.payload]
        if len(found) == count:
            return found, reply
    raise AssertionError(f"{len(found)} of {count} answers")


@pytest.mark.parametrize("name", ["icebreaker", pytest.param("ulx3s-85f", marks=pytest.mark.slow)])
def test_board_answers_through_its_pins(name: str) -> None:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    inputs = random_input(np.random.default_rng(4), network, steps=5, samples=2, rate=0.5)
    golden = run_clocked(network, inputs).spikes["g2"]
    assert golden.any()
    plan = make_plan(network, PlanOptions(lanes=[2], limits=load_board(name).limits))
    space = plan.output_space
    wanted = [words.reply_payload(sample_words(golden[:, k], space), space.size) for k in range(2)]
    parts = [p for k in range(2) for p in words.sample(inputs[:, k], plan.input_space.addresses(), 5)]

    async def bench(host: Host, dut: BoardTop, ctx: Any) -> None:
        found, reply = await answers(host, parts, space.size, 2)
        assert [sorted(answer) for answer in found] == [sorted(answer) for answer in wanted]
        assert not reply.ignored
        assert not reply.lost
        assert reply.loaded
        assert ctx.get(dut.led) == 0

    board(plan, bench)


def test_board_is_given_its_weights() -> None:
    """A load cut short shows; a new session starts over; words before the weights are ignored."""
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    inputs = random_input(np.random.default_rng(4), network, steps=5, samples=1, rate=0.5)
    golden = run_clocked(network, inputs).spikes["g2"]
    plan = make_plan(network, PlanOptions(lanes=[2], synapse_store="ram"))
    weights = plan.weight_bytes()
    parts = words.sample(inputs[:, 0], plan.input_space.addresses(), 5)

    async def bench(host: Host, dut: BoardTop, ctx: Any) -> None:
        reply = await host.open(NONCE)
        assert not reply.loaded
        (payload,) = words.packed(words.weights(weights[:7], 5))
        replies = await host.ask(data_frame(reply.expected, payload, NONCE))
        assert not replies[-1].loaded
        replies = await host.ask(data_frame(replies[-1].expected, bytes([1, 0x41, END]), NONCE))
        assert (joined(replies), replies[-1].ignored, ctx.get(dut.led)) == (b"", True, 1)
        found, reply = await answers(host, [*words.weights(weights, 5), *parts], 3, 1)
        assert reply.loaded
        assert not reply.ignored
        assert sorted(found[0]) == sorted(
            words.reply_payload(sample_words(golden[:, 0], plan.output_space), 3)
        )

    board(plan, bench)


def test_board_takes_pixels_and_gives_classes() -> None:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    io = IoOptions("latency", "count", steps=4)
    plan = make_plan(network, PlanOptions(lanes=[2], io=io))
    pixels = np.random.default_rng(1).integers(100, 256, (3, 5)).astype(np.uint8)
    pixels[1] = 0
    assert plan.encoder is not None
    assert plan.readout is not None
    classes = plan.readout.classes
    golden = run_clocked(network, sent_spikes(plan.encoder, pixels)).spikes["g2"]
    labels, silent = plan.readout.answers(golden, None)
    assert len(set(zip(labels.tolist(), silent.tolist(), strict=True))) > 1
    addresses = plan.input_space.addresses()
    parts = [part for image in pixels for part in words.pixels(image, addresses, plan.input_addresses)]

    async def bench(host: Host, dut: BoardTop, ctx: Any) -> None:
        found, _ = await answers(host, parts, classes, 3, classes=True)
        wanted = list(zip(labels.tolist(), silent.tolist(), strict=True))
        assert [words.class_answer(answer, classes) for answer in found] == wanted

    board(plan, bench)


@pytest.mark.parametrize(("divisor", "cycles"), [(4, 512), (12, 512), (32, 512), (33, 1024), (100, 2048)])
def test_reset_cycles(divisor: int, cycles: int) -> None:
    """Longer than the low bits of any byte, which are 9."""
    assert reset_cycles(divisor) == cycles
    assert cycles > 12 * divisor


@pytest.mark.parametrize("low", [slow(400), 520])
def test_a_break_ends_the_session(low: int) -> None:
    plan = make_plan(random_network(np.random.default_rng(3), [5, 4, 3]), PlanOptions(lanes=[2]))

    async def bench(host: Host, dut: BoardTop, ctx: Any) -> None:
        reply = await host.open(NONCE)
        ctx.set(dut.rx, 0)
        await host.pins.rest(low)
        ctx.set(dut.rx, 1)
        await host.pins.rest(600)
        host.replies()
        replies = await host.ask(data_frame(reply.expected, bytes([END]), NONCE))
        assert bool(replies) == (low == 400)

    board(plan, bench)


@pytest.mark.parametrize("kind", [UartReceiver, StuffingTransmitter])
def test_divisor_error(kind: Any) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape('Divisor must be at least 4, not 3')}$"):
        kind(3)


def test_reply_of_the_hardware_is_the_codecs() -> None:
    reply = Reply(5, 3, True, False, True, False, 9, 200, False, b"\x05")
    assert Reply.parse(reply.body()) == reply
