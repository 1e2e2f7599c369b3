"""What a build found out: ``report.json``, ``report.html`` and a few lines for the terminal."""

from qsnn_hw.report.page import write_page
from qsnn_hw.report.parts import (
    Accuracy,
    Energy,
    Files,
    Latency,
    OperatingPoint,
    PowerMw,
    Resource,
    Timing,
    Verification,
)
from qsnn_hw.report.record import Board, Layer, NetworkSummary, Report
from qsnn_hw.report.summary import summary_lines
from qsnn_hw.report.traces import GroupTrace, Traces

__all__ = [
    "Accuracy",
    "Board",
    "Energy",
    "Files",
    "GroupTrace",
    "Latency",
    "Layer",
    "NetworkSummary",
    "OperatingPoint",
    "PowerMw",
    "Report",
    "Resource",
    "Timing",
    "Traces",
    "Verification",
    "summary_lines",
    "write_page",
]
