"""The chip's row in the comparison of targets: exact answers, planned tiles, no figure nobody knows."""

import pytest

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.compare import Known
from qsnn_hw.report import Report
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.asic.rows import rows
from qsnn_hw.targets.asic.sections import SECTIONS
from qsnn_hw.targets.asic.sections.area import ChipArea
from qsnn_hw.targets.asic.sections.energy import ChipEnergy
from qsnn_hw.targets.asic.sections.silicon import CriticalPath
from qsnn_hw.targets.rows import Asked
from qsnn_hw.targets.verilog.sections.cycles import Cycles
from tests.support.places import EXAMPLES

DIGITS = EXAMPLES / "digits"


OPTIONS = BuildOptions(
    model=str(DIGITS / "digits_64-32-10.nir"),
    convention="snntorch",
    data=str(DIGITS / "digits_test.npz"),
    samples=30,
)


def asked(predict: bool, report: Report | None = None) -> Asked:
    def build(name: str, options: BuildOptions) -> Report:
        if report is None:
            raise UserError("nothing is built here")
        return report

    return Asked(OPTIONS, Run(Job(OPTIONS)), None, predict, build, SILENT)


def test_a_chip_that_is_planned_alone() -> None:
    given = asked(predict=True)
    (row,) = rows(given)
    assert (row.accuracy, row.samples) == given.accuracy
    assert row.sizes["tiles"].used.typical == 2
    assert row.sizes["SRAM bits"].used.by == "predicted"
    assert [row.latency_us.typical, row.energy_uj.typical, row.per_watt.typical] == [None, None, None]
    assert "cycles, predicted" in row.caveat
    with pytest.raises(UserError, match="nothing is built"):
        rows(asked(predict=False))


def test_a_chip_that_was_mapped() -> None:
    report = Report.of(
        SECTIONS,
        area=ChipArea(cells_of="osu018", unit="um2", logic=100_000.0, sram_um2=Bounds(1.0, 2.0, 4.0)),
        critical_path=CriticalPath(5.0, 200.0, ("a", "b")),
        energy=ChipEnergy(nj_per_sample=Bounds(1.0, 2.0, 4.0), pj_per_spike=Bounds(3.0, 4.0, 5.0)),
        cycles=Cycles(per_sample_mean=1000.0, back_to_back_mean=800.0),
    )
    (row,) = rows(asked(False, report))
    assert (row.latency_us.typical, row.per_s.typical) == (5.0, 250_000.0)
    assert (row.energy_uj.low, row.energy_uj.typical) == (0.001, 0.002)
    assert row.spike_nj.typical == pytest.approx(0.004)
    assert row.per_watt.typical == pytest.approx(5e8)
    assert row.sizes["um2"].used.typical == 100_000.0
    (bare,) = rows(asked(False, Report.of(SECTIONS)))
    assert (bare.latency_us, bare.per_s, bare.energy_uj, bare.sizes) == (Known(), Known(), Known(), {})
