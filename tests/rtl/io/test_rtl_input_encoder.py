# amaranth: UnusedElaboratable=no
"""The encoders on the chip send, event for event, what their golden twins say."""

import random
import re
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden.encoders import lfsr_numbers, sent_spikes
from qsnn_hw.host.protocol import Word
from qsnn_hw.host.words import packed, read_payload
from qsnn_hw.host.words import pixels as sent_pixels
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.io_plan import EncoderPlan
from qsnn_hw.rtl.io.input_encoder import InputEncoder
from qsnn_hw.rtl.io.pixels import PixelLayout, WordPixels
from tests.support.streams import PACES, Pace, aer, clocked, exchange, put_all, take, transfers

paces = pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])


def images(seed: int, samples: int, inputs: int, zeros: float = 0.5) -> np.ndarray:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (samples, inputs), dtype=np.uint8)
    pixels[chance.random(pixels.shape) < zeros] = 0
    return pixels


def pixel_words(plan: EncoderPlan, pixels: np.ndarray, *, dense: bool, seed: int = 0) -> list[int]:
    """One word per row, or one per pixel that is not 0 and at times one that is; by ascending address."""
    layout = PixelLayout(plan.space.size, plan.slots)
    chance = random.Random(seed)
    sent = []
    for image in pixels:
        words: list[dict[str, int]] = []
        for address, value in sorted(zip(plan.space.addresses().tolist(), image.tolist(), strict=True)):
            row, slot = divmod(address, plan.slots)
            if dense and words and words[-1]["row"] == row:
                words[-1][f"value{slot}"] = value
            elif dense or value or chance.random() < 0.1:
                words.append({"row": row, f"value{slot}": value})
        words = words or [{"row": 0}]
        words[-1]["last"] = 1
        sent += [layout.const(word).as_bits() for word in words]
    return sent


def spikes_of(plan: EncoderPlan, words: list[int], samples: int) -> np.ndarray:
    """The stream as counts (time, sample, address); every word checked against the stream's rules."""
    layout = InputEncoder(plan).o.payload.shape()
    counts = np.zeros((plan.steps, samples, plan.space.size), dtype=np.int64)
    step = sample = 0
    for bits in words:
        word = layout.from_bits(bits)
        if word.tick:
            mark = word.address if plan.slots == 1 else word.address0
            assert mark == (step == plan.steps - 1)
            assert plan.slots == 1 or word.present == 0
            step, sample = (0, sample + 1) if mark else (step + 1, sample)
        elif plan.slots == 1:
            counts[step, sample, word.address] += 1
        else:
            assert word.present
            for k in range(plan.slots):
                if word.present >> k & 1:
                    counts[step, sample, word[f"address{k}"] * plan.slots + k] += 1
    assert (step, sample) == (0, samples)
    return counts


def word_count(plan: EncoderPlan, wanted: np.ndarray) -> int:
    """Words of the stream: per step the longest slot's events and a tick; "rate" words pair up otherwise."""
    slot = plan.space.addresses() % plan.slots
    per_slot = np.stack([wanted[:, :, slot == k].sum(axis=2, dtype=np.int64) for k in range(plan.slots)])
    return int(per_slot.max(axis=0).sum()) + wanted.shape[0] * wanted.shape[1]


def rate_words(plan: EncoderPlan, pixels: np.ndarray, wanted: np.ndarray) -> int:
    slot = plan.space.addresses() % plan.slots
    total = wanted.shape[0] * wanted.shape[1]
    for sample, image in enumerate(pixels):
        shown = [i for i in np.argsort(plan.space.addresses()) if image[i]]
        queues = [[i for i in shown if slot[i] == k] for k in range(plan.slots)]
        for place in range(max(map(len, queues))):
            members = [queue[place] for queue in queues if place < len(queue)]
            total += int(wanted[:, sample, members].any(axis=1).sum())
    return total


def run(plan: EncoderPlan, pixels: np.ndarray, pace: Pace, *, dense: bool = False, watch: Any = None) -> None:
    wanted = sent_spikes(plan, pixels)
    count = rate_words(plan, pixels, wanted) if plan.kind == "rate" else word_count(plan, wanted)
    dut = InputEncoder(plan)
    sent = pixel_words(plan, pixels, dense=dense)
    bench = watch(dut) if watch is not None else None
    (words,) = exchange(dut, [(dut.i, sent)], [(dut.o, count)], pace, watch=bench)
    assert len(words) == count
    counts = spikes_of(plan, words, len(pixels))[:, :, plan.space.addresses()]
    np.testing.assert_array_equal(counts, wanted)


FLAT, ONE = AddressSpace((13,)), AddressSpace((1,))
GRID = AddressSpace((3, 2, 3))
PLANS = {
    "latency": EncoderPlan("latency", FLAT, steps=4),
    "latency grid 4": EncoderPlan("latency", GRID, steps=3, slots=4, floor=40),
    "latency 1 step": EncoderPlan("latency", FLAT, steps=1, slots=2, buffers=1),
    "latency one": EncoderPlan("latency", ONE, steps=5),
    "rate": EncoderPlan("rate", FLAT, steps=3, seed=5),
    "rate grid 2": EncoderPlan("rate", GRID, steps=2, slots=2, buffers=1),
    "rate 8": EncoderPlan("rate", FLAT, steps=3, slots=8),
    "rate one": EncoderPlan("rate", ONE, steps=2, slots=2),
    "direct": EncoderPlan("direct", FLAT, steps=2, shift=6),
    "direct grid 4": EncoderPlan("direct", GRID, steps=2, slots=4, shift=5, buffers=1),
    "direct full": EncoderPlan("direct", AddressSpace((2,)), steps=1, slots=1),
}


@paces
@pytest.mark.parametrize("name", PLANS)
def test_encoder(name: str, pace: Pace) -> None:
    plan = PLANS[name]
    pixels = images(len(name), 5, plan.space.neurons)
    # Nothing at all, everything at once.
    pixels[1], pixels[2] = 0, 255
    run(plan, pixels, pace, dense=pace.idle > 0)


def test_a_pixel_equal_to_its_random_number_does_not_spike() -> None:
    """What images drawn by chance hardly meet; one more, and it does."""
    plan = EncoderPlan("rate", FLAT, steps=1, seed=5)
    numbers = lfsr_numbers(plan.space.neurons, plan.seed)
    assert numbers.min() > 0
    assert numbers.max() < 255
    pixels = np.stack([numbers, numbers + 1])
    assert sent_spikes(plan, pixels).sum(axis=(0, 2)).tolist() == [0, 13]
    run(plan, pixels, Pace())


def test_a_pixel_as_bright_as_the_floor_spikes() -> None:
    plan = EncoderPlan("latency", FLAT, steps=3, floor=40)
    pixels = np.tile(np.array([39, 40, 41], dtype=np.uint8), 5)[None, :13]
    assert sent_spikes(plan, pixels).sum() == 8
    run(plan, pixels, Pace())


@pytest.mark.parametrize("cut", [3, 14, 22, 31, 47])
@pytest.mark.parametrize("name", PLANS)
def test_nothing_outlives_a_reset(name: str, cut: int) -> None:
    """One cycle of reset while a sample comes, is sent, or both; then samples as if nothing had been."""
    plan = PLANS[name]
    dut, rst = InputEncoder(plan), Signal()
    earlier = pixel_words(plan, images(cut, 6, plan.space.neurons, zeros=0.2), dense=True)
    pixels = images(1, 2, plan.space.neurons)
    wanted = sent_spikes(plan, pixels)
    count = rate_words(plan, pixels, wanted) if plan.kind == "rate" else word_count(plan, wanted)
    words: list[int] = []

    async def send(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        left = iter(earlier)
        ctx.set(Value.cast(dut.i.payload), next(left))
        ctx.set(dut.o.ready, 1)
        for _ in range(cut):
            _, _, moved = await ctx.tick().sample(dut.i.ready)
            if moved:
                ctx.set(Value.cast(dut.i.payload), next(left, 0))
        ctx.set(rst, 1)
        ctx.set(dut.i.valid, 0)
        await ctx.tick()
        ctx.set(rst, 0)
        await put_all(ctx, dut.i, pixel_words(plan, pixels, dense=False), Pace())

    async def receive(ctx: Any) -> None:
        await ctx.tick().repeat(cut + 1)
        await take(ctx, dut.o, words, count, Pace())

    simulator = clocked(ResetInserter(rst)(dut))
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    counts = spikes_of(plan, words, len(pixels))[:, :, plan.space.addresses()]
    np.testing.assert_array_equal(counts, wanted)


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_any_encoder(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["latency", "rate", "direct"]))
    space = data.draw(st.sampled_from([FLAT, GRID, ONE, AddressSpace((1, 3, 3)), AddressSpace((4, 1, 2))]))
    own: dict[str, int] = {
        "latency": {"floor": data.draw(st.integers(1, 255))},
        "rate": {"seed": data.draw(st.integers(1, 2**32 - 1))},
        "direct": {"shift": data.draw(st.integers(5, 7))},
    }[kind]
    plan = EncoderPlan(
        kind,
        space,
        steps=data.draw(st.integers(1, 9 if kind == "latency" else 3)),
        slots=data.draw(st.sampled_from([1, 2, 4, 8])),
        buffers=data.draw(st.sampled_from([1, 2])),
        **own,
    )
    seed, zeros = data.draw(st.integers(0, 999)), data.draw(st.sampled_from([0.0, 0.5, 0.9]))
    pace = data.draw(st.sampled_from(PACES))
    run(plan, images(seed, 3, space.neurons, zeros), pace, dense=data.draw(st.booleans()))


@pytest.mark.parametrize("kind", ["latency", "direct", "rate"])
def test_latency_and_throughput(kind: str) -> None:
    shift = 4 if kind == "direct" else 0
    plan = EncoderPlan(kind, AddressSpace((16,)), steps=4, slots=4, shift=shift)  # type: ignore[arg-type]
    # Every pixel spikes in every step, or in the first.
    pixels = np.full((3, 16), 16 if kind == "direct" else 255, dtype=np.uint8)
    into: list[int] = []
    out: list[int] = []
    run(plan, pixels, Pace(), dense=True, watch=lambda dut: transfers((dut.i, into), (dut.o, out)))
    # Four words a sample, one a cycle, and one idle cycle behind a sample while there is room.
    assert [c - into[0] for c in into[:8]] == [0, 1, 2, 3, 5, 6, 7, 8]
    gap = 2
    assert out[0] - into[3] == 5
    if kind == "rate":
        return
    words = 8 if kind == "latency" else 20
    assert [c - out[0] for c in out] == [
        c + sample * (words + gap) for sample in range(3) for c in range(words)
    ]


def test_rate_takes_a_cycle_for_each_pixel_that_is_not_zero() -> None:
    plan = EncoderPlan("rate", AddressSpace((64,)), steps=3, slots=2)
    pixels = images(1, 2, 64, zeros=0.7)
    longest = [max(np.count_nonzero(image[k::2]) for k in range(2)) for image in pixels]
    into: list[int] = []
    out: list[int] = []
    run(plan, pixels, Pace(), watch=lambda dut: transfers((dut.i, into), (dut.o, out)))
    first = rate_words(plan, pixels[:1], sent_spikes(plan, pixels[:1]))
    # The second sample was in before the first was sent: from last tick to last tick.
    assert into[-1] < out[first - 1]
    assert out[-1] - out[first - 1] == 3 * (longest[1] + 1) + 2


def test_a_bright_image_of_28_by_28_stays_under_300_cycles() -> None:
    plan = EncoderPlan("latency", AddressSpace((784,)), steps=8, slots=4)
    pixels = images(2, 3, 784, zeros=0.81)
    assert 130 < np.count_nonzero(pixels, axis=1).mean() < 170
    into: list[int] = []
    out: list[int] = []
    run(plan, pixels, Pace(), watch=lambda dut: transfers((dut.i, into), (dut.o, out)))
    assert (out[-1] - into[0]) / 3 < 300


def test_a_pixel_sent_twice_spoils_spikes_but_not_the_stream() -> None:
    plan = EncoderPlan("latency", AddressSpace((8,)), steps=2)
    layout = PixelLayout(8, 1)
    # The same row three times in one step: its link points at itself.
    sent = [layout.const({"row": 3, "value0": 255, "last": k == 2}).as_bits() for k in range(3)]
    clean = pixel_words(plan, np.array([[0, 0, 0, 0, 0, 200, 0, 9]], dtype=np.uint8), dense=False)
    dut = InputEncoder(plan)
    # At most 8 events; then two ticks, and the next sample as if nothing had been.
    (words,) = exchange(dut, [(dut.i, sent + clean)], [(dut.o, 14)], Pace())
    assert words == [3] * 8 + [8, 9] + [5, 8, 7, 9]


def test_a_list_takes_no_more_pixels_than_it_holds() -> None:
    plan = EncoderPlan("direct", AddressSpace((3,)), steps=1, shift=7)
    layout = PixelLayout(3, 1)
    sent = [layout.const({"row": k % 3, "value0": 255, "last": k == 7}).as_bits() for k in range(8)]
    dut = InputEncoder(plan)
    (words,) = exchange(dut, [(dut.i, sent)], [(dut.o, 4)], Pace())
    assert words == [0, 1, 2, 5]


@paces
@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 2, 3)])
def test_pixels_from_the_serial_line(shape: tuple[int, ...], slots: int, pace: Pace) -> None:
    plan = EncoderPlan("latency", AddressSpace(shape), steps=3, slots=slots)
    size, addresses = plan.space.size, plan.space.addresses()
    pixels = images(1, 3, plan.space.neurons)
    pixels[1] = 0
    payloads = packed(part for image in pixels for part in sent_pixels(image, addresses, size))
    words = aer([word for payload in payloads for word in read_payload(payload, size << 8)], size << 8)
    # A tick that is no last one, in front of everything and behind it.
    plain = aer([Word(True, 0)], size << 8)
    layout = PixelLayout(size, slots)
    wanted = []
    for image in pixels.tolist():
        wanted += [
            layout.const({"row": a // slots, f"value{a % slots}": v}).as_bits()
            for a, v in sorted(zip(addresses.tolist(), image, strict=True))
            if v
        ]
        wanted.append(layout.const({"last": 1}).as_bits())
    dut = WordPixels(size, slots)
    (got,) = exchange(dut, [(dut.i, plain + words + plain)], [(dut.o, len(wanted))], pace)
    assert got == wanted


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "phase"}, "Encoder must be rate, latency or direct, not 'phase'"),
        ({"steps": 0}, "Steps must be from 1 to 256 with encoder latency, not 0"),
        ({"steps": 257}, "Steps must be from 1 to 256 with encoder latency, not 257"),
        ({"slots": 3}, "Number of slots must be a power of two, not 3"),
        ({"floor": 0}, "Floor must be from 1 to 255, not 0"),
        ({"shift": 1}, "Shift must be 0 with encoder latency, not 1"),
        ({"kind": "rate", "seed": 0}, "Seed must be from 1 to 4294967295, not 0"),
        ({"kind": "rate", "floor": 2}, "Floor must be 1 with encoder rate, not 2"),
        ({"buffers": 3}, "Buffers must be 1 or 2, not 3"),
    ],
)
def test_a_bad_plan_is_refused(change: dict[str, Any], text: str) -> None:
    arguments: dict[str, Any] = {"kind": "latency", "space": FLAT, "steps": 4}
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        EncoderPlan(**(arguments | change))


def test_input_max() -> None:
    assert EncoderPlan("direct", FLAT, steps=4, shift=6).input_max == 3
    assert EncoderPlan("rate", FLAT, steps=4).input_max == 1
