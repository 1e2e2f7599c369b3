"""The whole verification on tiny networks: equal where it should be, and not where a bug is."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.utils import ceil_log2

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.rtl.group import sweep
from qsnn_hw.rtl.group.encoder import SpikeEncoder
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.verify import Verification, runner, simulation, verify
from tests.support.places import ROOT
from tests.support.tampered import FAULTS, Tampered
from tests.support.thinned import slow
from tests.support.verify_networks import (
    QUICK_COCOTB,
    Example,
    builds_cocotb,
    chain_network,
    example,
    export,
    integer_network,
    skip_network,
)


def run(item: Example, verilog: Path, folder: Path, **options: object) -> Verification:
    chosen: dict = {"processes": 1, **options}
    return verify(item.plan, verilog, item.inputs, item.golden, folder, **chosen)


def test_verilator_equals_golden(tmp_path: Path) -> None:
    item = example(chain_network())
    verilog = export(item.plan, tmp_path)
    found = run(item, verilog, tmp_path / "work", simulator="verilator", processes=2)
    steps, samples, _ = item.inputs.shape
    assert found.mismatches == 0
    assert found.samples == samples
    assert found.distinct_samples == samples
    assert found.potentials_compared == samples * steps * 8
    assert found.repeated_samples == 2 * samples
    assert found.repeated_potentials == 2 * found.potentials_compared
    assert found.spikes_by_group == {name: spikes.sum() for name, spikes in item.golden.spikes.items()}
    assert found.spikes_compared == sum(found.spikes_by_group.values())
    assert found.repeated_spikes == 2 * found.spikes_compared
    assert found.simulator.startswith("verilator 5.")
    assert len(found.cycles_per_sample) == samples
    # A word cannot leave before it came: at least one cycle for each input word after the first.
    words = item.inputs.sum(axis=(0, 2)) + steps
    assert (np.array(found.cycles_per_sample) >= words).all()
    assert found.stress_cycles / found.stress_samples > found.stream_cycles_per_sample
    assert all(0 < share <= 1 for share in found.activity.values())
    assert (found.activity_pass, found.activity_samples) == ("stream", samples)
    assert found.activity_cycles == found.stream_cycles

    again = run(item, verilog, tmp_path / "work", simulator="verilator")
    assert again.cycles_per_sample == found.cycles_per_sample
    assert not list((tmp_path / "work").glob("building-*"))


@pytest.mark.parametrize(
    ("seed", "lanes", "depth", "idle", "backpressure"),
    [
        pytest.param(2, (1,), 1, 0.0, 0.0, marks=pytest.mark.slow),
        (3, (5, 3), 1, 0.5, 0.6),
        pytest.param(4, (3, 2), 2, 0.2, 0.8, marks=pytest.mark.slow),
        pytest.param(5, (2, 3), 16, 0.9, 0.1, marks=pytest.mark.slow),
        pytest.param(6, (4, 1), 16, 0.0, 0.9, marks=pytest.mark.slow),
    ],
)
def test_random_networks_equal_golden(
    tmp_path: Path, seed: int, lanes: tuple[int, ...], depth: int, idle: float, backpressure: float
) -> None:
    item = example(chain_network(seed), lanes=lanes, depth=depth, samples=3, steps=8, seed=seed)
    found = run(item, export(item.plan, tmp_path), tmp_path, idle=idle, backpressure=backpressure, seed=seed)
    assert found.samples == 3


@pytest.mark.slow
def test_potentials_behind_the_last_tick_are_waited_for(tmp_path: Path) -> None:
    # Many stages behind the comparison: the tick overtakes the last row's potentials.
    network = chain_network(3, reset_retest=True, v_min=-1.0)
    item = example(network, samples=3, steps=8)
    options = PlanOptions(lanes=[5, 3], update_lanes=[5, 3], accumulators=["registers"])
    item = replace(item, plan=make_plan(network, options))
    assert run(item, export(item.plan, tmp_path), tmp_path).samples == 3


def test_repeated_input_events_equal_golden(tmp_path: Path) -> None:
    network = chain_network(3)
    item = example(network, samples=3, steps=8)
    inputs = item.inputs * np.random.default_rng(1).integers(1, 4, item.inputs.shape, dtype=np.uint8)
    # Widths are proved for single events; these few stay within them.
    golden = run_clocked(replace(network, input_max=3), inputs, record=[g.name for g in network.groups])
    found = run(Example(item.plan, inputs, golden), export(item.plan, tmp_path), tmp_path)
    assert found.input_events == inputs.sum() > item.inputs.sum()


@pytest.mark.parametrize("depth", [1, pytest.param(16, marks=pytest.mark.slow)])
def test_merging_routes_equal_golden(tmp_path: Path, depth: int) -> None:
    item = example(skip_network(), lanes=(3, 2, 2), depth=depth, samples=3, steps=8)
    assert run(item, export(item.plan, tmp_path), tmp_path, backpressure=0.6).mismatches == 0


@pytest.mark.parametrize(
    "fields",
    [
        slow({"reset": "zero"}),
        slow({"reset_delay": True}),
        {"reset": "zero", "reset_delay": True, "comparison": ">="},
        slow({"comparison": ">="}),
    ],
)
def test_every_reset_equals_golden(tmp_path: Path, fields: dict) -> None:
    item = example(chain_network(7, **fields), samples=3, steps=8)
    assert run(item, export(item.plan, tmp_path), tmp_path).mismatches == 0


@pytest.mark.parametrize("lanes", [(2,), pytest.param((5, 3), marks=pytest.mark.slow)])
def test_own_integers_with_a_leak_toward_zero_equal_golden(tmp_path: Path, lanes: tuple[int, ...]) -> None:
    network = integer_network(leak_rounding="zero")
    assert all(g.own_integers and g.leak_rounding == "zero" for g in network.groups)
    assert min(int(p.weight.min()) for p in network.projections) == -8
    item = example(network, lanes=lanes, samples=3, steps=20)
    other = run_clocked(integer_network(), item.inputs, record=["lif2"])
    assert (other.potentials["lif2"] != item.golden.potentials["lif2"]).any()
    assert run(item, export(item.plan, tmp_path), tmp_path).mismatches == 0


# Seeded bugs: each must be found, and the message must name the place.

PLACE = r"sample \d+, time step \d+, group 'lif[12]'"


def found_in(item: Example, verilog: Path, folder: Path, **options: object) -> str:
    with pytest.raises(MismatchError) as caught:
        run(item, verilog, folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_one_wrong_weight_bit_is_found(tmp_path: Path) -> None:
    item = example(chain_network())
    bad = item.plan.groups[0]
    synapses = bad.synapses.copy()
    # Lowest bit of the weight from input 3 to neuron 4: fold 2, lane 0.
    synapses[0, 2 * bad.projections[0].rows_per_fold + 3, 0] ^= 1
    plan = replace(item.plan, groups=(replace(bad, synapses=synapses), *item.plan.groups[1:]))
    message = found_in(item, export(plan, tmp_path), tmp_path)
    assert re.search(r"group 'lif1' neuron 4: potential is -?\d+, golden -?\d+", message)
    # The first event of that input is where it shows first.
    sample = int(re.search(r"sample (\d+)", message)[1])
    step = int(re.search(r"time step (\d+)", message)[1])
    assert sample == 0
    assert step == int(np.flatnonzero(item.inputs[:, 0, 3])[0])


def test_a_swapped_comparison_is_found(tmp_path: Path) -> None:
    item = example(chain_network(), samples=12)
    verilog = export(item.plan, tmp_path)
    text, count = re.subn(r"(\$signed\(x\)) >= ", r"\1 > ", verilog.read_text(encoding="utf-8"))
    assert count == sum(g.update_lanes for g in item.plan.groups)
    verilog.write_text(text, encoding="utf-8")
    message = found_in(item, verilog, tmp_path)
    assert re.search(
        PLACE + r" neuron \d: (potential is -?\d+, golden -?\d+|did not spike, golden did)", message
    )


class EarlyTick(SpikeEncoder):
    """Lets a step's tick leave before the spikes of its last fold."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        mask, tick = Signal(self._lanes), Signal()
        base, last = Signal.like(self.i.payload.base), Signal()
        index = Signal(max(1, ceil_log2(self._lanes)))
        for lane in reversed(range(self._lanes)):
            with m.If(mask[lane]):
                m.d.comb += index.eq(lane)
        m.d.comb += [
            self.o.valid.eq(mask.any() | tick),
            self.o.payload.tick.eq(tick),
            self.o.payload.address.eq(Mux(tick, last, base + index)),
            self.i.ready.eq(~self.o.valid),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += tick.eq(0)
            with m.If(~tick):
                m.d.sync += mask.eq(mask & (mask - 1))
        with m.Elif(self.i.valid & self.i.ready):
            payload = self.i.payload
            m.d.sync += [mask.eq(payload.mask), tick.eq(payload.tick)]
            m.d.sync += [base.eq(payload.base), last.eq(payload.last)]
        return m


def test_an_early_tick_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SpikeEncoder", EarlyTick)
    item = example(chain_network())
    assert re.search(PLACE, found_in(item, export(item.plan, tmp_path), tmp_path))


# Under cocotb; test_verify_native.py has them in the bench without Python.
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_tampered_output_stream_is_found(tmp_path: Path, fault: str) -> None:
    item = example(chain_network(), samples=3)
    verilog = export(item.plan, tmp_path, lambda plan: Tampered(plan, fault))
    assert re.search(FAULTS[fault], found_in(item, verilog, tmp_path, simulator=QUICK_COCOTB))


# Mistakes of the caller, and failures of the tools.


def test_unknown_simulator(tmp_path: Path) -> None:
    item = example(chain_network())
    with pytest.raises(UserError, match=r"^unknown simulator 'spice'; known are verilator, cocotb, icarus$"):
        run(item, tmp_path / "design.v", tmp_path, simulator="spice")


@pytest.mark.parametrize(
    ("passes", "processes", "samples"),
    [(("stream",), 2, 5), (("stress",), 1, 6), (("stream", "alone"), 2, 6)],
)
def test_only_the_passes_asked_for(
    tmp_path_factory: pytest.TempPathFactory, passes: tuple[str, ...], processes: int, samples: int
) -> None:
    item = example(chain_network())
    folder = tmp_path_factory.getbasetemp() / "one-model-for-all"
    if not (folder / "design.v").exists():
        export(item.plan, folder)
    found = run(item, folder / "design.v", folder, passes=passes, processes=processes, samples=samples)
    assert found.samples == samples
    sent = {name: spikes[:, :samples].sum() for name, spikes in item.golden.spikes.items()}
    assert found.spikes_by_group == sent
    assert found.spikes_compared == sum(sent.values())
    assert found.potentials_compared == samples * item.inputs.shape[0] * 8
    again = len(passes) - 1
    assert found.repeated_samples == again * samples
    assert found.repeated_spikes == again * found.spikes_compared
    assert found.repeated_potentials == again * found.potentials_compared
    assert len(found.cycles_per_sample) == (samples if "alone" in passes else 0)
    assert found.stream_samples == (samples if "stream" in passes else 0)
    assert found.stress_samples == (samples if "stress" in passes else 0)


@pytest.mark.parametrize(
    ("passes", "named"),
    [((), "none"), (("alone", "fast"), "alone, fast"), (("alone", "alone"), "alone, alone")],
)
def test_unknown_passes(tmp_path: Path, passes: tuple[str, ...], named: str) -> None:
    item = example(chain_network())
    with pytest.raises(
        UserError, match=f"^passes must be one or more of alone, stress, stream, not {named}$"
    ):
        run(item, tmp_path / "design.v", tmp_path, passes=passes)


@pytest.mark.parametrize("name", ["samples", "stress_samples", "stream_samples", "processes"])
def test_counts_below_one(tmp_path: Path, name: str) -> None:
    item = example(chain_network())
    with pytest.raises(UserError, match=rf"^{name} must be at least 1, not 0$"):
        run(item, tmp_path / "design.v", tmp_path, **{name: 0})


def test_broken_verilog_is_a_tool_error_and_leaves_no_model(tmp_path: Path) -> None:
    item = example(chain_network())
    verilog = tmp_path / "design.v"
    verilog.write_text("module tiny(input clk;\nendmodule\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"^verilator failed with exit code 1: .*see .*verilator-build.log$"):
        run(item, verilog, tmp_path / "work")
    assert not [path for path in (tmp_path / "work").iterdir() if path.is_dir()]


@pytest.mark.slow
@builds_cocotb
def test_a_design_without_trace_is_a_tool_error(tmp_path: Path) -> None:
    item = example(chain_network())
    verilog = export(item.plan, tmp_path, lambda plan: SpikingNetwork(plan))
    with pytest.raises(ToolError, match=r"without a verdict on pass alone: .*trace_lif1.*simulation.log$"):
        run(item, verilog, tmp_path / "work", simulator=QUICK_COCOTB)


SCRIPT = """
import sys
from pathlib import Path
from tests.support.verify_networks import chain_network, example
from qsnn_hw.verify import verify
item = example(chain_network(), samples=400, steps=50)
verify(item.plan, Path(sys.argv[1]), item.inputs, item.golden, Path(sys.argv[2]), simulator=sys.argv[3])
"""


def processes_about(folder: Path) -> list[int]:
    """Processes whose command line names ``folder``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads the process table of Linux")
@builds_cocotb
def test_ctrl_c_ends_the_simulators(tmp_path: Path) -> None:
    verilog = export(example(chain_network()).plan, tmp_path)
    paths = os.pathsep.join([str(ROOT), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(verilog), str(tmp_path / "work"), QUICK_COCOTB],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        progress = tmp_path / "work" / "run1" / "progress"
        while not progress.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert progress.exists()
        # The script, two workers and two simulators.
        assert len(processes_about(tmp_path)) == 5
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert "KeyboardInterrupt" in told
    deadline = time.monotonic() + 10
    while processes_about(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes_about(tmp_path)


@pytest.mark.slow
@builds_cocotb
def test_an_interrupted_build_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = example(chain_network(), samples=2, steps=4)
    verilog = export(item.plan, tmp_path)
    real = simulation.run_tool

    def interrupted(*args: object, **options: object) -> None:
        real(*args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "run_tool", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(item, verilog, tmp_path / "work", simulator=QUICK_COCOTB)
    assert not [path for path in (tmp_path / "work").iterdir() if path.is_dir()]
    monkeypatch.setattr(simulation, "run_tool", real)
    assert run(item, verilog, tmp_path / "work", simulator=QUICK_COCOTB).samples == 2


def test_a_bench_that_compares_too_little_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = example(chain_network(), samples=2, steps=4)
    verilog = export(item.plan, tmp_path)
    real = runner.collect

    def short(*args: object) -> dict:
        results = real(*args)
        results["stress"][0]["potentials"] -= 1
        return results

    monkeypatch.setattr(runner, "collect", short)
    with pytest.raises(
        ToolError, match=r"pass stress compared 2 samples, 63 potentials and \d+ spikes, expected 2, 64"
    ):
        run(item, verilog, tmp_path / "work")
