"""What a build found out: ``report.json``, ``report.html`` and a few lines for the terminal."""

from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis, Sensitivity
from qsnn_hw.report.diagnostics_text import diagnostics_table
from qsnn_hw.report.page import write_page
from qsnn_hw.report.parts import Accuracy, Calibration, Files, Framework, Resource, Timing, Verification
from qsnn_hw.report.parts_energy import Bounds, Energy, GroupActivity, Metrics, PowerMw, PowerTerm
from qsnn_hw.report.parts_speed import Clock, Latency, Link, OperatingPoint, Throughput
from qsnn_hw.report.prediction import Prediction
from qsnn_hw.report.record import Board, Layer, NetworkSummary, Report
from qsnn_hw.report.summary import summary_lines
from qsnn_hw.report.traces import GroupTrace, Traces

__all__ = [
    "Accuracy",
    "Board",
    "Bounds",
    "Calibration",
    "Clock",
    "Diagnostics",
    "Energy",
    "Files",
    "Framework",
    "GroupActivity",
    "GroupDiagnosis",
    "GroupTrace",
    "Latency",
    "Layer",
    "Link",
    "Metrics",
    "NetworkSummary",
    "OperatingPoint",
    "PowerMw",
    "PowerTerm",
    "Prediction",
    "Report",
    "Resource",
    "Sensitivity",
    "Throughput",
    "Timing",
    "Traces",
    "Verification",
    "diagnostics_table",
    "summary_lines",
    "write_page",
]
