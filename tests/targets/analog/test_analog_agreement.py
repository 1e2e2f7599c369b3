"""What is counted where the analog model and golden differ, and what of it the device's levels are."""

import numpy as np
import pytest

import qsnn_hw
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.targets.analog.agreement import compare, moved_spikes
from qsnn_hw.targets.analog.device import changed_device
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.mapping import map_network
from qsnn_hw.targets.analog.steps import bits_held, levels_said
from tests.support.places import EXAMPLES

DIGITS = EXAMPLES / "digits"


@pytest.mark.parametrize(
    ("golden", "analog", "moved"),
    [
        ("0100", "0010", 1),
        ("0100", "1000", 1),
        ("0100", "0001", 0),
        ("0100", "0101", 0),
        # A spike is taken once: the one in the middle goes with the first of the two.
        ("1010", "0100", 1),
        ("0101", "1010", 2),
        ("0110", "1001", 2),
        ("1111", "1111", 0),
    ],
)
def test_a_spike_a_step_sooner_or_later_is_one_that_moved(golden: str, analog: str, moved: int) -> None:
    one, other = (np.array([list(map(int, text))], np.uint8).T for text in (golden, analog))
    assert moved_spikes(one, other) == moved


def test_what_levels_make_of_the_weights_is_told_apart() -> None:
    data = load_dataset(DIGITS / "digits_test.npz")
    made = qsnn_hw.load(DIGITS / "digits_64-32-10.nir", convention="snntorch").quantize(
        bits=8, data=DIGITS / "digits_test.npz"
    )
    assert made.golden is not None
    few, many = load_device(), changed_device(load_device(), 128, None)
    found = {}
    for device in (few, many):
        network = map_network(made.integers, device, (64, 64), aware=True)
        found[device] = compare(network, device, data, made.golden, made.integers)
    assert found[many].rounded == 0
    assert found[many].exact_differ == found[many].differ
    # The same circuit with the integers' own weights, whatever the levels are.
    assert found[few].exact_differ == found[many].differ
    assert found[few].rounded > 0.5
    assert found[few].differ > 5 * found[few].exact_differ > 0
    for one in found.values():
        assert 0 < 2 * one.moved <= one.differ
        assert one.counted <= one.differ
    said = levels_said(found[few].rounded, found[few].differ, found[few].exact_differ, few)
    assert said.startswith("16 levels do not hold")
    assert said.endswith("; --bits 5 or less fits these levels")


def test_the_bits_that_levels_hold_map_without_loss() -> None:
    device = changed_device(load_device(), 16, None)
    assert bits_held(device) == 5
    assert bits_held(changed_device(device, 15, None)) == 4
    uneven = changed_device(device, 3, None)
    uneven.levels[1] *= 1.5
    assert bits_held(uneven) is None
