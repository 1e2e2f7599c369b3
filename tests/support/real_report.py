"""What the report of a whole build must say, whatever the network and the board."""

from collections.abc import Mapping
from typing import Any

import pytest

FIGURES = (
    *("energy.per_sample_uj", "energy.per_spike_nj", "energy.static_share", "energy.link_per_sample_uj"),
    *("metrics.synaptic_operations_per_sample", "metrics.spikes_per_sample", "metrics.spike_efficiency"),
    *("throughput.on_chip_per_s", "throughput.link_per_s", "throughput.per_watt", "clock.board_mhz"),
    *("latency.us_on_board_mean", "latency.link_us_mean", "latency.host_us_mean"),
    *("verification.distinct_samples", "verification.spikes_by_group", "power_mw.terms"),
)
"""Stable names that a build with data and bitstream fills; ``energy.per_spike_nj`` and others as ranges."""


def check_figures(report: Mapping[str, Any]) -> None:
    """Every figure is there, and they agree with one another.

    Parameters
    ----------
    report
        Content of report.json of a build whose test data fire at least one spike.
    """
    for name in FIGURES:
        value = report
        for key in name.split("."):
            value = value[key]
        assert value not in (None, {}), name
    clock, latency, rate = report["clock"]["board_mhz"], report["latency"], report["throughput"]
    energy, power, metrics = report["energy"], report["power_mw"], report["metrics"]
    assert clock == report["timing"]["constraint_mhz"]
    assert latency["us_on_board_mean"] == pytest.approx(latency["cycles_per_sample_mean"] / clock)
    line = report["link"]
    longest = max(line["bytes_in_mean"], line["bytes_out_mean"])
    assert latency["link_us_mean"] == pytest.approx(longest * 10e6 / line["baud"])
    assert latency["host_us_mean"] >= latency["us_on_board_mean"]
    slower = max(latency["link_us_mean"], 1e6 / rate["on_chip_per_s"])
    assert rate["link_per_s"] == pytest.approx(1e6 / slower)
    assert metrics["spikes_per_sample"] == pytest.approx(sum(report["spikes_per_sample"].values()))
    operations = metrics["spike_efficiency"] * metrics["spikes_per_sample"]
    assert metrics["synaptic_operations_per_sample"] == pytest.approx(operations)
    for end in ("low", "typical", "high"):
        assert power[end] == pytest.approx(sum(term[end] for term in power["terms"].values()))
        parts = energy["static_uj"][end] + energy["dynamic_uj"][end]
        assert energy["per_sample_uj"][end] == pytest.approx(parts)
        spike = 1e3 * energy["per_sample_uj"][end] / metrics["spikes_per_sample"]
        assert energy["per_spike_nj"][end] == pytest.approx(spike)
        split = energy["static_per_spike_nj"][end] + energy["dynamic_per_spike_nj"][end]
        assert split == pytest.approx(spike)
    for bounds in (energy["per_sample_uj"], energy["link_per_sample_uj"], rate["per_watt"], power):
        assert 0 < bounds["low"] <= bounds["typical"] <= bounds["high"]
    assert all(term["source"] for term in power["terms"].values())
    assert any("core supply" in line for line in report["assumptions"])
    for name, did in report["activity"].items():
        assert 0 < did["busy_share"] <= 1, name
    checked = report["verification"]
    assert sum(checked["spikes_by_group"].values()) == checked["spikes_compared"]
    assert set(report["definitions"]) >= {"energy", "throughput.link_per_s", "metrics.spike_efficiency"}
