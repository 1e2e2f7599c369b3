"""The sections of an analog chip's report, one file each, in the order of ``report.json``."""

from qsnn_hw.report.section import Section
from qsnn_hw.report.sections import (
    accuracy,
    board,
    diagnostics,
    network,
    products,
    sample,
    spikes,
    tools,
    verification,
    work,
)
from qsnn_hw.targets.analog.sections import agreement, chips, energy, spice, transistor, wires

SECTIONS: tuple[Section, ...] = (
    network.SECTION,
    accuracy.SECTION,
    verification.SECTION,
    agreement.SECTION,
    spice.SECTION,
    chips.SECTION,
    wires.SECTION,
    transistor.SECTION,
    energy.SECTION,
    work.SECTION,
    spikes.SECTION,
    sample.SECTION,
    diagnostics.SECTION,
    board.SECTION,
    tools.SECTION,
    products.SECTION,
)
