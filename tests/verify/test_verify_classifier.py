"""Encoder, network and readout as one design answer as golden says, end to end."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.support.errors import MismatchError
from qsnn_hw.verify import verify_classifier
from qsnn_hw.verify.classifier import Answers
from tests.support.verify_networks import export, group

STEPS = 5


def network(input_max: int = 1, seed: int = 1, **fields: object) -> QuantizedNetwork:
    """7-6-5; ``fields`` of the last group."""
    rng = np.random.default_rng(seed)
    groups = (group("a", 6, rng), group("b", 5, rng, **fields))
    # Strong weights: most pixels send one spike, and the answers should differ.
    weights = [rng.normal(0.5, 0.8, shape) for shape in ((6, 7), (5, 6))]
    projections = (
        Projection("ia", INPUT, "a", (Dense(weights[0]),)),
        Projection("ab", "a", "b", (Dense(weights[1]),)),
    )
    trained = Network("tiny", (7,), groups, projections, "b")
    return quantize(trained, QuantizeOptions(weight_bits=4, input_max=input_max))


def run(
    net: QuantizedNetwork,
    plan: HardwarePlan,
    folder: Path,
    *,
    wrong: bool = False,
    simulator: str = "verilator",
) -> Answers:
    """Compare on samples that get different answers; ``wrong`` lies to the model about one pixel."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (12, 7)).astype(np.uint8)
    pixels *= (rng.random((12, 7)) < np.linspace(0.1, 1, 12)[:, None]).astype(np.uint8)
    pixels[[0, 6]] = 0
    if plan.encoder is not None and plan.encoder.kind == "direct":
        pixels >>= 6
    if plan.encoder is None:
        stimulus = (rng.random((STEPS, 12, 7)) < np.linspace(0, 0.9, 12)[:, None]).astype(np.uint8)
        inputs = stimulus
    else:
        stimulus, inputs = pixels, sent_spikes(plan.encoder, pixels)
    golden = run_clocked(net, inputs, record=["a", "b"])
    if plan.readout is not None:
        labels, _ = plan.readout.answers(golden.spikes["b"], golden.potentials["b"])
        assert len(set(labels.tolist())) > 2, "one answer for everything proves nothing"
    else:
        assert golden.spikes["b"].any()
    if wrong:
        stimulus = stimulus.copy()
        stimulus[-1] = 0
    verilog = folder / "design.v"
    if not verilog.exists():
        export(plan, folder, Classifier)
    return verify_classifier(plan, verilog, stimulus, golden, folder / "work", simulator=simulator)


@pytest.mark.parametrize(
    ("encoder", "readout", "options"),
    [
        ("latency", "count", {}),
        pytest.param("rate", "count", {"event_lanes": (2, 1)}, marks=pytest.mark.slow),
        pytest.param("latency", "first", {"event_lanes": (2, 1)}, marks=pytest.mark.slow),
        pytest.param("direct", "membrane", {"update_lanes": (2, 1)}, marks=pytest.mark.slow),
        pytest.param("rate", "membrane", {"lanes": (6, 4), "update_lanes": (2, 2)}, marks=pytest.mark.slow),
        pytest.param(None, "count", {}, marks=pytest.mark.slow),
        pytest.param("rate", None, {"synapse_store": "ram"}, marks=pytest.mark.slow),
    ],
)
def test_answers_equal_golden(
    encoder: str | None, readout: str | None, options: dict, tmp_path: Path
) -> None:
    # Potentials that sink on a black sample: below the zeros of slots without a class.
    fields = {"leak": np.full(5, -0.3)} if readout == "membrane" else {}
    net = network(255 if encoder == "direct" else 1, **fields)
    io = IoOptions(encoder, readout, steps=STEPS)  # type: ignore[arg-type]
    plan = make_plan(net, PlanOptions(**{"lanes": (6, 2), **options}, io=io))
    found = run(net, plan, tmp_path)
    assert found.samples == len(found.cycles_per_sample) == found.stream_samples == 12
    # Back to back samples overlap, but none is done before its own work is.
    assert max(found.cycles_per_sample) < found.stream_cycles < sum(found.cycles_per_sample)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
def test_answers_and_their_times_are_the_same_without_cocotb(tmp_path: Path) -> None:
    net = network()
    io = IoOptions("rate", "count", steps=STEPS)
    plan = make_plan(net, PlanOptions(lanes=(6, 2), event_lanes=(2, 1), synapse_store="ram", io=io))
    found, other = (run(net, plan, tmp_path, simulator=name) for name in ("verilator", "icarus"))
    assert found == other
    with pytest.raises(
        MismatchError, match=r"\(verilator, answers, alone\): sample 11: got \d+, expected \d+$"
    ):
        run(net, plan, tmp_path, wrong=True, simulator="verilator")


def test_a_different_answer_is_found(tmp_path: Path) -> None:
    net = network()
    plan = make_plan(net, PlanOptions(lanes=(6, 2), io=IoOptions("latency", "count", steps=STEPS)))
    with pytest.raises(MismatchError, match=r"\(\w+, answers, alone\): sample 11: got \d+, expected \d+$"):
        run(net, plan, tmp_path, wrong=True)
    assert plan.readout is not None
    fewer = replace(plan, readout=replace(plan.readout, kind="first", count_bits=8))
    with pytest.raises(MismatchError, match=r"sample \d+: got"):
        run(net, fewer, tmp_path)
