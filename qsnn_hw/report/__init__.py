"""What a build found out: ``report.json``, ``report.html`` and a few lines for the terminal."""

from qsnn_hw.report.diagnostics import Diagnostics, GroupDiagnosis, Sensitivity
from qsnn_hw.report.diagnostics_text import diagnostics_table
from qsnn_hw.report.page import write_page
from qsnn_hw.report.parts import (
    Accuracy,
    Calibration,
    Energy,
    Files,
    Latency,
    OperatingPoint,
    PowerMw,
    Resource,
    Timing,
    Verification,
)
from qsnn_hw.report.prediction import Prediction
from qsnn_hw.report.record import Board, Layer, NetworkSummary, Report
from qsnn_hw.report.summary import summary_lines
from qsnn_hw.report.traces import GroupTrace, Traces

__all__ = [
    "Accuracy",
    "Board",
    "Calibration",
    "Diagnostics",
    "Energy",
    "Files",
    "GroupDiagnosis",
    "GroupTrace",
    "Latency",
    "Layer",
    "NetworkSummary",
    "OperatingPoint",
    "PowerMw",
    "Prediction",
    "Report",
    "Resource",
    "Sensitivity",
    "Timing",
    "Traces",
    "Verification",
    "diagnostics_table",
    "summary_lines",
    "write_page",
]
