"""Targets side by side: one row each, what is known of every figure, and how rows are shown.

    Known -> Row -> Comparison -> compare.json, compare.html, the terminal's lines

Nothing here knows a target; who contributes rows is ``qsnn_hw/targets/rows.py``.
"""

from qsnn_hw.compare.known import Known
from qsnn_hw.compare.lines import lines
from qsnn_hw.compare.page import write_page
from qsnn_hw.compare.row import Row, Size
from qsnn_hw.compare.table import JSON, PAGE, Comparison

__all__ = ["JSON", "PAGE", "Comparison", "Known", "Row", "Size", "lines", "write_page"]
