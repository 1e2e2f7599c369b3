"""The analog row of the comparison of targets: time of the device, energy of the cells read by read."""

import re
from pathlib import Path

import pytest

from qsnn_hw.build.cli import main
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.compare import JSON, Comparison
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.analog.rows import rows
from qsnn_hw.targets.analog.steps import DEVICE
from qsnn_hw.targets.rows import Asked
from tests.support.places import EXAMPLES

DIGITS = EXAMPLES / "digits"


def asked(samples: int) -> Asked:
    options = BuildOptions(
        model=str(DIGITS / "digits_64-32-10.nir"),
        convention="snntorch",
        data=str(DIGITS / "digits_test.npz"),
        samples=samples,
    )

    def build(name: str, options: BuildOptions) -> None:
        raise UserError("nothing is built here")

    return Asked(options, Run(Job(options)), None, True, build, SILENT)  # type: ignore[arg-type]


def test_the_ideal_chip_and_its_time() -> None:
    given = asked(30)
    (row,) = rows(given)
    run = given.in_memory(given.options)
    device = run.get(DEVICE)
    # Phases of both groups, and the cycles of their digital sides.
    assert 25 * 2 * device.step_s * 1e6 < (row.latency_us.typical or 0) < 100
    assert (row.accuracy.by, row.samples) == ("simulated", 30)
    assert 0.8 < (row.accuracy.typical or 0) <= 1
    assert row.energy_uj.by == row.spike_nj.by == row.per_watt.by == "estimated"
    assert 0 < (row.energy_uj.low or 0) < (row.energy_uj.typical or 0) < (row.energy_uj.high or 0)
    assert (row.per_watt.typical or 0) == pytest.approx(1e6 / (row.energy_uj.typical or 1))
    # 8-bit weights on 16 levels: said, not hidden.
    assert re.search(r"16 levels do not hold \d+ % of the weights", row.caveat)
    assert row.sizes["cells"].used.typical == 2 * (64 * 32 + 32 * 10)


@pytest.mark.slow
def test_a_built_row_has_the_chips_of_its_build(tmp_path: Path) -> None:
    typed = ["compare", str(DIGITS / "digits_64-32-10.nir"), "--convention", "snntorch", "-q"]
    data = ["--data", str(DIGITS / "digits_test.npz"), "--samples", "40", "--boards", "icebreaker"]
    assert main([*typed, *data, "-o", str(tmp_path)]) == 0
    row = Comparison.load(tmp_path / JSON).row("analog")
    assert row.accuracy.by == "estimated"
    assert row.energy_uj.by == "estimated"
    assert (row.accuracy.low or 0) <= (row.accuracy.typical or 0) <= (row.accuracy.high or 0)
    assert (tmp_path / "analog" / "06_chips.json").exists()
