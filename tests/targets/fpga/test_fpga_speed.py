"""Speed in the report: bytes as the host protocol makes them, times worked by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host import words
from qsnn_hw.host.frames import data_frame, unstuff
from qsnn_hw.host.protocol import sample_words
from qsnn_hw.host.words import packed
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.report import Results
from qsnn_hw.report.record import Report
from qsnn_hw.report.sections.activity import stream_note
from qsnn_hw.targets.fpga.per_sample import LinkBytes, framed, host_us, rates, step_bytes
from qsnn_hw.targets.fpga.sections import SECTIONS, speed
from qsnn_hw.targets.fpga.sections.latency import Clock, latency
from qsnn_hw.targets.fpga.sections.speed import Link, Throughput, link
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles
from tests.support.verification_record import RECORD
from tests.support.verify_networks import chain_network, example

BOARD = load_board("ulx3s-85f")


def _data(inputs: np.ndarray, pixels: np.ndarray | None = None) -> Dataset:
    return Dataset("test.npz", inputs, None, None, "time-sample", pixels)


@pytest.mark.parametrize("sizes", [(6, 5, 3), (70, 5, 66)], ids=["one-byte-words", "two-byte-words"])
def test_bytes_of_events_are_those_of_the_frames(sizes: tuple[int, ...]) -> None:
    item = example(chain_network(sizes=sizes), lanes=None)
    moved = LinkBytes.of(item.plan, _data(item.inputs), item.golden)
    steps, samples, _ = item.inputs.shape
    assert moved.sent.shape == moved.received.shape == (steps, samples)
    spaces = item.plan.input_space, item.plan.output_space
    for sample in range(samples):
        payloads = packed(words.sample(item.inputs[:, sample], spaces[0].addresses(), spaces[0].size))
        assert len(payloads) == 1
        assert moved.sent[:, sample].sum() == _line_bytes(data_frame(3, payloads[0], 1))
        answers = sample_words(item.golden.spikes["lif2"][:, sample], spaces[1])
        payload = words.reply_payload(answers, spaces[1].size)
        # The answer's frame, and two that acknowledge; flags once each.
        assert moved.received[:, sample].sum() == len(payload) + 3 * 9
    assert moved.words_in_mean == pytest.approx(item.inputs.sum() / samples + steps)


def _line_bytes(frame: bytes) -> int:
    """Without escapes."""
    return len(unstuff(frame[1:-1])) + 2


@pytest.mark.parametrize("size", [60, 300, 2500])
@pytest.mark.parametrize("rate", [0.02, 0.2, 0.9])
def test_step_bytes_are_those_of_the_words(size: int, rate: float) -> None:
    chance = np.random.default_rng(size)
    counts = (chance.random((3, 4, size)) < rate) * chance.integers(1, 3, (3, 4, size))
    found = step_bytes(counts, np.arange(size), size)
    for step, sample in np.ndindex(3, 4):
        events = np.repeat(np.arange(size), counts[step, sample])
        assert found[step, sample] == len(b"".join(words.step(events, size))) + 1


def test_a_step_arrives_with_its_frame() -> None:
    """By hand: 8 bytes beside at most 250 of words; steps of 200, 40 and 60 bytes are two frames."""
    data = np.ones((3, 1, 50), dtype=np.uint8)
    plan = example(chain_network(sizes=(50, 5, 3)), lanes=None).plan
    assert step_bytes(data, np.arange(50), 50)[:, 0].tolist() == [9, 9, 9]
    sent, frames = framed(np.array([[200], [40], [60]]))
    assert sent[:, 0].tolist() == [258, 0, 58]
    assert frames[:, 0].tolist() == [1, 0, 1]
    assert plan.input_addresses == 50


def test_several_events_of_an_address_in_a_step_are_words_of_their_own() -> None:
    item = example(chain_network(), lanes=None)
    once = LinkBytes.of(item.plan, _data(item.inputs), item.golden)
    twice = LinkBytes.of(item.plan, _data(2 * item.inputs), item.golden)
    assert (twice.sent - once.sent).sum() == item.inputs.sum()
    assert twice.words_in_mean > once.words_in_mean


def test_bytes_of_pixels_and_classes_are_those_of_the_frames() -> None:
    network = chain_network()
    plan = make_plan(network, PlanOptions(io=IoOptions("rate", "count", 5)))
    assert plan.encoder is not None
    assert plan.readout is not None
    rng = np.random.default_rng(2)
    pixels = (rng.integers(0, 256, (4, 6)) * (rng.random((4, 6)) < 0.6)).astype(np.uint8)
    inputs = sent_spikes(plan.encoder, pixels)
    golden = run_clocked(network, inputs, record=["lif1", "lif2"])
    moved = LinkBytes.of(plan, _data(inputs, pixels), golden)
    assert moved.sent.shape == moved.received.shape == (1, 4)
    for sample in range(4):
        (payload,) = packed(words.pixels(pixels[sample], plan.input_space.addresses(), plan.input_addresses))
        assert moved.sent[0, sample] == _line_bytes(data_frame(0, payload, 1))
    assert moved.received.tolist() == [[1 + 3 * 9] * 4]


def test_the_longer_direction_is_the_time_on_the_link() -> None:
    # Two samples of 2 steps: 30 and 50 bytes in, 6 and 4 out; 10 bits a byte at 1 Mbaud are 10 us.
    moved = LinkBytes(np.array([[10, 20], [20, 30]]), np.array([[2, 2], [4, 2]]), 40.0)
    line = link(BOARD, moved)
    assert line == Link(1_000_000, 40.0, 5.0, 400.0, 50.0, "uart")
    found = latency(BOARD, DesignCycles(np.array([500, 700]), 550.0), 100.0, moved)
    assert found.link_us_mean == 400.0
    assert found.us_on_board_mean == 24.0
    assert found.us_per_sample_mean == 6.0
    back = LinkBytes(moved.received, moved.sent, 5.0)
    assert latency(BOARD, DesignCycles(), None, back).link_us_mean == 400.0
    slow = link(BOARD.at_baud(115_200), moved)
    assert slow.us_in_mean == pytest.approx(40 * 10 / 115_200 * 1e6)


def test_a_byte_of_spi_is_eight_bits_and_the_link_is_called_so() -> None:
    moved = LinkBytes(np.array([[10, 20], [20, 30]]), np.array([[2, 2], [4, 2]]), 40.0)
    board = load_board("icebreaker").linked("spi")
    # 2 MHz, a sixth of 12: a byte is 4 us.
    assert link(board, moved) == Link(2_000_000, 40.0, 5.0, 160.0, 20.0, name="spi")
    assert link(board, None) == Link(2_000_000, name="spi")
    found = latency(board, DesignCycles(np.array([12, 12]), 12.0), None, moved)
    assert found.link_us_mean == 160.0
    assert found.host_us_mean is not None
    report = Report.of(
        SECTIONS,
        link=link(board, moved),
        throughput=Throughput(1e6, 6250.0, "link"),
        latency=found,
        clock=Clock(12.0),
    )
    assert speed.line(report).startswith("6,250 samples/s through SPI (2 MHz), which limits; ")
    assert speed.card(report).lines[0] == "SPI at 2 MHz: the link limits"
    shown = speed.table(report)
    assert shown is not None
    assert shown.rows[0][0] == "through SPI, 2 MHz"
    assert "5 back, 8 bits each" in shown.caption


@pytest.mark.parametrize(
    ("sent", "received", "wanted"),
    [
        # Steps arrive at 100 and 300 us; the core takes 12 us a step; the last answer has 4 bytes.
        ([[10], [20]], [[2], [4]], 300 + 12 + 40),
        # Long answers: the first one, from 112 us on, still leaves when the second one is ready.
        ([[10], [20]], [[50], [4]], 112 + 500 + 40),
        # A class comes behind the whole sample.
        ([[10], [20]], [[1]], 300 + 12 + 10),
        # Pixels go as a whole, then the first step and its 2 bytes, and the second one's wait for them.
        ([[30]], [[2], [4]], 300 + 12 + 20 + 40),
        ([[30]], [[1]], 300 + 24 + 10),
    ],
)
def test_an_answer_waits_for_its_tick_the_core_and_the_bytes_before_it(
    sent: list[list[int]], received: list[list[int]], wanted: float
) -> None:
    moved = LinkBytes(np.array(sent), np.array(received), 1.0)
    assert host_us(moved, 10.0, 24.0) == pytest.approx(wanted)


def test_the_slower_of_link_and_core_decides() -> None:
    cycles = DesignCycles(np.array([700]), 500.0)
    # 500 cycles at 25 MHz are 20 us.
    fast = rates(BOARD.clock_mhz, cycles, 10.0)
    assert (fast.on_chip_per_s, fast.link_per_s, fast.limited_by) == (50_000.0, 50_000.0, "core")
    slow = rates(BOARD.clock_mhz, cycles, 400.0)
    assert (slow.on_chip_per_s, slow.link_per_s, slow.limited_by) == (50_000.0, 2_500.0, "link")
    assert rates(BOARD.clock_mhz, cycles, None).link_per_s is None
    unknown = rates(BOARD.clock_mhz, DesignCycles(), 400.0)
    assert (unknown.on_chip_per_s, unknown.link_per_s, unknown.limited_by) == (None, None, None)


def test_with_encoder_or_readout_the_cycles_are_those_of_the_whole() -> None:
    network = chain_network()
    bare = make_plan(network, PlanOptions())
    found = DesignCycles.of(bare, RECORD)
    assert found.alone is not None
    assert found.alone.tolist() == [20, 40]
    assert (found.stream, found.network) == (25.0, None)
    whole = make_plan(network, PlanOptions(io=IoOptions("rate", "count", 5)))
    found = DesignCycles.of(whole, RECORD)
    assert found.alone is not None
    assert found.network is not None
    assert found.alone.tolist() == [60, 62]
    assert (found.stream, found.network.tolist()) == (50.0, [20, 40])
    shown = latency(BOARD, found, 100.0, None)
    assert (shown.cycles_per_sample_mean, shown.cycles_per_sample_max) == (61.0, 62)
    assert shown.network_cycles_mean == 30.0
    # What was not measured of the whole is not taken from the network.
    untimed = replace(RECORD, answer_cycles_per_sample=(), answer_stream_samples=0)
    found = DesignCycles.of(whole, untimed)
    assert (found.alone, found.stream) == (None, None)
    assert latency(BOARD, found, 100.0, None).cycles_per_sample_mean is None
    assert DesignCycles.of(whole, None) == DesignCycles()


def test_predicted_cycles_are_of_the_design_as_built_with_the_network_alone_beside_them() -> None:
    network = chain_network()
    pixels = np.random.default_rng(2).integers(0, 256, (4, 6)).astype(np.uint8)
    plan = make_plan(network, PlanOptions(io=IoOptions("rate", "count", 5)))
    assert plan.encoder is not None
    inputs = sent_spikes(plan.encoder, pixels)
    run = run_clocked(network, inputs)
    found = PredictedCycles.of(plan, inputs, run.spikes, pixels, 3)
    assert found.network is not None
    assert found.design.shape == found.network.shape == (3,)
    # Six pixels a step, at the least, and a tick.
    assert (found.design >= 5 * 7).all()
    assert (found.design > found.network).all()
    assert found.text() == (
        f"{found.design.mean():.0f} cycles a sample, mean of the first 3; the network alone, without encoder "
        f"and readout, {found.network.mean():.0f}"
    )
    alone = PredictedCycles.of(plan.bare, inputs, run.spikes, None, 3)
    assert alone.network is None
    assert alone.design.tolist() == found.network.tolist()
    assert alone.text() == f"{alone.design.mean():.0f} cycles a sample, mean of the first 3"


def test_a_mean_over_fewer_samples_says_so() -> None:
    def note(found: Verification | None) -> tuple[str, ...]:
        return stream_note(Results(Path(), [found]))

    assert note(None) == note(RECORD) == ()
    assert note(replace(RECORD, samples=5, stream_samples=0)) == ()
    (line,) = note(replace(RECORD, samples=5))
    assert "are means of the first 2 of 5 samples, simulated back to back; latency, " in line
