"""scripts/soak: one instance under random traffic; what it finds, and what it says."""

import re
from pathlib import Path

import pytest
import soak
from soak import Soaked, main

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.support.errors import MismatchError
from qsnn_hw.support.progress import SILENT
from tests.support.verify_networks import chain_network, export, skip_network


@pytest.mark.slow
def test_one_instance_stays_golden_s(tmp_path: Path) -> None:
    """Groups that several routes meet in, with weights that each reset makes the host load again."""
    network = skip_network()
    plan = make_plan(network, PlanOptions(lanes=(2,), synapse_store="ram"))
    verilog = export(plan, tmp_path)
    done = soak.soak(plan, network, verilog, tmp_path, 60_000, 5, SILENT)
    assert done.ticks >= 60_000
    assert done.potentials == 12 * done.ticks
    assert done.spikes > 10_000
    assert 0 < done.cut <= done.resets < done.runs
    assert done.grown() is not None


@pytest.mark.slow
def test_what_outlives_a_reset_amid_traffic_is_found(tmp_path: Path) -> None:
    """A buffer that keeps its words: no sample sees it whose design was at rest before."""
    network = chain_network()
    plan = make_plan(network, PlanOptions(lanes=(2,)))
    verilog = export(plan, tmp_path)
    text = verilog.read_text(encoding="utf-8")
    kept, count = re.subn(r"(\\\S+\.buffer0 +buffer0 \([^;]*?)\.rst\(rst\)", r"\1.rst(1'b0)", text)
    assert count == 1
    verilog.write_text(kept, encoding="utf-8")
    with pytest.raises(MismatchError, match=r"^seed 5, run \d+: ") as found:
        soak.soak(plan, network, verilog, tmp_path, 60_000, 5, SILENT)
    assert "run 0:" not in str(found.value)


def test_growth_is_of_the_one_that_grew_more() -> None:
    assert Soaked().grown() is None
    assert Soaked(early=(None, 7), late=(None, 9)).grown() == 2
    assert Soaked(early=(10, 7), late=(40, 9)).grown() == 30
    assert "memory not measured" in Soaked().text()
    assert "the instance's memory not measured, its checker 2 MiB" in Soaked(late=(None, 2048)).text()
    said = Soaked(ticks=5, early=(1024, 1024), late=(2048, 4096)).text()
    assert said.startswith("5 ticks in 0 runs")
    assert said.endswith("the instance held 2 MiB, its checker 4 MiB, 3 MiB more than after a tenth")


def test_what_is_no_design_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert main([str(tmp_path), "--ticks", "0"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"error: {tmp_path} holds no 06_traced.v; make it with qsnn-hw generate -o"
    assert said[1].startswith("error: --ticks must be 1 to ")
