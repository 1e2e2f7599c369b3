"""A complete report and traces, and a nearly empty report, shared by the report tests."""

from typing import Any

import numpy as np

from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis, Sensitivity
from qsnn_hw.report import GroupTrace, Report, Traces
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.report.framework import Framework
from qsnn_hw.report.sections.accuracy import Accuracy, Calibration
from qsnn_hw.report.sections.activity import ActivityPerSample
from qsnn_hw.report.sections.board import Board
from qsnn_hw.report.sections.network import GroupSummary, NetworkSummary
from qsnn_hw.report.sections.products import Files
from qsnn_hw.report.sections.verification import Verification
from qsnn_hw.report.sections.work import Metrics
from qsnn_hw.targets.fpga.sections import SECTIONS
from qsnn_hw.targets.fpga.sections.comparison import Compared, Way
from qsnn_hw.targets.fpga.sections.energy import Energy
from qsnn_hw.targets.fpga.sections.latency import Clock, Latency
from qsnn_hw.targets.fpga.sections.power import PowerMw, PowerTerm
from qsnn_hw.targets.fpga.sections.prediction import Prediction
from qsnn_hw.targets.fpga.sections.rates import Point, Rest
from qsnn_hw.targets.fpga.sections.resources import Resource
from qsnn_hw.targets.fpga.sections.speed import Link, OperatingPoint, Throughput
from qsnn_hw.targets.fpga.sections.timing import Timing


def diagnosis(name: str, neurons: int, **changes: Any) -> GroupDiagnosis:
    """A group that quantization hardly touched, but for ``changes``."""
    healthy: dict[str, Any] = {
        "name": name,
        "neurons": neurons,
        "float_rate": 0.25,
        "integer_rate": 0.26,
        "drift": 0.04,
        "dead": False,
        "dead_neurons": (),
        "saturating_neurons": (),
        "saturations": 0,
        "spikes_differ": 0.0125,
        "v_bits": 13,
        "v_bits_used": 11,
        "decay_error": 0.001,
        "stuck_below": 15,
        "stuck_real": 0.105,
        "histogram_edges": (-2.0, -1.0, 0.0, 1.0, 2.0),
        "histogram": (3, 40, 0, 5000),
    }
    return GroupDiagnosis(**{**healthy, **changes})


def diagnostics(*groups: GroupDiagnosis) -> Diagnostics:
    """The two groups of :func:`full_report`, healthy unless others are given, and their sensitivity."""
    shown = groups or (diagnosis("hidden", 32), diagnosis("output", 10))
    rows = (
        Sensitivity("hidden", 8, 0.96),
        Sensitivity("hidden", 2, 0.5),
        Sensitivity("output", 8, 0.97),
        Sensitivity("output", 2, None),
    )
    names = {group.name for group in shown}
    return Diagnostics(200, shown, tuple(row for row in rows if row.group in names), 0.9622, 450)


def report_of(network: NetworkSummary, **values: Any) -> Report:
    """A report of a board with these parts, by their keys."""
    return Report.of(SECTIONS, network=network, **values)


def full_report() -> Report:
    """Every figure present."""
    return report_of(
        NetworkSummary(
            "digits",
            64,
            25,
            (
                GroupSummary(
                    "hidden",
                    32,
                    2048,
                    8,
                    13,
                    0.007,
                    0.008,
                    142,
                    143,
                    1,
                    0,
                    32,
                    1,
                    16384,
                    412.5,
                    8,
                    1,
                    "registers",
                    "distributed RAM",
                    "floor",
                    False,
                ),
                GroupSummary(
                    *("output", 10, 320, 8, 12, 0.01, 0.01, 97, 97, 0, 2, 10, 1, 2560, 181.25, 1, 1),
                    *("memory", "registers", "zero", True),
                ),
            ),
        ),
        bits=8,
        convention={"comparison": ">", "dt": 1e-4, "reset_delay": True, "v_min": None},
        accuracy=Accuracy(0.9622, 0.96, "most spikes", 0.22),
        accuracy_samples=450,
        calibration=Calibration(256, True, 0.98, 0.97, 0.4),
        verification=Verification(
            *(450, 22866, 472500, 0, "verilator 5.48"),
            distinct_samples=450,
            spikes_by_group={"hidden": 14000, "output": 8866},
            repeated_samples=470,
            repeated_spikes=23900,
            repeated_potentials=493500,
            matched_registers=1234,
            matched_memory_bits=23456,
            framework=Framework(112500, 0),
        ),
        resources={
            "TRELLIS_COMB": Resource(2312, 83640),
            "DP16KD": Resource(200, 208),
            "MULT18X18D": Resource(0, 156),
        },
        timing=Timing(91.37, 25.0),
        clock=Clock(25.0),
        latency=Latency(1050.0, 1100, 1050 / 91.37, 42.0, 5140.0, 5170.0),
        link=Link(1_000_000, 514.25, 59.75, 5142.5, 597.5),
        throughput=Throughput(
            *(25_000.0, 194.5, "link"),
            per_watt=Bounds(83_000.0, 153_000.0, 255_000.0),
            link_per_watt=Bounds(650.0, 1200.0, 2000.0),
        ),
        operating_point=OperatingPoint(25.0, 42.0),
        power_at_rate=(
            Point(0.0, 0.0, 90.0, 150.0, 270.0, "quiet: nothing comes"),
            Point(9000.0, 23e6, 98.0, 163.0, 301.0, "back to back on the chip"),
        ),
        power_io_mw=Bounds(0.01, 0.05, 0.4),
        at_rest=Rest(0.0, 0.0, 41.5),
        comparison=Compared(
            Way(Bounds(1.0, 2.0, 4.0), 110.0, 1200.0),
            Way(Bounds(3.0, 6.0, 12.0), 330.0, 9000.0, Bounds(2.5, 3.0, 3.5)),
            Way(Bounds(0.5, 1.0, 2.0), 30.0, 900.0, Bounds(0.4, 0.5, 0.6)),
            101_632.0,
        ),
        power_mw=PowerMw(
            *(98.0, 163.0, 301.0),
            {
                "static": PowerTerm(90.0, 150.0, 270.0, "static", "a data sheet", False),
                "logic": PowerTerm(8.0, 13.0, 31.0, "work", "a fit", True, "share of cells assumed"),
            },
        ),
        energy=Energy(
            Bounds(4.1, 6.8, 12.6),
            Bounds(5.6, 9.4, 17.4),
            Bounds(3.8, 6.3, 11.3),
            Bounds(0.3, 0.5, 1.3),
            0.92,
            Bounds(463.0, 771.0, 1388.0),
            Bounds(637.0, 1061.0, 1911.0),
            "kept",
            "depends",
            Bounds(5.2, 8.7, 15.6),
            Bounds(0.4, 0.7, 1.8),
        ),
        metrics=Metrics(18_000.0, 726.5, 24.8),
        activity={
            "hidden": ActivityPerSample(0.75, 412.5, 690.0, 0.0, 0.0),
            "output": ActivityPerSample(0.33, 181.25, 200.0, 0.0, 0.0),
        },
        spikes_per_sample={"input": 489.25, "hidden": 202.5, "output": 34.75},
        diagnostics=diagnostics(),
        prediction=Prediction({"TRELLIS_COMB": 2400, "DP16KD": 200, "MULT18X18D": 0}, 1050.0, 1050.0, 20, 0),
        board=Board("ulx3s-85f", "Radiona ULX3S-85F", "LFE5U-85F"),
        tools={"yosys": "0.70"},
        files=Files("top.v", "top.bit"),
        assumptions=("static power is assumed",),
        warnings=("neuron 17 of hidden never fires",),
        created="2026-01-01T12:00:00",
    )


def empty_report(name: str = "digits") -> Report:
    """Nothing known but the name."""
    return report_of(NetworkSummary(name))


def traces(steps: int = 25, inputs: int = 64, hidden: int = 32, classes: int = 10) -> Traces:
    """Random but fixed spikes and potentials; the float overlay only in the hidden group."""
    rng = np.random.default_rng(7)

    def spikes(n: int, rate: float) -> np.ndarray:
        return (rng.random((steps, n)) < rate).astype(np.uint8)

    v = rng.integers(-100, 140, (steps, hidden))
    return Traces(
        3,
        4,
        7,
        spikes(inputs, 0.3),
        (
            GroupTrace("hidden", spikes(hidden, 0.2), v, np.full(hidden, 120), v + 0.5),
            GroupTrace(
                "output", spikes(classes, 0.1), rng.integers(-9, 90, (steps, classes)), np.full(classes, 80)
            ),
        ),
        rng.integers(0, classes, 450),
        rng.integers(0, classes, 450),
    )
