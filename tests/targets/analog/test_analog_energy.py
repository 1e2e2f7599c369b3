"""The energy of a whole analog chip: parts, their ranges, and where nothing is known."""

from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.device_file import DEVICES, load_device, parse_device
from qsnn_hw.targets.analog.energy import Activity, cycles_a_step, energy_parts, registers, total
from qsnn_hw.targets.analog.mapping import map_network
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.spice.transistor_figures import transistor_figures
from qsnn_hw.targets.analog.wires import Wires, measure
from tests.support.networks import random_input, random_network

DEVICE = load_device()


def small(device: Device) -> tuple[AnalogNetwork, Wires, Activity]:
    rng = np.random.default_rng(2)
    made = random_network(rng, (6, 5, 3))
    network = map_network(made, device, (8, 8))
    inputs = random_input(rng, made, 7, 4, rate=0.5)
    spikes = {group.name: np.ones((7, 4, group.size), np.uint8) for group in network.groups}
    return network, measure(network, device, inputs, spikes, 1), Activity.of(inputs, spikes)


def test_the_parts_are_what_the_network_does() -> None:
    network, wires, activity = small(DEVICE)
    parts = {part.name: part.joule for part in energy_parts(network, DEVICE, wires, activity)}
    assert list(parts) == ["crossbar", "columns", "neurons", "digital side"]
    assert parts["crossbar"].typical == pytest.approx(wires.energy_j)
    # Both columns of 8 neurons, 7 steps of 20 ns, 10 uA at 1.2 V.
    assert parts["columns"].typical == pytest.approx(2 * 8 * 7 * 20e-9 * 10e-6 * 1.2)
    spike = transistor_figures().energy_range_j
    assert parts["neurons"].typical == pytest.approx(7 * 8 * spike[1], rel=1e-3)
    assert parts["neurons"].low == pytest.approx(7 * 8 * spike[0], rel=1e-3)
    cycles = sum(
        registers(network, g.name) * cycles_a_step(network, DEVICE, g.name, activity) * 7
        for g in network.groups
    )
    assert parts["digital side"].typical == pytest.approx(cycles * 250e-15)
    assert registers(network, "g2") == 5 + 3 + 15
    # Five events, ten cycles of phases, a cycle for each of three neurons, two more.
    assert cycles_a_step(network, DEVICE, "g2", activity) == pytest.approx(5 + 10 + 3 + 2)


def test_low_and_high_have_every_figure_at_that_end() -> None:
    network, wires, activity = small(DEVICE)
    parts = energy_parts(network, DEVICE, wires, activity)
    crossbar = parts[0].joule
    assert crossbar.high == pytest.approx((wires.energy_high_j or 0) * 2.5 * 1.5**2 * 5)
    assert crossbar.low == pytest.approx((wires.energy_low_j or 0) * 0.5 * 0.5**2 * 0.5)
    whole = total(parts)
    for end in ("low", "typical", "high"):
        assert getattr(whole, end) == pytest.approx(sum(getattr(part.joule, end) for part in parts))
    for part in parts:
        assert (part.joule.low or 0) < (part.joule.typical or 0) < (part.joule.high or 0)
        assert part.source


def test_a_file_without_the_table_has_no_total() -> None:
    silent = replace(DEVICE, energy=None)
    network, wires, activity = small(silent)
    assert energy_parts(network, silent, wires, activity) == ()
    assert total(()).typical is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "column_ua = [1.0, 10.0, 100.0]",
            "column_ua = [10.0, 1.0, 100.0]",
            "energy.column_ua must be low, typ",
        ),
        (
            "column_ua = [1.0, 10.0, 100.0]",
            "column_ua = [1.0, 10.0]",
            "energy.column_ua must be low, typical",
        ),
        ("flop_fj = [10.0,", "flop_fj = [-1.0,", "energy.flop_fj must be from 0 to"),
        ("read_v = [0.1, 0.3]", "read_v = [0.3, 0.4]", "energy.read_v must have the device's own 0.2 in it"),
        ("read_ns = [10.0, 100.0]", "", "energy.read_ns is missing"),
        ("supply_v =", "supplies =", "energy.supply_v is missing"),
        ("supply_v =", "more = 1\nsupply_v =", "energy.more is unknown"),
    ],
)
def test_a_bad_table_is_one_clear_line(old: str, new: str, says: str) -> None:
    import tomllib

    text = (DEVICES / "rram.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(UserError, match=says):
        parse_device(tomllib.loads(text.replace(old, new)), "a.toml", "a")
