"""The AXI4-Stream form driven by an outside client, cocotbext-axi: samples in, golden's spikes out."""

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import GoldenRun
from qsnn_hw.host.protocol import Word, sample_spikes, sample_words
from qsnn_hw.host.stream_words import pack_words, tick_bit, unpack_words
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.progress import SILENT
from qsnn_hw.verify.simulation import Model, build_model, find_simulator, run_jobs
from tests.support.tampered_axi import FAULTS, TamperedAxi
from tests.support.verify_networks import Example, chain_network, example, export

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("cocotbext") is None, reason="cocotbext is not installed here"),
]

PAUSES = {"full": (0.0, 0.0), "idle": (0.6, 0.0), "stall": (0.0, 0.6), "both": (0.4, 0.5)}
"""Shares of cycles in which the sources and the sink pause."""


def frames(item: Example) -> list[str]:
    """Each sample as bytes in hexadecimal; every other one is ended by ``tlast`` alone."""
    plan, made = item.plan, []
    width = tick_bit(plan.input_addresses, plan.input_lanes) // 8 + 1
    for sample in range(item.inputs.shape[1]):
        words = sample_words(item.inputs[:, sample], plan.input_space)
        if sample % 2:
            words[-1] = Word(True, 0)
        payloads = pack_words(words, plan.input_addresses, plan.input_lanes)
        made.append(b"".join(payload.to_bytes(width, "little") for payload in payloads).hex())
    return made


def drive(
    item: Example, model: Model, folder: Path, idle: float, stall: float, **more: object
) -> dict[str, Any]:
    """What the client saw of all samples of ``item``."""
    job: dict[str, object] = {
        "frames": frames(item),
        "weights": item.plan.weight_bytes().hex(),
        "idle": idle,
        "stall": stall,
        "seed": 1,
        "patience": 4000,
        "result": str(folder / "result.json"),
        **more,
    }
    log = folder / "simulation.log"
    assert run_jobs(model, "tests.support.axi_client", [job], [folder], lambda: False) == [0], log.read_text()
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def judge(item: Example, seen: dict[str, Any]) -> None:
    """Every frame is golden's answer to its sample, and no rule is broken."""
    plan, output = item.plan, item.golden.spikes[item.plan.output_group.group]
    assert not seen["broken"], f"rules: {seen['broken']}"
    assert seen["bad_words"] == 0
    width = tick_bit(plan.output_addresses, plan.output_lanes) // 8 + 1
    for sample, frame in enumerate(seen["frames"]):
        data = bytes.fromhex(frame)
        beats = [data[k : k + width] for k in range(0, len(data), width)]
        words = unpack_words(
            (int.from_bytes(beat, "little") for beat in beats), plan.output_addresses, plan.output_lanes
        )
        marks = [word.address for word in words if word.tick]
        assert words[-1].tick, f"sample {sample}: tlast on an event"
        assert marks == [0] * (len(output) - 1) + [1], f"sample {sample}: ticks and last marks"
        spikes = sample_spikes(words, plan.output_space)
        assert np.array_equal(spikes, output[:, sample]), f"sample {sample}: spikes"
    assert (len(seen["frames"]), seen["unfinished"]) == (output.shape[1], False), "samples"
    assert seen["broken_off"], "no reset within a sample"


def generated(digits: Path, out: Path, samples: int, *more: object) -> Example:
    """Plan, input and golden answer that ``qsnn-hw generate`` leaves of the digits example."""
    data = digits / "digits_test.npz"
    arguments = ["generate", digits / "digits_64-32-10.nir", "--convention", "snntorch", "--data", data]
    arguments += ["--samples", samples, "--bits", 8, "-q", "-o", out, *more]
    assert cli.main([str(a) for a in arguments]) == 0
    golden = GoldenRun.load(out / "03_golden.npz")
    return Example(HardwarePlan.load(out / "04_plan.npz"), load_dataset(data, samples=samples).input, golden)


@pytest.mark.parametrize(
    ("options", "slowed"),
    [
        # It works far longer on a sample than any pause lasts.
        (("--board", "icebreaker"), False),
        (("--target", "verilog", "--weights", "ram", "--lanes", "32,10", "--event-lanes", "4,2"), True),
    ],
    ids=["rom", "loaded"],
)
def test_digits_equal_golden(options: tuple[str, ...], slowed: bool, digits: Path, tmp_path: Path) -> None:
    item = generated(digits, tmp_path / "out", 20, *options)
    assert item.golden.spikes[item.plan.output_group.group].any()
    verilog = tmp_path / "out" / "06_axi.v"
    model = build_model(find_simulator("cocotb"), verilog, f"{item.plan.name}_axi", tmp_path, SILENT)
    cycles = {}
    for name, (idle, stall) in PAUSES.items():
        seen = drive(item, model, tmp_path / name, idle, stall)
        judge(item, seen)
        cycles[name] = seen["cycles"]
    # The sources did pause; that the sink does is what two of the planted faults need to be seen.
    assert not slowed or cycles["full"] < min(cycles["idle"], cycles["both"])


def test_planted_faults_are_seen(tmp_path: Path) -> None:
    """Of a small network whose weights are loaded, under pauses; without a fault nothing is found."""
    network = chain_network()
    plan = make_plan(network, PlanOptions(lanes=(2,), synapse_store="ram"))
    item = replace(example(network, samples=4), plan=plan)
    verilog = export(plan, tmp_path, TamperedAxi)
    model = build_model(find_simulator("cocotb"), verilog, plan.name, tmp_path / "work", SILENT)
    said: dict[str, str | None] = {}
    for number, fault in enumerate(FAULTS):
        seen = drive(item, model, tmp_path / f"fault{number}", *PAUSES["both"], fault=number)
        try:
            judge(item, seen)
            said[fault] = None
        except AssertionError as error:
            said[fault] = str(error)
    other = {
        fault: said[fault]
        for fault, wanted in FAULTS.items()
        if (said[fault] is None) != (wanted is None) or not re.search(wanted or "", said[fault] or "")
    }
    assert other == {}
