"""The chip's row in the comparison of targets: exact answers, planned tiles, no figure nobody knows."""

import pytest

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.asic.rows import rows
from qsnn_hw.targets.rows import Asked
from tests.support.places import EXAMPLES

DIGITS = EXAMPLES / "digits"


def test_a_chip_that_is_planned_alone() -> None:
    options = BuildOptions(
        model=str(DIGITS / "digits_64-32-10.nir"),
        convention="snntorch",
        data=str(DIGITS / "digits_test.npz"),
        samples=30,
    )

    def build(name: str, options: BuildOptions) -> None:
        raise UserError("nothing is built here")

    given = Asked(options, Run(Job(options)), None, True, build, SILENT)  # type: ignore[arg-type]
    (row,) = rows(given)
    assert (row.accuracy, row.samples) == given.accuracy
    assert row.sizes["tiles"].used.typical == 2
    assert row.sizes["bits of memory macros"].used.by == "predicted"
    assert [row.latency_us.typical, row.energy_uj.typical, row.per_watt.typical] == [None, None, None]
    assert "cycles, predicted" in row.caveat
    with pytest.raises(UserError, match="nothing is built"):
        rows(Asked(options, Run(Job(options)), None, False, build, SILENT))  # type: ignore[arg-type]
