"""The sections of a chip's report, one file each, in the order of ``report.json``."""

from qsnn_hw.report.sections import CLOSING, OPENING
from qsnn_hw.targets.asic.sections import area, energy, silicon, tiles
from qsnn_hw.targets.verilog.sections import cycles

SECTIONS = (*OPENING, tiles.SECTION, area.SECTION, silicon.SECTION, energy.SECTION, cycles.SECTION, *CLOSING)
