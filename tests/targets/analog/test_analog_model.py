"""Weights on conductance pairs and the analog reference model: against golden, and against a plain loop."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.golden import run_clocked
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.agreement import ideal_run
from qsnn_hw.targets.analog.conductance import programmed, projections, row_sums
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.mapping import aware_levels, map_network, plain_levels, weight_matrix
from qsnn_hw.targets.analog.network import AnalogGroup, AnalogNetwork
from qsnn_hw.targets.analog.reference import Neurons, drives_of, run_analog
from tests.support.networks import RESETS, random_input, random_network

DEVICE = replace(load_device(), swing_v=1e6)
"""Of rails that nothing meets."""


def without_clamps(network: QuantizedNetwork) -> QuantizedNetwork:
    groups = (replace(g, v_low=None, v_high=None, v_bits=28) for g in network.groups)
    return replace(network, groups=tuple(groups))


@given(
    seed=st.integers(0, 10**6),
    reset=st.sampled_from(RESETS),
    tile=st.sampled_from([(64, 64), (3, 4), (1, 2)]),
    aware=st.booleans(),
    copies=st.integers(1, 2),
    refractory=st.integers(0, 3),
)
def test_without_a_leak_every_spike_is_the_golden_one(
    seed: int, reset: tuple[str, bool], tile: tuple[int, int], aware: bool, copies: int, refractory: int
) -> None:
    rng = np.random.default_rng(seed)
    options = {"reset": reset[0], "reset_delay": reset[1], "leak": None, "fractional_bits": int(seed % 3)}
    made = random_network(rng, (5, 7, 4), skips=[(0, 2)], **options)
    network = without_clamps(made)
    network = replace(network, groups=tuple(replace(g, refractory=refractory) for g in network.groups))
    inputs = random_input(rng, network, 6, 3)
    golden = run_clocked(network, inputs, record=[g.name for g in network.groups])
    analog = map_network(network, DEVICE, tile, aware=aware, copies=copies)
    run = ideal_run(analog, replace(DEVICE, leakage=0.0), inputs, tuple(g.name for g in network.groups))
    for group in network.groups:
        assert (run.spikes[group.name][0] == golden.spikes[group.name]).all()
        shown = run.potentials[group.name][0] / analog.group(group.name).v_step
        if not (reset[0] == "value" and reset[1]):
            assert shown == pytest.approx(golden.potentials[group.name], abs=1e-6)


def current_of(
    network: AnalogNetwork, device: Device, group: AnalogGroup, spikes: dict[str, np.ndarray], t: int, j: int
) -> float:
    """The current into neuron ``j`` in step ``t``, cell by cell."""
    total = 0.0
    for tile in network.tiles:
        p = network.projection(tile.projection)
        k, late = j - tile.first_neuron, t - p.delay - network.recurrent(p)
        if p.target != group.name or not 0 <= k < tile.neurons or late < 0:
            continue
        for row in range(tile.rows):
            g = device.levels[tile.plus[row, k]] - device.levels[tile.minus[row, k]]
            total += device.read_v * g * spikes[p.source][late, tile.first_row + row]
    return total


def by_the_text(network: AnalogNetwork, device: Device, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The text of ``network.py`` for the first sample, neuron by neuron."""
    steps = len(inputs)
    spikes = {"input": inputs[:, 0].astype(float)}
    for group in network.groups:
        fired = np.zeros((steps, group.size))
        spikes[group.name] = fired
        v, u = group.start.copy(), np.zeros(group.size)
        before, silent = np.zeros(group.size), np.zeros(group.size, int)
        lost = np.exp(-device.step_s * device.leakage_now / group.capacitor)
        for t, j in itertools.product(range(steps), range(group.size)):
            x = device.read_s / group.capacitor * current_of(network, device, group, spikes, t, j)
            if group.current_decay is None or group.current_bias is None:
                v[j] += x + group.bias[j] - before[j] * group.reset_amount[j]
            else:
                u[j] += x + group.current_bias[j]
                v[j] += group.bias[j] - before[j] * group.reset_amount[j] + u[j]
                u[j] = min(max(u[j], -device.swing_v), device.swing_v)
                u[j] *= group.current_decay[j] * lost
            v[j] = min(max(v[j], -device.swing_v), device.swing_v)
            fire = not group.readout and v[j] >= group.threshold[j] and silent[j] == 0
            silent[j] = group.refractory if fire else max(silent[j] - 1, 0)
            fired[t, j] = fire
            if fire and group.reset == "subtract" and not group.reset_delay:
                v[j] -= group.reset_amount[j]
            elif fire and group.reset == "value":
                v[j] = group.reset_to[j]
            before[j] = float(fire) if group.reset_delay else 0.0
            v[j] *= group.decay[j] * lost
    return spikes


@given(
    seed=st.integers(0, 10**6),
    reset=st.sampled_from(RESETS),
    current=st.booleans(),
    refractory=st.integers(0, 3),
)
def test_the_model_is_the_text_of_the_specification(
    seed: int, reset: tuple[str, bool], current: bool, refractory: int
) -> None:
    rng = np.random.default_rng(seed)
    made = random_network(rng, (4, 5, 3), reset=reset[0], reset_delay=reset[1], leak=(3, 4))
    if current:
        groups = [
            replace(
                group,
                current_leak_numerator=rng.integers(1, 9, group.size),
                current_leak_shift=4,
                current_bias=rng.integers(-1, 2, group.size),
                current_bits=20,
            )
            for group in made.groups
        ]
        made = replace(made, groups=tuple(groups))
    made = replace(made, groups=tuple(replace(group, refractory=refractory) for group in made.groups))
    # A loop within the last group, and a path that is late.
    last = made.projections[-1]
    loop = replace(last, name="loop", source="g2", weight=last.weight[:, :3])
    made = replace(
        made, projections=(*made.projections, loop, replace(loop, name="late", source="g1", delay=2))
    )
    made = replace(made, projections=(*made.projections[:-1], replace(last, name="late", delay=2)))
    network = map_network(made, DEVICE, (3, 4))
    device = replace(DEVICE.ideal(), swing_v=0.3, leakage=1e-8)
    inputs = random_input(rng, made, 7, 2, rate=0.5)
    # Rails and leakage stay on: the ideal chip would have none.
    drives = drives_of(network, device, projections(network, lambda tile: programmed(tile, device)))
    neurons = {group.name: Neurons.nominal(group, device) for group in network.groups}
    run = run_analog(network, device, drives, neurons, inputs)
    plain = by_the_text(network, device, inputs)
    for group in network.groups:
        assert (run.spikes[group.name][0, :, 0] == plain[group.name]).all()


@given(seed=st.integers(0, 10**6), bits=st.integers(2, 5))
def test_levels_that_are_enough_hold_every_weight(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, (6, 5), weight_bits=bits)
    matrix = weight_matrix(network, network.projections[0])
    for aware in (False, True):
        analog = map_network(network, DEVICE, (4, 4), aware=aware)
        group = analog.groups[0]
        step = group.v_step * group.capacitor / (DEVICE.read_v * DEVICE.read_s)
        cells = projections(analog, lambda tile: programmed(tile, DEVICE))["input_g1_0"][0]
        assert cells == pytest.approx(matrix.T * step, rel=1e-9, abs=1e-15)


@given(seed=st.integers(0, 10**6), count=st.integers(2, 12))
def test_rounding_that_knows_the_levels_is_never_worse(seed: int, count: int) -> None:
    """In the squared error of each neuron's weights, in weight steps."""
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.uniform(1e-6, 2e-5, count))
    device = replace(DEVICE, levels=levels)
    weights = rng.integers(-7, 8, (4, 9)).astype(float)
    plain, step = plain_levels(weights, device)
    aware, steps = aware_levels(weights, device)
    above = levels - levels[0]
    wanted = np.abs(weights)
    worse = ((above[plain] / step - wanted) ** 2).sum(axis=1)
    better = ((above[aware] / steps[:, np.newaxis] - wanted) ** 2).sum(axis=1)
    assert (better <= worse + 1e-9).all()


def test_a_row_is_charged_for_all_its_cells() -> None:
    network = random_network(np.random.default_rng(3), (5, 4))
    analog = map_network(network, DEVICE, (2, 4), copies=2)
    sums = row_sums(analog, lambda tile: programmed(tile, DEVICE))["input_g1_0"]
    # Eight cells a row and copy, each at least at the lowest level.
    assert (sums >= 2 * 8 * DEVICE.g_min * (1 - 1e-12)).all()


REFUSED = [
    ({"max_spikes": 3}, "several spikes in one step"),
    ({"v_min": np.zeros(4, np.int64)}, "a lower limit of the potential"),
    ({"reset_retest": True}, "reset_delay=False"),
    ({"reset_drops_input": True}, "drops the next step's input"),
    ({"leak_numerator": -1}, "a decay outside 0 to 1"),
    ({"threshold": np.zeros(4, np.int64)}, "a threshold that is not above 0"),
    ({"threshold": np.array([1, 1, 1, 5000])}, "potentials stay within swing_v"),
]


@pytest.mark.parametrize(("fields", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_a_neuron_that_the_circuit_is_not_is_refused_by_name(fields: dict, says: str) -> None:
    network = random_network(np.random.default_rng(1), (5, 4))
    network = replace(network, groups=(replace(network.groups[0], **fields),))
    with pytest.raises(UserError, match=rf"^group 'g1' has .*{says}"):
        map_network(network, load_device(), (64, 64))


def test_several_spikes_of_an_input_are_refused() -> None:
    network = replace(random_network(np.random.default_rng(1), (5, 4)), input_max=3)
    with pytest.raises(UserError, match="up to 3 spikes of an input address"):
        map_network(network, DEVICE, (64, 64))
