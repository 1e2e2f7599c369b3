"""Chips by chance: what is drawn, what remapping and calibration do about it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.targets.analog.agreement import ideal_run
from qsnn_hw.targets.analog.calibrate import patterns, trimmed
from qsnn_hw.targets.analog.chip import Draw, draw_cells, draw_neurons, remapped
from qsnn_hw.targets.analog.conductance import programmed, projections
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.mapping import map_network, meant_drives
from qsnn_hw.targets.analog.reference import Neurons, drives_of
from tests.support.networks import random_input, random_network

DEVICE = load_device().ideal()


def test_what_is_drawn_has_the_statistics_of_the_device() -> None:
    made = random_network(np.random.default_rng(0), (128, 64))
    device = replace(DEVICE, sigma=0.1, stuck_low=0.02, stuck_high=0.03)
    network = map_network(made, device, (128, 128))
    (tile,) = network.tiles
    plus, _ = draw_cells(network, device, Draw(1, 0), False, {})[tile.name]
    low, high = plus == device.g_min, plus == device.g_max
    assert low.mean() == pytest.approx(0.02, abs=0.006)
    assert high.mean() == pytest.approx(0.03, abs=0.007)
    spread = np.log(plus / device.levels[tile.plus])[~low & ~high]
    assert spread.std() == pytest.approx(0.1, rel=0.05)
    assert np.median(spread) == pytest.approx(0, abs=0.01)
    # The same chip again, and another.
    again = draw_cells(network, device, Draw(1, 0), False, {})[tile.name][0]
    other = draw_cells(network, device, Draw(1, 1), False, {})[tile.name][0]
    assert (again == plus).all()
    assert (other != plus).any()
    # An effect that is switched off leaves the others as they were.
    quiet = replace(device, sigma=0.0)
    still = draw_cells(network, quiet, Draw(1, 0), False, {})[tile.name][0]
    assert ((still == device.g_min) >= low).all()


def test_drift_and_temperature_scale_every_cell() -> None:
    network = map_network(random_network(np.random.default_rng(0), (6, 4)), DEVICE, (64, 64))
    device = replace(DEVICE, drift_nu=0.05, drift_s=1e4, drift_from_s=1.0, conductance_per_k=0.002)
    device = replace(device, temperature_k=device.nominal_k + 50)
    (tile,) = network.tiles
    plus, minus = draw_cells(network, device, Draw(0, 0), False, {})[tile.name]
    meant = programmed(tile, DEVICE)
    factor = 1e4**-0.05 * 1.1
    assert plus == pytest.approx(meant[0] * factor)
    assert minus == pytest.approx(meant[1] * factor)


@given(seed=st.integers(0, 10**6))
def test_the_other_cell_makes_up_for_a_stuck_one_as_far_as_levels_reach(seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.uniform(1e-6, 2e-5, 7))
    index = rng.integers(0, 7, (2, 5, 4))
    stuck = np.where(rng.random(index.shape) < 0.3, rng.integers(0, 7, index.shape), -1)
    made = remapped(index, stuck, levels)
    wanted = levels[index[0]] - levels[index[1]]
    real = [np.where(stuck[side] >= 0, levels[stuck[side]], levels[made[side]]) for side in (0, 1)]
    before = [np.where(stuck[side] >= 0, levels[stuck[side]], levels[index[side]]) for side in (0, 1)]
    error, worse = (np.abs(pair[0] - pair[1] - wanted) for pair in (real, before))
    assert (error <= worse + 1e-18).all()
    assert (made[:, (stuck < 0).all(axis=0)] == index[:, (stuck < 0).all(axis=0)]).all()
    # By trying every level of the working cell.
    for row, neuron in zip(*np.nonzero((stuck[0] >= 0) & (stuck[1] < 0)), strict=True):
        best = np.abs(levels[stuck[0, row, neuron]] - levels - wanted[row, neuron]).min()
        assert error[row, neuron] == pytest.approx(best)


def test_calibration_finds_the_gain_of_a_column_and_takes_the_offset_off() -> None:
    made = random_network(np.random.default_rng(5), (30, 6, 4), leak=(1, 4))
    device = replace(load_device(), trim_v=0.0)
    network = map_network(made, device, (64, 64))
    inputs = random_input(np.random.default_rng(6), made, 8, 40, rate=0.4)
    shown = patterns(network, inputs, ideal_run(network, device, inputs))
    meant = meant_drives(made, network)
    gains = {group.name: np.linspace(0.7, 1.2, group.size) for group in network.groups}
    drives = {p.name: meant[p.name] * gains[p.target] for p in network.projections}
    neurons = {group.name: draw_neurons(group, device, Draw(3, 0)) for group in network.groups}
    done = trimmed(network, device, meant, drives, neurons, shown)
    for group in network.groups:
        active = meant["input_g1_0" if group.name == "g1" else "g1_g2_0"].any(axis=(0, 1))
        found = done[group.name].threshold[0] / group.threshold
        assert found[active] == pytest.approx(gains[group.name][active], rel=1e-6)
        assert neurons[group.name].threshold[0] != pytest.approx(group.threshold, rel=1e-9)
        assert done[group.name].reset_amount[0][active] == pytest.approx(
            (group.reset_amount * gains[group.name])[active], rel=1e-6
        )


def test_where_levels_are_enough_what_is_meant_is_what_is_programmed() -> None:
    made = random_network(np.random.default_rng(5), (9, 6, 4))
    network = map_network(made, DEVICE, (4, 4), aware=True)
    ideal = drives_of(network, DEVICE, projections(network, lambda tile: programmed(tile, DEVICE)))
    for name, meant in meant_drives(made, network).items():
        assert ideal[name] == pytest.approx(meant, rel=1e-9, abs=1e-15)


def test_a_converter_reads_in_steps_and_the_digital_part_corrects() -> None:
    network = map_network(random_network(np.random.default_rng(5), (9, 4)), DEVICE, (64, 64))
    group = network.groups[0]
    device = replace(DEVICE, adc_bits=6)
    volts = np.linspace(-2 * device.swing_v, 2 * device.swing_v, 400).reshape(1, 100, 4)
    read = Neurons.nominal(group, device).read(volts, device)
    step = 2 * device.swing_v / 2**6
    assert len(np.unique(read.round(9))) == 2**6
    inside = np.abs(volts) < device.swing_v
    assert np.abs(read - volts)[inside].max() <= step / 2 + 1e-12
    shifted = replace(
        Neurons.nominal(group, device),
        offset=np.full((1, 4), 0.1),
        gain=np.full((1, 4), 2.0),
        shift=np.full((1, 4), 0.1),
    )
    assert shifted.read(volts, replace(device, adc_bits=None)) == pytest.approx(volts / 2)
