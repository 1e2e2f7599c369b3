"""Who has a row in the comparison of targets: one contribution a package, and what each is handed.

``qsnn-hw compare`` walks this list and knows no target; a target without a row is not in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, READ
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.compare import Known, Row
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.readouts import READOUT_WORDS
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.report.sections.work import metrics
from qsnn_hw.support.progress import Progress

if TYPE_CHECKING:
    from qsnn_hw.report import Report


@dataclass(frozen=True, eq=False)
class Asked:
    """What rows are made from: the network and its samples, and a way to build.

    Parameters
    ----------
    options
        Model, samples and rounding; target and board are for whoever makes a row.
    shared
        Has READ, DATA, QUANTIZE and GOLDEN, which no target changes.
    boards
        Of the FPGA rows; None: those that a target takes by itself.
    predict
        Make nothing that takes a tool.
    build
        A folder's name and options -> the report of ``qsnn-hw build`` with these options in that folder.
    progress
        Told what goes on.
    """

    options: BuildOptions
    shared: Run
    boards: tuple[str, ...] | None
    predict: bool
    build: "Callable[[str, BuildOptions], Report]"
    progress: Progress

    def in_memory(self, options: BuildOptions) -> Run:
        """The steps of a build with these options, as far as none needs a tool."""
        steps: tuple[Step[Any], ...] = (READ, DATA, QUANTIZE, GOLDEN)
        return Run(Job(options, None, self.progress), results={s: self.shared.get(s) for s in steps})

    @property
    def integers(self) -> QuantizedNetwork:
        """What every target computes."""
        return self.shared.get(QUANTIZE).quantized

    @property
    def data(self) -> Dataset:
        """The test samples."""
        data = self.shared.get(DATA)
        assert data is not None
        return data

    @property
    def golden(self) -> GoldenResult:
        """Their spikes and answers."""
        golden = self.shared.get(GOLDEN)
        assert golden is not None
        return golden

    @cached_property
    def spikes(self) -> float:
        """Input, hidden and output spikes of a mean sample."""
        return float(metrics(self.integers, self.data, self.golden.integer).spikes_per_sample or 0.0)

    @property
    def accuracy(self) -> tuple[Known, int | None]:
        """Of targets that compute these integers, and of how many samples; absent without labels."""
        drop = self.golden.drop
        if not drop.labelled:
            return Known(), None
        by = READOUT_WORDS[self.golden.readout]
        source = f"integers of the golden model on {drop.samples:,} test samples, by {by}"
        return Known.exactly(drop.integer_score, "measured", source), drop.samples


@dataclass(frozen=True)
class Maker:
    """What makes rows together.

    Parameters
    ----------
    name
        Of what was left out, where it fails.
    make
        Does it. A UserError says why there is no such row; it is shown in the table.
    """

    name: str
    make: Callable[[], Sequence[Row]]


@dataclass(frozen=True)
class Contribution:
    """What a target adds to the table: its makers, in order."""

    target: str
    makers: Callable[[Asked], Sequence[Maker]]


def contributions() -> tuple[Contribution, ...]:
    """Every target that has rows, in the order of the table; imported when asked for."""
    from qsnn_hw.targets.analog.rows import ANALOG_ROWS
    from qsnn_hw.targets.asic.rows import ASIC_ROWS
    from qsnn_hw.targets.fpga.rows import FPGA_ROWS
    from qsnn_hw.targets.gpu.rows import GPU_ROWS

    return (FPGA_ROWS, ASIC_ROWS, ANALOG_ROWS, GPU_ROWS)
