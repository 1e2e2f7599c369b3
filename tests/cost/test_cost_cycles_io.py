"""Predicted cycles of designs with encoder and readout against simulations: equal, sample by sample."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from qsnn_hw.cost.cycles import count_cycles, predict_cycles
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.cost.traffic_cycles import TrafficCycles
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.verify.answers import pixel_words
from qsnn_hw.verify.drawn_words import as_integers, input_words
from qsnn_hw.verify.layout import stream_layouts
from tests.support.networks import random_network

STEPS, SAMPLES, INPUTS = 4, 4, 13
SHAPES = {
    "wide": PlanOptions(lanes=(4, 3, 5), update_lanes=(2, 3, 2), event_lanes=(4, 2, 1)),
    "narrow": PlanOptions(lanes=(3, 4, 2), update_lanes=(3, 2, 2)),
}


def network(most: int = 1) -> QuantizedNetwork:
    return replace(random_network(np.random.default_rng(3), [INPUTS, 9, 6, 5]), input_max=most)


def some_pixels() -> np.ndarray:
    """Bright, dark and mixed samples, uint8 (sample, input)."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (SAMPLES, INPUTS)).astype(np.uint8)
    pixels[rng.random(pixels.shape) < 0.4] = 0
    pixels[1] = 0
    pixels[2] = np.maximum(pixels[2], 200)
    return pixels


def simulated(plan: HardwarePlan, samples: list[list[int]]) -> list[int]:
    """Cycles of each sample, sent alone, from its first word to its answer, in Amaranth's simulator."""
    dut = Classifier(plan)
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        for _ in range(200):
            await ctx.tick()
        for words in samples:
            sent = answers = cycle = started = 0
            while answers < (STEPS if plan.readout is None else 1):
                ctx.set(dut.i.valid, sent < len(words))
                ctx.set(Value.cast(dut.i.payload), words[sent] if sent < len(words) else 0)
                _, _, taken, valid, payload = await ctx.tick().sample(dut.i.ready, dut.o.valid, dut.o.payload)
                if taken and sent < len(words):
                    started = cycle if sent == 0 else started
                    sent += 1
                answers += bool(valid and (plan.readout is not None or payload.tick))
                cycle += 1
                assert cycle < 20_000
            found.append(cycle - 1 - started)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


QUICK = [("rate", "count", "narrow"), ("latency", "first", "wide"), ("direct", "membrane", "wide")]
EVERY = itertools.product(("rate", "latency", "direct"), (None, "count", "first", "membrane"), SHAPES)


@pytest.mark.parametrize(
    ("encoder", "readout", "shape"),
    [pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow) for case in EVERY],
)
def test_an_encoder_and_a_readout_take_the_cycles_that_are_predicted(
    encoder: Any, readout: Any, shape: str
) -> None:
    pixels = some_pixels() >> (6 if encoder == "direct" else 0)
    quantized = network(255 if encoder == "direct" else 1)
    floor = 40 if encoder == "latency" else 1
    plan = make_plan(quantized, replace(SHAPES[shape], io=IoOptions(encoder, readout, STEPS, floor)))
    assert plan.encoder is not None
    events = sent_spikes(plan.encoder, pixels)
    spikes = run_clocked(quantized, events).spikes
    words, ends = pixel_words(pixels, plan.encoder.space.addresses(), plan.encoder.slots, plan.encoder.rows)
    sent = [part.tolist() for part in np.split(np.array(as_integers(words), dtype=object), ends[:-1])]
    measured = simulated(plan, sent)
    assert predict_cycles(plan, events, spikes, pixels=pixels).tolist() == measured
    assert count_cycles(plan, events, spikes, pixels=pixels).tolist() == measured
    # What the plan is chosen by.
    traffic = Traffic.counted(events, spikes, pixels=pixels)
    assert TrafficCycles(traffic).mean(plan) == pytest.approx(np.mean(measured), rel=0.01)
    assert (predict_cycles(plan.bare, events, spikes) < measured).all()


@pytest.mark.parametrize("shape", [pytest.param("wide", marks=pytest.mark.slow), "narrow"])
@pytest.mark.parametrize("readout", ["count", "first", "membrane"])
def test_a_readout_alone(readout: Any, shape: str) -> None:
    events = (np.random.default_rng(1).random((STEPS, SAMPLES, INPUTS)) < 0.4).astype(np.uint8)
    plan = make_plan(network(), replace(SHAPES[shape], io=IoOptions(None, readout, STEPS)))
    spikes = run_clocked(network(), events).spikes
    layout, _ = stream_layouts(plan)
    sent = [as_integers(input_words(events[None, :, sample], layout)[0]) for sample in range(SAMPLES)]
    measured = simulated(plan, sent)
    assert predict_cycles(plan, events, spikes).tolist() == measured
    assert count_cycles(plan, events, spikes).tolist() == measured


def test_pixels_that_never_spike_are_taken_for_dark_where_nobody_gives_them() -> None:
    plan = make_plan(network(), replace(SHAPES["narrow"], io=IoOptions("latency", "count", STEPS, 40)))
    assert plan.encoder is not None
    pixels = some_pixels()
    events = sent_spikes(plan.encoder, pixels)
    spikes = run_clocked(network(), events).spikes
    found = predict_cycles(plan, events, spikes)
    dark = np.where(pixels < 40, 0, pixels)
    assert found.tolist() == predict_cycles(plan, events, spikes, pixels=dark).tolist()
    assert (found < predict_cycles(plan, events, spikes, pixels=np.maximum(pixels, 1))).any()
