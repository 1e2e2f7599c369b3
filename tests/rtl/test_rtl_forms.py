"""Every form of a design that a user takes away: bare, AXI4-Stream, with encoder and readout, loaded."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host.protocol import sample_words
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.axi_stream import AxiStreamNetwork
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import export_verilog
from qsnn_hw.support.progress import SILENT
from tests.support.lint import icarus_lint, verilator_lint
from tests.support.networks import random_input, random_network
from tests.support.streams import aer


def plan_with(**options: Any) -> HardwarePlan:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    return make_plan(network, PlanOptions(**{"lanes": [2], **options}))


FORMS: dict[str, Any] = {
    "network": lambda: SpikingNetwork(plan_with()),
    "ram": lambda: SpikingNetwork(plan_with(synapse_store="ram", lanes=(4, 3), event_lanes=(2, 1))),
    "axi": lambda: AxiStreamNetwork(SpikingNetwork(plan_with())),
    "axi_ram": lambda: AxiStreamNetwork(SpikingNetwork(plan_with(synapse_store="ram"))),
    "rate_count": lambda: Classifier(plan_with(io=IoOptions("rate", "count", steps=4))),
    "latency_first": lambda: BoardTop(
        plan_with(
            io=IoOptions("latency", "first", steps=4), synapse_store="ram", lanes=(4, 3), event_lanes=(2, 1)
        ),
        8,
    ),
    "membrane": lambda: Classifier(plan_with(io=IoOptions(None, "membrane", steps=4))),
}


@pytest.mark.parametrize("form", FORMS)
def test_verilog_is_accepted(form: str, tmp_path: Path) -> None:
    """Verilator finds nothing but what is waived, and Icarus nothing at all."""
    verilog = export_verilog(FORMS[form](), form, tmp_path, SILENT)
    kinds, left = verilator_lint(verilog, form)
    assert kinds >= {"DECLFILENAME"}, "Verilator did not look at it"
    assert not left
    if shutil.which("iverilog") is not None:
        assert icarus_lint(verilog, form) == (0, "", "")


def test_axi_network_is_loaded_first() -> None:
    """Words offered from the start wait for the weights that come beside them."""
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    inputs = random_input(np.random.default_rng(4), network, steps=5, samples=1, rate=0.5)
    golden = run_clocked(network, inputs).spikes["g2"]
    assert golden.any()
    plan = make_plan(network, PlanOptions(lanes=[2], synapse_store="ram"))
    dut: Any = AxiStreamNetwork(SpikingNetwork(plan))
    weights = list(plan.weight_bytes())
    words = aer(sample_words(inputs[:, 0], plan.input_space), plan.input_addresses)
    wanted = aer(sample_words(golden[:, 0], plan.output_space), plan.output_addresses)
    got: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.aresetn, 1)
        ctx.set(dut.m_axis_tready, 1)
        for _ in range(600):
            for bus, queue in (("s_axis_load", weights), ("s_axis", words)):
                ctx.set(getattr(dut, f"{bus}_tvalid"), bool(queue))
                ctx.set(getattr(dut, f"{bus}_tdata"), queue[0] if queue else 0)
            await ctx.delay(0.4e-6)
            moved = [
                bool(q and ctx.get(getattr(dut, f"{bus}_tready")))
                for bus, q in (("s_axis_load", weights), ("s_axis", words))
            ]
            # No word of a sample moves before the last weight is in.
            assert not (moved[1] and not ctx.get(dut.loaded))
            assert not (moved[1] and weights)
            if ctx.get(dut.m_axis_tvalid):
                got.append(int(ctx.get(dut.m_axis_tdata)))
            ctx.set(dut.aclk, 1)
            await ctx.delay(0.5e-6)
            ctx.set(dut.aclk, 0)
            await ctx.delay(0.1e-6)
            for queue, went in zip((weights, words), moved, strict=True):
                if went:
                    queue.pop(0)
            if len(got) == len(wanted):
                break

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
    assert got == wanted
