"""The report in the terminal, and how figures are written."""

import dataclasses

import numpy as np
import pytest

from qsnn_hw.report import summary_lines
from qsnn_hw.report.framework import Framework
from qsnn_hw.report.sections.accuracy import Accuracy
from qsnn_hw.report.sections.products import Files
from qsnn_hw.report.sections.verification import Verification
from qsnn_hw.report.words import baud_rate, duration, figure, plural, rounded, signed, with_unit
from qsnn_hw.targets.fpga.sections.latency import LATENCY, Latency
from qsnn_hw.targets.fpga.sections.resources import Resource
from qsnn_hw.targets.fpga.sections.speed import Throughput
from qsnn_hw.targets.fpga.sections.timing import Timing
from tests.support.report_examples import diagnosis, diagnostics, empty_report, full_report


def test_full() -> None:
    assert summary_lines(full_report()) == [
        "digits, 8-bit weights, Radiona ULX3S-85F",
        "  accuracy      float 96.22 %, integer 96.00 % (-0.22 pp, standard error 0.22) on 450 samples, "
        "by most spikes; -1.00 pp, standard error 0.40 on 256 calibration samples",
        "  framework     its own spikes: equal to the float network's, 112,500 values",
        "  verification  450 samples, 22,866 spikes, 472,500 potentials, 0 mismatches (verilator 5.48)",
        "                again, with random gaps and back to back: 470 samples, 23,900 spikes, "
        "493,500 potentials",
        "  speed         194 samples/s through the serial link (1 Mbaud), which limits; "
        "25,000/s on the chip at 25 MHz, the bitstream's clock",
        "  latency       5.17 ms through the link, first bit sent to last received; "
        "42 us in the core at 25 MHz (1,050 cycles, most 1,100)",
        "  core alone    Fmax 91.4 MHz, asked 25 MHz: met; a sample would take 11.5 us there",
        "  power         163 mW (98 to 301) of the FPGA's core supply, estimated",
        "  energy        6.8 uJ (4.1 to 12.6) per sample on the chip, estimated, 92 % static; "
        "771 uJ (463 to 1,390) through the link",
        "  per spike     9.4 nJ (5.6 to 17.4) on the chip: kept; "
        "1,060 nJ (637 to 1,910) through the link: depends (target: below 1 uJ)",
        "  efficiency    24.8 synaptic operations per spike; 18,000 and 726 per sample",
        "  per watt      153,000 inferences/s/W (83,000 to 255,000) on the chip; 1,200 through the link",
        "  resources     DP16KD 200 of 208 (96.2 %), TRELLIS_COMB 2,312 of 83,640 (2.8 %)",
        "  predicted     TRELLIS_COMB 2,400 (2,312 counted), DP16KD 200 (200 counted); 1,050 cycles "
        "(1,050 simulated, differing in none of 20 samples)",
        "  verilog       top.v; holds the network that was simulated: 1,234 register bits and 23,456 of "
        "memory matched by structure",
        "  bitstream     top.bit",
        "  warning       neuron 17 of hidden never fires",
    ]


def test_what_a_network_takes_is_told_before_clocks_and_pins() -> None:
    """As an iCEBreaker reports them: its one PLL and a few global buffers are the fullest."""
    counts = {"ICESTORM_LC": (1087, 5280), "ICESTORM_PLL": (1, 1), "ICESTORM_RAM": (12, 30), "SB_GB": (6, 8)}
    report = full_report().but(resources={name: Resource(*count) for name, count in counts.items()})
    assert (
        "  resources     ICESTORM_RAM 12 of 30 (40.0 %), ICESTORM_LC 1,087 of 5,280 (20.6 %), "
        "ICESTORM_PLL 1 of 1 (100.0 %)"
    ) in summary_lines(report)


def test_nothing_known_is_said() -> None:
    lines = summary_lines(empty_report())
    for name in (
        *("verification", "speed", "latency", "core alone", "power", "energy", "per spike"),
        *("efficiency", "per watt", "resources", "predicted"),
    ):
        assert f"  {name:<13} not measured" in lines
    assert "  accuracy      float not measured, integer not measured" in lines
    assert "  framework     its own spikes: not given" in lines
    assert not any(" 0 " in line for line in lines)


def test_failures_are_said() -> None:
    report = full_report().but(
        timing=Timing(20.0, 25.0),
        verification=Verification(450, 10, 10, 1, framework=Framework(1000, 3)),
        accuracy=Accuracy(0.9),
    )
    text = "\n".join(summary_lines(report))
    assert "NOT MET" in text
    assert "1 mismatch\n" in text
    assert "float 90.00 %, integer not measured on 450 samples" in text
    assert "its own spikes: 3 of 1,000 values differ from the float network's" in text


@pytest.mark.parametrize(
    ("differ", "says"),
    [
        (0, "equal to the float network's within 0.0001 of the largest, 1,000 values"),
        (3, "3 of 1,000 values differ from the float network's by more than 0.0001 of the largest"),
    ],
)
def test_potentials_are_equal_within_something(differ: int, says: str) -> None:
    """Unlike spikes; the line must not claim more than was compared."""
    framework = Framework(1000, differ, "potentials", tolerance=1e-4)
    report = full_report().but(verification=Verification(framework=framework))
    assert f"  framework     its own potentials: {says}" in summary_lines(report)


def test_the_link_is_told_before_anything_was_simulated_and_the_core_when_it_limits() -> None:
    full = full_report()
    early = full.but(throughput=Throughput())
    assert "  speed         5.14 ms a sample on the serial link (1 Mbaud)" in summary_lines(early)
    slow = full.but(throughput=Throughput(90.0, 90.0, "core"))
    assert (
        "  speed         90 samples/s through the serial link (1 Mbaud), but the core limits; "
        "90/s on the chip at 25 MHz, the bitstream's clock" in summary_lines(slow)
    )


def test_with_encoder_and_readout_the_bare_network_stands_apart() -> None:
    full = full_report()
    timed = full.but(latency=dataclasses.replace(full[LATENCY], network_cycles_mean=554.0))
    assert any(line.endswith("; the network alone 554 cycles") for line in summary_lines(timed))
    untimed = full.but(latency=Latency(link_us_mean=400.0, network_cycles_mean=554.0))
    assert (
        "  latency       not measured with encoder and readout; the network alone 554 cycles"
        in summary_lines(untimed)
    )


@pytest.mark.parametrize("count", [0, 1, 2, 4, 30])
def test_at_most_22_aligned_lines(count: int) -> None:
    report = full_report().but(
        warnings=("nothing", *(f"warning {n}" for n in range(count))),
        dead="nothing",
        resources={f"CELL{n}": Resource(n + 1, 100) for n in range(30)},
        files=Files("top.v", "top.bit", "weights.bin"),
        diagnostics=diagnostics(
            diagnosis("hidden", 32, dead_neurons=(1,)), diagnosis("output", 10, drift=0.9)
        ),
    )
    lines = summary_lines(report)
    assert len(lines) <= 22
    shown = [line for line in lines if line.startswith("  warning ")]
    told = sum(int(line.split()[1]) if "more warning" in line else 1 for line in shown)
    assert told == count, "every warning is shown or counted"
    assert {line[15] for line in lines[1:]} == {" "}
    assert all(line[16] != " " for line in lines[1:])


@pytest.mark.parametrize(
    ("us", "text"),
    [(None, "not measured"), (5.561, "5.56 us"), (999.0, "999 us"), (5136.0, "5.14 ms"), (2.5e6, "2.5 s")],
)
def test_duration(us: float | None, text: str) -> None:
    assert duration(us) == text


def test_estimates_have_three_digits() -> None:
    assert [rounded(n) for n in (None, 0, 6.0021, 282_327.4, 0.07841)] == [
        *("not measured", "0", "6", "282,000", "0.0784")
    ]
    assert [baud_rate(n) for n in (None, 1_000_000, 115_200)] == ["not measured", "1 Mbaud", "115.2 kbaud"]


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
