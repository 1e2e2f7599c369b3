"""A board's whole design, bit by bit through its serial pins, equals golden."""

import json
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host import words
from qsnn_hw.host.frames import SLOTS, Deframer, data_frame, hello, read_replies
from qsnn_hw.host.protocol import sample_spikes, sample_words
from qsnn_hw.host.session import Collector
from qsnn_hw.host.words import packed
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.support.progress import SILENT
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.verify.simulation import build_model, find_simulator, run_jobs
from tests.support.verify_networks import QUICK_COCOTB, Example, builds_cocotb, chain_network, example, export

DIVISOR, NONCE = 4, 5


def through_serial_pins(item: Example, samples: int, folder: Path, simulator: str) -> np.ndarray:
    """The output spikes of the first samples, uint8 (time, sample, neuron), as a host would see them."""
    plan = item.plan
    verilog = export(plan, folder, lambda plan: BoardTop(plan, DIVISOR))
    model = build_model(find_simulator(simulator), verilog, plan.name, folder / "work", SILENT)
    addresses, size = plan.input_space.addresses(), plan.input_addresses
    counts = item.inputs.reshape(*item.inputs.shape[:2], -1)
    payloads = packed(part for k in range(samples) for part in words.sample(counts[:, k], addresses, size))
    # The board has room for these, so nothing has to be waited for.
    assert len(payloads) < SLOTS - 1
    data = hello(NONCE) + b"".join(data_frame(1 + k, payload, NONCE) for k, payload in enumerate(payloads))
    output = item.golden.spikes[item.plan.groups[-1].group][:, :samples]
    answered = [word for k in range(samples) for word in sample_words(output[:, k], plan.output_space)]
    job: dict[str, object] = {
        "divisor": DIVISOR,
        "data": data.hex(),
        "expected_bytes": len(words.reply_payload(answered, plan.output_addresses)) + 9 * samples,
        "result": str(folder / "result.json"),
    }
    log = folder / "run" / "simulation.log"
    assert run_jobs(model, "sim.board", [job], [folder / "run"], lambda: False) == [0], log.read_text()
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert not result["lit"]
    raws = Deframer().feed(bytes.fromhex(result["data"]))
    collector, found = Collector(plan.output_addresses, per_sample=False), []
    for reply in read_replies(raws, NONCE):
        assert reply is not None
        answer = collector.take(reply)
        found += [] if answer is None else [answer]
    assert [answer.number for answer in found] == list(range(samples))
    received = [word for answer in found for word in words.answers(answer.payload, plan.output_addresses)]
    last = [word.address for word in received if word.tick]
    assert last == ([0] * (output.shape[0] - 1) + [1]) * samples
    spikes = sample_spikes(received, plan.output_space)
    return spikes.reshape(samples, -1, plan.output_addresses).transpose(1, 0, 2)


def test_tiny_network_through_serial_pins(tmp_path: Path) -> None:
    item = example(chain_network(), samples=3, steps=6)
    assert np.array_equal(through_serial_pins(item, 3, tmp_path, QUICK_COCOTB), item.golden.spikes["lif2"])


@pytest.mark.slow
@builds_cocotb
def test_many_addresses_take_several_bytes(tmp_path: Path) -> None:
    item = example(chain_network(3, (150, 5, 3)), samples=1, steps=3)
    assert np.array_equal(through_serial_pins(item, 1, tmp_path, QUICK_COCOTB), item.golden.spikes["lif2"])


@pytest.mark.slow
def test_digits_through_serial_pins(tmp_path: Path) -> None:
    from qsnn_hw.model.convention import Convention
    from qsnn_hw.model.dataset import load_dataset
    from qsnn_hw.model.readers.reader import read_network
    from qsnn_hw.quantize import QuantizeOptions, quantize

    folder = resource_folder("examples") / "digits"
    trained = read_network(folder / "digits_64-32-10.nir", Convention.preset("snntorch"))
    network = quantize(trained, QuantizeOptions())
    inputs = load_dataset(folder / "digits_test.npz", network=trained).input[:, :2]
    golden = run_clocked(network, inputs, record=[g.name for g in network.groups])
    item = Example(make_plan(network, PlanOptions(lanes=(8,))), inputs, golden)
    assert np.array_equal(through_serial_pins(item, 2, tmp_path, "cocotb"), golden.spikes[network.output])
