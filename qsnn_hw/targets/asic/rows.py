"""The chip's row in the comparison of targets: what plan and simulation say; no clock is known yet."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.report.words import figure
from qsnn_hw.targets.asic.steps import PLAN, TILES
from qsnn_hw.targets.rows import Asked, Contribution, Maker
from qsnn_hw.targets.verilog.sections.cycles import CYCLES

USE = "Digital ASIC: low-power edge, in numbers that pay for masks"


def makers(asked: Asked) -> Sequence[Maker]:
    """One, with the default tile."""
    return [Maker("asic", partial(rows, asked))]


ASIC_ROWS = Contribution("asic", makers)


def rows(asked: Asked) -> list[Row]:
    """Of the network as crossbar tiles; cycles are simulated, or with ``--predict`` predicted."""
    options = replace(asked.options, target="asic")
    run, data = asked.in_memory(options), asked.data
    chip = run.get(TILES)
    if asked.predict:
        spikes = asked.golden.integer.spikes
        cycles = PredictedCycles.of(run.get(PLAN), data.input, spikes, data.pixels).design
        mean, by = (float(cycles.mean()) if cycles.size else None), "predicted"
    else:
        mean, by = asked.build("asic", options)[CYCLES].per_sample_mean, "simulated"
    said = "" if mean is None else f" A sample alone takes {figure(mean)} cycles, {by}."
    accuracy, samples = asked.accuracy
    planned = "by the plan, before synthesis"
    return [
        Row(
            "asic",
            "asic",
            "chip of crossbar tiles",
            USE,
            f"No cells were mapped for this row, so it has no clock, no area and no energy.{said}",
            accuracy,
            samples,
            sizes={
                "tiles": Size(Known.exactly(len(chip.tiles), "predicted", planned)),
                "bits of memory macros": Size(Known.exactly(chip.macro_bits, "predicted", planned)),
            },
        )
    ]
