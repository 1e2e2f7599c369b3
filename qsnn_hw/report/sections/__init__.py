"""The sections that any target may report, one file each, in the order of ``report.json``.

A target's own stand between the two lists: ``(*OPENING, its own, *CLOSING)``.
"""

from qsnn_hw.report.section import Section
from qsnn_hw.report.sections import (
    accuracy,
    activity,
    board,
    diagnostics,
    mapping,
    network,
    products,
    sample,
    spikes,
    tools,
    verification,
    work,
)

OPENING: tuple[Section, ...] = (network.SECTION, accuracy.SECTION, verification.SECTION)

CLOSING: tuple[Section, ...] = (
    work.SECTION,
    activity.SECTION,
    spikes.SECTION,
    sample.SECTION,
    diagnostics.SECTION,
    board.SECTION,
    tools.SECTION,
    products.SECTION,
    mapping.SECTION,
)
