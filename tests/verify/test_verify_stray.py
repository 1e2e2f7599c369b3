"""Addresses that nobody has, in Verilog: both simulators answer as golden does without them."""

import json
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked
from qsnn_hw.host.protocol import sample_spikes, sample_words
from qsnn_hw.host.stream_words import pack_words, unpack_words
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.support.progress import SILENT
from qsnn_hw.verify.simulation import build_model, find_simulator, run_jobs
from tests.support.stray import CASES, plan_of, with_strays
from tests.support.verify_networks import HAS_ICARUS, QUICK_COCOTB, export

STEPS, SAMPLES = 6, 3
# One build in the quick suite.
RUNS = [
    pytest.param(
        *(case, simulator), marks=[] if (case, simulator) == ("grid", QUICK_COCOTB) else [pytest.mark.slow]
    )
    for simulator in ("icarus", "cocotb")
    if simulator == "cocotb" or HAS_ICARUS
    for case in CASES
]


@pytest.mark.parametrize(("case", "simulator"), RUNS)
def test_strays_change_nothing_and_are_counted(case: str, simulator: str, tmp_path: Path) -> None:
    network, plan = plan_of(case)
    rng = np.random.default_rng(4)
    inputs = (rng.random((STEPS, SAMPLES, *plan.input_space.shape)) < 0.4).astype(np.uint8)
    golden = run_clocked(network, inputs).spikes[network.output]
    assert golden.any()
    verilog = export(plan, tmp_path, SpikingNetwork)
    model = build_model(find_simulator(simulator), verilog, plan.name, tmp_path / "work", SILENT)
    words = [word for k in range(SAMPLES) for word in sample_words(inputs[:, k], plan.input_space)]
    clean = pack_words(words, plan.input_addresses, plan.input_lanes)
    for number, (idle, backpressure) in enumerate([(0.0, 0.0), (0.4, 0.4)]):
        payloads, bad = with_strays(clean, plan.input_space, plan.input_lanes, rng)
        folder = tmp_path / f"run{number}"
        job: dict[str, object] = {
            "payloads": payloads,
            "ticks": STEPS * SAMPLES,
            "idle": idle,
            "backpressure": backpressure,
            "seed": number,
            "patience": 40_000,
            "result": str(tmp_path / f"result{number}.json"),
        }
        assert run_jobs(model, "sim.words", [job], [folder], lambda: False) == [0], (
            folder / "simulation.log"
        ).read_text()
        result = json.loads((tmp_path / f"result{number}.json").read_text(encoding="utf-8"))
        assert not [word for word in result["payloads"] if set(word) - {"0", "1"}]
        received = unpack_words(
            [int(word, 2) for word in result["payloads"]], plan.output_addresses, plan.output_lanes
        )
        spikes = sample_spikes(received, plan.output_space).reshape(SAMPLES, STEPS, -1)
        assert np.array_equal(spikes, golden.transpose(1, 0, 2))
        assert int(result["bad_words"], 2) == bad > 10
