"""What a predicted row rests on: reads of synapse memory and sweeps are those that simulation counts."""

from pathlib import Path

import pytest

from qsnn_hw.build import flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.predicted_rows import predicted_counts
from qsnn_hw.targets.fpga.row_parts import against
from qsnn_hw.targets.fpga.steps import BOARD, PLAN
from qsnn_hw.verify import Verification
from tests.support.places import EXAMPLES


@pytest.mark.slow
@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-25f"])
def test_predicted_counts_are_those_of_simulation(board: str, tmp_path: Path) -> None:
    digits = EXAMPLES / "digits"
    options = BuildOptions(
        model=str(digits / "digits_64-32-10.nir"),
        convention="snntorch",
        data=str(digits / "digits_test.npz"),
        samples=20,
        board=board,
    )
    flow.run(options, tmp_path, part="simulate", progress=SILENT)
    simulated = Verification.load(tmp_path / outputs.SIMULATION)
    run = Run(Job(options))
    plan, data, golden = run.get(PLAN), run.get(DATA), run.get(GOLDEN)
    assert data is not None
    assert golden is not None
    spikes = golden.integer.spikes
    cycles = PredictedCycles.of(plan, data.input, spikes).design
    found = predicted_counts(plan, run.get(BOARD), data.input, spikes, cycles)
    assert found.activity_samples == simulated.activity_samples
    for name, real in simulated.groups.items():
        one = found.groups[name]
        assert one.synapse_reads == real.synapse_reads
        assert one.operation_cycles == real.operation_cycles
        assert one.sweep_cycles == pytest.approx(real.sweep_cycles, rel=0.2)
        assert one.state_reads == pytest.approx(real.state_reads, rel=0.2)
        assert one.parameter_reads == pytest.approx(real.parameter_reads, rel=0.2)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (Bounds(0.1, 0.2, 0.9), "spikes do not pay here"),
        (Bounds(0.5, 0.8, 1.5), "the range does not say whether spikes pay here"),
        (Bounds(1.5, 2.0, 3.0), "spikes pay here"),
    ],
)
def test_whether_spikes_pay_is_said_by_the_whole_range(times: Bounds, says: str) -> None:
    assert against(times).endswith(f": {says}.")
    assert against(Bounds()) == ""
