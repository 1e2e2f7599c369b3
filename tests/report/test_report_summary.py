"""The report in the terminal, and how figures are written."""

import dataclasses

import numpy as np
import pytest

from qsnn_hw.report import Accuracy, Resource, Timing, Verification, summary_lines
from qsnn_hw.report.words import figure, plural, signed, with_unit
from tests.report.report_examples import empty_report, full_report


def test_full() -> None:
    lines = summary_lines(full_report())
    assert lines[0] == "digits, 8-bit weights, Radiona ULX3S-85F"
    assert (
        "  accuracy      float 96.22 %, integer 96.00 % (-0.22 pp, standard error 0.22) on 450 samples, "
        "by most spikes; -1.00 pp, standard error 0.40 on 256 calibration samples"
    ) in lines
    assert (
        "  verification  450 samples, 22,866 spikes, 472,500 potentials, 0 mismatches (verilator 5.48)"
        in lines
    )
    assert "  timing        Fmax 91.4 MHz, asked 25 MHz: met" in lines
    assert "  power         163 mW (98 to 301) estimated" in lines
    assert "  resources     DP16KD 200 of 208 (96.2 %)" in lines
    assert "  bitstream     top.bit" in lines


def test_nothing_known_is_said() -> None:
    lines = summary_lines(empty_report())
    for name in ("verification", "timing", "latency", "power", "energy", "resources"):
        assert f"  {name:<13} not measured" in lines
    assert "  accuracy      float not measured, integer not measured" in lines
    assert not any(" 0 " in line for line in lines)


def test_failures_are_said() -> None:
    report = dataclasses.replace(
        full_report(),
        timing=Timing(20.0, 25.0),
        verification=Verification(450, 10, 10, 1),
        accuracy=Accuracy(0.9),
    )
    text = "\n".join(summary_lines(report))
    assert "NOT MET" in text
    assert "1 mismatch\n" in text
    assert "float 90.00 %, integer not measured on 450 samples" in text


def test_at_most_twenty_aligned_lines() -> None:
    report = dataclasses.replace(
        full_report(),
        warnings=tuple(f"warning {n}" for n in range(30)),
        resources={f"CELL{n}": Resource(n + 1, 100) for n in range(30)},
    )
    lines = summary_lines(report)
    assert len(lines) <= 20
    assert "  warning       and 26 more in the report" in lines
    assert {line[15] for line in lines[1:]} == {" "}
    assert all(line[16] != " " for line in lines[1:])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not measured"),
        (0, "0"),
        (1234567, "1,234,567"),
        (1043.2, "1,043"),
        (11.42, "11.4"),
        (999.7, "1,000"),
        (0.00704, "0.00704"),
        (0.00001234, "1.23e-05"),
        (0.0, "0"),
    ],
)
def test_figure(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_small_words() -> None:
    assert with_unit(None, "mW") == "not measured"
    assert with_unit(2.5, "mW") == "2.5 mW"
    assert [plural(n, "mismatch") for n in (0, 1, 2)] == ["0 mismatches", "1 mismatch", "2 mismatches"]
    assert plural(2000, "spike") == "2,000 spikes"
    assert signed(float(np.float64(-0.224))) == "\u22120.22"
    assert signed(0.5) == "+0.50"
