"""A device file is hostile until it is checked: what it may hold, and one clear line for everything else."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.device import EFFECTS, changed_device
from qsnn_hw.targets.analog.device_file import DEVICES, device_names, load_device, parse_device

TEXT = (DEVICES / "rram.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", device_names())
def test_what_ships_is_whole_and_names_its_sources(name: str) -> None:
    device = load_device(name)
    assert device.sources
    assert (np.diff(device.levels) > 0).all()
    assert device.step_s == pytest.approx(100e-9)
    assert not any(device.ideal().has(effect) for effect in EFFECTS)


def test_without_a_name_it_is_the_resistive_one() -> None:
    assert load_device().name == "rram"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("levels_us = [1, 2,", "levels_us = [2, 1,", "cell.levels_us must rise, and 1 follows 2"),
        ("levels_us = [1, 2,", "levels_us = [1, 1,", "cell.levels_us must rise, and 1 follows 1"),
        ("levels_us = [1, 2,", "levels_us = [0, 2,", "cell.levels_us must be above 0"),
        ("levels_us = [1, 2,", "levels_us = [nan, 2,", "cell.levels_us must be a finite number"),
        ("levels_us = [1, 2,", "levels_us = ['a', 2,", "cell.levels_us must be a finite number"),
        (re.search("levels_us = .*", TEXT).group(), "levels_us = [3]", "must be 2 to 4096 conductances"),  # type: ignore[union-attr]
        ("sigma = 0.05", "sigma = -0.05", "cell.sigma must be a number from 0 to 2, not -0.05"),
        ("sigma = 0.05", "sigma = nan", "cell.sigma must be a finite number"),
        ("sigma = 0.05", f"sigma = 1{400 * '0'}", "cell.sigma must be a finite number"),
        ("sigma = 0.05", "", "cell.sigma is missing; add it"),
        ("sigma = 0.05", "sigma = 0.05\nsigmoid = 1", "cell.sigmoid is unknown"),
        ("sigma = 0.05", 'sigma = 0.05\n"a\\nb" = 1', "cell.a\\nb is unknown"),
        ("stuck_low = 0.001", "stuck_low = 0.5", "cell.stuck_high and stuck_low together"),
        ("read_v = 0.2", "read_v = 0", "cell.read_v must be a number above 0"),
        ("adc_bits = 8", "adc_bits = 99", "neuron.adc_bits must be at most 24"),
        ("swing_v = 1.2", "swing_v = 0.05", "neuron.swing_v must be above threshold_v"),
        ("time_s = 86400.0", "time_s = 0.5", "drift.time_s must be at least from_s"),
        ("chip_k = 320.0", "chip_k = 1000.0\n", None),
        (
            "conductance_per_k = 0.001",
            "conductance_per_k = -0.1",
            "temperature.chip_k makes conductances fall",
        ),
        ("[wires]", "[wire]", "field wires is missing"),
        ("[cell]", "cell = 3\n[other]", "field cell must be a table"),
        ("sources = [", "sources = [3,", "sources must be a list of non-empty strings"),
    ],
)
def test_a_bad_file_is_one_line(old: str, new: str, says: str | None, tmp_path: Path) -> None:
    assert old in TEXT
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    if says is None:
        assert load_device(str(path)).temperature_k == 1000
        return
    with pytest.raises(UserError, match=re.escape(says)) as refused:
        load_device(str(path))
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_that_nobody_knows_lists_those_there_are() -> None:
    with pytest.raises(UserError, match=r"^unknown device 'flash'; known devices: pcm, rram; or give a path"):
        load_device("flash")
    with pytest.raises(UserError, match=r"nowhere\.toml"):
        load_device("nowhere.toml")


def test_levels_and_sigma_are_changed_by_hand() -> None:
    device = changed_device(load_device(), 5, 0.2)
    assert device.levels == pytest.approx(np.array([1, 4.75, 8.5, 12.25, 16]) * 1e-6)
    assert device.sigma == 0.2
    with pytest.raises(UserError, match="--sigma is a fraction"):
        changed_device(device, None, float("nan"))


def test_one_effect_alone_leaves_the_others_out() -> None:
    device = load_device()
    assert [effect for effect in EFFECTS if device.only("drift").has(effect)] == ["drift"]
    assert device.only("temperature").temperature_k == device.temperature_k
    assert device.without("temperature").temperature_k == device.nominal_k


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.one_of(st.floats(), st.integers(), st.text(max_size=2)), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@given(data=st.data())
def test_whatever_stands_in_a_file_it_is_a_device_or_one_line(data: st.DataObject) -> None:
    table = tomllib.loads(TEXT)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([table, *(v for v in table.values() if isinstance(v, dict))]))
        name = data.draw(st.one_of(st.sampled_from(sorted(place) or ["x"]), st.text(max_size=6)))
        if data.draw(st.booleans()):
            place[name] = data.draw(_VALUES)
        else:
            place.pop(name, None)
    refused, device = "", None
    try:
        device = parse_device(table, "mine.toml", "mine")
    except UserError as error:
        refused = str(error)
    if device is None:
        assert refused.startswith("mine.toml: field ")
        assert "\n" not in refused
        return
    assert (np.diff(device.levels) > 0).all()
    assert np.isfinite(device.step_s)
    assert device.temperature_factor > 0
