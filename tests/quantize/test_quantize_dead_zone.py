"""Small potentials that do not leak: which they are, and when that is worth a warning."""

from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.quantize.dead_zone import dead_zone, dead_zone_note, never_leaks
from qsnn_hw.quantize.interval_step import leak
from qsnn_hw.support.choices import LEAK_ROUNDINGS, LeakRounding
from tests.support.plans import plain_group


@pytest.mark.parametrize("rounding", LEAK_ROUNDINGS)
@pytest.mark.parametrize(("numerator", "shift"), [(1, 0), (1, 1), (26, 8), (42, 12), (255, 8), (1, 12)])
def test_zone_is_what_stays(numerator: int, shift: int, rounding: LeakRounding) -> None:
    group = plain_group(1, leak_numerator=numerator, leak_shift=shift, leak_rounding=rounding)
    zone = int(dead_zone(group)[0])
    potentials = np.arange(zone + 2)
    kept = leak(potentials, numerator, shift, rounding)
    assert (kept[: zone + 1] == potentials[: zone + 1]).all()
    assert kept[zone + 1] < zone + 1


def test_each_neuron_has_its_own() -> None:
    group = plain_group(3, leak_numerators=np.array([0, 42, 64]), leak_numerator=64, leak_shift=12)
    assert dead_zone(group).tolist() == [-1, 97, 63]
    # 20 is the threshold of all: the first never leaks at all, which is what was asked for.
    assert never_leaks(group).tolist() == [False, True, True]
    assert never_leaks(replace(group, threshold=np.array([20, 99, 63]))).tolist() == [False, False, True]
    assert not never_leaks(replace(group, readout=True)).any()


def test_the_warning() -> None:
    group = plain_group(2, leak_numerator=42, leak_shift=12, threshold=np.array([11, 19]))
    assert dead_zone_note(group) == [
        "group g: no leak below 97 steps, beside thresholds of 11 to 19: nothing leaks before it fires; "
        "more --fractional-bits come closer to float, --leak-rounding zero lets every potential leak, as "
        "Loihi, Lava and SYNtzulA do"
    ]
    assert dead_zone_note(replace(group, leak_rounding="zero")) == []
    assert dead_zone_note(replace(group, threshold=np.array([99, 99]))) == []
    # A threshold of one step leaves only 0 below it, which has nothing to lose.
    assert dead_zone_note(replace(group, leak_numerator=4096, threshold=np.array([1, 1]))) == []
