"""What a build found out: ``report.json``, ``report.html`` and a few lines for the terminal.

``section.py`` says what a section is; ``sections/`` has those that any target may report, a target's folder
its own.
"""

from qsnn_hw.report.head import convincing
from qsnn_hw.report.maker import PAGE, REPORT, TRACES, make_report
from qsnn_hw.report.page import write_page
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.summary import summary_lines
from qsnn_hw.report.traces import GroupTrace, Traces

__all__ = [
    "PAGE",
    "REPORT",
    "TRACES",
    "GroupTrace",
    "Report",
    "Results",
    "Traces",
    "convincing",
    "make_report",
    "summary_lines",
    "write_page",
]
