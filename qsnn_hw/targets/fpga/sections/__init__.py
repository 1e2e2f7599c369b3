"""What a report of a board says: the sections of any target, and between them those of an FPGA."""

from qsnn_hw.report.section import Section
from qsnn_hw.report.sections import CLOSING, OPENING
from qsnn_hw.targets.fpga.sections import (
    comparison,
    energy,
    latency,
    power,
    prediction,
    rates,
    resources,
    speed,
    timing,
)

SECTIONS: tuple[Section, ...] = (
    *OPENING,
    resources.SECTION,
    timing.SECTION,
    latency.SECTION,
    speed.SECTION,
    power.SECTION,
    rates.SECTION,
    energy.SECTION,
    comparison.SECTION,
    *CLOSING,
    prediction.SECTION,
)
"""In the order of ``report.json``."""
