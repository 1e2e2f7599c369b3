"""Tiny integer networks, their golden runs and their Verilog, for the tests of verification."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import write_rtlil, write_verilog
from qsnn_hw.support.progress import SILENT
from tests.support.float_groups import lif

HAS_ICARUS = shutil.which("iverilog") is not None

QUICK_COCOTB = "icarus" if HAS_ICARUS else "cocotb"
"""The simulator that builds a model for cocotb fastest: a second with Icarus, several with Verilator."""


def builds_cocotb(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that builds a model for cocotb, and is not the first of its kind."""
    return test if HAS_ICARUS else pytest.mark.slow(test)


@dataclass(frozen=True)
class Example:
    """A plan, its input and the golden answer."""

    plan: HardwarePlan
    inputs: np.ndarray
    golden: GoldenRun


def group(name: str, size: int, rng: np.random.Generator, **fields: object) -> NeuronGroup:
    """A LIF group with threshold 1 and decay 0.9."""
    return lif(name, size, **{"leak": rng.uniform(-0.05, 0.05, size), **fields})


def dense(
    name: str, source: str, target: str, sizes: tuple[int, int], rng: np.random.Generator
) -> Projection:
    """Random weights strong enough for a spike now and then."""
    weight = rng.normal(0.2, 0.5, size=(sizes[1], sizes[0]))
    return Projection(name, source, target, (Dense(weight),))


def chain_network(seed: int = 1, sizes: Sequence[int] = (6, 5, 3), **fields: object) -> QuantizedNetwork:
    """One group behind another, 4-bit weights so that potentials often meet the threshold exactly."""
    rng = np.random.default_rng(seed)
    names = [f"lif{k}" for k in range(1, len(sizes))]
    groups = tuple(group(name, size, rng, **fields) for name, size in zip(names, sizes[1:], strict=True))
    sources = [INPUT, *names[:-1]]
    pairs = zip(sources, names, pairwise(sizes), strict=True)
    projections = tuple(dense(f"p_{b}", a, b, pair, rng) for a, b, pair in pairs)
    network = Network("tiny", (sizes[0],), groups, projections, names[-1])
    return quantize(network, QuantizeOptions(weight_bits=4))


def integer_network(seed: int = 1, **options: Any) -> QuantizedNetwork:
    """6-5-3 of 4-bit integers as they are, -8 among them, with a leak of 5/16 and a reset to zero."""
    rng = np.random.default_rng(seed)
    fields = {"reset": "zero", "comparison": ">=", "leak": np.zeros(5), "decay": np.full(5, 11 / 16)}
    groups, projections = [], []
    for name, source, (pre, post), threshold in (("lif1", INPUT, (6, 5), 9), ("lif2", "lif1", (5, 3), 6)):
        own = {key: value[:post] if isinstance(value, np.ndarray) else value for key, value in fields.items()}
        groups.append(group(name, post, rng, **own, threshold=np.full(post, float(threshold))))
        weight = rng.integers(-6, 8, (post, pre)).astype(np.float64)
        weight[0, :2] = -8, 1
        projections.append(Projection(f"p_{name}", source, name, (Dense(weight),)))
    network = Network("own", (6,), tuple(groups), tuple(projections), "lif2")
    return quantize(network, QuantizeOptions(weight_bits=4, **options))


def skip_network(seed: int = 1) -> QuantizedNetwork:
    """6-5-4-3 where the last group also listens to the input and to the first group: routers merge."""
    rng = np.random.default_rng(seed)
    sizes = {INPUT: 6, "a": 5, "b": 4, "c": 3}
    links = [(INPUT, "a"), ("a", "b"), ("b", "c"), ("a", "c"), (INPUT, "c")]
    groups = tuple(group(name, sizes[name], rng) for name in "abc")
    projections = tuple(dense(f"{a}_{b}", a, b, (sizes[a], sizes[b]), rng) for a, b in links)
    return quantize(Network("skipping", (6,), groups, projections, "c"), QuantizeOptions(weight_bits=4))


def example(
    network: QuantizedNetwork,
    *,
    lanes: Sequence[int] | None = (2,),
    depth: int = 2,
    samples: int = 6,
    steps: int = 12,
    seed: int = 1,
) -> Example:
    """Random input of every density for ``network``, and what golden makes of it."""
    rng = np.random.default_rng(seed)
    density = np.linspace(0.1, 0.9, samples)[None, :, None]
    inputs = (rng.random((steps, samples, network.input_size)) < density).astype(np.uint8)
    golden = run_clocked(network, inputs, record=[g.name for g in network.groups])
    assert all(golden.spikes[g.name].any() for g in network.groups), "a silent group proves nothing"
    plan = make_plan(network, PlanOptions(lanes=lanes, buffer_depth=depth))
    return Example(plan, inputs, golden)


def export(plan: HardwarePlan, folder: Path, build: Callable[[HardwarePlan], object] | None = None) -> Path:
    """The Verilog of ``plan``, or of what ``build`` makes of it, in ``folder``."""
    component = SpikingNetwork(plan, trace=True) if build is None else build(plan)
    folder.mkdir(parents=True, exist_ok=True)
    write_rtlil(component, plan.name, folder / "design.il")
    write_verilog(folder / "design.il", folder / "design.v", log=folder / "export.log", progress=SILENT)
    return folder / "design.v"
