"""A complete report and traces, and a nearly empty report, shared by the report tests."""

from typing import Any

import numpy as np

from qsnn_hw.report import (
    Accuracy,
    Board,
    Calibration,
    Diagnostics,
    Energy,
    Files,
    GroupDiagnosis,
    GroupTrace,
    Latency,
    Layer,
    NetworkSummary,
    OperatingPoint,
    PowerMw,
    Report,
    Resource,
    Sensitivity,
    Timing,
    Traces,
    Verification,
)


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


def full_report() -> Report:
    """Every figure present."""
    return Report(
        NetworkSummary(
            "digits",
            64,
            25,
            (
                Layer(
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
                ),
                Layer(
                    *("output", 10, 320, 8, 12, 0.01, 0.01, 97, 97, 0, 2, 10, 1, 2560, 181.25, 1, 1),
                    *("memory", "registers"),
                ),
            ),
        ),
        bits=8,
        convention={"comparison": ">", "dt": 1e-4, "reset_delay": True, "v_min": None},
        accuracy=Accuracy(0.9622, 0.96, "most spikes", 0.22),
        accuracy_samples=450,
        calibration=Calibration(256, True, 0.98, 0.97, 0.4),
        verification=Verification(450, 22866, 472500, 0, "verilator 5.48"),
        resources={
            "TRELLIS_COMB": Resource(2312, 83640),
            "DP16KD": Resource(200, 208),
            "MULT18X18D": Resource(0, 156),
        },
        timing=Timing(91.37, 25.0),
        latency=Latency.of(np.array([1000, 1100]), 91.37),
        operating_point=OperatingPoint(25.0, 42.0),
        power_mw=PowerMw(98.0, 163.0, 301.0),
        energy=Energy.of(163.0, 42.0, 392.0),
        spikes_per_sample={"input": 489.25, "hidden": 202.5, "output": 34.75},
        diagnostics=diagnostics(),
        board=Board("ulx3s-85f", "Radiona ULX3S-85F", "LFE5U-85F"),
        tools={"yosys": "0.70"},
        files=Files("top.v", "top.bit"),
        assumptions=("static power is assumed",),
        warnings=("neuron 17 of hidden never fires",),
        created="2026-01-01T12:00:00",
    )


def empty_report(name: str = "digits") -> Report:
    """Nothing known but the name."""
    return Report(NetworkSummary(name))


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
