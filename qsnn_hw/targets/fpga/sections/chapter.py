"""The chapter of the page about the design on its board."""

from qsnn_hw.report.section import Chapter

ON_BOARD = Chapter("On the board: speed, energy, power", 10, drawn=False)
