"""The netlist of cells against the golden model, what its nets do meanwhile, and power by OpenSTA."""

from dataclasses import replace
from pathlib import Path

import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.asic.gates import GateSimulation, simulate_gates
from qsnn_hw.targets.asic.pdk import CellLibrary, cell_library
from qsnn_hw.targets.asic.power import Power, instances, power_of
from qsnn_hw.targets.asic.saif import read_saif
from qsnn_hw.targets.asic.sta import sta_or_why_not
from qsnn_hw.targets.asic.synthesis import MappedDesign, Sources, map_design
from tests.support.asic import need_sta, osu018
from tests.support.verify_networks import Example, chain_network, example, export


def planned() -> Example:
    network = chain_network(2)
    return replace(example(network, samples=4, steps=6), plan=make_plan(network, PlanOptions(lanes=(2, 1))))


def mapped(item: Example, library: CellLibrary, folder: Path, trace: bool) -> MappedDesign:
    where = folder / ("traced" if trace else "bare")
    where.mkdir(parents=True)
    path = export(item.plan, where, lambda plan: SpikingNetwork(plan, trace=trace))
    unused = ("activity_*", "around__*") if trace else ()
    sources = Sources((path,), item.plan.name, unused=unused)
    return map_design(sources, library, where / "mapped", progress=SILENT)


def simulated(item: Example, bare: MappedDesign, traced: MappedDesign, folder: Path) -> GateSimulation:
    inputs = item.inputs.reshape(*item.inputs.shape[:2], -1)
    return simulate_gates(
        item.plan,
        bare,
        traced,
        "",
        [name for name in bare.cells if name.startswith(("FLIPFLOP", "DFF", "LATCH"))],
        inputs,
        item.golden,
        folder / "gates",
        samples=3,
        progress=SILENT,
    )


@pytest.mark.slow
def test_generic_gates_equal_golden_and_a_planted_fault_does_not(tmp_path: Path) -> None:
    item, library = planned(), cell_library(None, None)
    bare, traced = (mapped(item, library, tmp_path, trace) for trace in (False, True))
    found = simulated(item, bare, traced, tmp_path)
    spikes = int(item.golden.spikes[item.plan.output_group.group][:, :3].sum())
    assert (found.samples, found.netlist_samples, found.netlist_spikes) == (3, 3, spikes)
    assert spikes > 0
    assert found.potentials == 3 * 6 * sum(group.neurons for group in item.plan.groups)
    activity = read_saif(found.saif, bare.top)
    # The clock of every register that is not gated rises and falls in each cycle.
    registers = [
        cell for cell in instances(bare.netlist.read_text(encoding="utf-8")) if cell.kind == "FLIPFLOP"
    ]
    counts = {activity.toggles[cell.name, "CLK"] for cell in registers}
    assert max(counts) == pytest.approx(2 * found.cycles, abs=4)
    assert min(counts) < found.cycles
    # Gates that do something else.
    text = bare.netlist.read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.v"
    wrong.write_text(text.replace("  AOI21 ", "  OAI21 "), encoding="utf-8")
    assert wrong.read_text(encoding="utf-8") != text
    both = {**bare.cells, "OAI21": bare.cells.get("OAI21", 1)}
    with pytest.raises((MismatchError, ToolError)):
        simulated(item, replace(bare, netlist=wrong, cells=both), traced, tmp_path)


@pytest.mark.slow
def test_power_follows_activity_and_clock(tmp_path: Path) -> None:
    library = osu018()
    need_sta()
    item = planned()
    bare, traced = (mapped(item, library, tmp_path, trace) for trace in (False, True))
    found = simulated(item, bare, traced, tmp_path)
    tool = sta_or_why_not(bare)
    assert not isinstance(tool, str), tool
    activity = read_saif(found.saif, bare.top)

    def power(mhz: float, cycles: int) -> Power:
        where = tmp_path / "power"
        where.mkdir(exist_ok=True)
        found = power_of(bare, library.liberty, activity, cycles, mhz, tool, where, SILENT)
        assert isinstance(found, Power), found
        return found

    slow, fast = power(10.0, found.cycles), power(20.0, found.cycles)
    for one in (slow, fast):
        assert 0 < one.clock_w < one.ungated_clock_w
        assert one.logic_w > 0
        assert one.total_w == pytest.approx(one.clock_w + one.logic_w + one.leakage_w)
        assert one.parts.keys() == bare.parts.keys()
        for what in ("clock_w", "logic_w", "leakage_w"):
            by_part = sum(getattr(part, what) for part in one.parts.values())
            assert by_part == pytest.approx(getattr(one, what), rel=0.01)
    assert fast.clock_w == pytest.approx(2 * slow.clock_w, rel=0.01)
    assert fast.logic_w == pytest.approx(2 * slow.logic_w, rel=0.05)
    assert fast.leakage_w == pytest.approx(slow.leakage_w, rel=0.01)
    # The same changes in ten times the cycles: an idle design.
    idle = power(10.0, 10 * found.cycles)
    assert idle.logic_w < 0.5 * slow.logic_w
    assert idle.clock_w < slow.clock_w
    assert slow.energy_j(1e7) == pytest.approx(slow.total_w)
